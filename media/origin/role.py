"""The origin role: follows the log and serves viewers, until it is stopped or one of them fails."""

import asyncio
from typing import Final

import structlog
from aiohttp import web

from infra.clock import Clock, SystemClock
from infra.record import Codec
from infra.settings import OriginSettings
from media.origin.decoding import Decoder
from media.origin.follower import Follower, Topics
from media.origin.objects import Objects
from media.origin.server import Server
from media.origin.storyboard import Storyboards
from media.origin.streams import Streams
from media.origin.thumbnail import Thumbnails
from media.storage import ObjectStore

log = structlog.get_logger()

STOPPING: Final = 2.0
"""Seconds that requests in progress get when the role stops."""


class Origin:
    """Everything a player fetches."""

    def __init__(
        self,
        settings: OriginSettings,
        bootstrap: str,
        codec: Codec,
        store: ObjectStore,
        clock: Clock | None = None,
        topics: Topics | None = None,
    ) -> None:
        self._settings = settings
        clock = clock or SystemClock()
        self.streams = Streams(window=settings.window, part_hold_back=settings.part_hold_back)
        self._follower = Follower(bootstrap, codec, self.streams, clock, topics or Topics())
        objects = Objects(store, settings.cache_bytes)
        self._decoder = Decoder()
        self._thumbnails = Thumbnails(objects, clock, self._decoder)
        self._server = Server(
            settings,
            self.streams,
            objects,
            self._thumbnails,
            Storyboards(objects, self._decoder),
            clock,
            lambda: self._follower.polled_at,
        )
        self.port = settings.port
        """Where it listens; with setting 0 known once `started` is set."""
        self.started = asyncio.Event()

    async def run(self) -> None:
        """Serve until cancelled. Raises Unavailable if the log cannot be followed."""
        runner = web.AppRunner(
            self._server.app(),
            access_log=None,
            handler_cancellation=True,
            keepalive_timeout=60,
            shutdown_timeout=STOPPING,
        )
        await runner.setup()
        following = asyncio.ensure_future(self._follower.run())
        try:
            site = web.TCPSite(runner, self._settings.host, self._settings.port, backlog=1024)
            await site.start()
            self.port = runner.addresses[0][1]
            log.info("origin listens", host=self._settings.host, port=self.port)
            self.started.set()
            await following
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await runner.cleanup()
            self._decoder.close()
