"""The ingest role: joins the RTMP server, stream keys, decisions, spool, packaging and events."""

import asyncio
import socket
import ssl
import uuid
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from typing import Any, Final, get_args, get_type_hints

import structlog
from aiohttp import web

from infra.clock import Clock, SystemClock
from infra.errors import ConfigurationError, Unavailable
from infra.observability.web import Health
from infra.settings import IngestSettings
from infra.tls import server_context
from media.ingest.decisions import Decision, Decisions, Watch
from media.ingest.keys import StreamKeys, channel_of
from media.ingest.metrics import Metrics
from media.ingest.reports import LOAD, Log, Reports
from media.ingest.session import DRAIN, SegmentPublisher, Session
from media.ingest.web import ingest_app
from media.rtmp.limits import Limits
from media.rtmp.publication import Ended, Publication, Refusal
from media.rtmp.server import RtmpServer
from media.spool.keeper import keep
from media.spool.retention import Retention
from media.spool.spool import Spool
from schemas.records.broadcast import SessionRefused, StreamResumed, StreamStarted
from schemas.records.ingest import IngestMeasured, PublishRefused, PublishStarted

log = structlog.get_logger()

STALE: Final = 5.0
"""Seconds of silence after which a session gives way to a new one with the same key."""
MEASURED_EVERY: Final = 5.0
"""Seconds between two words about how many publishers there are."""
UNHEALTHY: Final = 30.0
"""Seconds without the log after which the ingest says that it is not well."""
_REFUSE_REASONS: Final = frozenset(get_args(get_type_hints(PublishRefused)["reason"]))

PublisherFactory = Callable[[StreamStarted | StreamResumed], SegmentPublisher]


