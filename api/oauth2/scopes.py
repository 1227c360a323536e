"""Scopes: what an application may be allowed, named as the dialect names it, and said in words."""

from collections.abc import Collection, Iterable
from typing import Final

from infra.errors import Refused

OPERATE: Final = "platform:operate"
"""Of a user who is an operator: the token has that role too."""

SCOPES: Final[dict[str, str]] = {
    "analytics:read:extensions": "See figures of your extensions",
    "analytics:read:games": "See figures of your games",
    "bits:read": "See who cheered on your channel",
    "channel:bot": "Join your chat as a bot",
    "channel:edit:commercial": "Start commercials on your channel",
    "channel:manage:ads": "Manage when ads run on your channel",
    "channel:manage:broadcast": "Change your channel's title, category and tags, and set markers",
    "channel:manage:moderators": "Add and remove moderators of your channel",
    "channel:manage:polls": "Start and end polls on your channel",
    "channel:manage:predictions": "Start and settle predictions on your channel",
    "channel:manage:raids": "Send your viewers to another channel",
    "channel:manage:redemptions": "Manage rewards of your channel and who redeemed them",
    "channel:manage:schedule": "Change your channel's schedule",
    "channel:manage:stream_key": "Replace your stream key",
    "channel:manage:videos": "Delete your videos",
    "channel:manage:vips": "Add and remove VIPs of your channel",
    "channel:moderate": "Moderate your chat",
    "channel:read:ads": "See when ads run on your channel",
    "channel:read:charity": "See your charity campaigns and what was given",
    "channel:read:editors": "See who edits your channel",
    "channel:read:goals": "See your channel's goals",
    "channel:read:hype_train": "See hype trains on your channel",
    "channel:read:polls": "See polls of your channel",
    "channel:read:predictions": "See predictions of your channel",
    "channel:read:redemptions": "See rewards of your channel and who redeemed them",
    "channel:read:stream_key": "See your stream key: who has it can broadcast as you",
    "channel:read:subscriptions": "See who subscribes to your channel",
    "channel:read:vips": "See the VIPs of your channel",
    "channel_subscriptions": "See who subscribes to your channel",
    "chat:edit": "Write in chat as you",
    "chat:read": "Read chat",
    "clips:edit": "Make clips as you",
    "moderation:read": "See who moderates your channel and who is banned",
    "moderator:manage:announcements": "Post announcements where you moderate",
    "moderator:manage:automod": "Decide about messages that were held back where you moderate",
    "moderator:manage:automod_settings": "Change what is held back where you moderate",
    "moderator:manage:banned_users": "Ban people where you moderate, and let them back",
    "moderator:manage:blocked_terms": "Change the blocked words where you moderate",
    "moderator:manage:chat_messages": "Delete messages where you moderate",
    "moderator:manage:chat_settings": "Change the chat's settings where you moderate",
    "moderator:manage:shield_mode": "Switch the chat's shield where you moderate",
    "moderator:manage:shoutouts": "Recommend channels where you moderate",
    "moderator:manage:unban_requests": "Answer people who ask to be let back where you moderate",
    "moderator:manage:warnings": "Warn people where you moderate",
    "moderator:read:automod_settings": "See what is held back where you moderate",
    "moderator:read:banned_users": "See who is banned where you moderate",
    "moderator:read:blocked_terms": "See the blocked words where you moderate",
    "moderator:read:chat_messages": "Read messages where you moderate, deleted ones too",
    "moderator:read:chat_settings": "See the chat's settings where you moderate",
    "moderator:read:chatters": "See who is in chat where you moderate",
    "moderator:read:followers": "See who follows a channel that you moderate, and when they began",
    "moderator:read:moderators": "See who else moderates where you do",
    "moderator:read:shield_mode": "See whether the chat's shield is on where you moderate",
    "moderator:read:shoutouts": "See which channels were recommended where you moderate",
    "moderator:read:suspicious_users": "See who may evade a ban where you moderate",
    "moderator:read:unban_requests": "See who asks to be let back where you moderate",
    "moderator:read:vips": "See the VIPs where you moderate",
    "moderator:read:warnings": "See who was warned where you moderate",
    "openid": "Know who you are",
    "user:bot": "Be in chat as a bot under your name",
    "user:edit": "Change what your profile says",
    "user:edit:broadcast": "Change your channel's title, category and tags",
    "user:edit:follows": "Follow and unfollow channels as you",
    "user:manage:blocked_users": "Block people for you, and unblock them",
    "user:manage:chat_color": "Change the colour of your name in chat",
    "user:manage:whispers": "Read and send private messages as you",
    "user:read:blocked_users": "See whom you blocked",
    "user:read:broadcast": "See your channel's settings and markers",
    "user:read:chat": "Read chat as you",
    "user:read:email": "See your e-mail address",
    "user:read:emotes": "See which emotes you have",
    "user:read:follows": "See which channels you follow",
    "user:read:moderated_channels": "See where you moderate",
    "user:read:subscriptions": "See which channels you subscribe to",
    "user:read:whispers": "Read your private messages",
    "user:write:chat": "Write in chat as you",
    "user:write:polls": "Vote in polls as you",
    "user:write:predictions": "Stake your points on predictions as you",
    "whispers:edit": "Send private messages as you",
    "whispers:read": "Read your private messages",
    "events:trace": "See what led to an event, and what came of it, over all topics",
    OPERATE: "Do whatever operators of this platform may do",
}
"""Every scope but those of topics, which are by name: see `description`."""

_READ, _WRITE = "events:read:", "events:write:"
_SERVICES: Final = frozenset({"service", "operator"})
_NAME_LENGTH: Final = 100


def asked(text: str) -> list[str]:
    """The scopes that somebody asks for, each once (RFC 6749 section 3.3).

    Raises Refused("invalid-scope", …) for one that there is not.
    """
    found = list(dict.fromkeys(text.split(" "))) if text else []
    for scope in found:
        if description(scope) is None:
            raise Refused("invalid-scope", f"there is no scope {scope[:_NAME_LENGTH]!a}")
    return found


def description(scope: str) -> str | None:
    """What a scope allows, for people; None if there is no such scope."""
    for prefix, text in ((_READ, "Read all messages on"), (_WRITE, "Write messages on")):
        topic = scope.removeprefix(prefix)
        if topic != scope and topic.replace("-", "").isalnum() and topic.isascii():
            return f"{text} the topic {topic}"
    return SCOPES.get(scope)


def permitted(scopes: Iterable[str], roles: Collection[str]) -> frozenset[str]:
    """Those of the scopes that somebody with these roles can have, or give.

    The log and what operators do are not everyone's to give away: asked again with every request,
    so that who loses a role loses what came with it.
    """
    return frozenset(
        scope
        for scope in scopes
        if (scope != OPERATE or "operator" in roles)
        and (not scope.startswith("events:") or _SERVICES & set(roles))
    )
