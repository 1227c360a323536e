"""The same work on stock Faust: a table with its changelog, poison caught and dead-lettered."""

import os
from pathlib import Path
from typing import Any

import faust
import uvloop

from infra.errors import InvalidRecord
from infra.record import Meta
from infra.streaming.wire import ORIGIN, dead_letter_headers, event_id_of, origin_of
from tests.faults.records import Counted, FaultCodec, is_poison

PARTITIONS = 4


def build(name: str, folder: Path) -> faust.App:
    """The app, as its documentation would have it, with sends that are awaited."""
    app = faust.App(
        name,
        broker=f"kafka://{os.environ['FAULT_BOOTSTRAP']}",
        datadir=str(folder),
        store="memory://",
        topic_partitions=PARTITIONS,
        topic_replication_factor=1,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        key_serializer="raw",
        value_serializer="raw",
        broker_commit_interval=0.5,
        broker_session_timeout=float(os.environ["FAULT_SESSION"]),
        broker_heartbeat_interval=0.5,
        producer_acks=-1,
        table_standby_replicas=0,
        stream_wait_empty=False,
        web_port=int(os.environ["FAULT_PORT"]),
        web_bind="127.0.0.1",
    )
    counts = app.Table("count-by-key", default=int)
    source = app.topic(f"{name}-in", value_serializer="raw", key_serializer="raw")
    handled = os.open(folder / "handled", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    codec = FaultCodec()

    @app.agent(source)
    async def count(stream: Any) -> None:
        async for event in stream.events():
            at = event.message
            topic, partition, offset = at.topic, at.partition, at.offset
            try:
                order = codec.decode(event.value).event
                os.write(handled, b"%d %d\n" % (partition, offset))
                if is_poison(order):
                    raise ValueError(f"order {order.number} is poison")
                counts[order.name] += 1
                counted = Counted(number=order.number, name=order.name, count=counts[order.name])
                origin = origin_of(topic, partition, offset, 0)
                meta = Meta(
                    event_id=event_id_of(origin), occurred_at=0, producer="stock", sequence=offset
                )
                headers: list[Any] = [(ORIGIN, origin)]
                value, sink = codec.encode(meta, counted), f"{name}-out"
            except (InvalidRecord, ValueError) as error:
                headers = dead_letter_headers(topic, partition, offset, error, 0)
                value, sink = event.value, f"{name}-in-dlq"
            await app.producer.send_and_wait(sink, event.key, value, partition, None, headers)

    return app


if __name__ == "__main__":
    uvloop.install()
    build(os.environ["FAULT_RUN"], Path(os.environ["FAULT_FOLDER"])).Worker(
        loglevel="WARNING", redirect_stdouts=False
    ).execute_from_commandline()
