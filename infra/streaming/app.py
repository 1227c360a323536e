"""The app: Faust's programming model on the exact, batched path of this package."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import faust
import msgspec
import structlog

from infra.clock import Clock, SystemClock
from infra.continuity import Gap
from infra.errors import ConfigurationError
from infra.kafka import partition_of
from infra.record import Codec, Record
from infra.streaming import web
from infra.streaming.derived import Derived
from infra.streaming.fair_queue import FairQueue
from infra.streaming.flush import BATCH_BYTES, Shipper
from infra.streaming.keeper import StateKeeper
from infra.streaming.metrics import Metrics
from infra.streaming.outbox import Agent, GapReport, Outbox
from infra.streaming.tables import Table
from infra.streaming.transport import Transport
from infra.streaming.turn import Turn
from infra.streaming.wire import Handler, Message, RawRecords

log = structlog.get_logger()

STOPPED: Final = 70
"""Exit code of a worker that stopped itself, uncommitted: start it again, with back-off."""

LISTS_FIRST: Final = 4
"""Lists that agents handle for one of an agent in the background, while they have as many."""

OUTPUT_BATCH_BYTES: Final = 240_000
"""Bytes of a batch of outputs at most: topics take 256 KiB."""

T = TypeVar("T")


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """What an app needs to know. See `make_app` for what each is for."""

    name: str
    bootstrap: str
    codec: Any
    partitions: Callable[[str], int]
    dead_letter_topic: Callable[[str], str | None]
    web_host: str = "127.0.0.1"
    web_port: int = 6066
    web_token: str = ""
    data_dir: Path = Path(".millrace/worker")
    replication_factor: int = 1
    max_consecutive_dead_letters: int = 100
    session_timeout: float = 10.0
    heartbeat_interval: float = 1.0
    commit_interval: float = 0.5
    gap_topic: str | None = None
    on_gap: Callable[[Gap, Message], Record] | None = None
    clock: Clock = SystemClock()


def halt(reason: str) -> NoReturn:
    """Stop this process at once with nothing more committed. The supervisor starts it again."""
    log.critical("worker stops", reason=reason, exit_code=STOPPED)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(STOPPED)


class App(faust.App):
    """A Faust app whose agents are plain functions over messages, tables and `send`."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.halt: Callable[[str], NoReturn] = halt
        self.metrics = Metrics()
        self.agents_by_source: dict[str, Agent] = {}
        self.awaited: dict[str, FairQueue] = {}
        """What waits for agents that are not in the background."""
        self.tables_by_name: dict[str, Table[Any]] = {}
        self._turn = Turn(config.codec, self.partition_for)
        self.outbox = Outbox(
            config.name,
            codec=config.codec,
            clock=config.clock,
            metrics=self.metrics,
            turn=self._turn,
            ship=self._shipper,
            output_limit=OUTPUT_BATCH_BYTES,
            halt=lambda reason: self.halt(reason),
            max_consecutive_dead_letters=config.max_consecutive_dead_letters,
            gaps=_gap_report(config),
        )
        super().__init__(config.name, **_faust_settings(config))
        web.add_pages(self)

    def Table(  # noqa: N802 - Faust's name
        self, name: str, *, value_type: type[T], kept: int = 0
    ) -> Table[T]:
        """A table. Its name is part of the journal: a renamed table starts empty.

        `kept`: see `Table`.
        """
        if name in self.tables_by_name:
            raise ConfigurationError(f"app {self.config.name} has two tables named {name}")
        table = Table(name, value_type, self._turn, kept=kept)
        self.tables_by_name[name] = table
        return table

    def Derived(self, name: str, build: Callable[[], T]) -> Derived[T]:  # noqa: N802 - as Table
        """Something that a handler builds from tables with `build` and keeps in step with them."""
        return Derived(name, build, self._turn)

    def add_agent(
        self,
        name: str,
        *,
        source: str,
        sink: str | None,
        handler: Handler,
        background: bool = False,
    ) -> None:
        """Run `handler` over every message of topic `source`, in order within a partition.

        What it sends goes to `sink`. An app has one agent a source topic, and its source topics
        have equally many partitions: partition p of each feeds the same state. Two agents do not
        write the same row: their order after a crash, and so their outputs, may be others.
        `background`: nobody waits for what it does, so that the others go first.
        """
        if source in self.agents_by_source:
            raise ConfigurationError(f"{source} has two agents; make one, or two apps")
        counts = {
            topic: self.config.partitions(topic) for topic in [*self.agents_by_source, source]
        }
        if len(set(counts.values())) > 1:
            raise ConfigurationError(f"source topics of one app differ in partitions: {counts}")
        letters = self.config.dead_letter_topic(source)
        agent = Agent(name, source, sink, handler, letters, background)
        self.agents_by_source[source] = agent
        self.agent(self.topic(source, schema=RawRecords()), name=name)(partial(_run, self, agent))

    def partition_for(self, topic: str, message: Message, key: str | None) -> int:
        """The partition of an output: the message's own for its own key, else the key's."""
        count = self.config.partitions(topic)
        same_key = key is None or key == message.key
        if same_key and count == self.config.partitions(message.topic):
            return message.partition
        return partition_of((message.key if key is None else key).encode(), count)

    def measure_lag(self) -> None:
        """Set the lag of each partition that flows."""
        for tp in list(self.consumer.expected):
            end = self.consumer.highwater(tp)
            place = self.outbox.states[tp.partition].places.get(tp.topic, 0)
            if end is not None:
                self.metrics.lag.labels(tp.topic, tp.partition).set(max(0, end - place))

    def FlowControlQueue(  # noqa: N802 - Faust's name
        self, maxsize: int | None = None, *, clear_on_resume: bool = False
    ) -> FairQueue:
        """What agents take lists from."""
        return FairQueue(
            maxsize=maxsize or 0, flow_control=self.flow_control, clear_on_resume=clear_on_resume
        )

    async def give_way(self) -> None:
        """Let agents go first for whose outputs somebody waits, but not for ever."""
        for _ in range(LISTS_FIRST):
            if all(queue.empty() for queue in self.awaited.values()):
                return
            await asyncio.sleep(0)

    def _shipper(self) -> Shipper:
        shipper: Shipper = self.producer
        return shipper

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker, self, loop=self.loop)

    def _new_producer_transport(self) -> Transport:
        return Transport(self.conf.broker, self, loop=self.loop)


