"""What became different in a view between two moments."""

import msgspec

from infra.errors import InvalidRecord
from infra.kafka import LogReader
from infra.record import Codec
from sinks.asof import offsets_at
from sinks.comparison import Difference, differences
from sinks.fold import Fold, LogPass, OnProgress, Tally, partitions_of
from sinks.retention import FOR_GOOD, Lifetimes
from sinks.view import View


class Diff(msgspec.Struct, frozen=True):
    """A view at one moment against the same view at a later one."""

    view: str
    before: int
    after: int
    """Microseconds since 1970-01-01T00:00:00Z."""
    rows_before: int
    rows_after: int
    differences: list[Difference]
    """`expected` is what was before, `found` what came after."""
    tally: Tally


async def diff(
    log: LogReader,
    codec: Codec,
    view: View,
    before: int,
    after: int,
    *,
    lifetimes: Lifetimes = FOR_GOOD,
    on_progress: OnProgress | None = None,
) -> Diff:
    """Compare a view at two moments (microseconds) in one pass over the log.

    Raises InvalidRecord if they are in the wrong order.
    """
    if after < before:
        raise InvalidRecord("the second moment is before the first")
    partitions = await partitions_of(log, view)
    messages = LogPass(log, codec, view, on_progress)
    fold = Fold(messages)
    await fold.until(await offsets_at(log, partitions, before))
    first = lifetimes.kept(view, fold.rows, before)
    await fold.until(await offsets_at(log, partitions, after))
    second = lifetimes.kept(view, fold.rows, after)
    found = [
        difference
        for key in sorted(first.keys() | second.keys())
        for difference in differences(view.columns, key, first.get(key), second.get(key))
    ]
    return Diff(view.name, before, after, len(first), len(second), found, messages.tally)
