"""One publisher on air: every packet to the spool first, then to packaging."""

import asyncio
from typing import Final, Protocol, get_args, get_type_hints

import msgspec
import structlog

from infra.clock import Clock
from infra.errors import MillraceError, NotFound, Refused
from infra.record import Record
from media.flv import Tag
from media.ingest.backlog import Backlog
from media.ingest.measurements import measured, measurement_ended
from media.ingest.meter import Meter
from media.ingest.metrics import Metrics
from media.ingest.reports import HEALTH, Reports
from media.patience import GaveUp
from media.rtmp.publication import Publication
from media.spool.spool import Spool
from media.spool.writer import SpoolWriter
from schemas.records.ingest import HealthMeasured, PublishProgressed, PublishStopped, PublishWarned

log = structlog.get_logger()

PROGRESS_EVERY: Final = 2.0
CATCH_UP: Final = 300.0
"""Seconds that packaging has to publish what is left when a publisher has gone."""
DRAIN: Final = 10.0
"""The same from when the server stops, or the channel is wanted by a new publisher."""
TOLD_AFTER: Final = 5.0
"""Seconds of failing storage after which the publisher is warned."""
PATIENCE: Final = 60.0
"""Seconds for which the end of a session is told to a log that is away."""
WARN_EVERY: Final = 60.0
_AWAY: Final = (
    "The platform's storage is away. Go on: what you send is kept, viewers will see it late."
)
_STOP_REASONS: Final = frozenset(get_args(get_type_hints(PublishStopped)["reason"]))
_WARNINGS: Final = frozenset(get_args(get_type_hints(PublishWarned)["warning"]))


class SegmentPublisher(Protocol):
    """Makes a session's media fetchable. Implemented by `media.publishing.SegmentPublisher`."""

    async def feed(self, tags: list[Tag], arrived_at: int) -> None:
        """Take tags that arrived at a time (microseconds). Waits while storage is away.

        Raises Refused, Unavailable.
        """
        ...

    async def close(self) -> None:
        """Publish what is left. Raises Unavailable."""
        ...

    def take_warnings(self) -> list[tuple[str, str]]:
        """What the publisher should put right since the last call: (warning, detail)."""
        ...

    @property
    def storage_away_for(self) -> float:
        """Seconds for which storage has not taken what was fed; 0 while it does."""
        ...

    @property
    def frames_discarded(self) -> int:
        """Frames that were of no use to viewers, as those before the first key frame."""
        ...


