"""`/v1/channels/{channel_id}/polls`: starting and ending them, and voting."""

from typing import Annotated

import msgspec

from api.access import scoped, signed_in
from api.call import Call, endpoint
from api.engagement import polls
from api.engagement.polls import PollRow, Status
from api.v1.followers import ChannelIdPath
from api.v1.parameters import Id
from api.v1.resources import One, timestamp

Title = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
Short = Annotated[str, msgspec.Meta(min_length=1, max_length=25)]


class PollPath(ChannelIdPath, frozen=True):
    """A poll in the path."""

    poll_id: Id


class NewPoll(msgspec.Struct, frozen=True):
    """What is asked, and for how long."""

    title: Title
    choices: Annotated[list[Short], msgspec.Meta(min_length=2, max_length=5)]
    seconds: Annotated[int, msgspec.Meta(ge=15, le=1800)]


class Ending(msgspec.Struct, frozen=True):
    """How a poll ends."""

    archive: bool = False
    """Whether it is not to be shown any more."""


class Vote(msgspec.Struct, frozen=True):
    """What somebody votes for."""

    choice_id: Id


class Voted(msgspec.Struct, frozen=True):
    """A vote that counts."""

    poll_id: str
    choice_id: str


class Choice(msgspec.Struct, frozen=True):
    """Something that can be voted for."""

    id: str
    title: str
    votes: int


class Poll(msgspec.Struct, frozen=True):
    """A poll. Times are RFC 3339 in UTC."""

    poll_id: str
    title: str
    status: Status
    choices: list[Choice]
    votes: int
    """How many have voted."""
    winners: list[str]
    """Ids of the choices with the most votes, once it has ended."""
    started_at: str
    ends_at: str
    ended_at: str | None


def shown(row: PollRow) -> Poll:
    """A poll's row as its resource."""
    choices = [Choice(each.id, each.title, each.votes) for each in row.tallies]
    return Poll(
        poll_id=row.poll_id,
        title=row.title,
        status=row.status,
        choices=choices,
        votes=sum(each.votes for each in choices),
        winners=row.winning,
        started_at=timestamp(row.started_at),
        ends_at=timestamp(row.ends_at),
        ended_at=None if row.ended_at is None else timestamp(row.ended_at),
    )


async def start_poll(call: Call, path: ChannelIdPath, body: NewPoll) -> One[Poll]:
    """Start a poll in a channel that you moderate."""
    row = await polls.start(call, path.channel_id, body.title, body.choices, body.seconds)
    return One(shown(row), timestamp(call.now))


async def end_poll(call: Call, path: PollPath, body: Ending) -> One[Poll]:
    """End a poll before its time, in a channel that you moderate."""
    row = await polls.end(call, path.channel_id, path.poll_id, archive=body.archive)
    return One(shown(row), timestamp(call.now))


async def vote(call: Call, path: PollPath, body: Vote) -> One[Voted]:
    """Vote in a poll: once."""
    cast = await polls.vote(call, path.channel_id, path.poll_id, body.choice_id)
    return One(Voted(cast.poll_id, cast.choice_id), timestamp(call.now))


_POLLS = "/v1/channels/{channel_id}/polls"
_MANAGE = signed_in & scoped("channel:manage:polls")

ASKING = (
    endpoint("POST", _POLLS, start_poll, _MANAGE, errors=(403, 404)),
    endpoint("POST", f"{_POLLS}/{{poll_id}}/end", end_poll, _MANAGE, errors=(403,)),
    endpoint(
        "POST",
        f"{_POLLS}/{{poll_id}}/votes",
        vote,
        signed_in & scoped("user:write:polls"),
    ),
)
