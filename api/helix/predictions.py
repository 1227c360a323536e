"""`/helix/predictions`: what viewers of a channel stake points on."""

from typing import Annotated, Literal

import msgspec

from api.access import scoped, signed_in
from api.call import Call
from api.engagement import lists, predictions
from api.engagement.predictions import PredictionRow
from api.helix.dialect import Data, Listing, PageQuery, Pagination, helix
from api.moderating import broadcaster, moderator
from api.people import Person
from api.v1.parameters import Id
from api.v1.polls import Short
from api.v1.resources import timestamp
from api.views import PREDICTIONS
from infra.errors import InvalidRecord, NotFound

_STATUSES = {"cancelled": "CANCELED"}
"""How the dialect calls them, where it is not the same in capitals."""


class PredictionsQuery(PageQuery, frozen=True, kw_only=True):
    """Of which channel, and which of its predictions."""

    broadcaster_id: Id
    id: Annotated[list[Id], msgspec.Meta(max_length=25)] = msgspec.field(default_factory=list)
    first: Annotated[int, msgspec.Meta(ge=1, le=25)] = 20


class NewOutcome(msgspec.Struct, frozen=True):
    """Something that may come true."""

    title: Short


class NewPrediction(msgspec.Struct, frozen=True):
    """What is to be foreseen, and for how many seconds points can be staked."""

    broadcaster_id: Id
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=45)]
    outcomes: Annotated[list[NewOutcome], msgspec.Meta(min_length=2, max_length=10)]
    prediction_window: Annotated[int, msgspec.Meta(ge=30, le=1800)]


class EndedPrediction(msgspec.Struct, frozen=True):
    """Which prediction, and what becomes of it."""

    broadcaster_id: Id
    id: Id
    status: Literal["RESOLVED", "CANCELED", "LOCKED"]
    winning_outcome_id: Id | None = None
    """Needed where it is resolved."""


class Outcome(msgspec.Struct, frozen=True):
    """Something that may come true, and what is staked on it."""

    id: str
    title: str
    users: int
    channel_points: int
    color: str
    top_predictors: None = None
    """Nobody ranks them yet."""


class Prediction(msgspec.Struct, frozen=True):
    """A prediction."""

    id: str
    broadcaster_id: str
    broadcaster_name: str
    broadcaster_login: str
    title: str
    winning_outcome_id: str | None
    outcomes: list[Outcome]
    prediction_window: int
    status: str
    created_at: str
    ended_at: str | None
    locked_at: str | None


async def get_predictions(call: Call, query: PredictionsQuery) -> Listing[Prediction]:
    """Predictions of a channel that you moderate, newest first."""
    await moderator(call, query.broadcaster_id)
    person = await broadcaster(call, query.broadcaster_id)
    rows, cursor = await lists.page(
        call.views,
        PREDICTIONS,
        query.broadcaster_id,
        PredictionRow,
        limit=query.first,
        cursor=query.after,
        key="prediction_id",
        ids=query.id,
    )
    if query.id and not rows:
        raise NotFound("There is no such prediction.")
    return Listing([_shown(person, row) for row in rows], Pagination(cursor))


async def create_prediction(call: Call, body: NewPrediction) -> Data[Prediction]:
    """Start a prediction in a channel that you moderate."""
    outcomes = [each.title for each in body.outcomes]
    row = await predictions.start(
        call, body.broadcaster_id, body.title, outcomes, body.prediction_window
    )
    return Data([_shown(await broadcaster(call, body.broadcaster_id), row)])


async def end_prediction(call: Call, body: EndedPrediction) -> Data[Prediction]:
    """Lock or resolve a prediction, or call it off, in a channel that you moderate."""
    channel_id, winning = body.broadcaster_id, body.winning_outcome_id or ""
    if (body.status == "RESOLVED") != bool(winning):
        raise InvalidRecord("winning_outcome_id: needed for RESOLVED, and only for that")
    if body.status == "LOCKED":
        row = await predictions.lock(call, channel_id, body.id)
    else:
        row = await predictions.end(call, channel_id, body.id, winning)
    return Data([_shown(await broadcaster(call, channel_id), row)])


def _shown(person: Person, row: PredictionRow) -> Prediction:
    tallies = row.tallies
    colours = ["BLUE", "PINK"] if len(tallies) == 2 else ["BLUE"] * len(tallies)
    return Prediction(
        id=row.prediction_id,
        broadcaster_id=person.user_id,
        broadcaster_name=person.display_name,
        broadcaster_login=person.login,
        title=row.title,
        winning_outcome_id=row.winning_outcome_id or None,
        outcomes=[
            Outcome(each.id, each.title, each.users, each.points, colour)
            for each, colour in zip(tallies, colours, strict=True)
        ],
        prediction_window=(row.locks_at - row.started_at) // 1_000_000,
        status=_STATUSES.get(row.status, row.status.upper()),
        created_at=timestamp(row.started_at),
        ended_at=None if row.ended_at is None else timestamp(row.ended_at),
        locked_at=None if row.locked_at is None else timestamp(row.locked_at),
    )


_PATH = "/predictions"
_MANAGE = signed_in & scoped("channel:manage:predictions")
_READ = signed_in & scoped("channel:read:predictions", "channel:manage:predictions")

ROUTES = (helix("GET", _PATH, get_predictions, _READ, errors=(404,)),)
ASKING = (
    helix("POST", _PATH, create_prediction, _MANAGE, errors=(404,)),
    helix("PATCH", _PATH, end_prediction, _MANAGE, errors=(404,)),
)
