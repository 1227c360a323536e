"""`/helix/polls`: what viewers of a channel are asked."""

from typing import Annotated, Literal

import msgspec

from api.access import scoped, signed_in
from api.call import Call
from api.engagement import lists, polls
from api.engagement.polls import PollRow
from api.helix.dialect import Data, Listing, PageQuery, Pagination, helix
from api.moderating import broadcaster, moderator
from api.people import Person
from api.v1.parameters import Id
from api.v1.polls import Short
from api.v1.resources import timestamp
from api.views import POLLS
from infra.errors import InvalidRecord, NotFound

_First = Annotated[int, msgspec.Meta(ge=1, le=20)]


class PollsQuery(PageQuery, frozen=True, kw_only=True):
    """Of which channel, and which of its polls."""

    broadcaster_id: Id
    id: Annotated[list[Id], msgspec.Meta(max_length=20)] = msgspec.field(default_factory=list)
    first: _First = 20


class NewChoice(msgspec.Struct, frozen=True):
    """Something that can be voted for."""

    title: Short


class NewPoll(msgspec.Struct, frozen=True):
    """What is asked, and for how many seconds."""

    broadcaster_id: Id
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
    choices: Annotated[list[NewChoice], msgspec.Meta(min_length=2, max_length=5)]
    duration: Annotated[int, msgspec.Meta(ge=15, le=1800)]
    channel_points_voting_enabled: bool = False
    """There are no further votes for points: must be false."""


class EndedPoll(msgspec.Struct, frozen=True):
    """Which poll, and how it ends."""

    broadcaster_id: Id
    id: Id
    status: Literal["TERMINATED", "ARCHIVED"]


class Choice(msgspec.Struct, frozen=True):
    """Something that can be voted for, and the votes."""

    id: str
    title: str
    votes: int
    channel_points_votes: int = 0
    bits_votes: int = 0


class Poll(msgspec.Struct, frozen=True, kw_only=True):
    """A poll."""

    id: str
    broadcaster_id: str
    broadcaster_name: str
    broadcaster_login: str
    title: str
    choices: list[Choice]
    bits_voting_enabled: bool = False
    bits_per_vote: int = 0
    channel_points_voting_enabled: bool = False
    channel_points_per_vote: int = 0
    status: str
    duration: int
    started_at: str
    ended_at: str | None


async def get_polls(call: Call, query: PollsQuery) -> Listing[Poll]:
    """Polls of a channel that you moderate, newest first."""
    await moderator(call, query.broadcaster_id)
    person = await broadcaster(call, query.broadcaster_id)
    rows, cursor = await lists.page(
        call.views,
        POLLS,
        query.broadcaster_id,
        PollRow,
        limit=query.first,
        cursor=query.after,
        key="poll_id",
        ids=query.id,
    )
    if query.id and not rows:
        raise NotFound("There is no such poll.")
    return Listing([_shown(person, row) for row in rows], Pagination(cursor))


async def create_poll(call: Call, body: NewPoll) -> Data[Poll]:
    """Start a poll in a channel that you moderate."""
    if body.channel_points_voting_enabled:
        raise InvalidRecord("channel_points_voting_enabled: votes for points are not offered")
    choices = [each.title for each in body.choices]
    row = await polls.start(call, body.broadcaster_id, body.title, choices, body.duration)
    return Data([_shown(await broadcaster(call, body.broadcaster_id), row)])


async def end_poll(call: Call, body: EndedPoll) -> Data[Poll]:
    """End a poll before its time, in a channel that you moderate."""
    archive = body.status == "ARCHIVED"
    row = await polls.end(call, body.broadcaster_id, body.id, archive=archive)
    return Data([_shown(await broadcaster(call, body.broadcaster_id), row)])


def _shown(person: Person, row: PollRow) -> Poll:
    return Poll(
        id=row.poll_id,
        broadcaster_id=person.user_id,
        broadcaster_name=person.display_name,
        broadcaster_login=person.login,
        title=row.title,
        choices=[Choice(each.id, each.title, each.votes) for each in row.tallies],
        status=row.status.upper(),
        duration=(row.ends_at - row.started_at) // 1_000_000,
        started_at=timestamp(row.started_at),
        ended_at=None if row.ended_at is None else timestamp(row.ended_at),
    )


_PATH = "/polls"
_MANAGE = signed_in & scoped("channel:manage:polls")
_READ = signed_in & scoped("channel:read:polls", "channel:manage:polls")

ROUTES = (helix("GET", _PATH, get_polls, _READ, errors=(404,)),)
ASKING = (
    helix("POST", _PATH, create_poll, _MANAGE, errors=(404,)),
    helix("PATCH", _PATH, end_poll, _MANAGE, errors=(404,)),
)
