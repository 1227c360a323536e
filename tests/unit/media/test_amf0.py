import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import Refused
from media.rtmp import amf0
from media.rtmp.limits import Limits

VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(min_size=1, max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.lists(VALUES, max_size=5))
def test_what_is_encoded_is_decoded(values: list[object]) -> None:
    limits = Limits(max_amf_depth=20)
    assert amf0.decode(amf0.encode(*values), limits) == values


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"\x00\x3f\xf0\x00\x00\x00\x00\x00\x00", 1.0),
        (b"\x08\x00\x00\x00\x09\x00\x01a\x05\x00\x00\x09", {"a": None}),
        (b"\x10\x00\x01T\x00\x01a\x01\x01\x00\x00\x09", {"a": True}),
        (b"\x0b" + struct.pack(">dh", 86_400_000.0, 60), 86_400_000.0),
        (b"\x0c\x00\x00\x00\x02hi", "hi"),
        (b"\x0a\x00\x00\x00\x02\x05\x06", [None, None]),
        (b"\x02\x00\x01\xff", "\ufffd"),
    ],
)
def test_every_type_is_read(data: bytes, value: object) -> None:
    assert amf0.decode(data) == [value]


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"\x00\x01", "ends within a value"),
        (b"\x02\x00\x05ab", "ends within a value"),
        (b"\x03\x00\x01a", "ends within a value"),
        (b"\x11\x04\x01", "0x11 is not supported"),
        (b"\x07\x00\x00", "0x07 is not supported"),
        (b"\x0a\x00\x00\x00\x01" * 12, "nested deeper than 8"),
        (b"\x0a\xff\xff\xff\xff", "too many values"),
        (b"\x05" * 1001, "too many values"),
        (b"\x03\x00\x01a\x09", "ends behind a field's name"),
    ],
)
def test_bad_data_is_refused_with_the_rule(data: bytes, rule: str) -> None:
    with pytest.raises(Refused, match=rule) as caught:
        amf0.decode(data)
    assert caught.value.reason == "protocol_error"


@given(st.binary(max_size=300))
def test_random_bytes_are_values_or_refused(data: bytes) -> None:
    try:
        amf0.decode(data)
    except Refused:
        return


def test_what_amf0_lacks_cannot_be_encoded() -> None:
    with pytest.raises(TypeError, match="no object"):
        amf0.encode(object())
