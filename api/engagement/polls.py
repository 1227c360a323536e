"""Polls: from rows, and from what was just decided."""

from typing import Literal

import msgspec

from api.call import Call
from api.engagement.lists import COMMANDS
from api.moderating import ban_of, broadcaster, moderator
from schemas.records.chat import PollChoice, PollEnded, PollStarted
from schemas.records.engagement import CastVote, EndPoll, StartPoll, VoteCast

Status = Literal["active", "completed", "terminated", "archived"]


class PollRow(msgspec.Struct, frozen=True):
    """A row of `polls`; times in microseconds since 1970."""

    poll_id: str
    title: str
    started_at: int
    ends_at: int
    choices: str
    """JSON."""
    status: Status
    ended_at: int | None = None
    winners: str = "[]"
    """JSON."""

    @property
    def tallies(self) -> list[PollChoice]:
        """What can be voted for, and the votes."""
        return msgspec.json.decode(self.choices, type=list[PollChoice])

    @property
    def winning(self) -> list[str]:
        """Ids of choices."""
        return msgspec.json.decode(self.winners, type=list[str])


def row_of(event: PollStarted | PollEnded) -> PollRow:
    """The row that follows from an event."""
    row = PollRow(
        poll_id=event.poll_id,
        title=event.title,
        started_at=event.started_at,
        ends_at=event.ends_at,
        choices=msgspec.json.encode(event.choices).decode(),
        status="active",
    )
    if isinstance(event, PollStarted):
        return row
    return msgspec.structs.replace(
        row,
        status=event.result,
        ended_at=event.ended_at,
        winners=msgspec.json.encode(event.winners).decode(),
    )


async def start(
    call: Call, channel_id: str, title: str, choices: list[str], seconds: int
) -> PollRow:
    """Start a poll in a channel that you moderate."""
    await broadcaster(call, channel_id)
    by = await moderator(call, channel_id)
    command = StartPoll(
        channel_id=channel_id,
        title=title,
        choices=choices,
        seconds=seconds,
        **msgspec.structs.asdict(by),
    )
    return row_of(await call.ask(COMMANDS, channel_id, command, PollStarted))


async def end(call: Call, channel_id: str, poll_id: str, *, archive: bool) -> PollRow:
    """End a poll in a channel that you moderate."""
    by = await moderator(call, channel_id)
    command = EndPoll(
        channel_id=channel_id, poll_id=poll_id, archive=archive, **msgspec.structs.asdict(by)
    )
    return row_of(await call.ask(COMMANDS, channel_id, command, PollEnded))


async def vote(call: Call, channel_id: str, poll_id: str, choice_id: str) -> VoteCast:
    """Vote."""
    banned = await ban_of(call.views, channel_id, call.user_id, call.now)
    command = CastVote(
        channel_id=channel_id,
        poll_id=poll_id,
        choice_id=choice_id,
        user_id=call.user_id,
        banned=banned is not None,
    )
    return await call.ask(COMMANDS, channel_id, command, VoteCast)
