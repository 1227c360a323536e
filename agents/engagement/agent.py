"""Decides about polls, predictions, points and raids of channels.

What everybody sees goes to the channel's chat, so that it has a place in the one order there; what
is one viewer's goes to the agent's own sink.
"""

from dataclasses import dataclass
from typing import Final, assert_never

from agents.engagement import payouts, polls, predictions, raids
from agents.engagement.closing import AT_ONCE, Crowds
from agents.engagement.commands import Command, refused
from agents.engagement.state import Closing, Poll, Prediction, Raid, Stake, Wrong
from infra.errors import InvalidRecord
from infra.record import Record
from infra.streaming import Message, Rows, Send
from schemas.records.chat import PollEnded, PredictionEnded, PredictionLocked
from schemas.records.clock import Tick
from schemas.records.engagement import (
    CancelRaid,
    CastVote,
    EndPoll,
    EndPrediction,
    GrantPoints,
    LaunchRaid,
    LockPrediction,
    PointsStaked,
    StakePoints,
    StartPoll,
    StartPrediction,
    StartRaid,
)

CHAT: Final = "chat-events"
CHANGED: Final = 100
"""Polls and predictions that one tick tells of in a partition; the others wait for the next."""


@dataclass
class Tables:
    """What the agent remembers, by channel unless said otherwise."""

    polls: Rows[Poll]
    predictions: Rows[Prediction]
    raids: Rows[Raid]
    closing: Rows[Closing]
    """By poll or prediction."""
    crowds: Crowds


def decide_engagement(message: Message, send: Send, *, tables: Tables) -> None:
    """Decide what a command does."""
    deciding = _Deciding(tables, send, message.meta.occurred_at)
    if isinstance(message.event, Tick):
        deciding.tick()
        return
    command: Command = message.event
    if command.channel_id != message.key:
        raise InvalidRecord(f"channel_id is {command.channel_id}, must be the key of the message")
    wrong = deciding.hear(command, message.meta.event_id)
    if wrong:
        send(refused(command, *wrong))


