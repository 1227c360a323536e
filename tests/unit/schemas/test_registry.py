"""The codec: what goes in comes out, what is wrong is refused by name, and nothing else escapes."""

import io
import json
import struct
from pathlib import Path
from typing import Any

import fastavro
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.errors import InvalidRecord
from infra.record import Envelope, Meta, Record
from schemas import records, sources
from schemas.records.broadcast import SessionRefused, StreamEnded
from schemas.records.ingest import PublishStarted
from schemas.records.media import PartProduced, SegmentProduced
from schemas.registry import MAX_BYTES, Registry, older, registry
from tests.unit.schemas.avro_values import fields

META = Meta(event_id="e1", occurred_at=1_790_000_000_000_000, producer="test-1", sequence=0)
EXAMPLES = sorted((sources.ROOT / "examples").rglob("*.json"))


@st.composite
def messages(draw: st.DrawFn) -> Envelope:
    name = draw(st.sampled_from(sorted(records.BY_NAME)))
    schema = sources.schemas()[name]
    meta = draw(fields(schema["fields"][0]["type"]))
    event = draw(fields(schema, skip="meta"))
    return Envelope(Meta(**meta), msgspec.convert(event, records.BY_NAME[name]))


def example(path: Path) -> Envelope:
    content = json.loads(path.read_text())
    record = next(r for r in records.BY_NAME.values() if r.__name__ == path.parent.name)
    meta = msgspec.convert(content.pop("meta"), Meta)
    return Envelope(meta, msgspec.convert(content, record))


def part(**changes: Any) -> PartProduced:
    whole = example(sources.ROOT / "examples/media-parts/PartProduced/1.json").event
    return msgspec.structs.replace(whole, **changes)


@settings(max_examples=400, deadline=None)
@given(messages())
def test_every_record_comes_back_as_it_went(message: Envelope) -> None:
    assert registry().decode(registry().encode(message.meta, message.event)) == message


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_example_encodes_and_decodes(path: Path) -> None:
    message = example(path)
    assert registry().decode(registry().encode(message.meta, message.event)) == message


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_another_avro_library_reads_our_bytes(path: Path) -> None:
    message = example(path)
    value = registry().encode(message.meta, message.event)
    number = struct.unpack(">I", value[1:5])[0]
    schema = fastavro.parse_schema(sources.versions()[number])
    read: Any = fastavro.schemaless_reader(io.BytesIO(value[5:]), schema, None)
    assert int(read["meta"]["occurred_at"].timestamp() * 1e6) == message.meta.occurred_at


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (part(size="many"), "size"),
        (part(size=2**31), "size"),
        (part(media_sequence=2**63), "media_sequence"),
        (part(media_sequence=1.5), "media_sequence"),
        (part(duration="long"), "duration"),
        (part(stream_id=None), "stream_id"),
        (part(stream_id=7), "stream_id"),
        (part(digest="\ud800"), "digest"),
        (
            PublishStarted(
                channel_id="c",
                session_id="s",
                ingest="i",
                protocol="srt",  # type: ignore[arg-type]
            ),
            "protocol",
        ),
    ],
)
def test_a_wrong_field_is_named(event: Record, field: str) -> None:
    with pytest.raises(InvalidRecord, match=rf"^millrace\.\w+\.\w+\.{field}: "):
        registry().encode(META, event)


def test_a_wrong_meta_is_named() -> None:
    wrong = msgspec.structs.replace(META, sequence="first")
    with pytest.raises(
        InvalidRecord, match=r"PartProduced\.meta\.sequence: 'first' is not an integer"
    ):
        registry().encode(wrong, part())


def test_what_is_no_record_is_refused() -> None:
    with pytest.raises(InvalidRecord, match="Record is not a record"):
        registry().encode(META, Record())


