"""What may be set in a chat, and what follows from a change of it."""

import re
from dataclasses import replace
from typing import Any, Final

from agents.chat.state import Levels, Room, Settings
from agents.chat.text import InvalidDomain, domain_of
from schemas.records.chat import (
    AutomodChanged,
    ChangeAutomod,
    ChangeChatSettings,
    ChatSettingsChanged,
    SetShieldMode,
    ShieldModeChanged,
)

SLOWEST: Final = 120
LONGEST_FOLLOWED: Final = 129_600
"""Minutes (three months) that followers-only mode may ask for."""
LINKS: Final = ("everybody", "moderators", "nobody")
DELAYS: Final = (0, 2, 4, 6)
DOMAINS: Final = 100
_DOMAIN = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")

SettingsEvent = ChatSettingsChanged | AutomodChanged | ShieldModeChanged


def changed_settings(room: Room, command: ChangeChatSettings) -> ChatSettingsChanged | str:
    """The event that follows, or what is wrong with the command. It ends a storm's slow mode."""
    asked: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name in Settings.__dataclass_fields__
        if (value := getattr(command, name)) is not None
    }
    chosen = valid_settings(asked)
    if isinstance(chosen, str):
        return chosen
    after = replace(room.chosen, **chosen)
    return said_settings(command.channel_id, after, "moderator", command.by_id, command.by_login)


def changed_levels(room: Room, command: ChangeAutomod) -> AutomodChanged | str:
    """The event that follows, or what is wrong with the command."""
    asked = {
        name: value
        for name in Levels.__dataclass_fields__
        if (value := getattr(command, name)) is not None
    }
    for name, value in asked.items():
        if not 0 <= value <= 4:
            return f"{name} must be 0 to 4"
    after = replace(room.levels_in_force, **asked)
    return _said_levels(command.channel_id, after, command.by_id, command.by_login)


def shielded(room: Room, command: SetShieldMode) -> list[SettingsEvent]:
    """What follows from the switch: the mode, and the settings that hold from now on."""
    channel, by_id, by_login = command.channel_id, command.by_id, command.by_login
    after = replace(room, shielded=command.active)
    return [
        ShieldModeChanged(
            channel_id=channel, active=command.active, by_id=by_id, by_login=by_login
        ),
        said_settings(channel, after.in_force, "shield", by_id, by_login),
        _said_levels(channel, after.levels_in_force, by_id, by_login),
    ]


def said_settings(
    channel_id: str, settings: Settings, cause: str, by_id: str = "", by_login: str = ""
) -> ChatSettingsChanged:
    """All settings, as an event."""
    return ChatSettingsChanged(
        channel_id=channel_id,
        slow_seconds=settings.slow_seconds,
        followers_only_minutes=settings.followers_only_minutes,
        subscribers_only=settings.subscribers_only,
        emote_only=settings.emote_only,
        unique_chat=settings.unique_chat,
        links=settings.links,
        permitted_domains=list(settings.permitted_domains),
        chat_delay_seconds=settings.chat_delay_seconds,
        cause=cause,
        by_id=by_id,
        by_login=by_login,
    )


def evolve(room: Room, event: SettingsEvent) -> Room:
    """The chat after its settings changed."""
    match event:
        case ShieldModeChanged():
            return replace(room, shielded=event.active)
        case AutomodChanged():
            levels = Levels(**{name: getattr(event, name) for name in Levels.__dataclass_fields__})
            if room.shielded:
                return replace(room, shield_levels=levels)
            return replace(room, levels=levels)
        case ChatSettingsChanged(cause="storm"):
            return replace(room, stormy=event.slow_seconds > room.chosen.slow_seconds)
        case ChatSettingsChanged(cause="moderator"):
            if room.shielded:
                return replace(room, stormy=False, shield_settings=_settings_of(event))
            return replace(room, stormy=False, settings=_settings_of(event))
    return room


def _settings_of(event: ChatSettingsChanged) -> Settings:
    said: dict[str, Any] = {name: getattr(event, name) for name in Settings.__dataclass_fields__}
    return Settings(**said | {"permitted_domains": tuple(event.permitted_domains)})


def _said_levels(channel_id: str, levels: Levels, by_id: str, by_login: str) -> AutomodChanged:
    return AutomodChanged(channel_id=channel_id, by_id=by_id, by_login=by_login, **levels.as_dict())


def valid_settings(asked: dict[str, Any]) -> dict[str, Any] | str:
    """Settings by name, domains as links have them; or what is wrong with one."""
    if wrong := _wrong_settings(asked):
        return wrong
    if "permitted_domains" not in asked:
        return asked
    try:
        domains = tuple(domain_of(each) for each in asked["permitted_domains"])
    except InvalidDomain as error:
        return f"permitted_domains: {error}"
    for each in domains:
        if not _DOMAIN.fullmatch(each):
            return f"permitted_domains: {each:.100} is not the name of a domain"
    return {**asked, "permitted_domains": tuple(dict.fromkeys(domains))}


def _wrong_settings(asked: dict[str, Any]) -> str:
    if not 0 <= asked.get("slow_seconds", 0) <= SLOWEST:
        return f"slow_seconds must be 0 to {SLOWEST}"
    if not -1 <= asked.get("followers_only_minutes", -1) <= LONGEST_FOLLOWED:
        return f"followers_only_minutes must be -1 to {LONGEST_FOLLOWED}"
    if asked.get("links", LINKS[0]) not in LINKS:
        return f"links must be one of {', '.join(LINKS)}"
    if asked.get("chat_delay_seconds", 0) not in DELAYS:
        return "chat_delay_seconds must be 0, 2, 4 or 6"
    if len(asked.get("permitted_domains", ())) > DOMAINS:
        return f"permitted_domains must be ≤{DOMAINS} domains"
    return ""