@dataclass
class _Deciding:
    """One message being handled."""

    tables: Tables
    send: Send
    now: int

    def hear(self, command: Command, command_id: str) -> Wrong | None:
        """Do what a command asks for; what is wrong with it, if something is."""
        match command:
            case StartPoll() | CastVote() | EndPoll():
                return self._of_poll(command, command_id)
            case StartPrediction() | StakePoints() | LockPrediction() | EndPrediction():
                return self._of_prediction(command, command_id)
            case GrantPoints():
                return self._grant(command)
            case StartRaid() | CancelRaid() | LaunchRaid():
                return self._of_raid(command, command_id)
        assert_never(command)

    def tick(self) -> None:
        """A second has passed. What was told longest ago comes first, after a restart too."""
        tables = self.tables
        running: list[tuple[int, str, Poll | Prediction]] = [
            *((each.told_at, channel, each) for channel, each in tables.polls.items()),
            *((each.told_at, channel, each) for channel, each in tables.predictions.items()),
        ]
        left = CHANGED
        for _, channel, each in sorted(running, key=lambda one: (one[:2], type(one[2]).__name__)):
            if left:
                left -= self._pass_time(channel, each)
        for channel, raid in sorted(tables.raids.items()):
            if gone := raids.pass_time(channel, raid, self.now):
                self._send_raid(channel, gone)
        self._clear()

    def _tell(self, channel: str, event: Record) -> None:
        """Tell everybody in a channel's chat."""
        self.send(event, key=channel, topic=CHAT)

    def _of_poll(self, command: StartPoll | CastVote | EndPoll, command_id: str) -> Wrong | None:
        channel, tables, now = command.channel_id, self.tables, self.now
        poll = tables.polls.get(channel)
        match command:
            case StartPoll():
                started = polls.start(poll, command, command_id, now)
                if isinstance(started, tuple):
                    return started
                self._tell(channel, started)
                tables.polls[channel] = polls.begun(started)
            case CastVote():
                row = f"{command.poll_id}|{command.user_id}"
                cast = polls.vote(poll, row in tables.crowds.votes, command, now)
                if isinstance(cast, tuple):
                    return cast
                assert poll is not None
                self.send(cast)
                tables.crowds.votes[row] = 1
                tables.crowds.join(poll.poll_id, poll.votes, command.user_id)
                tables.polls[channel] = polls.counted(poll, cast)
            case EndPoll():
                ended = polls.end(poll, command, now)
                if isinstance(ended, tuple):
                    return ended
                self._end_poll(channel, ended)
                self._clear()
        return None

    def _pass_time(self, channel: str, running: Poll | Prediction) -> bool:
        """What time brings to a poll or a prediction; whether that was anything."""
        if isinstance(running, Poll):
            return self._time_of_poll(channel, running)
        return self._time_of_prediction(channel, running)

    def _time_of_poll(self, channel: str, poll: Poll) -> bool:
        event = polls.pass_time(channel, poll, self.now)
        if isinstance(event, PollEnded):
            self._end_poll(channel, event)
        elif event is not None:
            self._tell(channel, event)
            self.tables.polls[channel] = polls.told(poll, self.now)
        return event is not None

    def _time_of_prediction(self, channel: str, prediction: Prediction) -> bool:
        event = predictions.pass_time(channel, prediction, self.now)
        if isinstance(event, PredictionEnded):
            self._end_prediction(channel, event)
        elif isinstance(event, PredictionLocked):
            self._lock(channel, event)
        elif event is not None:
            self._tell(channel, event)
            self.tables.predictions[channel] = predictions.told(prediction, self.now)
        return event is not None

    def _end_poll(self, channel: str, ended: PollEnded) -> None:
        users = self.tables.polls[channel].votes
        self._tell(channel, ended)
        del self.tables.polls[channel]
        self._close(ended.poll_id, Closing(channel, users))

    def _of_prediction(
        self,
        command: StartPrediction | StakePoints | LockPrediction | EndPrediction,
        command_id: str,
    ) -> Wrong | None:
        channel, rows, now = command.channel_id, self.tables.predictions, self.now
        prediction = rows.get(channel)
        match command:
            case StartPrediction():
                started = predictions.start(prediction, command, command_id, now)
                if isinstance(started, tuple):
                    return started
                self._tell(channel, started)
                rows[channel] = predictions.begun(started)
            case StakePoints():
                return self._stake(prediction, command)
            case LockPrediction():
                locked = predictions.lock(prediction, command, now)
                if isinstance(locked, tuple):
                    return locked
                self._lock(channel, locked)
            case EndPrediction():
                ended = predictions.end(prediction, command, now)
                if isinstance(ended, tuple):
                    return ended
                self._end_prediction(channel, ended)
                self._clear()
        return None

    def _stake(self, prediction: Prediction | None, command: StakePoints) -> Wrong | None:
        channel, user, crowds = command.channel_id, command.user_id, self.tables.crowds
        row = f"{command.prediction_id}|{user}"
        before, purse = crowds.stakes.get(row), crowds.purse(channel, user)
        told = predictions.stake(prediction, before, purse, command, self.now)
        if isinstance(told, tuple):
            return told
        assert prediction is not None
        for event in told:
            self.send(event)
        staked = told[-1]
        assert isinstance(staked, PointsStaked)
        crowds.purses[f"{channel}|{user}"] = predictions.spent(staked)
        crowds.stakes[row] = Stake(staked.outcome_id, staked.staked)
        if before is None:
            crowds.join(prediction.prediction_id, prediction.users, user)
        self.tables.predictions[channel] = predictions.counted(prediction, staked)
        return None

    def _lock(self, channel: str, locked: PredictionLocked) -> None:
        self._tell(channel, locked)
        rows = self.tables.predictions
        rows[channel] = predictions.shut(rows[channel], locked)

    def _end_prediction(self, channel: str, ended: PredictionEnded) -> None:
        name, users = ended.prediction_id, self.tables.predictions[channel].users
        self._tell(channel, ended)
        del self.tables.predictions[channel]
        if ended.refunded:
            shares = payouts.refunds(ended.pool)
        else:
            staked = self.tables.crowds.of(name, users)
            shares = payouts.shares(ended.pool, ended.winning_outcome_id, staked)
        self._close(name, Closing(channel, users, shares))

    def _grant(self, command: GrantPoints) -> Wrong | None:
        channel, user, crowds = command.channel_id, command.user_id, self.tables.crowds
        purse = crowds.purse(channel, user)
        granted = predictions.grant(purse, command)
        if isinstance(granted, tuple):
            return granted
        self.send(granted)
        crowds.purses[f"{channel}|{user}"] = predictions.filled(purse, granted)
        return None

    def _of_raid(
        self, command: StartRaid | CancelRaid | LaunchRaid, command_id: str
    ) -> Wrong | None:
        channel, rows = command.channel_id, self.tables.raids
        raid = rows.get(channel)
        match command:
            case StartRaid():
                started = raids.start(raid, command, command_id, self.now)
                if isinstance(started, tuple):
                    return started
                self._tell(channel, started)
                rows[channel] = raids.begun(command, started)
            case CancelRaid():
                cancelled = raids.cancel(raid, command)
                if isinstance(cancelled, tuple):
                    return cancelled
                self._tell(channel, cancelled)
                del rows[channel]
            case LaunchRaid():
                gone = raids.launch(raid, command, self.now)
                if not isinstance(gone, raids.Gone):
                    return gone
                self._send_raid(channel, gone)
        return None

    def _send_raid(self, channel: str, gone: raids.Gone) -> None:
        self._tell(channel, gone.went)
        self._tell(gone.arrived.channel_id, gone.arrived)
        del self.tables.raids[channel]

    def _close(self, name: str, closing: Closing) -> None:
        if closing.users:
            self.tables.closing[name] = closing

    def _clear(self) -> None:
        """Pay and forget some of those who took part in what is over; the others wait for ticks."""
        rows, left = self.tables.closing, AT_ONCE
        for name, before in sorted(rows.items()):
            if not left:
                break
            after = self.tables.crowds.clear(name, before, left, self.send)
            left -= after.pages - before.pages
            if after.pages < after.last:
                rows[name] = after
            else:
                del rows[name]
