"""Rebuilds a view from the beginning of the log while it is read and written.

Rows go into a new generation, beside the one in use. When it has caught up, live writers are held
for a moment, the rest is filled in, and the new generation becomes the active one. Its positions
tell its writers where to go on: each generation claims only what is in it, so nothing is lost
whoever dies when.
"""

import asyncio
from typing import Final

import msgspec

from infra.kafka import LogReader
from infra.record import Codec
from sinks.fold import Ends, LogPass, OnProgress, Tally, partitions_of
from sinks.store import Positions, Store
from sinks.view import View

HOLD_SECONDS: Final = 10.0
SETTLE_SECONDS: Final = 0.1
LINGER_SECONDS: Final = 2.0
"""How long the old generation stays for readers that know no better (`reader.KNOWN_SECONDS`)."""


class Rebuilt(msgspec.Struct, frozen=True):
    """A view that was rebuilt."""

    view: str
    generation: str
    held_seconds: float
    """For how long its writers had to wait."""
    tally: Tally


async def rebuild(
    log: LogReader,
    store: Store,
    codec: Codec,
    view: View,
    *,
    on_progress: OnProgress | None = None,
    linger: float = LINGER_SECONDS,
) -> Rebuilt:
    """Fill a new generation and make it the active one.

    Of two rebuilds at once the later one wins; the other raises Superseded.
    """
    messages = LogPass(log, codec, view, on_progress)
    await store.setup([view])
    await _drop_inactive(store, view)
    shadow = await store.begin(view)
    try:
        await _fill(store, view, shadow, messages, await log.ends(await partitions_of(log, view)))
        held = await _switch(log, store, view, shadow, messages)
    except BaseException:
        await store.drop(view, shadow)
        raise
    await asyncio.sleep(linger)
    await _drop_inactive(store, view)
    return Rebuilt(view.name, shadow, held, messages.tally)


async def _fill(store: Store, view: View, shadow: str, messages: LogPass, ends: Ends) -> None:
    async for taken in messages.until(ends):
        await store.apply(view, shadow, taken.rows, taken.positions, live=False)


async def _switch(
    log: LogReader, store: Store, view: View, shadow: str, messages: LogPass
) -> float:
    """Catch up with the live writers while they are held; then switch. Returns seconds held."""
    clock = asyncio.get_running_loop().time
    partitions = await partitions_of(log, view)
    while True:
        await _fill(store, view, shadow, messages, await log.ends(partitions))
        await store.hold(view, HOLD_SECONDS)
        began = clock()
        live = await _settled(store, view)
        ends = await log.ends(partitions)
        reached = {tp: min(ends[tp], live[tp].offset) for tp in partitions if tp in live}
        await _fill(store, view, shadow, messages, reached)
        held = clock() - began
        if held < HOLD_SECONDS / 2:
            await store.switch(view, shadow)
            return held


async def _settled(store: Store, view: View) -> Positions:
    """The live positions, once a write that was under way when the view was held has arrived."""
    active = (await store.generations(view)).active
    before = await store.positions(view, active)
    while True:
        await asyncio.sleep(SETTLE_SECONDS)
        after = await store.positions(view, active)
        if after == before:
            return after
        before = after


async def _drop_inactive(store: Store, view: View) -> None:
    found = await store.generations(view)
    for name in found.names - {found.active}:
        await store.drop(view, name)
