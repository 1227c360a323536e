"""Who owns which state: restore a partition from its journal, claim it, then let it flow."""

import asyncio
import time
import uuid
from typing import Any

import structlog
from aiokafka import TopicPartition
from faust.tables.manager import TableManager
from faust.types import TP

from infra.errors import MillraceError
from infra.kafka import LogReader
from infra.streaming import journal
from infra.streaming.journal import PartitionState
from infra.streaming.journal_writer import FencedError

log = structlog.get_logger()

RETRY_SECONDS = 0.2


class SupersededError(MillraceError):
    """Another rebalance began: what was being prepared is void."""


class StateKeeper(TableManager):
    """Takes the place of Faust's tables and recovery.

    After a rebalance, and before a partition flows: read its journal to the end (what is held from
    before is only caught up), append the next term to be its one writer, and seek to the journal's
    place.
    """

    def __init__(self, app: Any, **options: Any) -> None:
        super().__init__(app, **options)
        self._preparing = asyncio.Lock()
        self._flowing = asyncio.Event()
        self._reader: LogReader | None = None
        self._name = uuid.uuid4().hex
        """What this process is called in the journal's claims."""

    @property
    def changelog_topics(self) -> set[str]:
        """The journal. Not empty, so that Faust uses its own co-partitioning assignor."""
        return {journal.topic_of(self.app.conf.id)}

    async def on_start(self) -> None:
        """Nothing is recovered before partitions are assigned."""
        self._tables_finalized.set()
        self._tables_registered.set()

    async def on_stop(self) -> None:
        """Finish what was handled."""
        await self.app.consumer.settle()
        await self.app._fetcher.stop()
        if self._reader is not None:
            await self._reader.__aexit__(None, None, None)

    def on_partitions_revoked(self, revoked: Any) -> None:
        """State is kept: it is caught up if the partition comes back."""

    async def wait_until_recovery_completed(self) -> Any:
        """Faust starts to fetch after this."""
        return await self.wait_for_stopped(self._flowing)

    async def on_rebalance(
        self, assigned: Any, revoked: Any, newly_assigned: Any, generation_id: int = 0
    ) -> None:
        """Prepare the partitions beside the group's callback, in which no heartbeat is sent."""
        self.add_future(self._prepare(set(assigned), self.app.consumer.epoch))

    async def _prepare(self, assigned: set[TP], epoch: int) -> None:
        async with self._preparing:
            while True:
                try:
                    starts = await self._take_charge(assigned, epoch)
                    self._open(assigned, starts, epoch)
                    break
                except SupersededError:
                    return
                except Exception as error:  # noqa: BLE001 - broker away or moving: again
                    log.warning("restore failed, again", error=repr(error))
                    await asyncio.sleep(RETRY_SECONDS)
            await self._resume(assigned)
            log.info("flowing", partitions={str(tp): offset for tp, offset in starts.items()})

    async def _take_charge(self, assigned: set[TP], epoch: int) -> dict[TP, int]:
        """Restore and claim every partition; where each source partition reads on."""
        thread = self.app.consumer._thread
        partitions = sorted({tp.partition for tp in assigned})
        for partition in partitions:
            await self._claim(partition, epoch)
        committed = await thread.committed(assigned)
        begins = await thread.begins(assigned)
        starts = {}
        for tp in sorted(assigned):
            place = self.app.outbox.states[tp.partition].places.get(tp.topic)
            known = committed[tp]
            if known is not None and known > (place or 0):
                self.app.halt(
                    f"{tp.topic}/{tp.partition}: the group has committed {known}, but the journal "
                    f"holds state only up to {place}. Restore the topic "
                    f"{journal.topic_of(self.app.conf.id)}, or reset the group and rebuild."
                )
            starts[tp] = begins[tp] if place is None else place
        self._check(epoch)
        await thread.jump(starts)
        return starts

    def _open(self, assigned: set[TP], starts: dict[TP, int], epoch: int) -> None:
        self._check(epoch)
        consumer = self.app.consumer
        consumer._committed_offset.clear()
        for tp, start in starts.items():
            places = self.app.outbox.states[tp.partition].places
            if tp.topic in places:
                # The commit of what was journaled last may have been lost in a rebalance: without
                # this the group would show a lag until the next record comes.
                consumer.handled[tp] = start
            places[tp.topic] = start
        consumer.expected.update(starts)
        consumer.resume_partitions(assigned)
        self.app.outbox.closed = False

    async def _resume(self, assigned: set[TP]) -> None:
        app = self.app
        app.flow_control.resume()
        app.consumer.resume_flow()
        await app._fetcher.maybe_start()
        self.on_actives_ready()
        self.on_standbys_ready()
        app.on_rebalance_end()
        self._flowing.set()
        await app.on_rebalance_complete.send()

    async def _claim(self, partition: int, epoch: int) -> None:
        """Restore a partition and become its one writer: its log says who is."""
        while True:
            state = await self._restore(partition, epoch)
            if state.owner == self._name:
                return
            claim = journal.write(state.claim(self._name))
            try:
                await self.app.producer.claim(partition, state.term + 1, claim)
            except FencedError:
                log.info("another worker was first", partition=partition, term=state.term + 1)

    async def _restore(self, partition: int, epoch: int) -> PartitionState:
        """The state of a partition, brought up to the end of its journal."""
        reader = await self._open_reader()
        tp = TopicPartition(journal.topic_of(self.app.conf.id), partition)
        end = (await reader.ends([tp]))[tp]
        begin = (await reader.begins([tp]))[tp]
        states: dict[int, PartitionState] = self.app.outbox.states
        state = states.get(partition)
        if state is None or not begin <= state.end <= end:
            state = PartitionState()
        if state.end == end:
            states[partition] = state
            return state
        states.pop(partition, None)  # half-read state is never used
        started, count = time.monotonic(), 0
        state.reopen_marks()
        async for batch in reader.read({tp: max(state.end, begin)}, {tp: end}):
            for record in batch:
                state.absorb(record.key, record.value)
            count += len(batch)
            self._check(epoch)
        state.settle_marks()
        state.end = end
        states[partition] = state
        self.app.metrics.restored.inc(count)
        if count:
            seconds = round(time.monotonic() - started, 3)
            log.info("restored", partition=partition, records=count, seconds=seconds)
        return state

    async def _open_reader(self) -> LogReader:
        if self._reader is None:
            reader = LogReader(self.app.config.bootstrap)
            self._reader = await reader.__aenter__()
        return self._reader

    def _check(self, epoch: int) -> None:
        if self.app.consumer.epoch != epoch or self.should_stop:
            raise SupersededError
