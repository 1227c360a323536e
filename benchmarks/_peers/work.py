"""The work itself: what a contender is told, how peers decode and encode, and the rule."""

import io
import os
import struct
from typing import Any, NamedTuple

import fastavro

from schemas import sources

INPUT = "millrace.ingest.PublishProgressed"
OUTPUT = "millrace.broadcast.TouchSession"


class Job(NamedTuple):
    """What one contender works on. Handed over in the environment of its process."""

    bootstrap: str
    source: str
    sink: str
    group: str
    folder: str
    """For its local state; removed afterwards."""
    port: int
    """A free TCP port, for contenders that serve HTTP."""

    def environment(self) -> dict[str, str]:
        """The job as environment variables."""
        return {f"JOB_{name.upper()}": str(value) for name, value in self._asdict().items()}

    @classmethod
    def from_environment(cls) -> "Job":
        """The job of this process."""
        texts = [os.environ[f"JOB_{name.upper()}"] for name in cls._fields]
        *names, port = texts
        return cls(*names, port=int(port))


_INPUT = fastavro.parse_schema(sources.plain(sources.schemas()[INPUT]))
_OUTPUT = fastavro.parse_schema(sources.plain(sources.schemas()[OUTPUT]))
_FRAME = struct.pack(">bI", 0, sources.ids()[OUTPUT])


def decode(value: bytes) -> dict[str, Any]:
    """The input record in a Confluent frame, as fastavro gives it: the fastest way there is."""
    source = io.BytesIO(value)
    source.seek(5)
    found: Any = fastavro.schemaless_reader(source, _INPUT, None)
    fields: dict[str, Any] = found
    return fields


def encode(event: dict[str, Any], received_bytes: int, count: int) -> bytes:
    """The framed output. Its meta is copied, where Millrace numbers and names each message."""
    before = event["meta"]
    meta = {
        "event_id": before["event_id"],
        "occurred_at": before["occurred_at"],
        "producer": "peer",
        "sequence": count,
        "causation_id": before["event_id"],
        "correlation_id": before["correlation_id"],
    }
    out = io.BytesIO()
    out.write(_FRAME)
    fields = {
        "meta": meta,
        "channel_id": event["channel_id"],
        "session_id": event["session_id"],
        "received_bytes": received_bytes,
    }
    fastavro.schemaless_writer(out, _OUTPUT, fields)
    return out.getvalue()


def rule(state: tuple[int, int], received_bytes: int) -> tuple[int, int]:
    """(events, largest received_bytes) of a channel, one event later."""
    count, largest = state
    return count + 1, max(largest, received_bytes)
