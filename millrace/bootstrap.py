"""The one place that knows everything: which role runs what, and on which servers."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import structlog

from infra.clock import SystemClock
from infra.local.master_key import master_keys
from infra.observability import logs
from infra.observability.web import Health, serve
from infra.settings import (
    BroadcastSettings,
    GatewaySettings,
    KafkaSettings,
    LocalSettings,
    TranscodeSettings,
    ViewsSettings,
    WebhooksSettings,
    WorkerSettings,
)
from millrace.connections import producer, stores
from millrace.running import run_role
from schemas import sources
from schemas.gaps import GAP_TOPIC, gap_detected
from schemas.registry import registry

if TYPE_CHECKING:
    from infra.streaming import App
    from sinks.view import StoreKind

log = structlog.get_logger()

VIEWS_BEHIND: Final = 10.0
"""Seconds that views may be behind before they count as unhealthy."""


def run_worker(topology: str) -> None:
    """Run the agents of a topology on Faust until SIGTERM."""
    from infra.streaming import run

    logs.configure(f"worker-{topology}")
    run(lambda: worker_app(topology))


def worker_app(topology: str) -> "App":
    """The app of a topology, with its agents, as the settings have it."""
    from infra.streaming import make_app

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
    return app


def register(topology: str) -> "Callable[[App], None]":
    """What registers a topology's agents with an app."""
    from topologies import (
        access,
        accounts,
        broadcast,
        chat,
        engagement,
        eventsub,
        identity,
        social,
        transcode,
    )

    def register_identity(app: "App") -> None:
        for context in (identity, accounts, access, social):  # one process: all are small
            context.register(app)

    def register_chat(app: "App") -> None:
        from agents.chat.automod import AutoMod
        from schemas.chat_emotes import ids_by_name

        chat.register(app, emotes=ids_by_name(), judge=AutoMod())
        engagement.register(app)

    return {
        "broadcast": lambda app: broadcast.register(app, BroadcastSettings()),
        "chat": register_chat,
        "eventsub": eventsub.register,
        "identity": register_identity,
        "transcode": lambda app: transcode.register(app, TranscodeSettings()),
    }[topology]


def run_clock() -> None:
    """Write ticks, or wait to be elected, until SIGTERM."""
    from topologies.clock import ClockService

    async def main() -> None:
        async with producer("clock") as events:
            await ClockService(KafkaSettings().bootstrap, events).run()

    run_role("clock", main)


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

    run_role("-".join(("views", *chosen)), main)


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

    run_role("webhooks", main)


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

    run_role("gateway", main)
