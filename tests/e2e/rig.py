"""From RTMP to the browser in one process: the real ingest, packager, origin and gateway, no log.

    python -m tests.e2e.rig [--gateway 8080] [--origin 8081] [--rtmp 1935]

Events go from the packager straight to the origin's fold. For work on the player, and for tests
that are about the picture; the path over Kafka has its own tests. Any stream key publishes, to the
channel of that name.
"""

import argparse
import asyncio
import signal
import time
import uuid
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any, cast

from aiohttp import web

from api.app import make_app, make_runner
from api.places import Places
from infra.clock import SystemClock
from infra.kafka import EventProducer
from infra.record import Codec, Envelope, Meta, Record
from infra.settings import OriginSettings
from media.origin.decoding import Decoder
from media.origin.objects import Objects
from media.origin.server import Server
from media.origin.storyboard import Storyboards
from media.origin.streams import Streams
from media.origin.thumbnail import Thumbnails
from media.packaging.outputs import Limits as PackagingLimits
from media.packaging.packager import Packager
from media.publishing import SOURCE, Publishing, SegmentPublisher
from media.rtmp.limits import Limits
from media.rtmp.publication import Publication
from media.rtmp.server import RtmpServer
from media.storage import object_store
from schemas.records.broadcast import (
    StreamEnded,
    StreamInterrupted,
    StreamResumed,
    StreamStarted,
)
from tests.functional.gateway import MemoryViews
from web import BUILT


class _Straight:
    """In place of the producer: applies each event to the origin at once."""

    def __init__(self, rig: "Rig") -> None:
        self._rig = rig

    async def post(self, _topic: str, _key: str, event: Record) -> "asyncio.Future[None]":
        self._rig.say(event)
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done


class _Resumed(SegmentPublisher):
    """Goes on where the origin's playlist ends; the real one asks the log."""

    def __init__(self, stream: StreamResumed, publishing: Publishing, streams: Streams) -> None:
        super().__init__(stream, publishing)
        live = streams.live(stream.stream_id, SOURCE)
        self._first = live.rendition.next.media_sequence if live else 0
        self._limits = publishing.limits

    async def open(self) -> None:
        self._packager = Packager(self._limits, self._first)


