"""The roles that the picture goes through; `bootstrap` has the others."""

import asyncio
import socket
from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Any, Final

import structlog

from infra.clock import SystemClock
from infra.errors import Unavailable
from infra.observability.web import serve
from infra.settings import (
    IngestSettings,
    KafkaSettings,
    LocalSettings,
    OriginSettings,
    TranscoderSettings,
    TranscodeSettings,
)
from media.storage import ObjectStore, configured_store
from millrace.connections import producer, stores
from millrace.running import run_role
from schemas.registry import registry

if TYPE_CHECKING:
    from sinks.reader import ViewReader

log = structlog.get_logger()

PARTS_LEFT: Final = 3600.0
"""Seconds after which a part that nobody deleted is of no use: no playlist lists it."""


def run_ingest() -> None:
    """Take publishers in until SIGTERM."""
    from media.ingest.decisions import Decisions
    from media.ingest.role import Ingest
    from media.packaging.outputs import Limits
    from media.publishing import Publishing
    from media.spool.spool import Spool
    from sinks.reader import ViewReader

    settings, kafka = IngestSettings(), KafkaSettings()

    async def main() -> None:
        async with producer("ingest") as events, stores() as kept:
            publishing = Publishing(
                store=configured_store(),
                producer=events,
                bootstrap=kafka.bootstrap,
                codec=registry(),
                limits=Limits(
                    part_duration=settings.part_duration,
                    warn_gop=settings.warn_gop,
                    max_gop=settings.max_gop,
                ),
                patience=settings.storage_patience,
            )
            ingest = Ingest(
                settings,
                events,
                Decisions(kafka.bootstrap, registry()),
                StreamKeyView(ViewReader(kept)),
                publishing.publisher_for,
                Spool(LocalSettings().data / "spool", SystemClock()),
            )
            sweeping = asyncio.create_task(sweep(publishing.store))
            try:
                await ingest.run()
            finally:
                sweeping.cancel()

    run_role("ingest", main)


def run_origin() -> None:
    """Serve playlists and media until SIGTERM."""
    from media.origin.role import Origin

    async def main() -> None:
        await Origin(
            OriginSettings(), KafkaSettings().bootstrap, registry(), configured_store()
        ).run()

    run_role("origin", main)


def run_transcoder() -> None:
    """Make renditions until SIGTERM."""
    from infra.dead_letters import KafkaDeadLetters
    from media.encoding.probe import Abilities
    from media.transcoding.follower import Follower
    from media.transcoding.probe_memory import remembered_probe
    from media.transcoding.reports import WorkerReports
    from media.transcoding.role import Transcoder
    from media.transcoding.topics import Topics

    settings, kafka, clock = TranscoderSettings(), KafkaSettings(), SystemClock()
    pool, topics = TranscodeSettings().pool, Topics()

    def probe() -> Awaitable[Abilities]:
        kept = LocalSettings().data / "transcoder" / "probe.json"
        return remembered_probe(kept, settings.capacity, clock)

    async def main() -> None:
        async with (
            producer("transcoder") as events,
            KafkaDeadLetters(kafka.bootstrap) as dead_letters,
        ):
            transcoder = Transcoder(
                settings,
                settings.name or socket.gethostname(),
                pool,
                probe,
                Follower(kafka.bootstrap, registry(), dead_letters, clock, topics),
                WorkerReports(events, configured_store(), pool, topics),
                dead_letters,
                clock,
            )
            async with serve(settings.web_host, settings.web_port, transcoder.health):
                await transcoder.run()

    run_role("transcoder", main)


async def sweep(store: ObjectStore) -> None:
    """Once an hour, delete the parts that sessions which were cut off have left behind."""
    from media.publishing import sweep_parts

    while True:
        try:
            swept = await sweep_parts(store, SystemClock().now() - int(PARTS_LEFT * 1e6))
            log.info("swept parts", count=swept)
        except Unavailable as error:
            log.warning("parts not swept", error=str(error))
        await asyncio.sleep(PARTS_LEFT)


class StreamKeyView:
    """The ingest's stream keys, read from their view."""

    def __init__(self, reader: "ViewReader") -> None:
        self._reader = reader

    async def lookup(self, key_id: str) -> Mapping[str, Any] | None:
        """The row with `channel_id` and `key_digest`, or None. Raises Unavailable."""
        return await self._reader.get("stream-keys", key_id)
