"""When what was handled is to go off."""

import asyncio
import time
from collections.abc import Awaitable, Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from infra.streaming import flush
from infra.streaming.flush import RECORDS_A_FLIGHT, SECONDS_A_FLIGHT, Flusher, Written
from infra.streaming.metrics import Metrics
from infra.streaming.wire import Output


class Log:
    """Takes all that is shipped."""

    def __init__(self) -> None:
        self.journal: list[int] = []
        """Records of each batch."""

    async def ship(
        self, topic: str, partition: int, records: Iterable[Output], *, limit: int
    ) -> list[Awaitable[Written]]:
        async def written() -> Written:
            return Written(0, len(list(records)))

        return [written()]

    async def append(self, lists: dict[int, list[Output]]) -> dict[int, Written]:
        self.journal += [len(records) for records in lists.values()]
        return {0: Written(sum(self.journal) - len(lists[0]), len(lists[0]))}


class Worker:
    """Handles records and sends them off."""

    def __init__(self) -> None:
        self.log, self.acknowledged, self.handled = Log(), 0, 0
        self.flusher = Flusher(
            states={0: SimpleNamespace(end=0)},  # type: ignore[dict-item]
            ship=lambda: self.log,
            output_limit=1000,
            halt=lambda reason: pytest.fail(reason),
            metrics=Metrics(),
        )

    def handle(self, *, changes: bool) -> None:
        """One record."""
        flight, self.handled = self.flusher.flight, self.handled + 1
        if not flight.records:
            flight.began = time.monotonic()
        atom = flight.atom(0)
        atom.places["topic"] = self.handled
        if changes:
            atom.rows["table", "key"] = b"row"
        flight.events.append(SimpleNamespace(ack=self._acknowledge))
        flight.records += 1

    def _acknowledge(self) -> None:
        self.acknowledged += 1

    async def landed(self, count: int) -> None:
        """Wait until so many records are acknowledged."""
        async with asyncio.timeout(5):
            while self.acknowledged < count:  # noqa: ASYNC110
                await asyncio.sleep(0.001)


@pytest.mark.parametrize(
    ("records", "seconds", "full"),
    [
        (0, 10 * SECONDS_A_FLIGHT, False),
        (1, 0.0, False),
        (1, 1.01 * SECONDS_A_FLIGHT, True),
        (RECORDS_A_FLIGHT, 0.0, True),
    ],
)
def test_a_flight_is_full_by_its_records_or_by_its_time(
    monkeypatch: pytest.MonkeyPatch, records: int, seconds: float, full: bool
) -> None:
    never: Any = None
    flusher = Flusher(states={}, ship=never, output_limit=1, halt=never, metrics=Metrics())
    flusher.flight.records, flusher.flight.began = records, 100.0
    monkeypatch.setattr(time, "monotonic", lambda: 100.0 + seconds)
    assert flusher.full is full


async def test_what_changes_something_goes_at_once_with_what_changed_nothing_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(flush, "QUIET_SECONDS", 60)
    worker = Worker()
    for changes in (False, False, True):
        assert worker.log.journal == []
        worker.handle(changes=changes)
        await worker.flusher.launch()
    await worker.landed(3)
    assert worker.log.journal == [2]  # a row, and one place


async def test_what_changed_nothing_goes_by_itself_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(flush, "QUIET_SECONDS", 0.02)
    worker = Worker()
    for _ in range(3):
        worker.handle(changes=False)
        await worker.flusher.launch()
    assert worker.acknowledged == 0
    await worker.landed(3)
    assert worker.log.journal == [1]


async def test_a_flush_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flush, "QUIET_SECONDS", 60)
    worker = Worker()
    worker.handle(changes=False)
    await worker.flusher.launch()
    await worker.flusher.flush()
    assert worker.acknowledged == 1
