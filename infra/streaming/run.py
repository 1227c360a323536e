"""Running a worker: wait for the broker, see to the topics, then Faust until it is stopped."""

import asyncio
import contextlib
import gc
import logging
import time
from collections.abc import Callable
from typing import Final

import faust
import structlog
import uvloop
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError

from infra.errors import ConfigurationError, MillraceError, Unavailable
from infra.streaming import journal
from infra.streaming.app import App

log = structlog.get_logger()

BROKER_WAIT_SECONDS: Final = 60.0
"""How long a worker waits at its start for a broker that is away, before it stops itself."""
TOPIC_WAIT_SECONDS: Final = 5.0
"""How long it waits for topics that are just being created."""
OBJECTS_A_COLLECTION: Final = 20_000
"""New objects after which the youngest are looked at for cycles; Python's default is 700."""


def run(make: Callable[[], App]) -> None:
    """Run a worker until SIGTERM or SIGINT, which drain it. Does not return: the process exits.

    `make` makes the app with its agents: here, because an app remembers the event loop that there
    was when it got its first agent.

    Exits with 70 (`STOPPED`) if the broker stays away, a topic is missing or has another
    partition count than the app was told: whoever supervises starts it again, with back-off.
    """
    uvloop.install()
    app = make()
    logging.getLogger("aiokafka").setLevel(logging.WARNING)
    for name in ("faust", "mode"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        asyncio.run(prepare(app))
    except MillraceError as error:
        app.halt(str(error))
    app.conf.datadir.mkdir(parents=True, exist_ok=True)
    spare_garbage_collector()
    worker = faust.Worker(
        app,
        loglevel="WARN",
        redirect_stdouts=False,
        override_logging=False,
        quiet=True,
    )
    worker.execute_from_commandline()


def spare_garbage_collector() -> None:
    """Collect cycles seldom, and never look at what is loaded by now.

    Records and outputs are freed by their reference counts; by default the collector goes through
    them, and through all modules, again and again: 3 of 22 µs an event.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_A_COLLECTION)


async def prepare(app: App, wait: float = BROKER_WAIT_SECONDS) -> None:
    """Check the source topics and create the journal.

    Raises Unavailable if no broker answers in time, ConfigurationError if a topic is not as it
    must be.
    """
    admin = await _connect(app.config.bootstrap, wait)
    try:
        partitions = await _check_sources(admin, app)
        await _create_journal(admin, app, partitions)
    finally:
        await admin.close()


async def _check_sources(admin: AIOKafkaAdminClient, app: App) -> int:
    """The partition count of the source topics, once they are as they must be."""
    expected = {topic: app.config.partitions(topic) for topic in app.agents_by_source}
    deadline = time.monotonic() + TOPIC_WAIT_SECONDS
    while (counts := await _partition_counts(admin, [*expected])) != expected:
        if time.monotonic() > deadline:
            raise ConfigurationError(
                f"partitions are {counts}, must be {expected}; run `millrace topics apply`"
            )
        log.info("waiting for topics", found=counts, expected=expected)
        await asyncio.sleep(0.5)
    return max(counts.values(), default=1)


async def _connect(bootstrap: str, wait: float) -> AIOKafkaAdminClient:
    deadline = time.monotonic() + wait
    while True:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        try:
            await admin.start()
            return admin
        except (KafkaError, OSError) as error:
            with contextlib.suppress(KafkaError, OSError):
                await admin.close()
            if time.monotonic() > deadline:
                raise Unavailable(f"Kafka at {bootstrap} is away: {error}") from error
            log.warning("waiting for Kafka", bootstrap=bootstrap, error=str(error))
            await asyncio.sleep(1.0)


async def _partition_counts(admin: AIOKafkaAdminClient, topics: list[str]) -> dict[str, int]:
    described = await admin.describe_topics(topics) if topics else []
    return {topic["topic"]: len(topic["partitions"]) for topic in described}


async def _create_journal(admin: AIOKafkaAdminClient, app: App, partitions: int) -> None:
    topic = NewTopic(
        journal.topic_of(app.config.name),
        partitions,
        app.config.replication_factor,
        topic_configs=journal.topic_settings(app.config.replication_factor),
    )
    try:
        await admin.create_topics([topic], timeout_ms=10_000)
    except TopicAlreadyExistsError:
        found = await _partition_counts(admin, [topic.name])
        if found.get(topic.name) != partitions:
            raise ConfigurationError(
                f"journal {topic.name} has {found.get(topic.name)} partitions, its sources have "
                f"{partitions}: state would be in the wrong place"
            ) from None
