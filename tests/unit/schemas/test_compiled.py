"""Compiled codecs: the bytes and values of fastavro, and never laxer than it."""

import io
import json
import math
import struct
import traceback
import tracemalloc
from typing import Any, ClassVar

import fastavro
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.errors import ConfigurationError
from infra.record import Meta, Record
from schemas import explain, records, sources
from schemas.compiled import WRONG, compiled
from schemas.records.broadcast import OpenSession
from schemas.records.clock import Tick
from tests.unit.schemas.avro_values import fields

FRAME = b"frame"
META = Meta(event_id="e", occurred_at=1_790_000_000_000_000, producer="p", sequence=0)
META_SCHEMA = sources.schemas()["millrace.clock.Tick"]["fields"][0]["type"]
SYMBOLS = [f"s{number}" for number in range(200)]


class Inner(msgspec.Struct, frozen=True):
    name: str
    weights: list[float]


class Sample(Record, frozen=True, kw_only=True):
    """One field of each type that a record may have."""

    FULL_NAME: ClassVar[str] = "millrace.test.Sample"

    text: str
    blob: bytes
    small: int
    large: int
    moment: int
    single: float
    double: float
    flag: bool
    choice: str
    nothing: bytes | None
    maybe_time: int | None
    maybe_choice: str | None
    inner: Inner
    maybe_inner: Inner | None
    inners: list[Inner]
    grid: list[list[int]]
    flags: list[bool | None]


def enum(name: str) -> dict[str, Any]:
    return {"type": "enum", "name": name, "symbols": SYMBOLS}


def inner(name: str) -> dict[str, Any]:
    weights = {"type": "array", "items": "double"}
    inside = [{"name": "name", "type": "string"}, {"name": "weights", "type": weights}]
    return {"type": "record", "name": name, "fields": inside}


MOMENT = {"type": "long", "logicalType": "timestamp-micros"}
KINDS: dict[str, Any] = {
    "meta": META_SCHEMA,
    "text": {"type": "string", "logicalType": "uuid"},
    "blob": "bytes",
    "small": "int",
    "large": "long",
    "moment": MOMENT,
    "single": "float",
    "double": "double",
    "flag": "boolean",
    "choice": enum("Choice"),
    "nothing": ["null", "bytes"],
    "maybe_time": ["null", MOMENT],
    "maybe_choice": ["null", enum("MaybeChoice")],
    "inner": inner("Inner"),
    "maybe_inner": ["null", inner("MaybeInner")],
    "inners": {"type": "array", "items": inner("Item")},
    "grid": {"type": "array", "items": {"type": "array", "items": "int"}},
    "flags": {"type": "array", "items": ["null", "boolean"]},
}
SCHEMAS: dict[str, sources.Schema] = {
    **sources.schemas(),
    Sample.FULL_NAME: {
        "type": "record",
        "name": "Sample",
        "namespace": "millrace.test",
        "fields": [{"name": name, "type": kind} for name, kind in KINDS.items()],
    },
}
CLASSES = {**records.BY_NAME, Sample.FULL_NAME: Sample}
CODECS = {name: compiled(SCHEMAS[name], CLASSES[name], FRAME) for name in SCHEMAS}
JUDGES: dict[str, Any] = {
    name: fastavro.parse_schema(sources.plain(schema)) for name, schema in SCHEMAS.items()
}
SAMPLE = Sample(
    text="x",
    blob=b"\x80",
    small=5,
    large=300,
    moment=META.occurred_at,
    single=0.5,
    double=0.1,
    flag=True,
    choice="s1",
    nothing=b"",
    maybe_time=1,
    maybe_choice="s199",
    inner=Inner("i", [1.0]),
    maybe_inner=Inner("m", []),
    inners=[Inner("", [2.0, 3.0])],
    grid=[[1, 2], [], [3]],
    flags=[True, None],
)


def write(kind: Any, value: Any) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, kind, value)
    return out.getvalue()


def read(name: str, body: bytes) -> tuple[Any, int]:
    source = io.BytesIO(body)
    return fastavro.schemaless_reader(source, JUDGES[name], None), source.tell()


