"""The worker under test: two tables, outputs, dead letters. Sabotaged on request, for controls."""

import asyncio
import os
import random
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from infra.streaming import App, Message, Send, Table, make_app, run
from infra.streaming.journal import EntryKey, pack
from infra.streaming.journal_writer import JournalWriter
from tests.faults.records import Counted, FaultCodec, is_poison

PARTITIONS = 4
SUM = "sum"


class Sabotage(StrEnum):
    """Ways to break the run loop on purpose, so that a detector must fire."""

    NONE = "none"
    UNAWAITED_OUTPUTS = "outputs not awaited before the journal"
    DROPPED_RECORD = "a record dropped"
    LOST_TABLE_WRITE = "a table write lost"
    LOST_DEAD_LETTER = "a dead letter lost"


def count(
    message: Message,
    send: Send,
    *,
    counts: Table[int],
    sums: Table[int],
    handled: int,
    sabotage: Sabotage,
) -> None:
    """Count the key, add to the partition's sum, answer. Poison raises after both writes."""
    event = message.event
    if sabotage is Sabotage.DROPPED_RECORD and event.number % 500 == 7:
        return
    os.write(handled, b"%d %d\n" % (message.partition, message.offset))
    counted = counts.get(event.name, 0) + 1
    counts[event.name] = counted
    sums[SUM] = sums.get(SUM, 0) + event.number
    if is_poison(event):
        raise ValueError(f"order {event.number} is poison")
    send(Counted(number=event.number, name=event.name, count=counted))


def delay_sends(seconds: float) -> None:
    """Every batch waits a random while before it goes out."""
    send_batch, append = AIOKafkaProducer.send_batch, JournalWriter.append

    async def late(self: Any, *arguments: Any, **options: Any) -> Any:
        await asyncio.sleep(random.random() * seconds)
        return await send_batch(self, *arguments, **options)

    async def append_late(self: Any, lists: Any) -> Any:
        await asyncio.sleep(random.random() * seconds)
        return await append(self, lists)

    AIOKafkaProducer.send_batch, JournalWriter.append = late, append_late  # type: ignore[method-assign]


class _Acknowledged:
    offset = 0


def lie_about_sends(topic: str, *, after: float | None) -> None:
    """Batches to a topic count as acknowledged at once; they go out later, or never (None)."""
    send_batch = AIOKafkaProducer.send_batch
    keep: set[asyncio.Task[Any]] = set()

    async def lying(self: Any, batch: Any, where: str, *, partition: int) -> Any:
        if where != topic:
            return await send_batch(self, batch, where, partition=partition)

        async def later(seconds: float) -> None:
            await asyncio.sleep(seconds)
            await send_batch(self, batch, where, partition=partition)

        if after is not None:
            task = asyncio.create_task(later(after))
            keep.add(task)
            task.add_done_callback(keep.discard)
        future = asyncio.get_running_loop().create_future()
        future.set_result(_Acknowledged())
        return future

    AIOKafkaProducer.send_batch = lying


def lose_table_writes(row: EntryKey) -> None:
    """A table's row never gets into the journal: a zero goes in its place."""
    append, address = BatchBuilder.append, pack(row)

    def losing(self: Any, *, timestamp: Any, key: Any, value: Any, headers: Any = ()) -> Any:
        value = pack(0) if key == address else value
        return append(self, timestamp=timestamp, key=key, value=value, headers=headers)

    BatchBuilder.append = losing


def sabotage_client(sabotage: Sabotage, run_name: str) -> None:
    """Break the Kafka client under the run loop."""
    match sabotage:
        case Sabotage.UNAWAITED_OUTPUTS:
            lie_about_sends(f"{run_name}-out", after=2.0)
        case Sabotage.LOST_DEAD_LETTER:
            lie_about_sends(f"{run_name}-in-dlq", after=None)
        case Sabotage.LOST_TABLE_WRITE:
            lose_table_writes(("table", "count-by-key", "key-0007"))
        case _:
            pass


def main() -> None:
    """Run until stopped; the environment says what to do."""
    name, folder = os.environ["FAULT_RUN"], Path(os.environ["FAULT_FOLDER"])
    sabotage = Sabotage(os.environ["FAULT_SABOTAGE"])
    if delay := float(os.environ["FAULT_DELAY"]):
        delay_sends(delay)
    sabotage_client(sabotage, name)
    structlog.configure(processors=[structlog.processors.KeyValueRenderer()])
    run(lambda: counting_app(name, folder, sabotage))


def counting_app(name: str, folder: Path, sabotage: Sabotage) -> App:
    """Counts orders."""
    app = make_app(
        name,
        bootstrap=os.environ["FAULT_BOOTSTRAP"],
        codec=FaultCodec(),
        partitions=lambda topic: PARTITIONS,
        dead_letter_topic=lambda topic: f"{topic}-dlq",
        data_dir=folder,
        web_port=int(os.environ["FAULT_PORT"]),
        session_timeout=float(os.environ["FAULT_SESSION"]),
        heartbeat_interval=0.5,
    )
    counts = app.Table("count-by-key", value_type=int)
    sums = app.Table("sum-by-partition", value_type=int)
    handled = os.open(folder / "handled", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    handler = partial(count, counts=counts, sums=sums, handled=handled, sabotage=sabotage)
    app.add_agent("count-orders", source=f"{name}-in", sink=f"{name}-out", handler=handler)
    return app


if __name__ == "__main__":
    main()
