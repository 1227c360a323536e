"""What goes over the pipe comes out as it was, and what is no message is refused."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import InvalidRecord
from media.transcoding.messages import (
    MAX_BYTES,
    Dropped,
    Feed,
    Finish,
    Made,
    ToChild,
    event_of,
    framed,
    read_body,
    say,
    to_child,
    to_parent,
)
from tests.announced import finished, source


def reader(*chunks: bytes) -> asyncio.StreamReader:
    found = asyncio.StreamReader()
    for chunk in chunks:
        found.feed_data(chunk)
    found.feed_eof()
    return found


async def test_messages_come_out_as_they_went_in() -> None:
    part = source(3, 1)
    sent: list[ToChild] = [Feed(part.part, part.announced_at), Finish()]
    pipe = reader(*map(framed, sent))
    for message in sent:
        body = await read_body(pipe)
        assert body is not None
        assert to_child(body) == message
    assert await read_body(pipe) is None


def test_an_event_comes_out_as_it_went_in() -> None:
    event = finished("480p30", 7)
    assert event_of(say(event)) == event


@given(st.integers(0, 1 << 40), st.text())
def test_what_a_child_says_comes_out_as_it_went_in(number: int, text: str) -> None:
    for message in (Made(number, 3), Dropped("480p30", "worker_behind", text)):
        assert to_parent(framed(message)[4:]) == message


@given(st.binary(max_size=200))
def test_noise_is_refused(noise: bytes) -> None:
    for read in (to_child, to_parent):
        try:
            read(noise)
        except InvalidRecord:
            continue


async def test_a_message_that_is_cut_short_or_too_long_is_refused() -> None:
    whole = framed(Finish())
    with pytest.raises(InvalidRecord, match="cut short"):
        await read_body(reader(whole[:-1]))
    with pytest.raises(InvalidRecord, match="at most"):
        await read_body(reader((MAX_BYTES + 1).to_bytes(4, "big")))
