"""Polls: one runs in a channel, everybody has one vote. Pure; time is that of the command."""

from dataclasses import replace
from typing import Any, Final, Literal

from agents.engagement.state import Choice, Poll, Wrong
from agents.engagement.wording import (
    SECOND,
    due,
    id_of,
    may_not,
    wrong_duration,
    wrong_list,
    wrong_title,
)
from schemas.records.chat import PollChoice, PollEnded, PollProgressed, PollStarted
from schemas.records.engagement import CastVote, EndPoll, StartPoll, VoteCast

TITLE: Final = 60
CHOICES: Final = 5
SHORTEST: Final = 15
LONGEST: Final = 1800
"""Seconds."""
NOT_RUNNING: Final[Wrong] = ("not-running", "no such poll runs in the channel")


def start(running: Poll | None, command: StartPoll, poll_id: str, now: int) -> PollStarted | Wrong:
    """What follows from asking for a poll. `poll_id`: the id of the command."""
    wrong = (
        may_not(command.by_role)
        or wrong_title(command.title, TITLE)
        or wrong_list(command.choices, CHOICES, "choices")
        or wrong_duration(command.seconds, SHORTEST, LONGEST)
    )
    if wrong:
        return wrong
    if running is not None:
        return "already-running", "the channel has a poll"
    return PollStarted(
        channel_id=command.channel_id,
        poll_id=poll_id,
        title=command.title,
        choices=[
            PollChoice(id=id_of(poll_id, number), title=title, votes=0)
            for number, title in enumerate(command.choices)
        ],
        started_at=now,
        ends_at=now + command.seconds * SECOND,
        by_id=command.by_id,
        by_login=command.by_login,
    )


def vote(poll: Poll | None, voted: bool, command: CastVote, now: int) -> VoteCast | Wrong:
    """What follows from a vote. `voted`: whether the user has voted in it before."""
    if command.banned:
        return "banned", "you are shut out of the channel"
    if poll is None or poll.poll_id != command.poll_id or now >= poll.ends_at:
        return NOT_RUNNING
    if voted:
        return "voted-already", "everybody has one vote, and you have used yours"
    if all(each.id != command.choice_id for each in poll.choices):
        return "unknown-choice", "the poll has no such choice"
    return VoteCast(
        channel_id=command.channel_id,
        poll_id=command.poll_id,
        choice_id=command.choice_id,
        user_id=command.user_id,
    )


def end(poll: Poll | None, command: EndPoll, now: int) -> PollEnded | Wrong:
    """What follows from asking for a poll to end."""
    if wrong := may_not(command.by_role):
        return wrong
    if poll is None or poll.poll_id != command.poll_id:
        return NOT_RUNNING
    result: Literal["terminated", "archived"] = "archived" if command.archive else "terminated"
    return _ended(command.channel_id, poll, now, result, command.by_id, command.by_login)


def pass_time(channel_id: str, poll: Poll, now: int) -> PollEnded | PollProgressed | None:
    """What time brings: the end, or news of the tallies."""
    if now >= poll.ends_at:
        return _ended(channel_id, poll, now, "completed")
    if poll.votes == poll.told or not due(poll.started_at, poll.ends_at, poll.told_at, now):
        return None
    return PollProgressed(**_said(channel_id, poll))


def begun(event: PollStarted) -> Poll:
    """A poll that was started."""
    return Poll(
        poll_id=event.poll_id,
        title=event.title,
        choices=tuple(Choice(each.id, each.title) for each in event.choices),
        started_at=event.started_at,
        ends_at=event.ends_at,
        told_at=event.started_at,
    )


def counted(poll: Poll, event: VoteCast) -> Poll:
    """A poll with one more vote."""
    choices = tuple(
        replace(each, votes=each.votes + 1) if each.id == event.choice_id else each
        for each in poll.choices
    )
    return replace(poll, choices=choices)


def told(poll: Poll, now: int) -> Poll:
    """A poll whose tallies were told."""
    return replace(poll, told_at=now, told=poll.votes)


def _ended(
    channel_id: str,
    poll: Poll,
    now: int,
    result: Literal["completed", "terminated", "archived"],
    by_id: str = "",
    by_login: str = "",
) -> PollEnded:
    most = max(each.votes for each in poll.choices)
    return PollEnded(
        **_said(channel_id, poll),
        ended_at=now,
        result=result,
        winners=[each.id for each in poll.choices if each.votes == most] if most else [],
        by_id=by_id,
        by_login=by_login,
    )


def _said(channel_id: str, poll: Poll) -> dict[str, Any]:
    return {
        "channel_id": channel_id,
        "poll_id": poll.poll_id,
        "title": poll.title,
        "choices": [
            PollChoice(id=each.id, title=each.title, votes=each.votes) for each in poll.choices
        ],
        "started_at": poll.started_at,
        "ends_at": poll.ends_at,
    }
