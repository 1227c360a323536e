"""Decisions are heard from a real log, and after the topic was read before."""

import asyncio

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from infra.kafka import EventProducer
from media.ingest.decisions import Decisions
from schemas.records.broadcast import SessionRefused, StreamEnded, StreamStarted
from schemas.registry import registry


def started(session_id: str) -> StreamStarted:
    return StreamStarted(channel_id="c", stream_id=session_id, session_id=session_id, started_at=1)


async def test_decisions_are_heard_from_the_end_of_every_partition(kafka: str, unique: str) -> None:
    topic = f"broadcast-events-{unique}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 4, 1)])
    await admin.close()
    decisions = Decisions(kafka, registry(), topic)
    watches = {name: decisions.watch(name) for name in ("early", "a", "b", "c")}
    async with EventProducer(kafka, registry(), role="test", partitions=lambda _: 4) as producer:
        await producer.send(topic, "c", started("early"))
        following = asyncio.create_task(decisions.run())
        async with asyncio.timeout(30):
            await decisions.following.wait()
            for partition, name in enumerate(("a", "b")):
                await producer.send(topic, "c", started(name), partition=partition)
            refused = SessionRefused(channel_id="c", session_id="c", reason="r", detail="d")
            await producer.send(topic, "c", refused, partition=3)
            assert await watches["a"].decision == started("a")
            assert await watches["b"].decision == started("b")
            assert await watches["c"].decision == refused
            ended = StreamEnded(
                channel_id="c", stream_id="a", reason="x", started_at=1, interruptions=0
            )
            await producer.send(topic, "c", ended, partition=0)
            assert await watches["a"].ended
        assert not watches["b"].ended.done()
        assert not watches["early"].decision.done()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
