"""The one place that knows everything: which role runs what, and on which servers."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import structlog
import uvloop

from infra.clock import SystemClock
from infra.errors import MillraceError, Unavailable
from infra.local.master_key import master_keys
from infra.observability import logs
from infra.observability.web import Health, serve
from infra.settings import (
    BroadcastSettings,
    GatewaySettings,
    IngestSettings,
    KafkaSettings,
    LocalSettings,
    OriginSettings,
    ViewsSettings,
    WebhooksSettings,
    WorkerSettings,
)
from media.storage import ObjectStore
from millrace.connections import objects, producer, stores
from schemas import sources
from schemas.gaps import GAP_TOPIC, gap_detected
from schemas.registry import registry

if TYPE_CHECKING:
    from infra.streaming import App
    from sinks.reader import ViewReader
    from sinks.view import StoreKind

log = structlog.get_logger()

STOPPED: Final = 70
"""Exit code of a role that stopped itself: the supervisor starts it again, with back-off."""
PARTS_LEFT: Final = 3600.0
"""Seconds after which a part that nobody deleted is of no use: no playlist lists it."""
VIEWS_BEHIND: Final = 10.0
"""Seconds that views may be behind before they count as unhealthy."""


def run_worker(topology: str) -> None:
    """Run the agents of a topology on Faust until SIGTERM."""
    from infra.streaming import make_app, run

    logs.configure(f"worker-{topology}")
    worker, kafka = WorkerSettings(), KafkaSettings()
    app = make_app(
        topology,
        bootstrap=kafka.bootstrap,
        codec=registry(),
        partitions=sources.partitions,
        dead_letter_topic=sources.dead_letter_topic,
        web_host=worker.web_host,
        web_port=worker.web_port,
        web_token=worker.web_token.get_secret_value(),
        data_dir=LocalSettings().data / f"worker-{topology}",
        replication_factor=kafka.replication_factor,
        max_consecutive_dead_letters=worker.max_consecutive_dead_letters,
        gap_topic=GAP_TOPIC,
        on_gap=lambda gap, message: gap_detected(
            f"worker-{topology}", message.topic, message.partition, message.offset, gap
        ),
    )
    register(topology)(app)
    run(app)


def register(topology: str) -> "Callable[[App], None]":
    """What registers a topology's agents with an app."""
    from topologies import access, accounts, broadcast, eventsub, identity, social

    def register_identity(app: "App") -> None:
        for context in (identity, accounts, access, social):  # one process: all are small
            context.register(app)

    return {
        "broadcast": lambda app: broadcast.register(app, BroadcastSettings()),
        "eventsub": eventsub.register,
        "identity": register_identity,
    }[topology]


def run_clock() -> None:
    """Write ticks, or wait to be elected, until SIGTERM."""
    from topologies.clock import ClockService

    async def main() -> None:
        async with producer("clock") as events:
            await ClockService(KafkaSettings().bootstrap, events).run()

    _run("clock", main)


def run_views(chosen: "Sequence[StoreKind]") -> None:
    """Fold the log into stores until SIGTERM."""
    from infra.dead_letters import KafkaDeadLetters
    from sinks.projection import Hole
    from sinks.views import VIEWS
    from sinks.writer import ViewWriter

    settings, kafka = ViewsSettings(), KafkaSettings()

    async def main() -> None:
        async with (
            producer("views") as events,
            KafkaDeadLetters(kafka.bootstrap) as dead_letters,
            stores() as kept,
        ):

            async def announce(hole: Hole) -> None:
                reader, at = f"views/{hole.view}", hole.partition
                event = gap_detected(reader, at.topic, at.partition, hole.offset, hole.gap)
                await events.send(GAP_TOPIC, reader, event)

            writers = [
                ViewWriter(
                    kafka.bootstrap,
                    store,
                    [view for view in VIEWS.values() if view.store == kind],
                    registry(),
                    dead_letters=dead_letters,
                    on_hole=announce,
                    instance=settings.instance or None,
                    max_consecutive_dead_letters=settings.max_consecutive_dead_letters,
                )
                for kind, store in kept.items()
                if kind in chosen
            ]

            def health() -> Health:
                found = [writer.health() for writer in writers]
                return Health(all(one.well(VIEWS_BEHIND) for one in found), {"stores": found})

            async with serve(settings.web_host, settings.web_port, health):
                await asyncio.gather(*(writer.run() for writer in writers))

    _run("-".join(("views", *chosen)), main)


def run_webhooks() -> None:
    """Call webhooks until SIGTERM."""
    from api.eventsub.calling import Caller
    from api.eventsub.naming import Names
    from api.eventsub.webhooks import Webhooks
    from sinks.reader import ViewReader

    settings, clock = WebhooksSettings(), SystemClock()

    async def main() -> None:
        async with (
            producer("webhooks") as events,
            stores() as kept,
            Caller.open(clock, private=settings.private) as caller,
        ):
            webhooks = Webhooks(
                KafkaSettings().bootstrap,
                registry(),
                caller,
                Names(ViewReader(kept)),
                events,
                master_keys(),
                clock,
                in_flight=settings.in_flight,
            )
            async with serve(settings.web_host, settings.web_port, lambda: Health(webhooks.well)):
                await webhooks.run()

    _run("webhooks", main)


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
                store=objects(),
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

    _run("ingest", main)


def run_origin() -> None:
    """Serve playlists and media until SIGTERM."""
    from media.origin.role import Origin

    async def main() -> None:
        await Origin(OriginSettings(), KafkaSettings().bootstrap, registry(), objects()).run()

    _run("origin", main)


def run_gateway() -> None:
    """Serve the pages and the API until SIGTERM."""
    from aiohttp import web

    from api.app import make_runner
    from millrace.gateway import gateway

    settings = GatewaySettings()

    async def main() -> None:
        async with gateway() as app:
            runner = make_runner(app)
            await runner.setup()
            try:
                await web.TCPSite(runner, settings.host, settings.port).start()
                log.info("gateway listens", host=settings.host, port=settings.port)
                await asyncio.Event().wait()
            finally:
                await runner.cleanup()

    _run("gateway", main)


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


def _run(role: str, main: Callable[[], Awaitable[None]]) -> None:
    """Run a role until SIGTERM or SIGINT. A MillraceError ends it with exit code 70."""
    logs.configure(role)

    async def until_stopped() -> None:
        task = asyncio.ensure_future(main())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            log.info("stopped")

    try:
        uvloop.run(until_stopped())
    except MillraceError as error:
        log.critical("role stops", reason=str(error), exit_code=STOPPED)
        sys.exit(STOPPED)
