"""An ingest whose log and platform are in memory; also a program, for tests that kill it."""

import asyncio
import hashlib
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from infra.clock import SystemClock
from infra.errors import Refused, Unavailable
from infra.record import Record
from infra.settings import IngestSettings
from media.flv import Tag
from media.ingest.decisions import Decisions
from media.ingest.role import Ingest
from media.spool.spool import Spool
from media.spool.writer import FILE_BYTES
from schemas.records.broadcast import SessionRefused, StreamResumed, StreamStarted
from schemas.records.ingest import PublishStarted
from schemas.registry import registry
from tests.recordings import FOLDER
from tests.rtmp_publisher import Publisher

T = TypeVar("T", bound=Record)

SHARED = Path(__file__).parents[3] / "shared" / "data" / "video"
RECORDINGS = tuple(
    sorted(
        path
        for folder in (FOLDER, SHARED)
        if folder.is_dir()
        for path in folder.iterdir()
        if path.suffix in (".mp4", ".flv") and "corrupt" not in path.name
        if folder == FOLDER or not (FOLDER / path.name).exists()
    )
)


def key_of(channel_id: str) -> str:
    """The valid stream key of a channel."""
    return f"live_{channel_id}_{'5' * 32}"


class Keys:
    """Every channel has a key, but `nobody`."""

    async def lookup(self, key_id: str) -> Mapping[str, Any] | None:
        if key_id in ("none", "nobody"):
            return None
        digest = hashlib.sha256(key_of(key_id).encode()).hexdigest()
        return {"channel_id": key_id, "key_digest": digest}


class Platform(Decisions):
    """The log, and a platform that decides at once."""

    name = "ingest-test"

    def __init__(self) -> None:
        super().__init__("", registry())
        self.events: list[Record] = []
        self.health: list[Record] = []
        """What was measured."""
        self.away = False
        self.silent = False
        self.refuse = False
        self._changed = asyncio.Condition()

    async def run(self) -> None:
        self.following.set()
        await asyncio.Event().wait()

    async def send(
        self, topic: str, key: str, event: Record, *, event_id: str | None = None
    ) -> None:
        if self.away:
            raise Unavailable("Kafka is away")
        assert topic in ("ingest-events", "stream-health", "ingest-load")
        async with self._changed:
            (self.events if topic == "ingest-events" else self.health).append(event)
            self._changed.notify_all()
        if isinstance(event, PublishStarted) and not self.silent:
            self.hear(self._decision(event))

    def _decision(self, event: PublishStarted) -> Record:
        names = {"channel_id": event.channel_id, "session_id": event.session_id}
        if self.refuse:
            return SessionRefused(**names, reason="already-live", detail="Live elsewhere.")
        return StreamStarted(**names, stream_id=event.session_id, started_at=1)

    def of(self, kind: type[T]) -> list[T]:
        return [event for event in (*self.events, *self.health) if isinstance(event, kind)]

    async def wait_for(self, kind: type[T], count: int = 1) -> list[T]:
        """The events of a kind, as soon as there are so many."""
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(lambda: len(self.of(kind)) >= count)
        return self.of(kind)


class Segments:
    """Keeps what it is fed."""

    def __init__(self) -> None:
        self.tags: list[Tag] = []
        self.closed = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.refusal: Refused | None = None
        self.warnings: list[tuple[str, str]] = []
        self.storage_away_for = 0.0
        self.frames_discarded = 0

    async def feed(self, tags: list[Tag], arrived_at: int) -> None:
        await self.gate.wait()
        if self.refusal is not None:
            raise self.refusal
        self.tags += tags

    async def close(self) -> None:
        self.closed += 1

    def take_warnings(self) -> list[tuple[str, str]]:
        taken, self.warnings = self.warnings, []
        return taken


class Rig:
    """A running ingest and what it is joined to."""

    def __init__(self, folder: Path, file_bytes: int = FILE_BYTES, **settings: Any) -> None:
        values = {"host": "127.0.0.1", "rtmp_port": 0, "http_port": 0} | settings
        self.platform = Platform()
        self.spool = Spool(folder, SystemClock(), file_bytes=file_bytes)
        self.segments: dict[str, Segments] = {}
        self.make: Callable[[], Segments] = Segments
        self.prepare: Callable[[Segments], None] = lambda _: None
        self.ingest = Ingest(
            IngestSettings(**values),
            self.platform,
            self.platform,
            Keys(),
            self._segments,
            self.spool,
        )

    @property
    def port(self) -> int:
        return self.ingest.ports["rtmp"]

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.ingest.ports['http']}"

    def url(self, channel_id: str) -> str:
        return f"rtmp://127.0.0.1:{self.port}/live/{key_of(channel_id)}"

    async def log(self, session_id: str) -> bytes:
        """What is spooled of a session, from the first offset that is there."""
        state = self.spool.state(session_id)
        blocks = self.spool.read(session_id, state.first, state.size)
        return b"".join([block async for block in blocks])

    def _segments(self, stream: StreamStarted | StreamResumed) -> Segments:
        made = self.segments[stream.channel_id] = self.make()
        self.prepare(made)
        return made


@asynccontextmanager
async def running(folder: Path, **settings: Any) -> AsyncIterator[Rig]:
    """A rig whose ingest runs while the context is open."""
    rig = Rig(folder, **settings)
    task = asyncio.create_task(rig.ingest.run())
    try:
        async with asyncio.timeout(10):
            await rig.ingest.ready.wait()
        yield rig
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _main(folder: Path) -> None:
    async with running(folder, file_bytes=100_000) as rig:
        print(f"\nport {rig.port}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1])))


START = "NetStream.Publish.Start"


def frames(count: int, *, size: int = 1000, first: int = 0) -> list[Tag]:
    return [Tag(9, 40 * n, b"\x27\x01\0\0\0" + bytes(size)) for n in range(first, first + count)]


async def on_air(rig: Rig, channel_id: str = "c1") -> Publisher:
    publisher = await Publisher.connect(rig.port, key_of(channel_id))
    status = await publisher.status()
    assert status["code"] == START, status
    return publisher


async def send_slowly(publisher: Publisher, tags: list[Tag]) -> None:
    for tag in tags:
        publisher.send([tag])
        await publisher.writer.drain()
