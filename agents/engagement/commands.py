"""What may be asked of the context, and what is answered where it may not be."""

from schemas.records.engagement import (
    CancelRaid,
    CastVote,
    EndPoll,
    EndPrediction,
    EngagementCommandRefused,
    GrantPoints,
    LaunchRaid,
    LockPrediction,
    StakePoints,
    StartPoll,
    StartPrediction,
    StartRaid,
)

Command = (
    StartPoll
    | CastVote
    | EndPoll
    | StartPrediction
    | StakePoints
    | LockPrediction
    | EndPrediction
    | GrantPoints
    | StartRaid
    | CancelRaid
    | LaunchRaid
)


def refused(command: Command, reason: str, detail: str) -> EngagementCommandRefused:
    """A command that changes nothing."""
    about = command.by_id if not isinstance(command, CastVote | StakePoints) else command.user_id
    return EngagementCommandRefused(
        channel_id=command.channel_id,
        user_id=about,
        command=command.FULL_NAME,
        reason=reason,
        detail=detail,
    )
