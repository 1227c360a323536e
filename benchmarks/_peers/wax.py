"""bytewax: its own Kafka source and sink around `stateful_map`, one worker.

With snapshots of its state twice a second, so that a restart goes on; with the argument
`volatile`, without: faster, but a restart begins with the first event and an empty state.
"""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import cluster_main

from benchmarks._peers.work import Job, decode, encode, rule


def touch(
    state: tuple[int, int] | None, event: dict[str, Any]
) -> tuple[tuple[int, int], KafkaSinkMessage[bytes, bytes]]:
    """Count the channel and encode the answer."""
    state = rule(state or (0, 0), event["received_bytes"])
    count, largest = state
    key = event["channel_id"].encode()
    return state, KafkaSinkMessage(key, encode(event, largest, count))


def keyed(message: Any) -> tuple[str, dict[str, Any]]:
    """(channel, decoded record)."""
    event = decode(message.value)
    return event["channel_id"], event


def build(job: Job) -> Dataflow:
    """Kafka, decode, count, encode, Kafka."""
    flow = Dataflow("progress")
    source = KafkaSource(
        [job.bootstrap], [job.source], batch_size=1000, add_config={"fetch.wait.max.ms": "50"}
    )
    sink = KafkaSink(
        [job.bootstrap], job.sink, add_config={"linger.ms": "2", "partitioner": "murmur2_random"}
    )
    events = op.map("decode", op.input("in", flow, source), keyed)
    answers = op.stateful_map("count", events, touch)
    op.output("out", op.map("value", answers, lambda pair: pair[1]), sink)
    return flow


def run(job: Job, *, durable: bool) -> None:
    """Work until killed."""
    if not durable:
        cluster_main(build(job), [], 0)
        return
    folder = Path(job.folder)
    init_db_dir(folder, 1)
    every = timedelta(seconds=0.5)
    cluster_main(build(job), [], 0, epoch_interval=every, recovery_config=RecoveryConfig(folder))


if __name__ == "__main__":
    run(Job.from_environment(), durable="volatile" not in sys.argv)
