"""Chat: a message is said, held or rejected; moderators shut out, take out and set.

Every command is answered by an event. Time is that of the command; what is known of a text, and how
AutoMod judges, is asked of what the caller gives.
"""

from dataclasses import replace
from typing import Final

from agents.chat import moderation, settings
from agents.chat.limits import SECOND
from agents.chat.messages import Outcome, held, rejected, reviewed, sent
from agents.chat.rules import VERSION, Rejected, Waits, judged
from agents.chat.saying import Judge, Saying
from agents.chat.state import Held, Room, Standing, Term
from schemas.records.chat import (
    AddBlockedTerm,
    BanUser,
    BlockedTermAdded,
    BlockedTermRemoved,
    ChangeAutomod,
    ChangeChatSettings,
    ChatCleared,
    ChatCommandRefused,
    ChatSettingsChanged,
    ClearChat,
    ConfirmWarning,
    DeleteMessage,
    HeldMessageReviewed,
    MessageDeleted,
    MessageHeld,
    MessageRejected,
    MessageSent,
    RemoveBlockedTerm,
    ReportDelay,
    ReviewMessage,
    SendMessage,
    SetShieldMode,
    UnbanUser,
    WarnUser,
)

STORM_DELAY_MS: Final = 2_000
"""A chat decided so late is in a storm."""
STORM_MESSAGES: Final = 20
"""If at least so much is said in it a second."""
CALM_SECONDS: Final = 30
"""How long a storm's slow mode stays on after the last report."""

OfUser = BanUser | UnbanUser | WarnUser | ConfirmWarning
OfTerms = AddBlockedTerm | RemoveBlockedTerm
OfSettings = ChangeChatSettings | ChangeAutomod | SetShieldMode
Verdict = MessageSent | MessageHeld | MessageRejected
Refusable = OfUser | OfTerms | OfSettings | DeleteMessage | ClearChat | ReviewMessage


def decide_message(saying: Saying, message_id: str) -> Verdict:
    """What becomes of a message: the first rule that it breaks decides."""
    said, rules = saying.command, versions(saying.judge)
    assert isinstance(said, SendMessage), "only a whole message is answered"
    found = judged(saying)
    if isinstance(found, Rejected):
        return rejected(said, message_id, found, rules)
    if isinstance(found, Waits):
        return held(said, message_id, saying.text, saying.now, found, rules)
    return sent(said, message_id, saying.text, saying.emotes, rules)


def decide_user(
    standing: Standing, command: OfUser, *, now: int
) -> moderation.UserEvent | ChatCommandRefused:
    """What follows from a command about a user."""
    if not isinstance(command, ConfirmWarning):
        roles = [] if isinstance(command, UnbanUser) else command.roles
        if wrong := moderation.may_not(command.by_id, command.by_role, command.user_id, roles):
            return refused(command, *wrong)
    found = moderation.of_user(standing, command, now=now)
    return refused(command, *found) if isinstance(found, tuple) else found


def decide_settings(
    room: Room, command: OfSettings
) -> list[settings.SettingsEvent] | ChatCommandRefused:
    """What follows from a change of what is set."""
    if wrong := moderation.may_not(command.by_id, command.by_role, "", []):
        return refused(command, *wrong)
    match command:
        case SetShieldMode():
            return settings.shielded(room, command)
        case ChangeChatSettings():
            found: settings.SettingsEvent | str = settings.changed_settings(room, command)
        case ChangeAutomod():
            found = settings.changed_levels(room, command)
    return refused(command, "invalid-setting", found) if isinstance(found, str) else [found]


def decide_terms(
    terms: tuple[Term, ...], command: OfTerms, command_id: str
) -> BlockedTermAdded | BlockedTermRemoved | ChatCommandRefused:
    """What follows from a term that is blocked, or is no longer."""
    found: BlockedTermAdded | BlockedTermRemoved | moderation.Wrong | None
    found = moderation.may_not(command.by_id, command.by_role, "", [])
    if found is None:
        if isinstance(command, AddBlockedTerm):
            found = moderation.term_added(terms, command, command_id)
        else:
            found = moderation.term_removed(terms, command)
    return refused(command, *found) if isinstance(found, tuple) else found


def evolve_terms(
    terms: tuple[Term, ...], event: BlockedTermAdded | BlockedTermRemoved
) -> tuple[Term, ...]:
    """The terms after an event."""
    others = tuple(each for each in terms if each.term_id != event.term_id)
    if isinstance(event, BlockedTermAdded):
        return (*others, Term(event.term_id, event.text))
    return others


def decide_removal(
    command: DeleteMessage | ClearChat,
) -> MessageDeleted | ChatCleared | ChatCommandRefused:
    """What follows from taking out a message, or all of them."""
    target, roles = "", list[str]()
    if isinstance(command, DeleteMessage) and command.user_id != command.by_id:
        target, roles = command.user_id, command.roles
    if wrong := moderation.may_not(command.by_id, command.by_role, target, roles):
        return refused(command, *wrong)
    if isinstance(command, DeleteMessage):
        return moderation.deleted(command)
    return ChatCleared(
        channel_id=command.channel_id, by_id=command.by_id, by_login=command.by_login
    )


def decide_review(
    waiting: Held | None, command: ReviewMessage, emotes: dict[str, str]
) -> list[HeldMessageReviewed | MessageSent] | ChatCommandRefused:
    """What a moderator makes of a held message. `emotes`: as in `Saying`."""
    if wrong := moderation.may_not(command.by_id, command.by_role, "", []):
        return refused(command, *wrong)
    if waiting is None:
        return refused(command, "not-held", "no such message waits: it was reviewed, or expired")
    outcome: Outcome = "approved" if command.approve else "denied"
    told: list[HeldMessageReviewed | MessageSent] = [
        reviewed(waiting.said, command.message_id, outcome, command.by_id, command.by_login)
    ]
    if command.approve:
        text = waiting.text
        message = sent(
            waiting.said, command.message_id, text, emotes, waiting.rules, command.by_login
        )
        told.append(message)
    return told


def expire(waiting: Held, message_id: str, *, now: int) -> HeldMessageReviewed | None:
    """What becomes of a held message with time: nobody looked."""
    return reviewed(waiting.said, message_id, "expired") if now >= waiting.until else None


def decide_delay(room: Room, report: ReportDelay) -> ChatSettingsChanged | None:
    """Slow mode comes by itself where a chat is decided late."""
    if room.stormy or report.delay_ms < STORM_DELAY_MS or report.messages < STORM_MESSAGES:
        return None
    return _storm(room, report.channel_id, True)


def calm(room: Room, channel_id: str, reported_at: int, *, now: int) -> ChatSettingsChanged | None:
    """And goes when nothing was late for a while."""
    if now - reported_at < CALM_SECONDS * SECOND:
        return None
    return _storm(room, channel_id, False)


def versions(judge: Judge | None) -> str:
    """By which rules it is decided, and by which model."""
    return f"{VERSION} {judge.version}" if judge else VERSION


def refused(command: Refusable, reason: str, detail: str) -> ChatCommandRefused:
    """A command that changes nothing."""
    return ChatCommandRefused(
        channel_id=command.channel_id, command=command.FULL_NAME, reason=reason, detail=detail
    )


def _storm(room: Room, channel_id: str, stormy: bool) -> ChatSettingsChanged:
    return settings.said_settings(channel_id, replace(room, stormy=stormy).in_force, "storm")
