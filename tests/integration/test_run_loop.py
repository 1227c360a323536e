"""The run loop on a real broker: kills, several topics, many partitions, other writers."""

import signal
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from infra.streaming import STOPPED
from infra.streaming.journal import EntryKey, pack, write
from tests.integration.run_loop_harness import Rig, rig, until


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


@pytest.mark.parametrize("idle", [False, True])
async def test_a_worker_that_finds_another_writer_stops_and_the_next_repairs(
    kafka: str, unique: str, tmp_path: Path, idle: bool
) -> None:
    async with rig(kafka, unique, tmp_path) as one:
        one.start(check=1.0 if idle else 60.0)
        await one.produce(200)
        await one.handled()
        states = await one.state()
        partition = next(number for number, state in states.items() if state.tables)
        channel = next(iter(states[partition].table("count-by-channel")))
        stale = [
            (("table", "count-by-channel", channel), pack(7777)),
            (("table", "count-by-channel", "gone"), pack(1)),
        ]
        await _append(one, partition, stale)
        if not idle:
            await one.produce(200)
        assert await one.ended() == STOPPED
        assert "another writer is alive" in one.log()
        one.start()
        await one.healthy(partitions=4)
        await one.handled()
        last = {}
        for record in await one.read(one.journal):
            if record.partition == partition:
                last[record.key] = record.value
        for key, value in stale:
            kept = last[pack(key)]
            assert kept != pack(7777), "the stale value is what compaction would keep"
            assert (kept is None) == (key[2] == "gone"), value


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


async def _append(one: Rig, partition: int, entries: list[tuple[EntryKey, bytes]]) -> None:
    """What a worker that was paused since its first term would still write."""
    producer = AIOKafkaProducer(bootstrap_servers=one.kafka)
    await producer.start()
    for key, value, headers in write(entries, 0):
        await producer.send_and_wait(
            one.journal, value, key=key, partition=partition, headers=headers
        )
    await producer.stop()


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
