"""What a user has and chose in a channel: points, the last vote, the last prediction."""

from typing import Final
from zlib import crc32

from infra.record import Envelope
from schemas.records.engagement import PointsGranted, PointsPaid, PointsStaked, VoteCast
from sinks.rows import Columns, Key
from sinks.view import Change, Upsert, View

PARTS: Final = 32
"""What the users of a channel are spread over: few writes in a storm, small partitions."""


def project(message: Envelope) -> list[Change]:
    """Each kind of event has columns of its own, but for the points, which the last one tells."""
    event = message.event
    match event:
        case VoteCast():
            columns: Columns = {"poll_id": event.poll_id, "choice_id": event.choice_id}
        case PointsStaked():
            columns = {
                "points": event.balance,
                "prediction_id": event.prediction_id,
                "outcome_id": event.outcome_id,
                "staked": event.staked,
            }
        case PointsGranted():
            columns = {"points": event.balance}
            if event.cause == "welcome":
                columns["welcomed"] = True
        case PointsPaid():
            columns = {
                "points": event.balance,
                "paid_prediction_id": event.prediction_id,
                "paid_points": event.points,
                "paid_staked": event.staked,
                "paid_cause": event.cause,
            }
        case _:
            return []
    return [Upsert((event.channel_id, event.user_id), columns)]


def part_of(key: Key) -> int:
    """By user."""
    return crc32(str(key[1]).encode()) % PARTS


VIEW = View(
    name="participants",
    purpose="What a user has and chose in a channel: points, the last vote, the last prediction.",
    topics=("engagement-events",),
    store="cassandra",
    key={"channel_id": str, "user_id": str},
    columns={
        "points": int,
        "welcomed": bool,
        "poll_id": str,
        "choice_id": str,
        "prediction_id": str,
        "outcome_id": str,
        "staked": int,
        "paid_prediction_id": str,
        "paid_points": int,
        "paid_staked": int,
        "paid_cause": str,
    },
    part_of=part_of,
    project=project,
    log_key="channel_id",
)