class Ingest:
    """Takes publishers in: `run` until cancelled."""

    def __init__(
        self,
        settings: IngestSettings,
        producer: Log,
        decisions: Decisions,
        stream_keys: StreamKeys,
        publisher_factory: PublisherFactory,
        spool: Spool,
        clock: Clock | None = None,
    ) -> None:
        self._settings, self._keys, self._publishers = settings, stream_keys, publisher_factory
        self._decisions, self._spool, self._clock = decisions, spool, clock or SystemClock()
        self.metrics = Metrics()
        self._reports = Reports(producer, self._clock, self.metrics)
        self._sessions: dict[str, Session] = {}
        self._rtmp = RtmpServer(_limits(settings), self._publish, self._turned_away)
        self.metrics.connections.set_function(lambda: self._rtmp.connections)
        self.metrics.sessions.set_function(lambda: len(self._sessions))
        self.metrics.behind.set_function(
            lambda: sum(each.behind for each in self._sessions.values())
        )
        self.metrics.storage_away.set_function(self._storage_away_for)
        self.ports: dict[str, int] = {}
        """Ports that are listened on, by `rtmp`, `rtmps`, `http`."""
        self.ready = asyncio.Event()
        """Set while publishers are taken in."""

    async def run(self) -> None:
        """Take publishers in until cancelled; then end their sessions and publish what is left."""
        settings = self._settings
        retention = Retention(
            max_age=settings.spool_max_age,
            max_session_bytes=settings.spool_session_bytes,
            max_bytes=settings.spool_max_bytes,
        )
        works = (self._decisions.run(), self._reports.run(), keep(self._spool, retention))
        background = [asyncio.create_task(work) for work in works]
        try:
            async with AsyncExitStack() as closing:
                await self._listen(closing)
                self.ready.set()
                log.info("ingest is ready", **self.ports)
                background.append(asyncio.create_task(self._measure()))
                done, _ = await asyncio.wait(background, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            self.ready.clear()
            self._say_load(0)
            await self._reports.flush(DRAIN)
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)

    async def _measure(self) -> None:
        """Say how many publishers there are, now and then."""
        while True:
            self._say_load(self._settings.max_connections)
            await asyncio.sleep(MEASURED_EVERY)

    def _say_load(self, most: int) -> None:
        name = self._settings.name or f"{socket.gethostname()}:{self._settings.rtmp_port}"
        event = IngestMeasured(
            ingest_id=name,
            place=self._settings.place,
            sessions=len(self._sessions),
            max_sessions=most,
        )
        self._reports.post(name, event, LOAD)

    async def _listen(self, closing: AsyncExitStack) -> None:
        settings = self._settings
        app = ingest_app(self._spool, self._health, self.metrics.registry)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1)
        await runner.setup()
        closing.push_async_callback(runner.cleanup)
        closing.push_async_callback(self._rtmp.close)
        closing.callback(self._hurry)
        await web.TCPSite(runner, settings.http_host, settings.http_port).start()
        self.ports["http"] = runner.addresses[0][1]
        if settings.rtmps_port:
            tls = _tls(settings)
            self.ports["rtmps"] = await self._rtmp.listen(settings.host, settings.rtmps_port, tls)
        self.ports["rtmp"] = await self._rtmp.listen(settings.host, settings.rtmp_port)

    def _hurry(self) -> None:
        for session in self._sessions.values():
            session.hurry()

    def _storage_away_for(self) -> float:
        return max((each.storage_away_for for each in self._sessions.values()), default=0.0)

    def _health(self) -> Health:
        failing = self._reports.failing_for
        following = self._decisions.following.is_set()
        details = {
            "sessions": len(self._sessions),
            "connections": self._rtmp.connections,
            "log_failing_seconds": round(failing, 1),
            "following_decisions": following,
            "storage_away_seconds": round(self._storage_away_for(), 1),
        }
        return Health(following and failing < UNHEALTHY, details)

    # -- one publisher ---------------------------------------------------------------------------

    async def _publish(self, publication: Publication) -> None:
        """The handler of the RTMP server."""
        try:
            channel_id = await channel_of(publication.key, self._keys)
        except Unavailable as error:
            log.error("cannot look up stream keys", error=str(error))
            self._refuse(publication, None, "platform_busy", _BUSY)
            return
        if channel_id is None:
            detail = "The stream key is not valid. Copy it again from your channel's settings."
            self._refuse(publication, None, "unknown_key", detail)
            return
        if not await self._free(channel_id):
            detail = "This channel is already live from another encoder. Stop that one first."
            self._refuse(publication, channel_id, "already_live", detail)
            return
        session = Session(
            publication,
            channel_id,
            uuid.uuid4().hex,
            self._reports,
            self.metrics,
            self._clock,
            max_behind=self._settings.spool_session_bytes // 2,
        )
        self._sessions[channel_id] = session
        try:
            await self._on_air(session)
        finally:
            del self._sessions[channel_id]
            session.over.set()

    async def _free(self, channel_id: str) -> bool:
        """Whether no session of ours has the channel; one that fell silent gives way."""
        session = self._sessions.get(channel_id)
        if session is None:
            return True
        if session.silent_for < STALE:
            return False
        session.publication.end("connection_lost", "The same channel connected anew.")
        session.hurry()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.decision_deadline):
                await session.over.wait()
        return channel_id not in self._sessions

    async def _on_air(self, session: Session) -> None:
        watch = self._decisions.watch(session.session_id)
        try:
            decision = await self._decide(session, watch)
            if isinstance(decision, SessionRefused):
                reason = decision.reason.replace("-", "_")
                self._refuse(session.publication, session.channel_id, reason, decision.detail)
                return
            if decision is None:
                self._refuse(session.publication, session.channel_id, "platform_busy", _BUSY)
            elif isinstance(decision, StreamStarted | StreamResumed):
                await self._broadcast(session, watch, decision)
            await session.stopped()
        finally:
            self._decisions.forget(session.session_id)

    async def _decide(self, session: Session, watch: Watch) -> Decision | Ended | None:
        """What the platform decides; how the publisher left before that; None at the deadline."""
        publication = session.publication
        event = PublishStarted(
            channel_id=session.channel_id,
            session_id=session.session_id,
            ingest=self._reports.name,
            protocol=publication.protocol,
            encoder=publication.encoder,
        )
        try:
            async with asyncio.timeout(self._settings.decision_deadline):
                await self._decisions.following.wait()
                await self._reports.send(session.channel_id, event)
                waits: list[asyncio.Future[Any]] = [watch.decision, publication.ended]
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        except (TimeoutError, Unavailable):
            log.error("no decision about a publisher", session_id=session.session_id)
            return None
        return watch.decision.result() if watch.decision.done() else publication.ended.result()

    async def _broadcast(
        self, session: Session, watch: Watch, stream: StreamStarted | StreamResumed
    ) -> None:
        publication = session.publication
        log.info(
            "publisher is on air",
            channel_id=session.channel_id,
            stream_id=stream.stream_id,
            session_id=session.session_id,
            address=publication.address,
            encoder=publication.encoder,
            resumed=isinstance(stream, StreamResumed),
        )
        watch.ended.add_done_callback(
            lambda done: (
                publication.end("ended_by_platform", done.result())
                if not done.cancelled()
                else None
            )
        )
        try:
            await session.run(self._spool, self._publishers(stream), stream.stream_id)
        except OSError as error:
            log.error("cannot open a spool", error=str(error))
            publication.end("unknown", "The server cannot store the broadcast.")

    # -- refusals --------------------------------------------------------------------------------

    def _refuse(
        self, publication: Publication, channel_id: str | None, reason: str, detail: str
    ) -> None:
        publication.end(reason, detail)
        self._say_refused(channel_id, reason, detail, publication.address)

    def _turned_away(self, refusal: Refusal) -> None:
        self._say_refused(None, refusal.reason, refusal.detail, refusal.address)

    def _say_refused(self, channel_id: str | None, reason: str, detail: str, address: str) -> None:
        known = reason if reason in _REFUSE_REASONS else "unknown"
        self.metrics.refused.labels(known).inc()
        log.warning("publisher refused", reason=reason, detail=detail, address=address)
        event = PublishRefused(
            channel_id=channel_id,
            ingest=self._reports.name,
            reason=known,  # type: ignore[arg-type]
            detail=detail,
        )
        self._reports.post_refusal(channel_id or self._reports.name, event)


_BUSY: Final = "The platform is busy and could not start the stream. Please try again."


def _limits(settings: IngestSettings) -> Limits:
    return Limits(
        handshake_deadline=settings.handshake_deadline,
        idle_timeout=settings.idle_timeout,
        max_connections=settings.max_connections,
        max_connections_per_address=settings.max_connections_per_address,
        max_half_open=settings.max_half_open,
    )


def _tls(settings: IngestSettings) -> ssl.SSLContext:
    """The TLS context of RTMPS. Raises ConfigurationError."""
    if settings.tls_certificate is None or settings.tls_key is None:
        raise ConfigurationError(
            "MILLRACE_INGEST_RTMPS_PORT is set: set MILLRACE_INGEST_TLS_CERTIFICATE and "
            "MILLRACE_INGEST_TLS_KEY too, or the port to 0"
        )
    return server_context(settings.tls_certificate, settings.tls_key)
