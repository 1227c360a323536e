"""How each chat is set: modes, AutoMod, shield. A channel that changed nothing has no row."""

from typing import Final

from infra.record import Envelope
from schemas.records.chat import AutomodChanged, ChatSettingsChanged, ShieldModeChanged
from sinks.rows import Columns
from sinks.view import Change, Upsert, View

_LEVELS: Final = ("toxicity", "identity_hate", "sexual", "aggression", "spam")


def project(message: Envelope) -> list[Change]:
    """Each kind of setting has columns of its own in the channel's row."""
    match message.event:
        case ChatSettingsChanged() as modes:
            columns: Columns = {
                "slow_seconds": modes.slow_seconds,
                "followers_only_minutes": modes.followers_only_minutes,
                "subscribers_only": modes.subscribers_only,
                "emote_only": modes.emote_only,
                "unique_chat": modes.unique_chat,
                "links": modes.links,
                "permitted_domains": " ".join(modes.permitted_domains),
                "chat_delay_seconds": modes.chat_delay_seconds,
                "cause": modes.cause,
            }
            return [Upsert(modes.channel_id, columns)]
        case AutomodChanged() as levels:
            return [Upsert(levels.channel_id, {name: getattr(levels, name) for name in _LEVELS})]
        case ShieldModeChanged() as shield:
            columns = {
                "shield": shield.active,
                "shield_by_id": shield.by_id,
                "shield_by_login": shield.by_login,
            }
            if shield.active:
                columns["shield_at"] = message.meta.occurred_at
            return [Upsert(shield.channel_id, columns)]
    return []


VIEW = View(
    name="chat-settings",
    purpose="How each chat is set: modes, levels of AutoMod, shield.",
    topics=("chat-events",),
    store="redis",
    key={"channel_id": str},
    columns={
        "slow_seconds": int,
        "followers_only_minutes": int,
        "subscribers_only": bool,
        "emote_only": bool,
        "unique_chat": bool,
        "links": str,
        "permitted_domains": str,
        "chat_delay_seconds": int,
        "cause": str,
        **dict.fromkeys(_LEVELS, int),
        "shield": bool,
        "shield_at": int,
        "shield_by_id": str,
        "shield_by_login": str,
    },
    project=project,
    log_key="channel_id",
)
