"""Commands of polls, predictions and raids, and an agent over tables in memory."""

import random
from typing import Any

import msgspec

from agents.engagement.agent import Tables, decide_engagement
from agents.engagement.wording import id_of
from infra.record import Meta, Record
from infra.streaming import Message, TablesApart
from infra.streaming.testing import BEGINNING
from schemas.records.clock import Tick
from schemas.records.engagement import (
    CancelRaid,
    CastVote,
    EndPoll,
    EndPrediction,
    GrantPoints,
    LaunchRaid,
    LockPrediction,
    StakePoints,
    StartPoll,
    StartPrediction,
    StartRaid,
)
from topologies.engagement import tables

NOW = BEGINNING
SECOND = 1_000_000
CHANNEL = "c"
BY: dict[str, Any] = {"by_id": "c", "by_login": "river", "by_role": "broadcaster"}
MODERATOR: dict[str, Any] = {"by_id": "m", "by_login": "wanda", "by_role": "moderator"}
VIEWER: dict[str, Any] = {"by_id": "u", "by_login": "uma", "by_role": ""}

POLL = StartPoll(channel_id="c", title="Which boat?", choices=["red", "blue"], seconds=60, **BY)
END_POLL = EndPoll(channel_id="c", poll_id="p", archive=False, **BY)
PREDICTION = StartPrediction(
    channel_id="c", title="How long?", outcomes=["short", "long", "never"], seconds=60, **BY
)
LOCK = LockPrediction(channel_id="c", prediction_id="p", **BY)
END_PREDICTION = EndPrediction(channel_id="c", prediction_id="p", winning_outcome_id="", **BY)
GRANT = GrantPoints(channel_id="c", user_id="u", points=500, reason="a drawing", **BY)
RAID = StartRaid(
    channel_id="c",
    login="river",
    display_name="River",
    is_live=True,
    to_id="t",
    to_login="harbour",
    to_display_name="Harbour",
    to_is_live=True,
    viewers=318,
    **BY,
)
CANCEL = CancelRaid(channel_id="c", **BY)
LAUNCH = LaunchRaid(channel_id="c", viewers=300, **BY)


def vote(choice_id: str, user_id: str = "u", **more: Any) -> CastVote:
    given = {"channel_id": "c", "poll_id": "p", "banned": False, **more}
    return CastVote(choice_id=choice_id, user_id=user_id, **given)


def stake(outcome_id: str, points: int, user_id: str = "u", **more: Any) -> StakePoints:
    given = {"channel_id": "c", "prediction_id": "p", "banned": False, **more}
    return StakePoints(outcome_id=outcome_id, points=points, user_id=user_id, **given)


class Channels:
    """The agent over tables that are dicts; what it said, and where."""

    def __init__(self) -> None:
        self.tables: Tables = tables(TablesApart())
        self.said: list[tuple[str, str, Record]] = []
        """Topic, key, event."""
        self.asked = 0

    def put(self, command: Record, at: float = 0, command_id: str = "p") -> list[Any]:
        """What comes of a command."""
        return self.put_under(getattr(command, "channel_id", ""), command, at, command_id)

    def put_under(
        self, key: str, command: Record, at: float = 0, command_id: str = "p"
    ) -> list[Any]:
        """What comes of a command that has this key."""
        before = len(self.said)
        when = NOW + int(at * SECOND)
        self.asked += 1
        meta = Meta(event_id=command_id, occurred_at=when, producer="test", sequence=self.asked)

        own = key

        def send(event: Record, *, key: str | None = None, topic: str | None = None) -> None:
            self.said.append((topic or "engagement-events", own if key is None else key, event))

        message = Message(own, meta, command, "engagement-commands", 0, self.asked)
        decide_engagement(message, send, tables=self.tables)
        return [event for _, _, event in self.said[before:]]

    def one(self, command: Record, at: float = 0, command_id: str = "p") -> Any:
        (event,) = self.put(command, at, command_id)
        return event

    def refused(self, command: Record, at: float = 0) -> str:
        """The reason."""
        return str(self.one(command, at).reason)

    def tick(self, at: float) -> list[Any]:
        return self.put(Tick(), at)

    def rows(self) -> dict[str, dict[str, Any]]:
        """Everything it remembers."""
        named = {**vars(self.tables), **vars(self.tables.crowds)}
        return {name: dict(rows) for name, rows in named.items() if isinstance(rows, dict)}


changed = msgspec.structs.replace


def an_evening(seed: int, rounds: int = 6, users: int = 30) -> list[tuple[float, str, Record]]:
    """What is asked of a channel in some hours: (second, command id, command), ticks among it.

    Much of it is refused. Ids are those that the agent gives, where commands have the ids here.
    """
    chance, at = random.Random(seed), 0.0
    asked: list[tuple[float, str, Record]] = []

    def ask(*commands: Record, name: str = "") -> None:
        nonlocal at
        for command in commands:
            at += chance.random() / 2
            asked.append((at, name or f"x{len(asked):05}", command))
            if chance.random() < 0.3:
                asked.append((at, f"t{len(asked):05}", Tick()))

    for number in range(rounds):
        poll, prediction = f"poll-{number}", f"prediction-{number}"
        ask(changed(POLL, seconds=30), name=poll)
        ask(PREDICTION, name=prediction)
        for _ in range(users * 2):
            user = f"u{chance.randrange(users)}"
            choice, outcome = id_of(poll, chance.randrange(3)), chance.choice((0, 0, 1, 2, 3))
            points = chance.randrange(1, 700)
            ask(vote(choice, user, poll_id=poll))
            ask(stake(id_of(prediction, outcome), points, user, prediction_id=prediction))
        ask(changed(GRANT, user_id=f"u{number}", points=77))
        ask(changed(LOCK, prediction_id=prediction))
        winning = chance.choice(("", id_of(prediction, 0), id_of(prediction, 1)))
        ask(changed(END_PREDICTION, prediction_id=prediction, winning_outcome_id=winning))
        ask(changed(END_POLL, poll_id=poll, archive=chance.random() < 0.5))
        ask(RAID, *([CANCEL] if number % 2 else []))
        at += 31
        asked.append((at, f"t{len(asked):05}", Tick()))
        ask(LAUNCH)
    ask(RAID, POLL, PREDICTION)
    return asked


def the_evening(seed: int) -> list[tuple[float, str, Record]]:
    """What came of an evening: (second, topic, event)."""
    channels, found = Channels(), []
    for at, name, command in an_evening(seed):
        before = len(channels.said)
        channels.put_under("" if isinstance(command, Tick) else CHANNEL, command, at, name)
        found += [(at, topic, event) for topic, _, event in channels.said[before:]]
    return found