def test_a_record_over_the_limit_is_refused_both_ways() -> None:
    large = SessionRefused(channel_id="c", session_id="s", reason="r", detail="x" * MAX_BYTES)
    with pytest.raises(InvalidRecord, match="at most"):
        registry().encode(META, large)
    with pytest.raises(InvalidRecord, match="at most"):
        registry().decode(b"\0" * (MAX_BYTES + 1))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"", "shorter"),
        (b"\0\0\0\0", "shorter"),
        (b"\1\0\0\0\1", "byte 0 is 1"),
        (b"\0\0\xff\xff\xff", "schema id 16777215"),
        (registry().encode(META, part()) + b"!", "1 bytes after the record"),
        (registry().encode(META, part())[:-1], r"PartProduced\.digest"),
        (registry().encode(META, part())[:12], r"PartProduced\.meta"),
    ],
)
def test_wrong_bytes_are_refused(value: bytes, text: str) -> None:
    with pytest.raises(InvalidRecord, match=text):
        registry().decode(value)


def test_no_length_makes_it_allocate() -> None:
    good = registry().encode(META, part())
    for length in (2**31, 2**62, -(2**63), -1):
        varint = io.BytesIO()
        fastavro.schemaless_writer(varint, fastavro.parse_schema("long"), length)
        with pytest.raises(InvalidRecord, match=r"PartProduced\.meta"):
            registry().decode(good[:5] + varint.getvalue() + good[6:])


def test_no_count_of_an_array_makes_it_allocate() -> None:
    path = sources.ROOT / "examples/media-segments/SegmentProduced/1.json"
    segment = msgspec.structs.replace(example(path).event, parts=[])
    good = registry().encode(META, segment)
    for count in (2**31, 2**62, -(2**63), -1):
        varint = io.BytesIO()
        fastavro.schemaless_writer(varint, fastavro.parse_schema("long"), count)
        with pytest.raises(InvalidRecord, match=r"SegmentProduced\.parts"):
            registry().decode(good[:-1] + varint.getvalue() + b"\x02" * 40)
    assert isinstance(registry().decode(good).event, SegmentProduced)


def accepted_or_invalid(value: bytes) -> None:
    try:
        message = registry().decode(value)
    except InvalidRecord:
        return
    registry().encode(message.meta, message.event)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(sources.versions())), st.binary(max_size=200))
def test_random_bytes_are_a_record_or_invalid(number: int, body: bytes) -> None:
    accepted_or_invalid(struct.pack(">bI", 0, number) + body)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(EXAMPLES),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=6),
    st.integers(0, 400),
)
def test_mutated_bytes_are_a_record_or_invalid(
    path: Path, edits: list[tuple[int, int]], cut: int
) -> None:
    message = example(path)
    value = bytearray(registry().encode(message.meta, message.event))
    for place, byte in edits:
        value[place % len(value)] = byte
    accepted_or_invalid(bytes(value[: len(value) - cut] if cut < 50 else value))


def test_an_old_version_is_read_as_todays_record(tmp_path: Path) -> None:
    """A release wrote StreamEnded without its last field; the reader fills in the default."""
    name = StreamEnded.FULL_NAME
    today = json.loads(json.dumps(sources.schemas()[name]))
    today["fields"][-1]["default"] = 0
    old = {**today, "fields": today["fields"][:-1]}
    out = io.BytesIO()
    ended = {"channel_id": "c", "stream_id": "s", "reason": "r", "started_at": 5}
    fastavro.schemaless_writer(
        out, fastavro.parse_schema(sources.plain(old)), {"meta": msgspec.to_builtins(META), **ended}
    )
    decode = older(old, today, StreamEnded)
    read = decode(b"frame" + out.getvalue()).event
    assert read == StreamEnded(**ended, interruptions=0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^\.started_at: the record ends too early"):
        decode(b"frame" + out.getvalue()[:-1])


def test_the_codec_knows_every_version_that_is_on_the_log() -> None:
    for number in sources.versions():
        with pytest.raises(InvalidRecord, match=r"\.meta\.event_id: the record ends too early"):
            Registry().decode(struct.pack(">bI", 0, number))
