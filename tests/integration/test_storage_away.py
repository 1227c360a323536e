"""Object storage goes away while a publisher is on air: everything is published, only later."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import m3u8
import pytest

from infra.errors import Unavailable
from media.flv import Tag
from media.storage import ObjectStore, Stored
from schemas.records.broadcast import StreamStarted
from schemas.records.ingest import PublishStarted, PublishStopped
from tests.integration.ingest_fakes import Rig, key_of, running
from tests.integration.media_stack import MediaStack, media_stack
from tests.recordings import tags
from tests.rtmp_publisher import Publisher
from tests.waiting import until

RECORDING = tags("bbb_360p_10s.flv")


class Failing:
    """Storage that may be away."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self.away = False
        self.failures = 0

    async def put(self, key: str, data: bytes) -> None:
        self._check(key)
        await self._store.put(key, data)

    async def get(self, key: str) -> bytes:
        self._check(key)
        return await self._store.get(key)

    async def get_range(self, key: str, start: int, end: int) -> bytes:
        self._check(key)
        return await self._store.get_range(key, start, end)

    async def size(self, key: str) -> int:
        self._check(key)
        return await self._store.size(key)

    async def delete(self, keys: list[str]) -> None:
        self._check(*keys)
        await self._store.delete(keys)

    def list(self, prefix: str) -> AsyncIterator[Stored]:
        return self._store.list(prefix)

    def _check(self, *keys: str) -> None:
        if self.away:
            self.failures += 1
            raise Unavailable(f"object storage, {keys[0]}: away")


def join(rig: Rig, stack: MediaStack) -> None:
    """Let the rig package into the stack."""
    stack.publishing.patience = 60
    rig.ingest._publishers = stack.publishing.publisher_for


async def on_air(rig: Rig, stack: MediaStack) -> Publisher:
    publisher = await Publisher.connect(rig.port, key_of("c1"))
    assert (await publisher.status())["code"] == "NetStream.Publish.Start"
    stack.stream_id = rig.platform.of(PublishStarted)[0].session_id
    names = {"channel_id": "c1", "session_id": stack.stream_id}
    await stack.say(StreamStarted(**names, stream_id=stack.stream_id, started_at=1))
    return publisher


async def watched(kafka: str, folder: Path, away: slice) -> dict[str, str]:
    """Publishes the recording while storage is away for a slice of its tags.

    Returns each address of the playlist below the session's folder with the digest of its bytes.
    """
    async with media_stack(kafka, folder / "objects") as stack:
        store = Failing(stack.store)
        stack.publishing.store = store
        async with running(folder / "spool", file_bytes=50_000) as rig, stack.origin() as viewer:
            join(rig, stack)
            publisher = await on_air(rig, stack)
            viewer.stream_id = stack.stream_id
            for number in range(0, len(RECORDING), 10):
                store.away = away.start <= number < away.stop
                publisher.send(list[Tag](RECORDING[number : number + 10]))
                await publisher.writer.drain()
                await asyncio.sleep(0.01)
            assert (store.failures > 0) == (away.stop > 0)
            store.away = False
            await publisher.leave()
            (stopped,) = await rig.platform.wait_for(PublishStopped)
            assert stopped.reason == "publisher_left"
            assert stopped.video_frames == 250
            text = await viewer.until(lambda body: body.count("#EXTINF") == 4)
            digests = {}
            for segment in m3u8.loads(text).segments:
                for uri in (segment.init_section.uri, segment.uri):
                    response, body = await viewer.get(uri)
                    assert response.status == 200
                    digests[uri.rpartition("/")[2]] = hashlib.sha256(body).hexdigest()
            return digests


async def test_what_is_watched_later_is_what_would_have_been_watched(
    kafka: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("media.ingest.backlog.RECENT", 20_000)
    undisturbed = await watched(kafka, tmp_path / "undisturbed", slice(0, 0))
    assert len(undisturbed) == 5
    in_the_middle = await watched(kafka, tmp_path / "middle", slice(200, 500))
    assert in_the_middle == undisturbed
    from_the_start_to_the_end = await watched(kafka, tmp_path / "all", slice(0, 10_000))
    assert from_the_start_to_the_end == undisturbed


async def test_after_too_long_the_publisher_is_told_and_may_come_back(
    kafka: str, tmp_path: Path
) -> None:
    async with media_stack(kafka, tmp_path / "objects") as stack:
        store = Failing(stack.store)
        stack.publishing.store = store
        async with running(tmp_path / "spool") as rig:
            join(rig, stack)
            stack.publishing.patience = 0.5
            publisher = await on_air(rig, stack)
            store.away = True
            publisher.send(RECORDING)
            metrics = rig.ingest.metrics.registry
            await until(
                lambda: (metrics.get_sample_value("millrace_ingest_storage_away_seconds") or 0) > 0
            )
            told = "The platform's storage was away for 0.5 s; connect again later."
            assert (await publisher.status())["description"] == told
            (stopped,) = await rig.platform.wait_for(PublishStopped)
            assert (stopped.reason, stopped.detail) == ("unknown", told)
            await publisher.close()
            store.away = False
            again = await Publisher.connect(rig.port, key_of("c1"))
            assert (await again.status())["code"] == "NetStream.Publish.Start"
            await again.leave()
