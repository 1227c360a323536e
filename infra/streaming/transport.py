"""Position control: every offset is either delivered in order or known to be gone.

Faust's consumer seeks, buffers and commits in ways that lose records around rebalances
(docs/decisions/0002-run-loop.md). Here a partition delivers only after an explicit seek, each
fetched list must continue the one before, and only journaled places are committed.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

import structlog
from aiokafka import TopicPartition
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from infra.fetching import hold_whole_fetches
from infra.streaming.producer import Producer

log = structlog.get_logger()

RECORDS_AN_EVENT = 500
"""Records handed to an agent as one event."""
RECORDS_UNDER_WAY = 8000
"""Records of a partition delivered and not yet journaled, after which it waits: memory is bounded,
however many are on the log."""
SOON = 0.02
"""Seconds to wait for the others while a partition waits."""


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that fetches, commits and answers the group's coordinator."""

    async def on_start(self) -> None:
        """Connect."""
        await super().on_start()
        hold_whole_fetches(self._ensure_consumer())

    async def committed(self, partitions: Iterable[TP]) -> dict[TP, int | None]:
        """What the group has committed, as the broker knows it."""

        async def ask() -> dict[TP, int | None]:
            consumer = self._ensure_consumer()
            return {tp: await consumer.committed(tp) for tp in partitions}

        found: dict[TP, int | None] = await self.call_thread(ask)
        return found

    async def begins(self, partitions: Iterable[TP]) -> dict[TP, int]:
        """Where the log of each partition starts."""
        wanted = list(partitions)
        if not wanted:
            return {}
        found: dict[TP, int] = await self.call_thread(
            self._ensure_consumer().beginning_offsets, wanted
        )
        return found

    async def jump(self, offsets: dict[TP, int]) -> None:
        """Fetch from these offsets next."""

        async def seek() -> None:
            consumer = self._ensure_consumer()
            for tp, offset in offsets.items():
                consumer.seek(tp, offset)

        await self.call_thread(seek)

    async def _fetch_records(
        self,
        consumer: Any,
        active_partitions: Any,
        timeout: Any = None,  # noqa: ASYNC109 - Faust's signature
        max_records: Any = None,
    ) -> Any:
        """Records, the position this fetch went on from, and the next one's, by partition."""

        def position(tp: TP) -> int | None:
            assignment = consumer._subscription.subscription.assignment
            state = assignment.state_value(tp) if assignment else None
            return state.position if state is not None and state.has_valid_position else None

        if consumer._subscription.subscription is None:
            return {}
        before = {tp: position(tp) for tp in active_partitions}
        got = await super()._fetch_records(
            consumer, active_partitions, timeout=timeout, max_records=max_records
        )
        return {tp: (records, before.get(tp), position(tp)) for tp, records in got.items()}

    async def commit(self, tps: Any) -> bool:
        """Commit what is still ours. False: not now, the next interval tries again."""
        done: bool = await self.call_thread(self._commit_own, dict(tps))
        return done

    async def _commit_own(self, offsets: dict[TP, int]) -> bool:
        own = self.assignment()
        try:
            # Faust's TP is equal to aiokafka's TopicPartition, but the latter is insisted on.
            if ours := {TopicPartition(*tp): at for tp, at in offsets.items() if tp in own}:
                await self._ensure_consumer().commit(ours)
        except Exception as error:  # noqa: BLE001 - rebalanced or broker away: retried on a timer
            log.warning("commit put off", error=repr(error))
            return False
        return True


