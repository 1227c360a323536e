"""What happens in a chat, in lines of IRC. Pure.

Commands and tags: https://dev.twitch.tv/docs/chat/irc/#supported-irc-messages. Where that reference
has no word for something (a warning, a held message that others see), there is no line.
"""

from collections.abc import Sequence
from math import ceil
from typing import Final
from uuid import NAMESPACE_OID, uuid5

from api.chat.dialect import ChatSettings, Event, Place, User, You
from api.chat.irc.lines import Line
from schemas.chat_badges import badges
from schemas.records.chat import (
    ChatCleared,
    ChatSettingsChanged,
    EmoteRange,
    MessageDeleted,
    MessageSent,
    RaidArrived,
    RaidCancelled,
    UserBanned,
)

SERVER: Final = "tmi.twitch.tv"
"""The name that clients know a server of this dialect by."""
ACTION: Final = "\x01ACTION "
ACTION_END: Final = "\x01"
_EMOTE_SETS: Final = "0"
"""Everybody has the platform's."""


def said_of(place: Place, event: Event) -> list[Line]:
    """The lines that tell everybody what happened; none if there are no words for it."""
    record = event.record
    match record:
        case MessageSent(kind="announcement"):
            return [_announcement(place, event, record)]
        case MessageSent():
            return [_message(place, event, record)]
        case UserBanned():
            return [_banned(place, event, record)]
        case MessageDeleted():
            return [_deleted(place, event, record)]
        case ChatCleared():
            tags = {"room-id": place.channel_id, "tmi-sent-ts": _sent(event)}
            return [_server("CLEARCHAT", place, tags=tags)]
        case ChatSettingsChanged():
            return _set(place, event.before, record)
        case RaidArrived():
            return [_raided(place, event, record)]
        case RaidCancelled():
            return [_unraided(place, event)]
    return []


def room_state(place: Place, settings: ChatSettings) -> Line:
    """How a chat is set, all of it."""
    return _server("ROOMSTATE", place, tags=_room_tags(place, _modes(settings)))


def user_state(place: Place, user: User, you: You, said: dict[str, str] | None = None) -> Line:
    """What a user is in a channel. `said`: tags that go back with what they said."""
    own = badges(you.roles, you.subscribed_months)
    info = f"subscriber/{you.subscribed_months}" if "subscriber" in you.roles else ""
    tags = _badge_tags(own, info)
    tags |= {"color": user.colour, "display-name": user.display_name, "emote-sets": _EMOTE_SETS}
    return _server("USERSTATE", place, tags=_ordered(tags | (said or {})))


def global_user_state(user: User) -> Line:
    """Who has signed in."""
    tags = {"color": user.colour, "display-name": user.display_name, "emote-sets": _EMOTE_SETS}
    tags |= {"badge-info": "", "badges": "", "user-id": user.user_id, "user-type": ""}
    return Line(source=SERVER, command="GLOBALUSERSTATE", tags=_ordered(tags))


def came(place: Place, login: str) -> Line:
    """Somebody is in a channel."""
    return Line(source=mask(login), command="JOIN", params=(f"#{place.login}",))


def went(place: Place, login: str) -> Line:
    """Somebody is in a channel no longer."""
    return Line(source=mask(login), command="PART", params=(f"#{place.login}",))


def names(place: Place, own: str, logins: Sequence[str]) -> list[Line]:
    """Who is in a channel (353, 366), so many to a line as go into it."""
    source = f"{own}.{SERVER}"
    channel, lines = f"#{place.login}", []
    for start in range(0, len(logins), _NAMES):
        text = " ".join(logins[start : start + _NAMES])
        lines.append(Line(source=source, command="353", params=(own, "=", channel), text=text))
    end = Line(source=source, command="366", params=(own, channel), text="End of /NAMES list")
    return [*lines, end]


_NAMES: Final = 15
"""Of 25 characters each; with a line's head less than 512 bytes."""


