"""Polls of each channel, newest first, with their tallies."""

from typing import Final

import msgspec

from infra.record import Envelope
from schemas.records.chat import PollEnded, PollProgressed, PollStarted
from sinks.rows import Columns, Key
from sinks.view import Change, Upsert, View

PART: Final = 30 * 86_400 * 1_000_000
"""Microseconds: what began in such a span lies together."""


def project(message: Envelope) -> list[Change]:
    """A poll as it was told last. Choices and winners are JSON."""
    match message.event:
        case PollStarted() | PollProgressed() | PollEnded() as poll:
            columns: Columns = {
                "title": poll.title,
                "choices": msgspec.json.encode(poll.choices).decode(),
                "ends_at": poll.ends_at,
                "told_at": message.meta.occurred_at,
                "status": "active",
            }
            if isinstance(poll, PollEnded):
                columns |= {
                    "status": poll.result,
                    "ended_at": poll.ended_at,
                    "winners": msgspec.json.encode(poll.winners).decode(),
                }
            return [Upsert((poll.channel_id, poll.started_at, poll.poll_id), columns)]
    return []


def part_of(key: Key) -> int:
    """The span in which it began."""
    return int(key[1]) // PART


VIEW = View(
    name="polls",
    purpose="Polls of each channel, newest first, with their tallies; choices are JSON.",
    topics=("chat-events",),
    store="cassandra",
    key={"channel_id": str, "started_at": int, "poll_id": str},
    columns={
        "title": str,
        "choices": str,
        "ends_at": int,
        "told_at": int,
        "status": str,
        "ended_at": int,
        "winners": str,
    },
    newest_first=("started_at",),
    part_of=part_of,
    project=project,
    log_key="channel_id",
)
