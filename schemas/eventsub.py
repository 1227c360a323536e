"""What can be subscribed to: a line a type, from the event that tells of it to what is told.

Types, versions, conditions, scopes and fields as the public reference of EventSub has them. Ids
are told here; names are added where a message is sent, so that the log keeps none.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from infra.record import Meta, Record
from schemas import eventsub_chat as chat
from schemas import eventsub_engagement as engagement
from schemas.eventsub_fields import BROADCASTER, Told, timestamp
from schemas.records.broadcast import StreamEnded, StreamStarted
from schemas.records.chat import (
    ChatCleared,
    HeldMessageReviewed,
    MessageDeleted,
    MessageHeld,
    MessageSent,
    PollEnded,
    PollProgressed,
    PollStarted,
    PredictionEnded,
    PredictionLocked,
    PredictionProgressed,
    PredictionStarted,
    RaidArrived,
    RaidWent,
    UserBanned,
    UserUnbanned,
    UserWarned,
)
from schemas.records.identity import ChannelUpdated
from schemas.records.social import ChannelFollowed

MODERATOR: Final = "moderator_user_id"
USER: Final = "user_id"


class Kind(msgspec.Struct, frozen=True):
    """A type of subscription."""

    name: str
    version: str
    topic: str
    """Where its events are; their key is the id in the condition."""
    event: type[Record]
    told: Callable[[Any, Meta], Told | None]
    """What is told of an event; None: nothing."""
    scope: str = ""
    """What must have been given to the application, one of these: by who reads, else by the
    broadcaster.
    """
    reader: str = ""
    """Who reads, as the condition names them; empty: it names nobody but the broadcaster."""
    busy: bool = False
    """Whether there is so much of it that only what somebody listens to is passed on."""
    changes: bool = False
    """Whether an event that tells the same as the one before is passed over."""

    subjects: tuple[str, ...] = (BROADCASTER,)
    """What the id of the channel may be called in the condition, which has one of them."""

    @property
    def scopes(self) -> frozenset[str]:
        """Of which one must have been given; empty: none is needed."""
        return frozenset(self.scope.split())

    @property
    def conditions(self) -> list[frozenset[str]]:
        """The names of the ids in a condition, as it may be."""
        return [frozenset({subject, self.reader} - {""}) for subject in self.subjects]

    def channel_of(self, condition: Mapping[str, str]) -> str:
        """The channel that a condition names."""
        return next(condition[subject] for subject in self.subjects if subject in condition)

    def meant(self, condition: Mapping[str, str], told: Told) -> bool:
        """Whether a condition means what is told of its channel: a raid from it, or to it."""
        return all(
            told[subject] == condition[subject] for subject in self.subjects if subject in condition
        )

    @property
    def moderated(self) -> bool:
        """Whether who reads must moderate the channel."""
        return self.reader == MODERATOR


def _online(event: StreamStarted, _: Meta) -> Told:
    return {
        "id": event.stream_id,
        BROADCASTER: event.channel_id,
        "type": "live",
        "started_at": timestamp(event.started_at),
    }


def _offline(event: StreamEnded, _: Meta) -> Told:
    return {BROADCASTER: event.channel_id}


def _updated(event: ChannelUpdated, _: Meta) -> Told:
    return {
        BROADCASTER: event.channel_id,
        "title": event.title,
        "language": event.language or "",
        "category_name": event.category,
        "content_classification_labels": [],
    }


def _followed(event: ChannelFollowed, _: Meta) -> Told:
    return {
        "user_id": event.user_id,
        BROADCASTER: event.channel_id,
        "followed_at": timestamp(event.followed_at),
    }


_FOLLOWERS: Final = "moderator:read:followers"
_READ: Final = "user:read:chat"
_MODERATE: Final = "channel:moderate"
_AUTOMOD: Final = "moderator:manage:automod"
_ACTS: Final = "moderator:read:banned_users"
_CHAT: Final = "chat-events"
_POLLS: Final = "channel:read:polls channel:manage:polls"
_PREDICTIONS: Final = "channel:read:predictions channel:manage:predictions"

KINDS: Final = (
    Kind("stream.online", "1", "broadcast-events", StreamStarted, _online),
    Kind("stream.offline", "1", "broadcast-events", StreamEnded, _offline),
    Kind("channel.update", "2", "identity-events", ChannelUpdated, _updated, changes=True),
    Kind("channel.follow", "2", "social-events", ChannelFollowed, _followed, _FOLLOWERS, MODERATOR),
    *(
        Kind(f"channel.chat.{name}", "1", _CHAT, event, told, _READ, USER, busy=True)
        for name, event, told in (
            ("message", MessageSent, chat.message),
            ("notification", MessageSent, chat.notification),
            ("message_delete", MessageDeleted, chat.message_deleted),
            ("clear", ChatCleared, chat.cleared),
        )
    ),
    Kind("channel.ban", "1", _CHAT, UserBanned, chat.banned, _MODERATE, busy=True),
    Kind("channel.unban", "1", _CHAT, UserUnbanned, chat.unbanned, _MODERATE, busy=True),
    *(
        Kind("channel.moderate", "2", _CHAT, event, chat.moderated, _ACTS, MODERATOR, busy=True)
        for event in (UserBanned, UserUnbanned, UserWarned, MessageDeleted, ChatCleared)
    ),
    Kind(
        "automod.message.hold", "2", _CHAT, MessageHeld, chat.held, _AUTOMOD, MODERATOR, busy=True
    ),
    Kind(
        "automod.message.update",
        "2",
        _CHAT,
        HeldMessageReviewed,
        chat.reviewed,
        _AUTOMOD,
        MODERATOR,
        busy=True,
    ),
    *(
        Kind(f"channel.poll.{name}", "1", _CHAT, event, told, _POLLS, busy=True)
        for name, event, told in (
            ("begin", PollStarted, engagement.poll),
            ("progress", PollProgressed, engagement.poll),
            ("end", PollEnded, engagement.poll_ended),
        )
    ),
    *(
        Kind(f"channel.prediction.{name}", "1", _CHAT, event, told, _PREDICTIONS, busy=True)
        for name, event, told in (
            ("begin", PredictionStarted, engagement.prediction),
            ("progress", PredictionProgressed, engagement.prediction),
            ("lock", PredictionLocked, engagement.prediction_locked),
            ("end", PredictionEnded, engagement.prediction_ended),
        )
    ),
    *(
        Kind(
            *("channel.raid", "1", _CHAT, event, told),
            busy=True,
            subjects=(engagement.FROM, engagement.TO),
        )
        for event, told in (
            (RaidWent, engagement.raid_went),
            (RaidArrived, engagement.raid_arrived),
        )
    ),
)
TOPICS: Final = tuple(dict.fromkeys(kind.topic for kind in KINDS))
"""Where there is something to tell of."""
BY_NAME: Final = {(kind.name, kind.version): kind for kind in KINDS}
BY_EVENT: Final = {
    event: [kind for kind in KINDS if kind.event is event]
    for event in {kind.event for kind in KINDS}
}
