"""What subscribers are told of polls, predictions and raids: fields as EventSub's reference has."""

from typing import Any, Final

from infra.record import Meta
from schemas.eventsub_fields import BROADCASTER, Told, timestamp
from schemas.records.chat import (
    PollEnded,
    PollProgressed,
    PollStarted,
    PredictionEnded,
    PredictionLocked,
    PredictionProgressed,
    PredictionStarted,
    RaidArrived,
    RaidWent,
)

FROM: Final = "from_broadcaster_user_id"
TO: Final = "to_broadcaster_user_id"
_NOT_OFFERED: Final = {"is_enabled": False, "amount_per_vote": 0}


def poll(event: PollStarted | PollProgressed, _: Meta) -> Told:
    """channel.poll.begin and channel.poll.progress."""
    return {**_poll(event), "ends_at": timestamp(event.ends_at)}


def poll_ended(event: PollEnded, _: Meta) -> Told:
    """channel.poll.end."""
    return {**_poll(event), "status": event.result, "ended_at": timestamp(event.ended_at)}


def prediction(event: PredictionStarted | PredictionProgressed, _: Meta) -> Told:
    """channel.prediction.begin and channel.prediction.progress."""
    return {**_prediction(event), "locks_at": timestamp(event.locks_at)}


def prediction_locked(event: PredictionLocked, _: Meta) -> Told:
    """channel.prediction.lock."""
    return {**_prediction(event), "locked_at": timestamp(event.locked_at)}


def prediction_ended(event: PredictionEnded, _: Meta) -> Told:
    """channel.prediction.end."""
    return {
        **_prediction(event),
        "winning_outcome_id": event.winning_outcome_id,
        "status": "resolved" if event.result == "resolved" else "canceled",
        "ended_at": timestamp(event.ended_at),
    }


def raid_went(event: RaidWent, _: Meta) -> Told:
    """channel.raid, for who listens to the channel that it comes from."""
    return {FROM: event.channel_id, TO: event.to_id, "viewers": event.viewers}


def raid_arrived(event: RaidArrived, _: Meta) -> Told:
    """channel.raid, for who listens to the channel that it goes to."""
    return {FROM: event.from_id, TO: event.channel_id, "viewers": event.viewers}


def _poll(event: PollStarted | PollProgressed | PollEnded) -> Told:
    return {
        "id": event.poll_id,
        BROADCASTER: event.channel_id,
        "title": event.title,
        "choices": [
            {
                "id": each.id,
                "title": each.title,
                "bits_votes": 0,
                "channel_points_votes": 0,
                "votes": each.votes,
            }
            for each in event.choices
        ],
        "bits_voting": _NOT_OFFERED,
        "channel_points_voting": _NOT_OFFERED,
        "started_at": timestamp(event.started_at),
    }


def _prediction(event: Any) -> Told:
    colours = ["blue", "pink"] if len(event.outcomes) == 2 else ["blue"] * len(event.outcomes)
    return {
        "id": event.prediction_id,
        BROADCASTER: event.channel_id,
        "title": event.title,
        "outcomes": [
            {
                "id": each.id,
                "title": each.title,
                "color": colour,
                "users": each.users,
                "channel_points": each.points,
                "top_predictors": [],
            }
            for each, colour in zip(event.outcomes, colours, strict=True)
        ],
        "started_at": timestamp(event.started_at),
    }