def plain(message: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "meta": msgspec.structs.asdict(message.meta),
        **msgspec.structs.asdict(message.event),
    }
    return {name: deep(value) for name, value in fields.items()}


def deep(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return {name: deep(each) for name, each in msgspec.structs.asdict(value).items()}
    return [deep(each) for each in value] if isinstance(value, list) else value


def same(one: Any, other: Any) -> bool:
    """Equal in value and type; not a number is equal to itself, and 0.0 is not -0.0."""
    if isinstance(one, float) and isinstance(other, float):
        both_nan = math.isnan(one) and math.isnan(other)
        return both_nan or (one == other and math.copysign(1, one) == math.copysign(1, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


@pytest.mark.parametrize("name", sorted(SCHEMAS))
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_bytes_and_values_are_those_of_fastavro(name: str, data: st.DataObject) -> None:
    content = data.draw(fields(SCHEMAS[name]))
    meta = Meta(**content["meta"])
    event = msgspec.convert({k: v for k, v in content.items() if k != "meta"}, CLASSES[name])
    value = CODECS[name].encode(meta, event)
    assert value == FRAME + write(JUDGES[name], content)
    message = CODECS[name].decode(value)
    assert same(plain(message), read(name, value[5:])[0])
    assert message.meta == meta
    assert message.event == event
    explain.check_message(SCHEMAS[name], meta, event)
    explain.check_bytes(SCHEMAS[name], value, len(FRAME))


@pytest.mark.parametrize("number", [*range(63), *(-bits - 1 for bits in range(63))])
def test_numbers_at_every_power_of_two(number: int) -> None:
    codec = CODECS[Sample.FULL_NAME]
    for near in (-2, -1, 0, 1):
        value = (1 << number) + near if number >= 0 else near - (1 << -number)
        value = max(-(2**63), min(value, 2**63 - 1))
        event = msgspec.structs.replace(SAMPLE, large=value, moment=value)
        message = codec.decode(codec.encode(META, event))
        assert (message.event.large, message.event.moment) == (value, value)


@pytest.mark.parametrize("length", [0, 1, 63, 64, 127, 128, 8191, 8192, 70_000])
@pytest.mark.parametrize("letter", ["x", "é", "😀"])
def test_strings_of_every_size(length: int, letter: str) -> None:
    codec = CODECS[Sample.FULL_NAME]
    event = msgspec.structs.replace(SAMPLE, text=letter * length, blob=b"\xff" * length)
    value = codec.encode(META, event)
    assert value[5:] == write(JUDGES[Sample.FULL_NAME], {"meta": deep(META), **deep(event)})
    assert codec.decode(value).event == event


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, -0.0, 5e-324])
def test_every_float_comes_back(number: float) -> None:
    codec = CODECS[Sample.FULL_NAME]
    event = codec.decode(codec.encode(META, msgspec.structs.replace(SAMPLE, double=number))).event
    assert same(event.double, number)


WRONG_VALUES: list[tuple[str, Any, str]] = [
    ("text", 7, "text: 7 is not a string"),
    ("text", b"x", "text: b'x' is not a string"),
    ("text", None, "text: None is not a string"),
    ("text", "\ud800", "text: .*surrogates not allowed"),
    ("blob", "x", "blob: 'x' is not bytes"),
    ("small", True, "small: True is not an integer"),
    ("small", 1.0, "small: 1.0 is not an integer"),
    ("small", 2**31, "small: 2147483648 does not fit 32 bits"),
    ("small", -(2**31) - 1, "small: -2147483649 does not fit 32 bits"),
    ("large", False, "large: False is not an integer"),
    ("large", "1", "large: '1' is not an integer"),
    ("large", 2**63, "large: 9223372036854775808 does not fit 64 bits"),
    ("large", -(2**63) - 1, "large: -9223372036854775809 does not fit 64 bits"),
    ("moment", 1.5, "moment: 1.5 is not an integer"),
    ("moment", True, "moment: True is not an integer"),
    ("moment", 2**63, "moment: 9223372036854775808 does not fit 64 bits"),
    ("single", 1e39, "single: float too large"),
    ("single", True, "single: True is not a number"),
    ("double", "1", "double: '1' is not a number"),
    ("double", True, "double: True is not a number"),
    ("double", 2**1024, "double: "),
    ("flag", 1, "flag: 1 is not a boolean"),
    ("flag", None, "flag: None is not a boolean"),
    ("choice", "s200", "choice: 's200' is none of s0, "),
    ("choice", 0, "choice: 0 is none of s0, "),
    ("choice", [], "choice: .* is none of s0, "),
    ("nothing", "x", "nothing: 'x' is not bytes"),
    ("maybe_choice", "other", "maybe_choice: 'other' is none of"),
    ("inner", None, "inner.name: a NoneType has no such field"),
    ("inner", Inner("x", [1.0, "2"]), r"inner.weights\[1\]: '2' is not a number"),  # type: ignore[list-item]
    ("maybe_inner", Inner(2, []), "maybe_inner.name: 2 is not a string"),  # type: ignore[arg-type]
    ("inners", (), r"inners: \(\) is not a list"),
    ("inners", [SAMPLE.inner, None], r"inners\[1\].name: a NoneType"),
    ("grid", [[1], [2, 2**31]], r"grid\[1\]\[1\]: 2147483648 does not fit 32 bits"),
    ("flags", [None, 2], r"flags\[1\]: 2 is not a boolean"),
]


@pytest.mark.parametrize(("field", "value", "rule"), WRONG_VALUES, ids=lambda part: f"{part!r:.30}")
def test_a_wrong_value_is_refused_and_its_field_named(field: str, value: Any, rule: str) -> None:
    event = msgspec.structs.replace(SAMPLE, **{field: value})
    with pytest.raises(WRONG):
        CODECS[Sample.FULL_NAME].encode(META, event)
    with pytest.raises(explain.Broken, match=rf"^\.{rule}"):
        explain.check_message(SCHEMAS[Sample.FULL_NAME], META, event)


def test_another_class_with_the_same_fields_is_refused() -> None:
    class Similar(msgspec.Struct):
        name: str
        weights: list[float]

    event = msgspec.structs.replace(SAMPLE, inner=Similar("x", []))
    with pytest.raises(TypeError, match="event__inner is not of the class Inner"):
        CODECS[Sample.FULL_NAME].encode(META, event)


def places() -> dict[str, int]:
    """Where each field of SAMPLE begins in its bytes."""
    schema, found, at = JUDGES[Sample.FULL_NAME], {}, len(FRAME)
    content = {"meta": deep(META), **deep(SAMPLE)}
    for field in schema["fields"]:
        found[field["name"]] = at
        at += len(write({**schema, "fields": [field]}, content))
    return found


def long(value: int) -> bytes:
    return write("long", value)


PADDED = b"\x80" * 9
NUMBERS = [
    (PADDED + b"\x80\x00", "a number of more than 10 bytes"),
    (b"\xff" * 12, "a number of more than 10 bytes"),
    (b"\xff" * 9 + b"\x02", "a number of more than 64 bits"),
    (b"\xff" * 9 + b"\x7f", "a number of more than 64 bits"),
]
WRONG_BYTES: list[tuple[str, bytes, str]] = [
    *(("large", value, f"large: {rule}") for value, rule in NUMBERS),
    *(("moment", value, f"moment: {rule}") for value, rule in NUMBERS),
    *(("text", value, f"text: {rule}") for value, rule in NUMBERS),
    ("small", long(2**31), "small: 2147483648 does not fit 32 bits"),
    ("small", long(-(2**31) - 1), "small: -2147483649 does not fit 32 bits"),
    ("text", long(-1), "text: a length of -1, "),
    ("text", long(-(2**63)), "text: a length of -9223372036854775808, "),
    ("text", long(2**62), "text: a length of 4611686018427387904, "),
    ("text", long(5000) + b"x", "text: a length of 5000, "),
    ("text", long(2) + b"\xff\xff", "text: 'utf-8' codec can't decode"),
    ("text", long(3) + "\ud800".encode(errors="surrogatepass"), "text: 'utf-8' codec can't"),
    ("text", long(2) + b"\xc0\x80", "text: 'utf-8' codec can't decode"),
    ("text", long(63) + b"\xff" * 63, "text: 'utf-8' codec can't decode"),
    ("blob", long(-2), "blob: a length of -2, "),
    ("flag", b"\x02", "flag: byte 2, must be 0 or 1"),
    ("flag", b"\xff", "flag: byte 255, must be 0 or 1"),
    ("choice", long(200), "choice: symbol 200, there are 200"),
    ("choice", long(-1), "choice: symbol -1, there are 200"),
    ("nothing", long(2), "nothing: byte 4 is no branch of the union"),
    ("nothing", long(-1), "nothing: byte 1 is no branch of the union"),
    ("nothing", b"\x80\x00", "nothing: byte 128 is no branch of the union"),
    ("inners", long(2**40), "inners: a block of 1099511627776 items"),
    ("inners", long(-(2**63)) + long(9), "inners: a block of -9223372036854775808 items"),
    ("grid", long(-1) + long(5) + long(1) + long(1) + b"\0", "grid: a block of 5 bytes that"),
    ("grid", long(1) + long(1) + long(2**31), r"grid\[0\]\[0\]: 2147483648 does not fit"),
    ("flags", long(1) + b"\x02\x05", r"flags\[0\]: byte 5, must be 0 or 1"),
]


@pytest.mark.parametrize(("field", "wrong", "rule"), WRONG_BYTES)
@pytest.mark.parametrize("behind", [b"", b"\0" * 300])
def test_wrong_bytes_are_refused_and_their_field_named(
    field: str, wrong: bytes, rule: str, behind: bytes
) -> None:
    good = CODECS[Sample.FULL_NAME].encode(META, SAMPLE)
    value = good[: places()[field]] + wrong + behind
    with pytest.raises(WRONG):
        CODECS[Sample.FULL_NAME].decode(value)
    rules = rule if behind else f"{rule}|{field}.*: the record ends too early"
    with pytest.raises(explain.Broken, match=rf"^\.({rules})"):
        explain.check_bytes(SCHEMAS[Sample.FULL_NAME], value, len(FRAME))


@pytest.mark.parametrize("name", [Sample.FULL_NAME, "millrace.broadcast.OpenSession"])
def test_what_is_behind_the_record_or_missing_at_its_end_is_refused(name: str) -> None:
    event = SAMPLE if name == Sample.FULL_NAME else OpenSession(channel_id="c", session_id="sss")
    good = CODECS[name].encode(META, event)
    for value in (good + b"\0", good[:-1], good[:-2]):
        with pytest.raises(WRONG):
            CODECS[name].decode(value)
    with pytest.raises(explain.Broken, match=r"^: 1 bytes after the record"):
        explain.check_bytes(SCHEMAS[name], good + b"\0", len(FRAME))


@pytest.mark.parametrize("branch", [1, 3, 4, 128, 255])
def test_null_has_one_form(branch: int) -> None:
    value = bytearray(CODECS["millrace.clock.Tick"].encode(META, Tick()))
    assert value[-2:] == b"\0\0"
    value[-1] = branch
    with pytest.raises(ValueError, match="a branch of a union that there is not"):
        CODECS["millrace.clock.Tick"].decode(bytes(value))


@pytest.mark.parametrize("moment", [b"\x02", b"\x80\x02", b"\x80\x80\x02", b"\x81\x80\x80"])
def test_a_short_moment_before_what_looks_like_the_end_of_a_long_one(moment: bytes) -> None:
    """The reader of timestamps looks at bytes 4 to 8 first, wherever the number ends."""
    codec, starts = CODECS[Sample.FULL_NAME], places()
    good = codec.encode(META, SAMPLE)
    behind = b"\x80" * 4 + b"\x01" + b"\x80" * 2 + b"\x01" + good[starts["flag"] - 4 :]
    for shift in range(3):
        numbers = (b"\x80" * shift + behind)[: 4 + 8]
        decodes_as_the_judge_says(
            Sample.FULL_NAME, good[5 : starts["moment"]] + moment + numbers + good[starts["flag"] :]
        )


def test_a_record_that_is_cut_anywhere_is_refused_and_the_field_named() -> None:
    good, starts = CODECS[Sample.FULL_NAME].encode(META, SAMPLE), places()
    for end in range(len(FRAME), len(good)):
        cut = max((at, name) for name, at in starts.items() if at <= end)[1]
        with pytest.raises(WRONG):
            CODECS[Sample.FULL_NAME].decode(good[:end])
        with pytest.raises(explain.Broken, match=rf"^\.{cut}\b"):
            explain.check_bytes(SCHEMAS[Sample.FULL_NAME], good[:end], len(FRAME))


def test_blocks_with_their_size_are_read() -> None:
    codec, starts = CODECS[Sample.FULL_NAME], places()
    good = codec.encode(META, SAMPLE)
    blocks = long(-2) + long(4) + b"\x02\x02\0\0" + long(1) + b"\x02\x04\0" + long(0)
    value = good[: starts["grid"]] + blocks + good[starts["flags"] :]
    assert codec.decode(value).event.grid == [[1], [], [2]]
    assert read(Sample.FULL_NAME, value[5:])[0]["grid"] == [[1], [], [2]]


def test_a_count_without_items_takes_no_memory() -> None:
    good = CODECS[Sample.FULL_NAME].encode(META, SAMPLE)
    value = good[: places()["inners"]] + long(2**20) + b"\0" * 1000
    tracemalloc.start()
    with pytest.raises(WRONG):
        CODECS[Sample.FULL_NAME].decode(value)
    assert tracemalloc.get_traced_memory()[1] < 100_000
    tracemalloc.stop()


def canonical(name: str, body: bytes) -> bool:
    """Whether fastavro reads the bytes and writes the same."""
    try:
        content, end = read(name, body)
        return end == len(body) and write(JUDGES[name], content) == body
    except Exception:  # noqa: BLE001 - fastavro raises anything
        return False


def decodes_as_the_judge_says(name: str, body: bytes) -> None:
    """Either both read the same, or ours refuses, names a field, and has a reason to."""
    try:
        message = CODECS[name].decode(FRAME + body)
    except WRONG:
        with pytest.raises(explain.Broken) as caught:
            explain.check_bytes(SCHEMAS[name], FRAME + body, len(FRAME))
        assert "32 bits" in str(caught.value) or not canonical(name, body)
        return
    explain.check_bytes(SCHEMAS[name], FRAME + body, len(FRAME))
    expected, end = read(name, body)
    assert same(plain(message), expected)
    assert end == len(body)
    again = CODECS[name].encode(message.meta, message.event)
    assert same(plain(CODECS[name].decode(again)), expected)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(SCHEMAS)), st.binary(max_size=200))
