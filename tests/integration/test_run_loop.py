"""The run loop on a real broker: kills, several topics, many partitions, other writers."""

import signal
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from infra.streaming import STOPPED
from infra.streaming.journal import pack, write
from infra.streaming.journal_writer import FencedError, Seat
from tests.integration.run_loop_harness import Rig, journal_writer, rig
from tests.waiting import until


async def test_a_killed_worker_skips_nothing_and_counts_nothing_twice(
    kafka: str, unique: str, tmp_path: Path
) -> None:
    async with rig(kafka, unique, tmp_path) as one:
        one.start()
        await one.produce(3000)

        async def begun() -> bool:
            return len(await one.read(one.sink)) >= 500

        await until(begun, 30, one.log)
        one.processes[0].kill()
        await one.ended()
        await one.produce(1000)
        one.start()
        await one.handled()
        one.processes[0].send_signal(signal.SIGTERM)
        assert await one.ended(within=5) == 0
        committed = await _committed(one)
        places = {number: state.places for number, state in (await one.state()).items()}
        for partition, offset in committed.items():
            assert places[partition.partition][partition.topic] == offset


async def test_two_source_topics_and_twelve_partitions_feed_one_state(
    kafka: str, unique: str, tmp_path: Path
) -> None:
    async with rig(kafka, unique, tmp_path, partitions=12, sources=2) as one:
        one.start(0)
        one.start(1)
        await one.healthy(0, partitions=12)
        await one.healthy(1, partitions=12)
        await one.produce(800, source=0)
        await one.produce(800, source=1)
        one.processes[1].kill()
        await one.produce(400, source=0)
        one.start(1)
        await one.handled()


async def test_an_owner_that_was_paused_writes_nothing_once_another_owns_the_journal(
    kafka: str, unique: str, tmp_path: Path
) -> None:
    async with rig(kafka, unique, tmp_path) as one:
        one.start(0)
        await one.produce(200)
        await one.handled()
        one.processes[0].send_signal(signal.SIGSTOP)
        one.start(1)
        await one.produce(200)
        await one.handled()
        owners = {
            number: (state.term, state.owner) for number, state in (await one.state()).items()
        }
        async with journal_writer(kafka, one.journal) as late:
            for partition, (term, _) in owners.items():
                late.seats[partition] = Seat.of(term - 1)
                late.seats[partition].sequence = 2
                with pytest.raises(FencedError):
                    await late.append({partition: write([(("table", "t", "k"), pack(7777))])})
        one.processes[0].send_signal(signal.SIGCONT)
        await one.produce(200)
        await one.handled()
        assert all(not state.table("t") for state in (await one.state()).values())


async def test_something_else_that_writes_to_the_journal_stops_the_worker(
    kafka: str, unique: str, tmp_path: Path
) -> None:
    async with rig(kafka, unique, tmp_path) as one:
        one.start()
        await one.produce(200)
        await one.handled()
        producer = AIOKafkaProducer(bootstrap_servers=one.kafka)
        await producer.start()
        for partition in range(one.partitions):
            await producer.send_and_wait(
                one.journal, pack(1), key=pack(["streak", "x"]), partition=partition
            )
        await producer.stop()
        await one.produce(200)
        assert await one.ended() == STOPPED
        assert "something else writes to it" in one.log()
        one.start()
        await one.handled()


async def test_a_group_that_committed_more_than_the_journal_holds_stops_the_worker(
    kafka: str, unique: str, tmp_path: Path
) -> None:
    async with rig(kafka, unique, tmp_path) as one:
        await one.produce(40)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=kafka, group_id=one.app, enable_auto_commit=False
        )
        await consumer.start()
        tps = [TopicPartition(one.sources[0], number) for number in range(one.partitions)]
        ends = await consumer.end_offsets(tps)
        consumer.assign(tps)
        await consumer.commit(ends)
        await consumer.stop()
        one.start()
        assert await one.ended() == STOPPED
        assert "the group has committed" in one.log()


async def test_pages_tell_health_metrics_and_rows_of_either_worker(
    kafka: str, unique: str, tmp_path: Path
) -> None:
    async with rig(kafka, unique, tmp_path) as one:
        one.start(0)
        one.start(1)
        await one.healthy(0, partitions=2)
        await one.healthy(1, partitions=2)
        await one.produce(230)
        await one.handled()
        channels = list(one.sent)
        for worker in (0, 1):
            for channel in channels[:6]:
                path = f"/table/count-by-channel/{channel}/"
                assert (await one.get(path, worker))[0] == 401
                assert (await one.get(path, worker, "wrong"))[0] == 401
                status, body = await one.get(path, worker, "operators")
                assert (status, body["value"]) == (200, one.sent[channel])
            unknown = "/table/count-by-channel/nobody/"
            assert (await one.get(unknown, worker, "operators"))[0] == 404
        _, text = await one.get("/metrics")
        assert "millrace_worker_flush_seconds_count" in text
        one.processes[1].send_signal(signal.SIGTERM)
        assert await one.ended(1, within=5) == 0
        await one.healthy(0, partitions=4)


async def test_a_missing_topic_stops_the_worker_with_the_reason(
    kafka: str, unique: str, tmp_path: Path
) -> None:
    async with rig(kafka, unique, tmp_path) as one:
        one.sources.append(f"missing-{unique}")
        one.start()
        assert await one.ended() == STOPPED
        assert f"missing-{unique}" in one.log()
        one.sources.pop()


async def _committed(one: Rig) -> dict[TopicPartition, int]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=one.kafka, group_id=one.app, enable_auto_commit=False
    )
    await consumer.start()
    try:
        tps = [TopicPartition(one.sources[0], number) for number in range(one.partitions)]
        found = {tp: await consumer.committed(tp) for tp in tps}
        return {tp: offset for tp, offset in found.items() if offset is not None}
    finally:
        await consumer.stop()
