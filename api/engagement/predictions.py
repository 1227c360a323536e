"""Predictions and points: from rows, and from what was just decided."""

from typing import Literal

import msgspec

from api.call import Call
from api.engagement.lists import COMMANDS
from api.moderating import ban_of, broadcaster, moderator, target
from schemas.records.chat import (
    PredictionEnded,
    PredictionLocked,
    PredictionOutcome,
    PredictionStarted,
)
from schemas.records.engagement import (
    EndPrediction,
    GrantPoints,
    LockPrediction,
    PointsGranted,
    PointsStaked,
    StakePoints,
    StartPrediction,
)

Status = Literal["active", "locked", "resolved", "cancelled"]


class PredictionRow(msgspec.Struct, frozen=True):
    """A row of `predictions`; times in microseconds since 1970."""

    prediction_id: str
    title: str
    started_at: int
    locks_at: int
    outcomes: str
    """JSON."""
    status: Status
    locked_at: int | None = None
    ended_at: int | None = None
    winning_outcome_id: str = ""
    refunded: bool = False

    @property
    def tallies(self) -> list[PredictionOutcome]:
        """What may come true, and what is staked on it."""
        return msgspec.json.decode(self.outcomes, type=list[PredictionOutcome])


def row_of(event: PredictionStarted | PredictionLocked | PredictionEnded) -> PredictionRow:
    """The row that follows from an event."""
    row = PredictionRow(
        prediction_id=event.prediction_id,
        title=event.title,
        started_at=event.started_at,
        locks_at=event.locks_at,
        outcomes=msgspec.json.encode(event.outcomes).decode(),
        status="active",
    )
    match event:
        case PredictionLocked():
            return msgspec.structs.replace(row, status="locked", locked_at=event.locked_at)
        case PredictionEnded():
            return msgspec.structs.replace(
                row,
                status=event.result,
                locked_at=event.locked_at,
                ended_at=event.ended_at,
                winning_outcome_id=event.winning_outcome_id,
                refunded=event.refunded,
            )
    return row


async def start(
    call: Call, channel_id: str, title: str, outcomes: list[str], seconds: int
) -> PredictionRow:
    """Start a prediction in a channel that you moderate."""
    await broadcaster(call, channel_id)
    by = await moderator(call, channel_id)
    command = StartPrediction(
        channel_id=channel_id,
        title=title,
        outcomes=outcomes,
        seconds=seconds,
        **msgspec.structs.asdict(by),
    )
    return row_of(await call.ask(COMMANDS, channel_id, command, PredictionStarted))


async def lock(call: Call, channel_id: str, prediction_id: str) -> PredictionRow:
    """Let a prediction take no more points in a channel that you moderate."""
    by = await moderator(call, channel_id)
    command = LockPrediction(
        channel_id=channel_id, prediction_id=prediction_id, **msgspec.structs.asdict(by)
    )
    return row_of(await call.ask(COMMANDS, channel_id, command, PredictionLocked))


async def end(
    call: Call, channel_id: str, prediction_id: str, winning_outcome_id: str
) -> PredictionRow:
    """Say what came true in a channel that you moderate; empty: call it off."""
    by = await moderator(call, channel_id)
    command = EndPrediction(
        channel_id=channel_id,
        prediction_id=prediction_id,
        winning_outcome_id=winning_outcome_id,
        **msgspec.structs.asdict(by),
    )
    return row_of(await call.ask(COMMANDS, channel_id, command, PredictionEnded))


async def stake(
    call: Call, channel_id: str, prediction_id: str, outcome_id: str, points: int
) -> PointsStaked:
    """Stake points on an outcome."""
    banned = await ban_of(call.views, channel_id, call.user_id, call.now)
    command = StakePoints(
        channel_id=channel_id,
        prediction_id=prediction_id,
        outcome_id=outcome_id,
        user_id=call.user_id,
        points=points,
        banned=banned is not None,
    )
    return await call.ask(COMMANDS, channel_id, command, PointsStaked)


async def grant(
    call: Call, channel_id: str, user_id: str, points: int, reason: str
) -> PointsGranted:
    """Give a user points in your channel."""
    by = await moderator(call, channel_id)
    user = await target(call, channel_id, user_id)
    command = GrantPoints(
        channel_id=channel_id,
        user_id=user.user_id,
        points=points,
        reason=reason,
        **msgspec.structs.asdict(by),
    )
    return await call.ask(COMMANDS, channel_id, command, PointsGranted)
