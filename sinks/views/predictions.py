"""Predictions of each channel, newest first, with what is staked on them."""

from typing import Final

import msgspec

from infra.record import Envelope
from schemas.records.chat import (
    PredictionEnded,
    PredictionLocked,
    PredictionProgressed,
    PredictionStarted,
)
from sinks.rows import Columns, Key
from sinks.view import Change, Upsert, View

PART: Final = 30 * 86_400 * 1_000_000
"""Microseconds: what began in such a span lies together."""


def project(message: Envelope) -> list[Change]:
    """A prediction as it was told last. Outcomes are JSON."""
    match message.event:
        case (
            PredictionStarted() | PredictionProgressed() | PredictionLocked() | PredictionEnded()
        ) as told:
            columns: Columns = {
                "title": told.title,
                "outcomes": msgspec.json.encode(told.outcomes).decode(),
                "locks_at": told.locks_at,
                "told_at": message.meta.occurred_at,
                "status": "active",
            }
            if isinstance(told, PredictionLocked):
                columns |= {"status": "locked", "locked_at": told.locked_at}
            elif isinstance(told, PredictionEnded):
                columns |= {
                    "status": told.result,
                    "ended_at": told.ended_at,
                    "winning_outcome_id": told.winning_outcome_id,
                    "refunded": told.refunded,
                }
            return [Upsert((told.channel_id, told.started_at, told.prediction_id), columns)]
    return []


def part_of(key: Key) -> int:
    """The span in which it began."""
    return int(key[1]) // PART


VIEW = View(
    name="predictions",
    purpose="Predictions of each channel, newest first, with what is staked; outcomes are JSON.",
    topics=("chat-events",),
    store="cassandra",
    key={"channel_id": str, "started_at": int, "prediction_id": str},
    columns={
        "title": str,
        "outcomes": str,
        "locks_at": int,
        "told_at": int,
        "status": str,
        "locked_at": int,
        "ended_at": int,
        "winning_outcome_id": str,
        "refunded": bool,
    },
    newest_first=("started_at",),
    part_of=part_of,
    project=project,
    log_key="channel_id",
)
