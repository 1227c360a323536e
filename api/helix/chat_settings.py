"""`/helix/chat/settings`: the modes of a chat."""

from typing import Annotated, Any

import msgspec

from api.access import anyone, scoped, signed_in
from api.call import Call
from api.helix.dialect import Data, helix, own
from api.moderating import COMMANDS, broadcaster, moderates, moderator
from api.v1.parameters import Id
from api.views import CHAT_SETTINGS, typed
from infra.errors import InvalidRecord
from schemas.records.chat import ChangeChatSettings, ChatSettingsChanged

_SLOW_SECONDS = 30
"""Of slow mode that somebody switches on without saying how slow."""
_DELAY_SECONDS = 2


class SettingsQuery(msgspec.Struct, frozen=True):
    """Whose chat, and who asks: `moderator_id` adds what only moderators see."""

    broadcaster_id: Id
    moderator_id: Id | None = None


class ChangeQuery(msgspec.Struct, frozen=True):
    """Whose chat, and the moderator that the token is for."""

    broadcaster_id: Id
    moderator_id: Id


class Changes(msgspec.Struct, frozen=True):
    """What is to be changed; the rest stays. A mode that is off has no duration."""

    emote_mode: bool | None = None
    follower_mode: bool | None = None
    follower_mode_duration: Annotated[int, msgspec.Meta(ge=0, le=129_600)] | None = None
    """Minutes."""
    non_moderator_chat_delay: bool | None = None
    non_moderator_chat_delay_duration: Annotated[int, msgspec.Meta(ge=2, le=6)] | None = None
    """Seconds."""
    slow_mode: bool | None = None
    slow_mode_wait_time: Annotated[int, msgspec.Meta(ge=3, le=120)] | None = None
    """Seconds."""
    subscriber_mode: bool | None = None
    unique_chat_mode: bool | None = None


class Settings(msgspec.Struct, frozen=True):
    """The modes of a chat."""

    broadcaster_id: str
    slow_mode: bool
    slow_mode_wait_time: int | None
    follower_mode: bool
    follower_mode_duration: int | None
    subscriber_mode: bool
    emote_mode: bool
    unique_chat_mode: bool
    moderator_id: str | msgspec.UnsetType = msgspec.UNSET
    non_moderator_chat_delay: bool | msgspec.UnsetType = msgspec.UNSET
    non_moderator_chat_delay_duration: int | msgspec.UnsetType | None = msgspec.UNSET


class Modes(msgspec.Struct, frozen=True):
    """A row of `chat-settings`, as far as modes go; a chat without one has these."""

    slow_seconds: int = 0
    followers_only_minutes: int = -1
    subscribers_only: bool = False
    emote_only: bool = False
    unique_chat: bool = False
    chat_delay_seconds: int = 0


async def get_chat_settings(call: Call, query: SettingsQuery) -> Data[Settings]:
    """How a chat is set. The delay is told to its moderators."""
    await broadcaster(call, query.broadcaster_id)
    modes = typed(await call.views.get(CHAT_SETTINGS, query.broadcaster_id) or {}, Modes)
    for_moderator = False
    if query.moderator_id is not None:
        own(call, query.moderator_id, "moderator_id")
        for_moderator = await moderates(call, query.broadcaster_id)
    return Data([_shown(query.broadcaster_id, modes, call.user_id if for_moderator else None)])


async def update_chat_settings(call: Call, query: ChangeQuery, body: Changes) -> Data[Settings]:
    """Change modes of a chat that you moderate."""
    own(call, query.moderator_id, "moderator_id")
    by = await moderator(call, query.broadcaster_id)
    if body == Changes():
        raise InvalidRecord("the body: one of its fields is needed")
    command = ChangeChatSettings(
        channel_id=query.broadcaster_id, **asked(body), **msgspec.structs.asdict(by)
    )
    event = await call.ask(COMMANDS, query.broadcaster_id, command, ChatSettingsChanged)
    modes = msgspec.convert(event, Modes, from_attributes=True)
    return Data([_shown(query.broadcaster_id, modes, call.user_id)])


def asked(body: Changes) -> dict[str, Any]:
    """The fields of the command. Raises InvalidRecord for a duration of a mode that is off."""
    slow = _duration(body, "slow_mode", "slow_mode_wait_time", _SLOW_SECONDS, 0)
    follower = _duration(body, "follower_mode", "follower_mode_duration", 0, -1)
    delay = _duration(
        *(body, "non_moderator_chat_delay", "non_moderator_chat_delay_duration"), _DELAY_SECONDS, 0
    )
    return {
        "slow_seconds": slow,
        "followers_only_minutes": follower,
        "subscribers_only": body.subscriber_mode,
        "emote_only": body.emote_mode,
        "unique_chat": body.unique_chat_mode,
        "chat_delay_seconds": delay,
    }


def _duration(body: Changes, mode: str, duration: str, usual: int, off: int) -> int | None:
    """A mode and its duration as one number; None: nothing was said of it."""
    on, length = getattr(body, mode), getattr(body, duration)
    if length is not None and not on:
        raise InvalidRecord(f"{duration}: needs {mode} to be true")
    if on is None:
        return None
    return (usual if length is None else int(length)) if on else off


def _shown(broadcaster_id: str, modes: Modes, moderator_id: str | None) -> Settings:
    slow, follower = modes.slow_seconds > 0, modes.followers_only_minutes >= 0
    found = Settings(
        broadcaster_id=broadcaster_id,
        slow_mode=slow,
        slow_mode_wait_time=modes.slow_seconds if slow else None,
        follower_mode=follower,
        follower_mode_duration=modes.followers_only_minutes if follower else None,
        subscriber_mode=modes.subscribers_only,
        emote_mode=modes.emote_only,
        unique_chat_mode=modes.unique_chat,
    )
    if moderator_id is None:
        return found
    return msgspec.structs.replace(
        found,
        moderator_id=moderator_id,
        non_moderator_chat_delay=modes.chat_delay_seconds > 0,
        non_moderator_chat_delay_duration=modes.chat_delay_seconds or None,
    )


_PATH = "/chat/settings"

ROUTES = (helix("GET", _PATH, get_chat_settings, anyone, errors=(404,)),)
ASKING = (
    helix(
        "PATCH",
        _PATH,
        update_chat_settings,
        signed_in & scoped("moderator:manage:chat_settings"),
    ),
)
