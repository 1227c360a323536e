"""Who sees what of a chat: everybody, who moderates, or only the one whom it is about. Pure."""

from typing import Final

from msgspec.structs import replace

from infra.record import Record
from schemas.records.chat import (
    ChatCleared,
    ChatCommandRefused,
    ChatSettingsChanged,
    HeldMessageReviewed,
    MessageDeleted,
    MessageHeld,
    MessageRejected,
    MessageSent,
    PollEnded,
    PollProgressed,
    PollStarted,
    PredictionEnded,
    PredictionLocked,
    PredictionProgressed,
    PredictionStarted,
    RaidArrived,
    RaidCancelled,
    RaidStarted,
    RaidWent,
    ShieldModeChanged,
    UserBanned,
    UserUnbanned,
    UserWarned,
    WarningConfirmed,
)

_OPEN: Final = (
    *(MessageSent, ChatSettingsChanged, ShieldModeChanged),
    *(PollProgressed, PredictionProgressed, RaidWent, RaidArrived),
)
"""What may be seen by everybody as it is, but for who let a message through."""
_ASKED_FOR: Final = (
    *(ChatCleared, PollStarted, PollEnded, PredictionStarted, PredictionLocked, PredictionEnded),
    *(RaidStarted, RaidCancelled),
)
"""What may be seen by everybody, but for who asked for it."""


def for_everybody(record: Record) -> Record | None:
    """What everybody sees of it; None: nothing. Neither why somebody was banned, nor by whom."""
    if isinstance(record, MessageSent):
        return replace(record, approved_by="") if record.approved_by else record
    if isinstance(record, _OPEN):
        return record
    if isinstance(record, _ASKED_FOR):
        return replace(record, by_id="", by_login="")
    if isinstance(record, MessageDeleted):
        return replace(record, text="", by_id="", by_login="")
    if isinstance(record, UserBanned):
        return replace(record, reason="", by_id="", by_login="")
    return None


def for_moderators(record: Record) -> Record | None:
    """What those see who moderate: all but what became of somebody's own command."""
    return None if isinstance(record, ChatCommandRefused) else record


def for_user(record: Record) -> tuple[str, Record] | None:
    """(whom it is about, what they see of it), beyond what everybody sees. None: nobody."""
    match record:
        case MessageHeld() | MessageRejected():
            return record.user_id, record
        case WarningConfirmed():
            return record.user_id, record
        case HeldMessageReviewed() | UserWarned() | UserUnbanned():
            return record.user_id, replace(record, by_id="", by_login="")
    return None