async def _run(app: App, agent: Agent, stream: Any) -> Any:
    """The body of every Faust agent: handle while lists are at hand, then send the group off."""
    queue = stream.channel.queue
    if not agent.background:
        app.awaited[agent.name] = queue
    async for event in stream.noack().events():
        if agent.background:
            await app.give_way()
        if app.outbox.closed or event.message.generation_id != app.consumer_generation_id:
            continue  # from before a rebalance: whoever owns the partition now reads it again
        app.outbox.handle(agent, event, event.value)
        if queue.empty() or app.outbox.flusher.full:
            await app.outbox.flusher.launch()
        await asyncio.sleep(0)  # agents take turns
        yield len(event.value)


def make_app(
    name: str,
    *,
    bootstrap: str,
    codec: Codec,
    partitions: Callable[[str], int],
    dead_letter_topic: Callable[[str], str | None],
    **options: Any,
) -> App:
    """An app without agents; topologies register theirs.

    `name` is the consumer group, the journal's prefix and part of every output's producer name.
    `partitions` tells a topic's partition count, `dead_letter_topic` where a topic's poison goes
    (None: the worker stops on poison). `options` are the other fields of `Config`: `web_host`,
    `web_port`; `web_token` opens `/table/…` to operators who send it as bearer token (empty:
    closed); `data_dir`; `replication_factor` of the journal; `max_consecutive_dead_letters`
    after which the worker stops; `gap_topic` and `on_gap`, the event to send there when a
    producer's messages have a hole; `session_timeout`, `heartbeat_interval`, `commit_interval`
    in seconds; `clock`.
    """
    return App(
        Config(
            name=name,
            bootstrap=bootstrap,
            codec=codec,
            partitions=partitions,
            dead_letter_topic=dead_letter_topic,
            **options,
        )
    )


def _gap_report(config: Config) -> GapReport | None:
    if config.gap_topic is None or config.on_gap is None:
        return None
    return GapReport(config.gap_topic, config.on_gap)


def _faust_settings(config: Config) -> dict[str, Any]:
    brokers = ";".join(f"kafka://{host.strip()}" for host in config.bootstrap.split(","))
    return {
        "broker": brokers,
        "datadir": str(config.data_dir),
        "web_host": config.web_host,
        "web_bind": config.web_host,
        "web_port": config.web_port,
        "web_tables_enabled": False,
        "web_router_enabled": False,
        "web_graph_enabled": False,
        "web_stats_enabled": False,
        "web_metrics_enabled": False,
        "TableManager": StateKeeper,
        "processing_guarantee": "at_least_once",
        "key_serializer": "raw",
        "value_serializer": "raw",
        "topic_disable_leader": True,
        "topic_allow_declare": False,
        "table_standby_replicas": 0,
        "store": "memory://",
        "consumer_auto_offset_reset": "earliest",
        "consumer_max_fetch_size": 262_144,
        "broker_commit_interval": config.commit_interval,
        "broker_session_timeout": config.session_timeout,
        "broker_heartbeat_interval": config.heartbeat_interval,
        "broker_request_timeout": 60,
        "broker_rebalance_timeout": 30,
        "producer_acks": -1,
        "producer_linger": 0,
        "producer_max_batch_size": BATCH_BYTES,
        "producer_request_timeout": 30,
        "stream_buffer_maxsize": 1024,
        "stream_wait_empty": False,
    }
