"""Predictions: viewers stake points on what will happen. Pure; time is that of the command."""

from dataclasses import replace
from typing import Any, Final, Literal

from agents.engagement.state import Outcome, Prediction, Purse, Stake, Wrong
from agents.engagement.wording import (
    SECOND,
    due,
    id_of,
    may_not,
    wrong_duration,
    wrong_list,
    wrong_title,
)
from schemas.records.chat import (
    PredictionEnded,
    PredictionLocked,
    PredictionOutcome,
    PredictionProgressed,
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

TITLE: Final = 45
OUTCOMES: Final = 10
SHORTEST: Final = 30
LONGEST: Final = 1800
"""Seconds."""
WAITS: Final = 86_400 * SECOND
"""How long a locked prediction waits before everybody gets their points back."""
WELCOME: Final = 1_000
"""Points that come with the first prediction in a channel."""
MOST_STAKED: Final = 250_000
"""Points that a user may stake on one prediction."""
MOST_GRANTED: Final = 100_000
"""Points that a broadcaster gives at a time."""
MOST_HELD: Final = 1_000_000_000
"""Points up to which a broadcaster may fill a purse. What is won is not counted."""
REASON: Final = 100
NOT_RUNNING: Final[Wrong] = ("not-running", "no such prediction runs in the channel")

Staked = list[PointsGranted | PointsStaked]


def start(
    running: Prediction | None, command: StartPrediction, prediction_id: str, now: int
) -> PredictionStarted | Wrong:
    """What follows from asking for a prediction. `prediction_id`: the id of the command."""
    wrong = (
        may_not(command.by_role)
        or wrong_title(command.title, TITLE)
        or wrong_list(command.outcomes, OUTCOMES, "outcomes")
        or wrong_duration(command.seconds, SHORTEST, LONGEST)
    )
    if wrong:
        return wrong
    if running is not None:
        return "already-running", "the channel has a prediction"
    return PredictionStarted(
        channel_id=command.channel_id,
        prediction_id=prediction_id,
        title=command.title,
        outcomes=[
            PredictionOutcome(id=id_of(prediction_id, number), title=title, users=0, points=0)
            for number, title in enumerate(command.outcomes)
        ],
        started_at=now,
        locks_at=now + command.seconds * SECOND,
        by_id=command.by_id,
        by_login=command.by_login,
    )


def stake(
    prediction: Prediction | None,
    before: Stake | None,
    purse: Purse,
    command: StakePoints,
    now: int,
) -> Staked | Wrong:
    """What follows from staking points. `before`: what the user has staked on it by now."""
    if wrong := _may_not_stake(prediction, before, command, now):
        return wrong
    welcome = 0 if purse.welcomed else WELCOME
    held = purse.points + welcome
    staked = command.points + (before.points if before else 0)
    if staked > MOST_STAKED:
        return "too-many-points", f"at most {MOST_STAKED} points go on one prediction"
    if command.points > held:
        return "not-enough-points", f"you have {held} points"
    told: Staked = []
    if welcome:
        told.append(
            PointsGranted(
                channel_id=command.channel_id,
                user_id=command.user_id,
                points=welcome,
                balance=held,
                cause="welcome",
                reason="",
                by_id="",
                by_login="",
            )
        )
    told.append(
        PointsStaked(
            channel_id=command.channel_id,
            prediction_id=command.prediction_id,
            outcome_id=command.outcome_id,
            user_id=command.user_id,
            points=command.points,
            staked=staked,
            balance=held - command.points,
        )
    )
    return told


def _may_not_stake(
    prediction: Prediction | None, before: Stake | None, command: StakePoints, now: int
) -> Wrong | None:
    if command.banned:
        return "banned", "you are shut out of the channel"
    if command.user_id == command.channel_id:
        return "own-channel", "broadcasters stake nothing in their own channel"
    if prediction is None or prediction.prediction_id != command.prediction_id:
        return NOT_RUNNING
    if prediction.locked_at is not None or now >= prediction.locks_at:
        return "locked", "nothing more can be staked on it"
    if all(each.id != command.outcome_id for each in prediction.outcomes):
        return "unknown-outcome", "the prediction has no such outcome"
    if before is not None and before.outcome_id != command.outcome_id:
        return "other-outcome", "you have staked on another outcome"
    if command.points < 1:
        return "invalid-points", "points must be at least 1"
    return None


def lock(
    prediction: Prediction | None, command: LockPrediction, now: int
) -> PredictionLocked | Wrong:
    """What follows from asking for a prediction to take no more points."""
    if wrong := may_not(command.by_role):
        return wrong
    if prediction is None or prediction.prediction_id != command.prediction_id:
        return NOT_RUNNING
    if prediction.locked_at is not None:
        return "locked", "it is locked already"
    return _locked(command.channel_id, prediction, now, command.by_id, command.by_login)


def end(prediction: Prediction | None, command: EndPrediction, now: int) -> PredictionEnded | Wrong:
    """What follows from saying how it went, or calling it off."""
    if wrong := may_not(command.by_role):
        return wrong
    if prediction is None or prediction.prediction_id != command.prediction_id:
        return NOT_RUNNING
    winning = command.winning_outcome_id
    if winning and all(each.id != winning for each in prediction.outcomes):
        return "unknown-outcome", "the prediction has no such outcome"
    return _ended(command.channel_id, prediction, now, winning, command.by_id, command.by_login)


def pass_time(
    channel_id: str, prediction: Prediction, now: int
) -> PredictionLocked | PredictionEnded | PredictionProgressed | None:
    """What time brings: the lock, the end of waiting, or news of the tallies."""
    locked_at = prediction.locked_at
    if locked_at is not None:
        return _ended(channel_id, prediction, now, "") if now >= locked_at + WAITS else None
    if now >= prediction.locks_at:
        return _locked(channel_id, prediction, now)
    if prediction.pool == prediction.told:
        return None
    if not due(prediction.started_at, prediction.locks_at, prediction.told_at, now):
        return None
    return PredictionProgressed(**_said(channel_id, prediction))


def grant(purse: Purse, command: GrantPoints) -> PointsGranted | Wrong:
    """What follows from giving somebody points."""
    if wrong := may_not(command.by_role, alone=True):
        return wrong
    if command.user_id == command.channel_id:
        return "own-channel", "broadcasters have no points in their own channel"
    if not 1 <= command.points <= MOST_GRANTED or len(command.reason) > REASON:
        return "invalid-points", f"1 to {MOST_GRANTED} points, for a reason of ≤{REASON} characters"
    balance = purse.points + command.points
    if balance > MOST_HELD:
        return "too-many-points", f"nobody is given more than {MOST_HELD} points"
    return PointsGranted(
        channel_id=command.channel_id,
        user_id=command.user_id,
        points=command.points,
        balance=balance,
        cause="gift",
        reason=command.reason,
        by_id=command.by_id,
        by_login=command.by_login,
    )


def begun(event: PredictionStarted) -> Prediction:
    """A prediction that was started."""
    return Prediction(
        prediction_id=event.prediction_id,
        title=event.title,
        outcomes=tuple(Outcome(each.id, each.title) for each in event.outcomes),
        started_at=event.started_at,
        locks_at=event.locks_at,
        told_at=event.started_at,
    )


def counted(prediction: Prediction, event: PointsStaked) -> Prediction:
    """A prediction on which more is staked."""
    # What equals all that a user has staked is their first.
    first = event.points == event.staked
    outcomes = tuple(
        replace(each, users=each.users + first, points=each.points + event.points)
        if each.id == event.outcome_id
        else each
        for each in prediction.outcomes
    )
    return replace(prediction, outcomes=outcomes)


def told(prediction: Prediction, now: int) -> Prediction:
    """A prediction whose tallies were told."""
    return replace(prediction, told_at=now, told=prediction.pool)


def shut(prediction: Prediction, event: PredictionLocked) -> Prediction:
    """A prediction that was locked."""
    return replace(prediction, locked_at=event.locked_at)


def spent(event: PointsStaked) -> Purse:
    """A purse after points were staked."""
    return Purse(event.balance, welcomed=True)


def filled(purse: Purse, event: PointsGranted) -> Purse:
    """A purse after points were given."""
    return Purse(event.balance, purse.welcomed or event.cause == "welcome")


def _locked(
    channel_id: str, prediction: Prediction, now: int, by_id: str = "", by_login: str = ""
) -> PredictionLocked:
    said = _said(channel_id, prediction)
    return PredictionLocked(**said, locked_at=now, by_id=by_id, by_login=by_login)


def _ended(
    channel_id: str,
    prediction: Prediction,
    now: int,
    winning: str,
    by_id: str = "",
    by_login: str = "",
) -> PredictionEnded:
    result: Literal["resolved", "cancelled"] = "resolved" if winning else "cancelled"
    won = any(each.id == winning and each.users for each in prediction.outcomes)
    return PredictionEnded(
        **_said(channel_id, prediction),
        locked_at=prediction.locked_at,
        ended_at=now,
        result=result,
        winning_outcome_id=winning,
        pool=prediction.pool,
        refunded=not won,
        by_id=by_id,
        by_login=by_login,
    )


def _said(channel_id: str, prediction: Prediction) -> dict[str, Any]:
    return {
        "channel_id": channel_id,
        "prediction_id": prediction.prediction_id,
        "title": prediction.title,
        "outcomes": [
            PredictionOutcome(id=each.id, title=each.title, users=each.users, points=each.points)
            for each in prediction.outcomes
        ],
        "started_at": prediction.started_at,
        "locks_at": prediction.locks_at,
    }
