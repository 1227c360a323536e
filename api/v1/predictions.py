"""`/v1/channels/{channel_id}/predictions` and `/points`: what will happen, and what is staked."""

from typing import Annotated

import msgspec

from api.access import scoped, signed_in
from api.call import Call, endpoint
from api.engagement import predictions
from api.engagement.predictions import PredictionRow, Status
from api.v1.chat_moderation import ChatterPath
from api.v1.followers import ChannelIdPath
from api.v1.parameters import Id
from api.v1.polls import Short
from api.v1.resources import One, timestamp

_Points = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class PredictionPath(ChannelIdPath, frozen=True):
    """A prediction in the path."""

    prediction_id: Id


class NewPrediction(msgspec.Struct, frozen=True):
    """What is to be foreseen, and for how long points can be staked."""

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=45)]
    outcomes: Annotated[list[Short], msgspec.Meta(min_length=2, max_length=10)]
    seconds: Annotated[int, msgspec.Meta(ge=30, le=1800)]


class Ending(msgspec.Struct, frozen=True):
    """How it went."""

    winning_outcome_id: Id | None
    """Null: it is called off, and everybody gets their points back."""


class NewStake(msgspec.Struct, frozen=True):
    """What somebody foresees, and how sure they are."""

    outcome_id: Id
    points: _Points


class Staked(msgspec.Struct, frozen=True):
    """Points that are staked."""

    prediction_id: str
    outcome_id: str
    points: int
    """Those that were added."""
    staked: int
    """All that you have staked on it."""
    balance: int
    """What you have left."""


class NewGrant(msgspec.Struct, frozen=True):
    """Points for a user."""

    points: _Points
    reason: Annotated[str, msgspec.Meta(max_length=100)] = ""


class Granted(msgspec.Struct, frozen=True):
    """Points that a user was given."""

    user_id: str
    points: int
    balance: int
    """What they have now."""


class Outcome(msgspec.Struct, frozen=True):
    """Something that may come true."""

    id: str
    title: str
    users: int
    points: int


class Prediction(msgspec.Struct, frozen=True):
    """A prediction. Times are RFC 3339 in UTC."""

    prediction_id: str
    title: str
    status: Status
    outcomes: list[Outcome]
    pool: int
    """All points that are staked."""
    winning_outcome_id: str | None
    refunded: bool
    """Whether everybody gets their points back."""
    started_at: str
    locks_at: str
    locked_at: str | None
    ended_at: str | None


def shown(row: PredictionRow) -> Prediction:
    """A prediction's row as its resource."""
    outcomes = [Outcome(each.id, each.title, each.users, each.points) for each in row.tallies]
    return Prediction(
        prediction_id=row.prediction_id,
        title=row.title,
        status=row.status,
        outcomes=outcomes,
        pool=sum(each.points for each in outcomes),
        winning_outcome_id=row.winning_outcome_id or None,
        refunded=row.refunded,
        started_at=timestamp(row.started_at),
        locks_at=timestamp(row.locks_at),
        locked_at=None if row.locked_at is None else timestamp(row.locked_at),
        ended_at=None if row.ended_at is None else timestamp(row.ended_at),
    )


async def start_prediction(call: Call, path: ChannelIdPath, body: NewPrediction) -> One[Prediction]:
    """Start a prediction in a channel that you moderate."""
    row = await predictions.start(call, path.channel_id, body.title, body.outcomes, body.seconds)
    return One(shown(row), timestamp(call.now))


async def lock_prediction(call: Call, path: PredictionPath) -> One[Prediction]:
    """Let a prediction take no more points, in a channel that you moderate."""
    row = await predictions.lock(call, path.channel_id, path.prediction_id)
    return One(shown(row), timestamp(call.now))


async def end_prediction(call: Call, path: PredictionPath, body: Ending) -> One[Prediction]:
    """Say what came true, or call it off, in a channel that you moderate."""
    winning = body.winning_outcome_id or ""
    row = await predictions.end(call, path.channel_id, path.prediction_id, winning)
    return One(shown(row), timestamp(call.now))


async def stake(call: Call, path: PredictionPath, body: NewStake) -> One[Staked]:
    """Stake points on an outcome, or more of them. The first time in a channel brings 1 000."""
    event = await predictions.stake(
        call, path.channel_id, path.prediction_id, body.outcome_id, body.points
    )
    staked = msgspec.convert(event, Staked, from_attributes=True)
    return One(staked, timestamp(call.now))


async def grant_points(call: Call, path: ChatterPath, body: NewGrant) -> One[Granted]:
    """Give a user points in your channel."""
    event = await predictions.grant(call, path.channel_id, path.user_id, body.points, body.reason)
    granted = msgspec.convert(event, Granted, from_attributes=True)
    return One(granted, timestamp(call.now))


_CHANNEL = "/v1/channels/{channel_id}"
_PREDICTIONS = f"{_CHANNEL}/predictions"
_MANAGE = signed_in & scoped("channel:manage:predictions")

ASKING = (
    endpoint("POST", _PREDICTIONS, start_prediction, _MANAGE, errors=(403, 404)),
    endpoint(
        "POST", f"{_PREDICTIONS}/{{prediction_id}}/lock", lock_prediction, _MANAGE, errors=(403,)
    ),
    endpoint(
        "POST", f"{_PREDICTIONS}/{{prediction_id}}/end", end_prediction, _MANAGE, errors=(403,)
    ),
    endpoint(
        "POST",
        f"{_PREDICTIONS}/{{prediction_id}}/stakes",
        stake,
        signed_in & scoped("user:write:predictions"),
    ),
    endpoint(
        "POST", f"{_CHANNEL}/points/{{user_id}}/grants", grant_points, _MANAGE, errors=(403, 404)
    ),
)