def test_random_bytes(name: str, body: bytes) -> None:
    decodes_as_the_judge_says(name, body)


@settings(max_examples=400, deadline=None)
@given(
    st.data(),
    st.sampled_from(sorted(SCHEMAS)),
    st.lists(
        st.tuples(st.integers(0, 10_000), st.integers(0, 3), st.binary(max_size=12)), max_size=4
    ),
)
def test_mutated_bytes(data: st.DataObject, name: str, edits: list[tuple[int, int, bytes]]) -> None:
    body = write(JUDGES[name], data.draw(fields(SCHEMAS[name])))
    for place, removed, put in edits:
        at = place % (len(body) + 1)
        body = body[:at] + put + body[at + removed :]
    decodes_as_the_judge_says(name, body)


def test_the_source_is_shown_in_a_traceback() -> None:
    with pytest.raises(IndexError) as caught:
        CODECS["millrace.clock.Tick"].decode(FRAME)
    text = "".join(traceback.format_exception(caught.value))
    assert 'File "<codec of millrace.clock.Tick>", line' in text
    assert "n = SPAN[buffer[at]]" in text


@pytest.mark.parametrize("kind", ["null", {"type": "map", "values": "int"}, ["string", "null"]])
def test_a_type_without_a_codec_is_named(kind: Any) -> None:
    schema = json.loads(json.dumps(SCHEMAS["millrace.broadcast.OpenSession"]))
    schema["fields"][1]["type"] = kind
    with pytest.raises(ConfigurationError, match="event__channel_id: no codec for the Avro type"):
        compiled(schema, CLASSES["millrace.broadcast.OpenSession"], struct.pack(">bI", 0, 1))
