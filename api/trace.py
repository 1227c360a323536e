"""What led to an event and what came of it, over all topics, found in a window of time.

The log has no index by event. What is asked for happened within moments, so the partitions of each
topic are read from a little before its time to a little after (Kafka's time index finds where).
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import aclosing
from typing import Final

import msgspec

from api.log import Entry, Log, Piece, Told
from infra.errors import NotFound, Unavailable

SECONDS: Final = 5.0
"""For all topics together."""
AT_ONCE: Final = 3
"""Topics read at the same time: other readers find a free connection."""

_SECOND: Final = 1_000_000
_decode = msgspec.json.Decoder(Told).decode


class Searched(msgspec.Struct, frozen=True):
    """A topic that was looked through."""

    topic: str
    messages: int
    complete: bool
    """False if there was more in the window than one search reads, or no time for it."""


class Trace(msgspec.Struct, frozen=True):
    """A chain of causes and effects."""

    event_id: str
    correlation_id: str
    """Id of the first message of the chain, whether or not it was found."""
    chain: list[Told]
    """In order of `occurred_at`; `meta.causation_id` says which one led to which."""
    searched: list[Searched]
    """Where; something that is not in the chain may be outside of the window."""


async def trace(log: Log, topics: Iterable[str], event_id: str, since: int, until: int) -> Trace:
    """The chain of an event, as far as it was written from `since` to `until` (microseconds).

    Raises NotFound if the event itself is not there, Unavailable.
    """
    turns = asyncio.Semaphore(AT_ONCE)
    found: list[Entry] = []

    async def search(topic: str) -> Searched:
        async with turns:
            return await _search(log, topic, since, until, found.append)

    searching = [asyncio.create_task(search(topic)) for topic in topics]
    try:
        async with asyncio.timeout(SECONDS):
            searched = await asyncio.gather(*searching)
    except TimeoutError as slow:
        raise Unavailable(f"the log could not be searched within {SECONDS} s") from slow
    finally:
        for task in searching:
            task.cancel()
    asked = next((entry for entry in found if entry.meta.event_id == event_id), None)
    if asked is None:
        partly = [each.topic for each in searched if not each.complete]
        hint = (
            f" Too much was written for {', '.join(partly)}: try a smaller one." if partly else ""
        )
        raise NotFound(f"The event is not in that window of the topics that you may read.{hint}")
    first = asked.meta.correlation_id or event_id
    chain = {
        entry.meta.event_id: entry  # one that was written again counts once
        for entry in found
        if first in (entry.meta.correlation_id, entry.meta.event_id)
    }
    told = sorted(
        (_decode(entry.json) for entry in chain.values()), key=lambda each: each.meta.occurred_at
    )
    return Trace(event_id, first, told, list(searched))


async def _search(
    log: Log, topic: str, since: int, until: int, keep: Callable[[Entry], None]
) -> Searched:
    begins = await log.offsets_at(topic, since)
    ends = await log.offsets_at(topic, until)
    reached = dict(enumerate(begins))
    messages = 0
    async with aclosing(log.page(topic, dict(enumerate(begins)), ends)) as pieces:
        piece: Piece
        async for piece in pieces:
            reached[piece.partition] = piece.reached
            messages += len(piece.entries)
            for entry in piece.entries:
                keep(entry)
    complete = all(reached[n] >= end for n, end in enumerate(ends))
    return Searched(topic, messages, complete)


def window_of(event_id: str, at: int | None, seconds: int) -> tuple[int, int] | None:
    """Where to look: around `at`, or around the time in a UUIDv7; None if neither is known."""
    if at is None:
        if event_id[14:15] != "7":
            return None
        at = int(event_id.replace("-", "")[:12], 16) * 1000
    return max(0, at - seconds * _SECOND), at + seconds * _SECOND