class Session:
    """The media of one publication, from its acceptance to its end."""

    def __init__(
        self,
        publication: Publication,
        channel_id: str,
        session_id: str,
        reports: Reports,
        metrics: Metrics,
        clock: Clock,
        *,
        max_behind: int,
    ) -> None:
        """`max_behind` is how many bytes packaging may be behind before the publisher waits."""
        self.publication, self.channel_id, self.session_id = publication, channel_id, session_id
        self.over = asyncio.Event()
        """Set when nothing of the session is left to do."""
        self._reports, self._metrics, self._clock = reports, metrics, clock
        self._spool: SpoolWriter | None = None
        self._backlog: Backlog | None = None
        self._segments: SegmentPublisher | None = None
        self._max_behind = max_behind
        self._packaging = True
        self._paused = False
        self._hurried = asyncio.Event()
        self._meter = Meter(clock.monotonic())
        self._warned: dict[str, float] = {}
        self._log = log.bind(channel_id=channel_id, session_id=session_id)

    @property
    def silent_for(self) -> float:
        """Seconds since the last packet."""
        return self._clock.monotonic() - self._meter.heard

    @property
    def behind(self) -> int:
        """Bytes that are spooled and not packaged."""
        return self._backlog.size if self._backlog is not None else 0

    @property
    def storage_away_for(self) -> float:
        """Seconds for which storage has not taken the session's media; 0 while it does."""
        return self._segments.storage_away_for if self._segments is not None else 0.0

    def hurry(self) -> None:
        """Leave packaging only a little time when the publisher has gone."""
        self._hurried.set()

    async def run(self, spool: Spool, segments: SegmentPublisher, stream_id: str) -> None:
        """Take the publisher's media until it ends, and publish all of it. Raises OSError.

        As long as that lasts, the platform hears that the session goes on, and until the publisher
        ends how well its media arrives.
        """
        self._spool = spool.open(self.session_id)
        self._backlog = Backlog(spool, self.session_id, self._spool)
        self._segments = segments
        packaging = asyncio.create_task(self._package(segments))
        progress = asyncio.create_task(self._progress(stream_id))
        try:
            self.publication.accept(self._take)
            ended = await self.publication.ended
            over = measurement_ended(self.channel_id, stream_id, self.session_id)
            self._reports.post(self.channel_id, over, HEALTH)
            spool.close(self.session_id)
            self._backlog.end()
            if ended.reason == "ingest_stopping":
                self.hurry()
            await self._finish(packaging)
        finally:
            spool.close(self.session_id)
            for task in (packaging, progress):
                task.cancel()
            await asyncio.gather(packaging, progress, return_exceptions=True)

    async def _finish(self, packaging: "asyncio.Task[None]") -> None:
        """Wait until everything is published, but not for ever."""
        hurried = asyncio.create_task(self._hurried.wait())
        await asyncio.wait(
            [packaging, hurried], timeout=CATCH_UP, return_when=asyncio.FIRST_COMPLETED
        )
        hurried.cancel()
        await asyncio.wait([packaging], timeout=DRAIN)
        if not packaging.done():
            self._log.error("media was received but not published", bytes=self.behind)

    async def stopped(self) -> None:
        """Say that the session is over: once, with the reason that came first."""
        ended = await self.publication.ended
        self._log.info("publisher stopped", reason=ended.reason, detail=ended.detail)
        event = PublishStopped(
            channel_id=self.channel_id,
            session_id=self.session_id,
            reason=ended.reason if ended.reason in _STOP_REASONS else "unknown",  # type: ignore[arg-type]
            detail=ended.detail,
            received_bytes=self._meter.received_bytes,
            video_frames=self._meter.video.frames,
            audio_frames=self._meter.audio.frames,
        )
        patience = DRAIN if ended.reason == "ingest_stopping" else PATIENCE
        await self._reports.insist(self.channel_id, event, patience)

    def _take(self, tags: list[Tag]) -> None:
        """Called as bytes come from the network, before anything else sees them."""
        assert self._spool is not None
        assert self._backlog is not None
        if self._spool.ended:
            return
        try:
            self._spool.append(tags)
        except OSError as error:
            self._log.error("cannot write the spool", error=str(error))
            self.publication.end("unknown", "The server cannot store the broadcast.")
            return
        size = self._meter.take(tags, self._clock.monotonic())
        self._metrics.received.inc(size)
        if not self._packaging:
            return
        self._backlog.add(tags, self._clock.now(), size)
        if self._backlog.size > self._max_behind and not self._paused:
            self._paused = True
            self._meter.held_back()
            self._metrics.waits.inc()
            self.publication.pause()

    async def _package(self, segments: SegmentPublisher) -> None:
        try:
            await self._feed(segments)
        except Refused as refusal:
            self.publication.end(refusal.reason, str(refusal))
        except GaveUp as error:
            self.publication.end("unknown", str(error))
        except NotFound as error:
            self._log.error("packaging fell behind what the spool keeps", error=str(error))
            self.publication.end("unknown", "The platform fell too far behind; connect again.")
        except MillraceError as error:
            self._log.error("cannot publish", error=str(error))
            self.publication.end("unknown", "The platform cannot publish now; connect again.")
        except Exception:
            log.exception("packaging failed", session_id=self.session_id)
            self.publication.end("unknown", "The server failed to package the broadcast.")
        finally:
            self._packaging = False
        try:
            await segments.close()
        except MillraceError as error:
            self._log.error("the last part was not published", error=str(error))

    async def _feed(self, segments: SegmentPublisher) -> None:
        """Hand over what is spooled, until the publisher has ended and nothing is left."""
        assert self._backlog is not None
        async for tags, arrived_at in self._backlog.batches():
            await segments.feed(tags, arrived_at)
            if self._paused and self._backlog.size < self._max_behind // 2:
                self._paused = False
                self.publication.resume()
            for warning, detail in segments.take_warnings():
                self._warn(warning, detail)

    def _warn(self, warning: str, detail: str) -> None:
        now = self._clock.monotonic()
        if now - self._warned.get(warning, -WARN_EVERY) < WARN_EVERY:
            return
        self._warned[warning] = now
        self._log.warning("publisher warned", warning=warning, detail=detail)
        self._post(
            PublishWarned(
                channel_id=self.channel_id,
                session_id=self.session_id,
                warning=warning if warning in _WARNINGS else "unknown",  # type: ignore[arg-type]
                detail=detail,
            )
        )

    async def _progress(self, stream_id: str) -> None:
        """Say every two seconds that the publisher is alive; one at a time, so none pile up."""
        while True:
            await asyncio.sleep(PROGRESS_EVERY)
            if not self.publication.ended.done():
                self._reports.post(self.channel_id, self._measured(stream_id), HEALTH)
            if self.storage_away_for > TOLD_AFTER:
                self._warn("falling_behind", _AWAY)
            event = PublishProgressed(
                channel_id=self.channel_id,
                session_id=self.session_id,
                received_bytes=self._meter.received_bytes,
                video_frames=self._meter.video.frames,
                audio_frames=self._meter.audio.frames,
                media_time=self._meter.media_time,
            )
            try:
                await self._reports.send(self.channel_id, event)
            except MillraceError:
                continue  # logged by the reports, and the next one says more

    def _measured(self, stream_id: str) -> HealthMeasured:
        assert self._segments is not None
        if self._paused:
            self._meter.held_back()
        figures = self._meter.measure(self._clock.monotonic())
        return measured(
            self.channel_id,
            stream_id,
            self.session_id,
            msgspec.structs.replace(figures, storage_away=self.storage_away_for),
            self._meter,
            frames_discarded=self._segments.frames_discarded,
            behind_bytes=self.behind,
        )

    def _post(self, event: Record) -> None:
        self._reports.post(self.channel_id, event)