def notice(code: str, text: str, place: Place | None = None) -> Line:
    """Something for the user alone to know. `code`: its `msg-id`, empty: none."""
    return Line(
        source=SERVER,
        command="NOTICE",
        params=(f"#{place.login}" if place else "*",),
        text=text,
        tags={"msg-id": code} if code else {},
    )


def mask(login: str) -> str:
    """Whom a line comes from."""
    return f"{login}!{login}@{login}.{SERVER}"


def _message(place: Place, event: Event, record: MessageSent) -> Line:
    is_action = record.kind == "action"
    return Line(
        source=mask(record.login),
        command="PRIVMSG",
        params=(f"#{place.login}",),
        text=f"{ACTION}{record.text}{ACTION_END}" if is_action else record.text,
        tags=_ordered(_message_tags(place, event, record)),
    )


def _announcement(place: Place, event: Event, record: MessageSent) -> Line:
    tags = _message_tags(place, event, record)
    tags |= {"login": record.login, "msg-id": "announcement", "system-msg": ""}
    tags["msg-param-color"] = record.announcement_colour.upper()
    return _server("USERNOTICE", place, record.text, tags=_ordered(tags))


def _raided(place: Place, event: Event, record: RaidArrived) -> Line:
    """Tags that a raider has as a user are those of somebody who is nothing in the channel."""
    name = record.from_display_name
    tags = _notice_tags(place, event, record.from_id, record.from_login, name)
    text = f"{record.viewers} raiders from {name} have joined!"
    tags |= {
        "msg-id": "raid",
        "msg-param-displayName": name,
        "msg-param-login": record.from_login,
        "msg-param-viewerCount": str(record.viewers),
        "system-msg": text,
    }
    return _server("USERNOTICE", place, tags=_ordered(tags))


def _unraided(place: Place, event: Event) -> Line:
    tags = _notice_tags(place, event, place.channel_id, place.login, place.login)
    tags |= {"msg-id": "unraid", "system-msg": "The raid has been cancelled."}
    return _server("USERNOTICE", place, tags=_ordered(tags))


def _notice_tags(
    place: Place, event: Event, user_id: str, login: str, display_name: str
) -> dict[str, str]:
    """The tags of a USERNOTICE that no message is behind: an id of its own, no emotes."""
    return _badge_tags((), "") | {
        "color": "",
        "display-name": display_name,
        "emotes": "",
        "id": str(uuid5(NAMESPACE_OID, f"{place.channel_id}/{event.offset}")),
        "login": login,
        "room-id": place.channel_id,
        "tmi-sent-ts": _sent(event),
        "user-id": user_id,
    }


def _banned(place: Place, event: Event, record: UserBanned) -> Line:
    tags = {"room-id": place.channel_id, "target-user-id": record.user_id}
    tags["tmi-sent-ts"] = _sent(event)
    if record.until is not None:
        tags["ban-duration"] = str(max(1, ceil((record.until - event.at) / 1_000_000)))
    return _server("CLEARCHAT", place, record.login, tags=_ordered(tags))


def _deleted(place: Place, event: Event, record: MessageDeleted) -> Line:
    tags = {"login": record.login, "room-id": "", "target-msg-id": record.message_id}
    tags["tmi-sent-ts"] = _sent(event)
    return _server("CLEARMSG", place, record.text, tags=tags)


def _set(place: Place, before: ChatSettings | None, record: ChatSettingsChanged) -> list[Line]:
    """What has changed: clients tell from the tags that a line lacks what has not."""
    now = _modes(record)
    if before is None:
        return [_server("ROOMSTATE", place, tags=_room_tags(place, now))]
    then = _modes(before)
    lines = []
    for mode, value in now.items():
        if value != then[mode]:
            lines.append(_server("ROOMSTATE", place, tags=_room_tags(place, {mode: value})))
            lines.append(_mode_notice(place, mode, value))
    return lines


