"""A publisher, topics of its own, storage and an origin, for tests and benchmarks."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from infra.clock import SystemClock
from infra.kafka import EventProducer
from infra.settings import OriginSettings
from media.flv import Tag
from media.origin.follower import Topics
from media.origin.role import Origin
from media.publishing import Publishing, SegmentPublisher
from media.storage import ObjectStore, object_store
from schemas.records.broadcast import StreamEnded, StreamInterrupted, StreamResumed, StreamStarted
from schemas.registry import registry

PARTITIONS = 4


class MediaStack:
    """Everything between a publisher's tags and HTTP."""

    def __init__(self, bootstrap: str, topics: Topics, store: ObjectStore) -> None:
        self.bootstrap, self.topics, self.store = bootstrap, topics, store
        self.codec, self.clock = registry(), SystemClock()
        self.stream_id = f"stream-{uuid.uuid4().hex[:8]}"
        self.producer: EventProducer
        self.publishing: Publishing

    async def start_producer(self) -> None:
        self.producer = EventProducer(
            self.bootstrap, self.codec, role="ingest", partitions=lambda _: PARTITIONS
        )
        await self.producer.__aenter__()
        self.publishing = Publishing(
            store=self.store,
            producer=self.producer,
            bootstrap=self.bootstrap,
            codec=self.codec,
            parts_topic=self.topics.parts,
            segments_topic=self.topics.segments,
        )

    async def say(self, event) -> None:
        await self.producer.send(self.topics.broadcast, "channel", event)

    async def start(self) -> SegmentPublisher:
        self.started_at = self.clock.now()
        event = StreamStarted(
            channel_id="channel",
            stream_id=self.stream_id,
            session_id="first",
            started_at=self.started_at,
        )
        await self.say(event)
        return self.publishing.publisher_for(event)

    async def interrupt(self, session: str) -> int:
        now = self.clock.now()
        await self.say(
            StreamInterrupted(
                channel_id="channel",
                stream_id=self.stream_id,
                session_id=session,
                reason="connection_lost",
                resume_until=now + 60_000_000,
            )
        )
        return now

    async def resume(self, session: str, interrupted_at: int) -> SegmentPublisher:
        event = StreamResumed(
            channel_id="channel",
            stream_id=self.stream_id,
            session_id=session,
            started_at=self.started_at,
            interrupted_at=interrupted_at,
        )
        await self.say(event)
        return self.publishing.publisher_for(event)

    async def end(self) -> None:
        await self.say(
            StreamEnded(
                channel_id="channel",
                stream_id=self.stream_id,
                reason="publisher_left",
                started_at=self.started_at,
                interruptions=0,
            )
        )

    @asynccontextmanager
    async def origin(self, **settings) -> AsyncIterator["Viewer"]:
        """A running origin; leaving kills it."""
        chosen = OriginSettings(host="127.0.0.1", port=0, **settings)
        origin = Origin(chosen, self.bootstrap, self.codec, self.store, topics=self.topics)
        running = asyncio.ensure_future(origin.run())
        async with asyncio.timeout(20):
            await origin.started.wait()
        try:
            async with aiohttp.ClientSession(f"http://127.0.0.1:{origin.port}") as session:
                viewer = Viewer(session, self.stream_id, origin)
                await viewer.until_healthy()
                yield viewer
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


class Viewer:
    """Fetches from an origin."""

    def __init__(self, session: aiohttp.ClientSession, stream_id: str, origin: Origin) -> None:
        self.session, self.stream_id, self.origin = session, stream_id, origin

    async def get(self, path: str, **options):
        async with self.session.get(f"/live/{self.stream_id}/{path}", **options) as response:
            return response, await response.read()

    async def text(self, path: str = "source.m3u8", **query) -> str:
        response, body = await self.get(path, params=query)
        assert response.status == 200, (response.status, body)
        return body.decode()

    async def until_healthy(self) -> None:
        await self._until("/healthz", lambda body: True)

    async def until(self, condition, path: str = "source.m3u8") -> str:
        """The playlist, as soon as a condition holds of it."""
        return await self._until(f"/live/{self.stream_id}/{path}", condition)

    async def _until(self, path, condition) -> str:
        async with asyncio.timeout(20):
            while True:
                async with self.session.get(path) as response:
                    body = await response.text()
                    if response.status == 200 and condition(body):
                        return body
                await asyncio.sleep(0.02)


@asynccontextmanager
async def media_stack(bootstrap: str, folder: Path) -> AsyncIterator[MediaStack]:
    """A stack with topics of its own, deleted afterwards."""
    suffix = uuid.uuid4().hex[:8]
    kinds = ("parts", "segments", "broadcast", "transcode")
    names = [f"{kind}-{suffix}" for kind in kinds]
    topics = Topics(*names)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names])
        stack = MediaStack(bootstrap, topics, object_store("", folder))
        await stack.start_producer()
        try:
            yield stack
        finally:
            await stack.producer.__aexit__(None, None, None)
            await admin.delete_topics(names)
    finally:
        await admin.close()


async def send(publisher: SegmentPublisher, tags: list[Tag], *, start: int) -> None:
    """Feed tags as if each arrived when its time came; `start` in microseconds."""
    for tag in tags:
        await publisher.feed([tag], start + tag.timestamp * 1000)
