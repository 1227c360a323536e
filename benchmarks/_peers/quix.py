"""quixstreams: a stateful count, RocksDB with its changelog, as its guide writes it."""

from typing import Any

from quixstreams import Application, State

from benchmarks._peers.work import Job, decode, encode, rule


def touch(event: dict[str, Any], state: "State[Any, Any]") -> bytes:
    """Decode was before this; count the channel and encode the answer."""
    count, largest = rule(tuple(state.get("progress", (0, 0))), event["received_bytes"])
    state.set("progress", (count, largest))
    return encode(event, largest, count)


def run(job: Job) -> None:
    """Work until killed."""
    app = Application(
        broker_address=job.bootstrap,
        consumer_group=job.group,
        auto_offset_reset="earliest",
        commit_interval=0.5,
        state_dir=job.folder,
        loglevel="WARNING",
        auto_create_topics=True,
        producer_extra_config={"linger.ms": 2},
        consumer_extra_config={"fetch.wait.max.ms": 50},
        consumer_poll_timeout=0.05,
    )
    source = app.topic(job.source, key_deserializer="bytes", value_deserializer="bytes")
    sink = app.topic(job.sink, key_serializer="bytes", value_serializer="bytes")
    app.dataframe(source).apply(decode).apply(touch, stateful=True).to_topic(sink)
    app.run()


if __name__ == "__main__":
    run(Job.from_environment())
