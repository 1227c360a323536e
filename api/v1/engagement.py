"""`/v1/channels/{channel_id}/engagement`: what runs in a channel, and what you chose."""

import asyncio
from typing import Final, Literal

import msgspec

from api.access import public, scoped, signed_in
from api.call import Call, endpoint
from api.engagement.lists import newest
from api.engagement.polls import PollRow
from api.engagement.predictions import PredictionRow
from api.v1 import polls, predictions, raids
from api.v1.followers import ChannelIdPath
from api.v1.resources import One, timestamp
from api.views import PARTICIPANTS, POLLS, PREDICTIONS, RAIDS, typed

SHOWN: Final = 60_000_000
"""Microseconds for which what has ended is shown."""
WELCOME: Final = 1_000
"""Points that come with the first prediction in a channel (`agents.engagement.predictions`)."""


class Engagement(msgspec.Struct, frozen=True):
    """What runs in a channel, or ended within the last minute."""

    poll: polls.Poll | None
    prediction: predictions.Prediction | None
    raid: raids.Raid | None


class Paid(msgspec.Struct, frozen=True):
    """What you got out of a prediction."""

    prediction_id: str
    points: int
    """Your stake included."""
    staked: int
    cause: Literal["payout", "refund"]


class Mine(msgspec.Struct, frozen=True):
    """What you have and chose in a channel."""

    points: int
    """What you may stake, those included that come with your first prediction."""
    poll_id: str | None
    """The last poll that you voted in."""
    choice_id: str | None
    prediction_id: str | None
    """The last prediction that you staked points on."""
    outcome_id: str | None
    staked: int
    paid: Paid | None
    """What you were paid last."""


class ParticipantRow(msgspec.Struct, frozen=True):
    """A row of `participants`."""

    points: int = 0
    welcomed: bool = False
    poll_id: str | None = None
    choice_id: str | None = None
    prediction_id: str | None = None
    outcome_id: str | None = None
    staked: int = 0
    paid_prediction_id: str | None = None
    paid_points: int = 0
    paid_staked: int = 0
    paid_cause: Literal["payout", "refund"] = "payout"


async def get_engagement(call: Call, path: ChannelIdPath) -> One[Engagement]:
    """The poll, the prediction and the raid of a channel: running, or over for a minute at most."""
    channel_id, now = path.channel_id, call.now
    poll, prediction, raid = await asyncio.gather(
        newest(call.views, POLLS, channel_id, PollRow),
        newest(call.views, PREDICTIONS, channel_id, PredictionRow),
        call.views.get(RAIDS, channel_id),
    )
    found = Engagement(
        poll=polls.shown(poll) if poll and _current(poll, now) else None,
        prediction=predictions.shown(prediction)
        if prediction and _current(prediction, now)
        else None,
        raid=raids.shown(typed(raid, raids.RaidRow)) if raid else None,
    )
    return One(found, timestamp(now))


async def get_mine(call: Call, path: ChannelIdPath) -> One[Mine]:
    """Your points in a channel, your vote and your prediction."""
    row = typed(
        await call.views.get(PARTICIPANTS, (path.channel_id, call.user_id)) or {}, ParticipantRow
    )
    paid = None
    if row.paid_prediction_id is not None:
        paid = Paid(row.paid_prediction_id, row.paid_points, row.paid_staked, row.paid_cause)
    mine = Mine(
        points=row.points + (0 if row.welcomed else WELCOME),
        poll_id=row.poll_id,
        choice_id=row.choice_id,
        prediction_id=row.prediction_id,
        outcome_id=row.outcome_id,
        staked=row.staked,
        paid=paid,
    )
    return One(mine, timestamp(call.now))


def _current(row: PollRow | PredictionRow, now: int) -> bool:
    return row.status != "archived" and (row.ended_at is None or now - row.ended_at < SHOWN)


_ENGAGEMENT = "/v1/channels/{channel_id}/engagement"

ROUTES = (
    endpoint("GET", _ENGAGEMENT, get_engagement, public, max_age=1),
    endpoint("GET", f"{_ENGAGEMENT}/me", get_mine, signed_in & scoped("user:read:chat")),
)
