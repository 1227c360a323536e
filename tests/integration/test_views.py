"""Views on real servers: what is on the log is in the rows, whatever happens to the writer."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaConsumer
from redis.asyncio import Redis

from infra.errors import MillraceError
from infra.kafka import LogReader, partition_of
from schemas.registry import registry
from sinks.asof import as_of
from sinks.comparison import WHOLE_ROW, Difference
from sinks.diff import diff
from sinks.prove import prove
from sinks.reader import ViewReader
from sinks.rebuild import rebuild
from sinks.stores.redis import RedisStore
from sinks.writer import ViewWriter
from tests.integration.views import (
    KeptLetters,
    Log,
    caught_up,
    ended,
    started,
    until,
    view,
    writing,
)


@pytest.fixture
def prefix() -> str:
    return f"test-{uuid.uuid4().hex}"


@pytest.fixture
async def store(redis_url: str, prefix: str) -> AsyncIterator[RedisStore]:
    store = RedisStore(redis_url, prefix=prefix)
    yield store
    await store.close()
    async with Redis.from_url(redis_url) as redis:
        async for key in redis.scan_iter(f"{prefix}:*", count=1000):
            await redis.unlink(key)


async def test_a_stream_that_starts_is_soon_in_the_view(log: Log, store: RedisStore) -> None:
    live = view("live-channels", log)
    reader = ViewReader({"redis": store})
    delays = []
    async with writing(log, store, live):
        await log.write(started(0))
        await caught_up(log, store, live, {0: 1})
        for n in range(1, 31):
            partition = n % 4
            began = time.perf_counter()
            await log.write(started(n), partition=partition)
            while await reader.get("live-channels", f"c{n}") is None:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            delays.append(time.perf_counter() - began)
    delays.sort()
    print(f"written to visible: median {delays[15] * 1e3:.1f} ms, worst {delays[-1] * 1e3:.1f} ms")
    assert delays[15] < 0.1


async def test_rows_read_as_the_events_say(log: Log, store: RedisStore) -> None:
    live, status = view("live-channels", log), view("stream-status", log)
    reader = ViewReader({"redis": store})
    async with writing(log, store, live, status):
        await log.write(started(1))
        await log.write(started(2))
        await log.write(ended(1))
        await caught_up(log, store, status, {0: 3})
        await caught_up(log, store, live, {0: 3})
    assert await reader.get("live-channels", "c1") is None
    assert await reader.get("live-channels", "c2") == {
        "channel_id": "c2",
        "state": "live",
        "stream_id": "c2-s0",
        "session_id": "c2-s0",
        "started_at": started(2).started_at,
    }
    row = await reader.get("stream-status", "c1-s0")
    assert row is not None
    assert (row["state"], row["interruptions"], row["reason"]) == ("ended", 2, "gone")
    rows, cursor = await reader.scan("live-channels", 10)
    assert [row["channel_id"] for row in rows] == ["c2"]
    assert cursor is None


async def test_repeats_show_once(log: Log, store: RedisStore) -> None:
    """A worker died after it had written again the first half of what it had already written."""
    live = view("live-channels", log)
    for sequence, event in enumerate([started(1), ended(1), started(2), ended(2)]):
        await log.write(event, sequence=sequence)
    for sequence, event in enumerate([started(1), ended(1), started(2)]):
        await log.write(event, sequence=sequence)
    async with writing(log, store, live) as (_, holes):
        await caught_up(log, store, live, {0: 7})
        assert await ViewReader({"redis": store}).get("live-channels", "c2") is None
        await log.write(started(3), sequence=4)
        await caught_up(log, store, live, {0: 8})
    assert holes == []
    async with LogReader(log.bootstrap) as reader:
        proof = await prove(reader, store, registry(), live)
    assert proof.equal
    assert (proof.rows, proof.tally.repeats, proof.tally.holes) == (1, 3, 0)


async def test_a_hole_is_reported_also_across_a_restart(log: Log, store: RedisStore) -> None:
    live = view("live-channels", log)
    await log.write(started(1), sequence=0)
    async with writing(log, store, live) as (_, holes):
        await caught_up(log, store, live, {0: 1})
    assert holes == []
    async with writing(log, store, live) as (_, holes):
        offset = await log.write(started(2), sequence=3)
        await caught_up(log, store, live, {0: 2})
    (hole,) = holes
    assert (hole.view, hole.offset) == ("live-channels", offset)
    assert (hole.gap.expected, hole.gap.found) == (1, 3)


async def test_poison_is_a_dead_letter_and_the_rest_goes_on(log: Log, store: RedisStore) -> None:
    live = view("live-channels", log)
    await log.write(started(1))
    await log.write_raw(b"\x00\x00\x00poison")
    await log.write(started(2))
    async with writing(log, store, live):
        await caught_up(log, store, live, {0: 3})
    rows, _ = await ViewReader({"redis": store}).scan("live-channels")
    assert [row["channel_id"] for row in rows] == ["c1", "c2"]
    consumer = AIOKafkaConsumer(
        f"{log.topic}-dlq", bootstrap_servers=log.bootstrap, auto_offset_reset="earliest"
    )
    async with consumer:
        letter = await asyncio.wait_for(consumer.getone(), 20)
    headers = dict(letter.headers)
    assert letter.value == b"\x00\x00\x00poison"
    origin = [headers[f"origin-{part}"] for part in ("topic", "partition", "offset")]
    assert origin == [log.topic.encode(), b"0", b"1"]
    assert headers["reader"] == b"views/live-channels"
    assert b"ids.lock" in headers["error"]
    async with LogReader(log.bootstrap) as reader:
        assert (await prove(reader, store, registry(), live)).equal


async def test_poison_without_end_stops_the_writer(log: Log, store: RedisStore) -> None:
    for _ in range(5):
        await log.write_raw(b"poison")
    live = view("live-channels", log)
    writer = ViewWriter(
        log.bootstrap,
        store,
        [live],
        registry(),
        dead_letters=KeptLetters(),
        group=log.topic,
        max_consecutive_dead_letters=5,
    )
    with pytest.raises(MillraceError, match="5 messages in a row"):
        await asyncio.wait_for(writer.run(), 30)


async def test_prove_names_what_was_corrupted_and_rebuild_mends_it(
    log: Log, store: RedisStore, redis_url: str, prefix: str
) -> None:
    live = view("live-channels", log)
    ends = dict.fromkeys(range(4), 0)
    for n in range(400):
        ends[n % 4] = 1 + await log.write(started(n), partition=n % 4)
    reader = ViewReader({"redis": store})
    async with writing(log, store, live), LogReader(log.bootstrap) as messages:
        await caught_up(log, store, live, ends)
        assert (await prove(messages, store, registry(), live)).equal
        await _corrupt(redis_url, prefix, (await store.generations(live)).active)
        proof = await prove(messages, store, registry(), live)
        assert proof.differences == [
            Difference(("c1",), "state", "live", "interrupted"),
            Difference(("c2",), WHOLE_ROW, "present", "absent"),
            Difference(("intruder",), WHOLE_ROW, "absent", "present"),
        ]
        assert proof.expected_digest != proof.found_digest

        over = asyncio.Event()
        reading = asyncio.create_task(_keep_reading(reader, over))
        adding = asyncio.create_task(_keep_adding(log, over))
        rebuilt = await rebuild(messages, store, registry(), live, linger=1.0)
        over.set()
        reads, added = await asyncio.gather(reading, adding)
        held = f"held {rebuilt.held_seconds * 1e3:.0f} ms"
        print(f"{held}; all rows read {reads} times and {added} rows added meanwhile")
        assert reads > 10
        assert added > 10
        proof = await prove(messages, store, registry(), live)
        assert proof.equal, proof.differences
        assert proof.expected_digest == proof.found_digest
        for partition, end in (await messages.ends(await messages.partitions(log.topic))).items():
            ends[partition.partition] = end
        await caught_up(log, store, live, ends)
        proof = await prove(messages, store, registry(), live)
        assert proof.equal, proof.differences
        assert proof.rows == sum(ends.values())
    found = await store.generations(live)
    assert found.names == {found.active}


async def _corrupt(redis_url: str, prefix: str, generation: str) -> None:
    place = f"{prefix}:{{live-channels}}:{generation}"
    async with Redis.from_url(redis_url) as redis:
        await redis.hset(f"{place}:row:c1", "state", '1 "interrupted"')
        await redis.delete(f"{place}:row:c2")
        await redis.hset(f"{place}:row:intruder", "state", '1 "live"')
        await redis.zadd(f"{place}:index", {"intruder": 0})


async def _keep_reading(reader: ViewReader, over: asyncio.Event) -> int:
    """Rows that were right before are there all the time. Returns how often it looked."""
    reads = 0
    while not over.is_set():
        reads += 1
        for n in (0, 3, 399):
            assert await reader.get("live-channels", f"c{n}") is not None
        rows, _ = await reader.scan("live-channels", 1000)
        assert {f"c{n}" for n in range(400)} - {row["channel_id"] for row in rows} <= {"c2"}
    return reads


async def _keep_adding(log: Log, over: asyncio.Event) -> int:
    added = 0
    while not over.is_set():
        await log.write(started(1000 + added), partition=added % 4)
        added += 1
    return added


async def test_as_of_and_diff_show_what_was_true_then(log: Log) -> None:
    live, status = view("live-channels", log), view("stream-status", log)
    base = int(time.time() * 1000) - 60_000
    key_partition = {1: 0, 2: 3}
    for n, event, at in [
        (1, started(1), 1000),
        (2, started(2), 2000),
        (1, ended(1), 3000),
        (1, started(1, stream=1), 4000),
    ]:
        await log.write(event, partition=key_partition[n], timestamp_ms=base + at)

    async with LogReader(log.bootstrap) as reader:

        async def channels(at: int) -> dict[str, object]:
            found = await as_of(reader, registry(), live, (base + at) * 1000)
            return {str(key[0]): columns["stream_id"] for key, columns in found.rows.items()}

        assert await channels(999) == {}
        assert await channels(2000) == {"c1": "c1-s0", "c2": "c2-s0"}
        assert await channels(3500) == {"c2": "c2-s0"}
        assert await channels(9000) == {"c1": "c1-s1", "c2": "c2-s0"}

        one = await as_of(reader, registry(), status, (base + 3500) * 1000, key="c1-s0")
        assert one.rows[("c1-s0",)]["state"] == "ended"

        changed = await diff(reader, registry(), live, (base + 1500) * 1000, (base + 9000) * 1000)
        assert changed.differences == [
            Difference(("c1",), "stream_id", "c1-s0", "c1-s1"),
            Difference(("c1",), "session_id", "c1-s0", "c1-s1"),
            Difference(("c1",), "started_at", started(1).started_at, started(1, 1).started_at),
            Difference(("c2",), WHOLE_ROW, "absent", "present"),
        ]


async def test_as_of_a_key_reads_only_its_partition(log: Log) -> None:
    live = view("live-channels", log)
    for n in range(40):
        await log.write(started(n), partition=partition_of(f"c{n}".encode(), 4))
    async with LogReader(log.bootstrap) as reader:
        found = await as_of(reader, registry(), live, int(time.time() * 1e6), key="c7")
    assert list(found.rows) == [("c7",)]
    assert len(found.offsets) == 1
    assert found.tally.messages < 40


async def test_two_writers_share_the_partitions(
    log: Log, store: RedisStore, redis_url: str, prefix: str
) -> None:
    live = view("live-channels", log)
    other = RedisStore(redis_url, prefix=prefix)
    ends = dict.fromkeys(range(4), 0)
    async with writing(log, store, live) as (first, _):
        async with writing(log, other, live) as (second, _):

            async def shared() -> bool:
                return (first.health().partitions, second.health().partitions) == (2, 2)

            await until(shared)
            for n in range(200):
                ends[n % 4] = 1 + await log.write(started(n), partition=n % 4)
            await caught_up(log, store, live, ends)
        for n in range(200, 300):
            ends[n % 4] = 1 + await log.write(started(n), partition=n % 4)
        await caught_up(log, store, live, ends)
    await other.close()
    async with LogReader(log.bootstrap) as reader:
        proof = await prove(reader, store, registry(), live)
    assert proof.equal
    assert proof.rows == 300
