"""A view as it was at a moment: what it showed once it had read the log as it was then."""

import msgspec
from aiokafka import TopicPartition

from infra.kafka import LogReader
from infra.record import Codec
from sinks.fold import Fold, LogPass, OnProgress, Tally, partitions_of
from sinks.retention import FOR_GOOD, Lifetimes
from sinks.rows import Columns, Key
from sinks.view import View

_MILLISECOND = 1000


class AsOf(msgspec.Struct, frozen=True):
    """The rows of a view at a moment."""

    view: str
    time: int
    """Microseconds since 1970-01-01T00:00:00Z."""
    offsets: dict[TopicPartition, int]
    """How long the log was then, in the partitions that matter."""
    rows: dict[Key, Columns]
    tally: Tally


async def as_of(
    log: LogReader,
    codec: Codec,
    view: View,
    time: int,
    *,
    key: str | Key | None = None,
    lifetimes: Lifetimes = FOR_GOOD,
    on_progress: OnProgress | None = None,
) -> AsOf:
    """The rows at `time` (microseconds), or the one under `key`, as far as it existed.

    The moment is that of the log: a message counts from when it was written, to the millisecond.
    Given a key, only the partition that can hold it is read, if the view says how to tell. Rows
    whose time was over then, by the `lifetimes` of today, are left out.
    """
    only = None if key is None else view.key_of(key)
    partitions = await partitions_of(log, view, only)
    offsets = await offsets_at(log, partitions, time)
    messages = LogPass(log, codec, view, on_progress)
    fold = Fold(messages, only=only)
    await fold.until(offsets)
    rows = lifetimes.kept(view, fold.rows, time)
    return AsOf(view.name, time, offsets, rows, messages.tally)


async def offsets_at(
    log: LogReader, partitions: list[TopicPartition], time: int
) -> dict[TopicPartition, int]:
    """The offset after the last message written at `time` or before, in each partition."""
    return await log.at(partitions, (time // _MILLISECOND + 1) * _MILLISECOND)
