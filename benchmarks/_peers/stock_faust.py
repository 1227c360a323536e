"""Stock Faust, set up as well as it can be through its settings and extension points.

uvloop, cython_optimizations, a memory table, decoding compiled into the schema, a monitor that
does nothing, sends through the producer rather than the topic, a larger producer buffer, WARNING.
"""

import asyncio
from typing import Any

import faust
import uvloop
from faust.transport.producer import ProducerBuffer

from benchmarks._peers.work import Job, decode, encode, rule

PENDING_AT_MOST = 500


class Quiet(faust.Monitor):
    """Does nothing for an event: sensors cost a fifth of Faust's time."""

    def on_message_in(self, *_: Any) -> None: ...
    def on_stream_event_in(self, *_: Any) -> None: ...
    def on_stream_event_out(self, *_: Any) -> None: ...
    def on_message_out(self, *_: Any) -> None: ...
    def on_topic_buffer_full(self, *_: Any) -> None: ...
    def on_table_get(self, *_: Any) -> None: ...
    def on_table_set(self, *_: Any) -> None: ...
    def on_send_initiated(self, *_: Any) -> None: ...
    def on_send_completed(self, *_: Any) -> None: ...


class Wire(faust.Schema):
    """Decodes the Avro frame where Faust would look up a codec."""

    def compile(self, app: Any, **_: Any) -> Any:
        """How a message becomes an event."""
        create = app.create_event

        async def decoded(message: Any, *, propagate: bool = False) -> Any:
            return create(message.key, decode(message.value), message.headers, message)

        return decoded


def build(job: Job) -> faust.App:
    """The app: one agent, one table."""
    ProducerBuffer.max_messages = 20_000
    app = faust.App(
        job.group,
        broker=f"kafka://{job.bootstrap}",
        datadir=job.folder,
        store="memory://",
        topic_partitions=4,
        topic_replication_factor=1,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        cython_optimizations=True,
        key_serializer="raw",
        value_serializer="raw",
        broker_commit_interval=0.5,
        broker_commit_every=10_000,
        consumer_max_fetch_size=262_144,
        stream_buffer_maxsize=32_768,
        stream_wait_empty=False,
        producer_acks=-1,
        producer_linger=0.002,
        producer_max_batch_size=131_072,
        table_standby_replicas=0,
        web_enabled=False,
        Monitor=Quiet,
    )
    table = app.Table("progress", default=lambda: (0, 0))

    @app.agent(app.topic(job.source, schema=Wire()))
    async def touch(stream: Any) -> None:
        pending: list[asyncio.Future[Any]] = []
        async for event in stream.events():
            fields = event.value
            channel = fields["channel_id"]
            count, largest = table[channel] = rule(table[channel], fields["received_bytes"])
            value = encode(fields, largest, count)
            partition = event.message.partition
            pending.append(
                await app.producer.send(job.sink, event.key, value, partition, None, None)
            )
            if len(pending) >= PENDING_AT_MOST:
                await asyncio.gather(*pending)
                pending.clear()

    return app


if __name__ == "__main__":
    uvloop.install()
    build(Job.from_environment()).Worker(
        loglevel="WARNING", redirect_stdouts=False
    ).execute_from_commandline()