def _mode_notice(place: Place, mode: str, value: str) -> Line:
    name, on, off = _MODES[mode]
    if value in ("0", "-1") and (mode, value) != ("followers-only", "0"):
        return notice(f"{name}_off", f"This room is no longer in {off}.", place)
    if (mode, value) == ("followers-only", "0"):
        name = "followers_on_zero"
        return notice(name, "This room is now in followers-only mode.", place)
    return notice(f"{name}_on", f"This room is now in {on.format(value)}.", place)


_MODES: Final = {
    "emote-only": ("emote_only", "emote-only mode", "emote-only mode"),
    "followers-only": (
        "followers",
        "followers-only mode: follow for {} minutes before you chat",
        "followers-only mode",
    ),
    "r9k": ("r9k", "unique-chat mode", "unique-chat mode"),
    "slow": ("slow", "slow mode: one message every {} seconds", "slow mode"),
    "subs-only": ("subs", "subscribers-only mode", "subscribers-only mode"),
}
"""By tag: its NOTICE, and what that says once it is on, or off."""


def _modes(settings: ChatSettings | ChatSettingsChanged) -> dict[str, str]:
    """The tags of ROOMSTATE."""
    return {
        "emote-only": _bit(settings.emote_only),
        "followers-only": str(settings.followers_only_minutes),
        "r9k": _bit(settings.unique_chat),
        "slow": str(settings.slow_seconds),
        "subs-only": _bit(settings.subscribers_only),
    }


def _room_tags(place: Place, modes: dict[str, str]) -> dict[str, str]:
    return _ordered(modes | {"room-id": place.channel_id})


def _message_tags(place: Place, event: Event, record: MessageSent) -> dict[str, str]:
    months = [each for each in record.badges if each.startswith("subscriber/")]
    tags = _badge_tags(record.badges, "".join(months))
    tags |= {
        "color": record.colour,
        "display-name": record.display_name,
        "emotes": _emotes(record.emotes),
        "first-msg": "0",
        "id": record.message_id,
        "room-id": place.channel_id,
        "tmi-sent-ts": _sent(event),
        "user-id": record.user_id,
    }
    if record.reply_to:
        tags |= _reply_tags(record)
    return tags


def _reply_tags(record: MessageSent) -> dict[str, str]:
    tags = {
        "reply-parent-display-name": record.reply_display_name,
        "reply-parent-msg-body": record.reply_text,
        "reply-parent-msg-id": record.reply_to,
        "reply-parent-user-id": record.reply_user_id,
        "reply-parent-user-login": record.reply_login,
        "reply-thread-parent-msg-id": record.thread_id,
    }
    if record.thread_id == record.reply_to:
        tags["reply-thread-parent-user-login"] = record.reply_login
    return tags


def _badge_tags(own: Sequence[str], info: str) -> dict[str, str]:
    """What somebody is. `info`: for how many months they have subscribed."""
    names = {each.partition("/")[0] for each in own}
    kind = "staff" if "staff" in names else "mod" if "moderator" in names else ""
    tags = {
        "badge-info": info,
        "badges": ",".join(own),
        "mod": _bit("moderator" in names),
        "subscriber": _bit("subscriber" in names),
        "turbo": "0",
        "user-type": kind,
    }
    if "vip" in names:
        tags["vip"] = "1"
    return tags


def _emotes(ranges: Sequence[EmoteRange]) -> str:
    """`id:first-last,first-last/other:first-last`, in code points."""
    places: dict[str, list[str]] = {}
    for each in ranges:
        places.setdefault(each.id, []).append(f"{each.start}-{each.end}")
    return "/".join(f"{name}:{','.join(found)}" for name, found in places.items())


def _server(command: str, place: Place, text: str | None = None, *, tags: dict[str, str]) -> Line:
    return Line(source=SERVER, command=command, params=(f"#{place.login}",), text=text, tags=tags)


def _sent(event: Event) -> str:
    """Milliseconds since 1970."""
    return str(event.at // 1_000)


def _bit(value: bool) -> str:
    return "1" if value else "0"


def _ordered(tags: dict[str, str]) -> dict[str, str]:
    return dict(sorted(tags.items()))
