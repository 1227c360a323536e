"""What moderators ask for: bans, warnings, deletions, terms, held messages."""

from typing import Final

from agents.chat.limits import SECOND
from agents.chat.state import FOR_GOOD, Standing, Term
from agents.chat.text import InvalidTerm, Terms
from schemas.chat_roles import MODERATING
from schemas.records.chat import (
    AddBlockedTerm,
    BanUser,
    BlockedTermAdded,
    BlockedTermRemoved,
    ConfirmWarning,
    DeleteMessage,
    MessageDeleted,
    RemoveBlockedTerm,
    UnbanUser,
    UserBanned,
    UserUnbanned,
    UserWarned,
    WarningConfirmed,
    WarnUser,
)

LONGEST_TIMEOUT: Final = 1_209_600
"""Seconds (two weeks) that a user may be shut out for a time."""
REASON_LENGTH: Final = 500
TERMS: Final = 500
"""Terms that a channel may block."""
TERM_LENGTH: Final = 100

OfUser = BanUser | UnbanUser | WarnUser | ConfirmWarning
UserEvent = UserBanned | UserUnbanned | UserWarned | WarningConfirmed
Wrong = tuple[str, str]
"""A stable code, and what is wrong for people."""


def may_not(by_id: str, by_role: str, target: str, roles: list[str]) -> Wrong | None:
    """Why somebody may not do something to a user; None: they may."""
    if by_role not in MODERATING:
        return "not-a-moderator", "only who moderates the chat may do this"
    if target == by_id:
        return "self", "nobody does this to themselves"
    if "broadcaster" in roles or "staff" in roles:
        return "not-allowed", "this cannot be done to the broadcaster or to staff"
    if "moderator" in roles and by_role == "moderator":
        return "not-allowed", "only the broadcaster does this to a moderator"
    return None


def of_user(standing: Standing, command: OfUser, *, now: int) -> UserEvent | Wrong:
    """What follows from a command about a user."""
    match command:
        case BanUser():
            return _banned(standing, command, now)
        case UnbanUser():
            if not standing.shut_out(now):
                return "not-banned", "the user is not banned"
            return UserUnbanned(
                channel_id=command.channel_id,
                user_id=command.user_id,
                login=command.login,
                by_id=command.by_id,
                by_login=command.by_login,
            )
        case WarnUser():
            if not 0 < len(command.reason) <= REASON_LENGTH:
                return "invalid-reason", f"reason must have 1 to {REASON_LENGTH} characters"
            return UserWarned(
                channel_id=command.channel_id,
                user_id=command.user_id,
                login=command.login,
                reason=command.reason,
                by_id=command.by_id,
                by_login=command.by_login,
            )
        case ConfirmWarning():
            if standing.warning is None:
                return "not-warned", "there is no warning to confirm"
            return WarningConfirmed(channel_id=command.channel_id, user_id=command.user_id)


def evolve(standing: Standing, event: UserEvent) -> Standing:
    """How the user stands after an event."""
    match event:
        case UserBanned():
            until = FOR_GOOD if event.until is None else event.until
            return Standing(until, event.reason, standing.warning)
        case UserUnbanned():
            return Standing(warning=standing.warning)
        case UserWarned():
            return Standing(standing.until, standing.reason, event.reason)
        case WarningConfirmed():
            return Standing(standing.until, standing.reason)


def deleted(command: DeleteMessage) -> MessageDeleted:
    """A message is taken out."""
    return MessageDeleted(
        channel_id=command.channel_id,
        message_id=command.message_id,
        sent_at=command.sent_at,
        user_id=command.user_id,
        login=command.login,
        text=command.text,
        by_id=command.by_id,
        by_login=command.by_login,
    )


def term_added(
    terms: tuple[Term, ...], command: AddBlockedTerm, term_id: str
) -> BlockedTermAdded | Wrong:
    """A term that is there already is said again."""
    text = command.text.strip()
    if len(text) > TERM_LENGTH:
        return "invalid-term", f"a term must have ≤{TERM_LENGTH} characters"
    try:
        Terms.compile([text])
    except InvalidTerm as error:
        return "invalid-term", str(error)
    known = next((each.term_id for each in terms if each.text == text), None)
    if known is None and len(terms) >= TERMS:
        return "too-many-terms", f"{TERMS} terms are blocked already"
    return BlockedTermAdded(
        channel_id=command.channel_id,
        term_id=known or term_id,
        text=text,
        by_id=command.by_id,
        by_login=command.by_login,
    )


def term_removed(terms: tuple[Term, ...], command: RemoveBlockedTerm) -> BlockedTermRemoved | Wrong:
    """A term is blocked no longer."""
    known = next((each for each in terms if each.term_id == command.term_id), None)
    if known is None:
        return "unknown-term", "no such term is blocked"
    return BlockedTermRemoved(
        channel_id=command.channel_id,
        term_id=known.term_id,
        text=known.text,
        by_id=command.by_id,
        by_login=command.by_login,
    )


def _banned(standing: Standing, command: BanUser, now: int) -> UserBanned | Wrong:
    seconds = command.seconds
    if seconds is not None and not 1 <= seconds <= LONGEST_TIMEOUT:
        return "invalid-duration", f"seconds must be 1 to {LONGEST_TIMEOUT}"
    if len(command.reason) > REASON_LENGTH:
        return "invalid-reason", f"reason must have ≤{REASON_LENGTH} characters"
    if standing.until == FOR_GOOD:
        return "already-banned", "the user is banned already"
    return UserBanned(
        channel_id=command.channel_id,
        user_id=command.user_id,
        login=command.login,
        until=None if seconds is None else now + seconds * SECOND,
        reason=command.reason,
        by_id=command.by_id,
        by_login=command.by_login,
    )