class Consumer(driver.Consumer):
    """Delivers raw records in order, from explicit positions, and commits journaled places."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.expected: dict[TP, int] = {}
        """Next offset to deliver; a partition that is not in it does not flow."""
        self.epoch = 0
        """Counts rebalances: work begun in an earlier one is void."""
        self.handled: dict[TP, int] = {}
        """Next offset to commit."""
        self.arrivals: dict[tuple[TP, int], float] = {}
        """When each delivered, unacknowledged list came, oldest first (monotonic seconds)."""
        self.under_way: Counter[TP] = Counter()
        """Records delivered and not yet acknowledged."""

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def perform_seek(self) -> None:
        """Positions are set by the keeper of the state, after it is restored; never here."""

    async def _add_gap(self, *_: Any) -> None:
        """Offsets missing on the log are judged in `_deliver`."""

    async def _drain_messages(self, fetcher: Any) -> None:
        try:
            while not (self.should_stop or fetcher.should_stop):
                if not self.flow_active:
                    await self.wait(self.can_resume_flow)
                    continue
                flowing = {tp for tp in self._get_active_partitions() if tp in self.expected}
                ready = {tp for tp in flowing if self.under_way[tp] < RECORDS_UNDER_WAY}
                if not ready:
                    await asyncio.sleep(0.005)
                    continue
                fetched = await self._getmany(ready, 0.2 if ready == flowing else SOON)
                await self.wait_first(self._deliver(fetched), self.suspend_flow.wait())
        except (asyncio.CancelledError, *self.consumer_stopped_errors):
            if not self.app.should_stop:
                raise

    async def _deliver(self, fetched: dict[TP, tuple[list[Any], int | None, int | None]]) -> None:
        """Hand over what was fetched, in one go: between two turns of the event loop are the lists
        that agents handle meanwhile, and the last partition would wait for as many."""
        for tp, (records, before, after) in fetched.items():
            await self._deliver_one(tp, records, before, after)

    async def _deliver_one(
        self, tp: TP, records: list[Any], before: int | None, after: int | None
    ) -> None:
        wanted, epoch = self.expected.get(tp), self.epoch
        if wanted is None or not self.flow_active:
            return
        records = [record for record in records if record.offset >= wanted]
        if not records or not await self._continues(tp, records[0].offset, wanted, before):
            return
        self.app.monitor.track_tp_end_offset(tp, self.highwater(tp))
        for start in range(0, len(records), RECORDS_AN_EVENT):
            if self.epoch != epoch or not self.flow_active:
                return
            part = records[start : start + RECORDS_AN_EVENT]
            following = part[-1].offset + 1
            whole = start + len(part) == len(records)
            self.expected[tp] = max(after or 0, following) if whole else following
            self.arrivals[tp, part[-1].offset] = time.monotonic()
            self.under_way[tp] += len(part)
            await self.callback(self._message_of(tp, part))

    async def _continues(self, tp: TP, first: int, wanted: int, before: int | None) -> bool:
        """Whether the list that starts at `first` has nothing before it that we still need."""
        if first == wanted:
            return True
        if before != wanted:  # records in between went astray on this side: fetch them again
            log.warning("going back", partition=str(tp), came=first, expected=wanted)
            await self._thread.jump({tp: wanted})
            return False
        if first - wanted > 1:  # the broker's answer to `wanted`: markers, compaction, retention
            log.warning("the log has a hole", partition=str(tp), first=wanted, last=first - 1)
        return True

    def _message_of(self, tp: TP, part: list[Any]) -> ConsumerMessage:
        last = part[-1]
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            last.offset,
            last.timestamp / 1000,
            last.timestamp_type,
            (),
            None,
            part,
            None,
            0,
            0,
            tp,
            generation_id=self.app.consumer_generation_id,
        )

    def ack(self, message: Any) -> bool:
        """The list is journaled. Acknowledgements of an earlier generation move nothing."""
        if self.arrivals.pop((message.tp, message.offset), None) is not None:
            self.under_way[message.tp] -= len(message.value)
        if message.generation_id == self.app.consumer_generation_id:
            self.handled[message.tp] = message.offset + 1
        self._unacked_messages.discard(message)
        message.acked = True
        return True

    async def force_commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Commit what was journaled since the last commit."""
        pending = {
            tp: offset
            for tp, offset in self.handled.items()
            if offset > (self._committed_offset[tp] or -1)
        }
        if not pending or not await self._thread.commit(pending):
            return False
        self._committed_offset.update(pending)
        self.app.monitor.on_tp_commit(pending)
        self.app.measure_lag()
        return True

    async def settle(self) -> None:
        """Stop intake; send, journal and commit what was handled."""
        self.epoch += 1
        self.expected.clear()
        self.stop_flow()
        self.app.flow_control.suspend()
        self.app.flow_control.clear()
        self.app.outbox.closed = True
        await self.app.outbox.flusher.flush()
        await self.commit()
        await self.commit()  # the first may have been another's, begun before the flush
        self.arrivals.clear()
        self.under_way.clear()

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """The group is being rearranged: finish, then give the partitions back."""
        await self.settle()
        self.handled.clear()
        await super().on_partitions_revoked(revoked)

    @property
    def oldest_wait(self) -> float:
        """Seconds since the oldest unacknowledged list was delivered; 0 when there is none."""
        first = next(iter(self.arrivals.values()), None)
        return 0.0 if first is None else time.monotonic() - first


class Transport(driver.Transport):
    """Faust's transport with the consumer and producer above."""

    Consumer = Consumer
    Producer = Producer