class Rig:
    """The parts, joined. `ports` are those it listens on, known after `start`.

    A publisher who is back within `grace` seconds goes on with its stream.
    """

    def __init__(self, *, part: float = 0.1, hold_back: float = 3.0, grace: float = 0) -> None:
        self.grace = grace
        self._on_air: dict[str, StreamStarted] = {}
        self._graces: dict[str, asyncio.TimerHandle] = {}
        self.clock = SystemClock()
        self.views = MemoryViews()
        self.store = object_store("memory://", BUILT)
        self.streams = Streams(window=60, part_hold_back=hold_back)
        self.settings = OriginSettings(host="127.0.0.1", port=0, part_hold_back=hold_back)
        self.publishing = Publishing(
            store=self.store,
            producer=cast(EventProducer, _Straight(self)),
            bootstrap="",
            codec=cast(Codec, None),
            limits=PackagingLimits(part_duration=part),
        )
        self.ports: dict[str, int] = {}
        self.hearers: list[Callable[[Record], None]] = []
        """Who else is told of each event, once the origin has it."""
        self._sequence = 0
        self._stack = AsyncExitStack()

    async def start(self, gateway: int = 0, origin: int = 0, rtmp: int = 0) -> None:
        """Listen. Port 0 takes a free one."""
        objects = Objects(self.store, 256 << 20)
        decoder = Decoder()
        self._stack.callback(decoder.close)
        pictures = Thumbnails(objects, self.clock, decoder), Storyboards(objects, decoder)
        server = Server(self.settings, self.streams, objects, *pictures, self.clock, time.monotonic)
        origin_runner = web.AppRunner(server.app(), access_log=None, handler_cancellation=True)
        self.ports["origin"] = await self._serve(origin_runner, origin)
        self._rtmp = RtmpServer(Limits(), self._publish, lambda _refusal: None)
        self.ports["rtmp"] = await self._rtmp.listen("127.0.0.1", rtmp)
        self._stack.push_async_callback(self._rtmp.close)
        places = Places(origin_port=self.ports["origin"], rtmp_port=self.ports["rtmp"])
        app = make_app(self.views, clock=self.clock, places=places, folder=BUILT)
        self.ports["gateway"] = await self._serve(make_runner(app), gateway)

    async def stop(self) -> None:
        """Hang up and free the ports."""
        await self._stack.aclose()

    async def _serve(self, runner: web.AppRunner, port: int) -> int:
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", port).start()
        return cast(int, runner.addresses[0][1])

    def say(self, event: Record) -> None:
        """Apply an event to the origin and to the views, as the log would."""
        self._sequence += 1
        meta = Meta(
            event_id=str(uuid.uuid4()),
            occurred_at=self.clock.now(),
            producer="rig",
            sequence=self._sequence,
        )
        live = self.streams.apply(Envelope(meta, event))
        if live is not None:
            live.touch()
        for hear in self.hearers:
            hear(event)
        self._show(event, meta.occurred_at)

    def _show(self, event: Any, at: int) -> None:
        if type(event).__name__ == "RenditionOpened":
            picture = ("codecs", "width", "height", "frame_rate")
            self._update(event.stream_id, **{name: getattr(event, name) for name in picture})
        elif isinstance(event, StreamInterrupted):
            self._update(event.stream_id, state="interrupted", resume_until=event.resume_until)
        elif isinstance(event, StreamResumed):
            self._update(event.stream_id, state="live", resume_until=None)
        elif isinstance(event, StreamEnded):
            self._update(event.stream_id, state="ended", ended_at=at)
            row = self.views.rows["stream-status"][event.stream_id]
            self.views.put("stream-history", event.stream_id, **row)
            self.views.remove("live-channels", event.channel_id)

    def _update(self, stream_id: str, **columns: Any) -> None:
        before = self.views.rows.get("stream-status", {}).get(stream_id, {})
        self.views.put("stream-status", stream_id, **(before | columns))

    async def _publish(self, publication: Publication) -> None:
        """One publisher from its first tag to its last."""
        channel_id = publication.key
        if channel_id in self._on_air:
            publisher = self._resume(channel_id)
        else:
            publisher = self._begin(channel_id)
        await self._package(publication, publisher)
        away = self.clock.now()
        self.say(
            StreamInterrupted(
                channel_id=channel_id,
                stream_id=self._on_air[channel_id].stream_id,
                session_id="",
                reason="publisher_left",
                resume_until=away + round(self.grace * 1e6),
            )
        )
        loop = asyncio.get_running_loop()
        self._graces[channel_id] = loop.call_later(self.grace, self._end, channel_id)

    def _begin(self, channel_id: str) -> SegmentPublisher:
        stream_id = uuid.uuid4().hex
        started = StreamStarted(
            channel_id=channel_id,
            stream_id=stream_id,
            session_id=stream_id,
            started_at=self.clock.now(),
        )
        self._on_air[channel_id] = started
        self.views.channel(channel_id, channel_id, "A live test picture", "Measuring")
        self.views.live(channel_id, stream_id, picture=False, started_at=started.started_at)
        self.say(started)
        return self.publishing.publisher_for(started)

    def _resume(self, channel_id: str) -> SegmentPublisher:
        self._graces.pop(channel_id).cancel()
        started = self._on_air[channel_id]
        resumed = StreamResumed(
            channel_id=channel_id,
            stream_id=started.stream_id,
            session_id=uuid.uuid4().hex,
            started_at=started.started_at,
            interrupted_at=self.clock.now(),
        )
        self.say(resumed)
        return _Resumed(resumed, self.publishing, self.streams)

    def _end(self, channel_id: str) -> None:
        started = self._on_air.pop(channel_id)
        self.say(
            StreamEnded(
                channel_id=channel_id,
                stream_id=started.stream_id,
                reason="publisher_left",
                started_at=started.started_at,
                interruptions=0,
            )
        )

    async def _package(self, publication: Publication, publisher: SegmentPublisher) -> None:
        arrived: asyncio.Queue[Any] = asyncio.Queue()
        publication.accept(lambda tags: arrived.put_nowait((tags, self.clock.now())))
        publication.ended.add_done_callback(lambda _ended: arrived.put_nowait(None))
        while (batch := await arrived.get()) is not None:
            await publisher.feed(*batch)
        await publisher.close()


async def _main(arguments: argparse.Namespace) -> None:
    rig = Rig(part=arguments.part)
    await rig.start(arguments.gateway, arguments.origin, arguments.rtmp)
    print(rig.ports, flush=True)
    stopped = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    await stopped.wait()
    await rig.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--gateway", type=int, default=0)
    parser.add_argument("--origin", type=int, default=0)
    parser.add_argument("--rtmp", type=int, default=0)
    parser.add_argument("--part", type=float, default=0.1)
    asyncio.run(_main(parser.parse_args()))
