"""Why something was not said or done, as a NOTICE tells it: its `msg-id` by our reason. Pure.

The codes: https://dev.twitch.tv/docs/chat/irc/#notice-tags
"""

from typing import Final

REJECTED: Final = "msg_rejected_mandatory"
"""A message broke a rule of the channel for which there is no code of its own."""
HELD: Final = "msg_rejected"
"""A message waits for a moderator."""

_MESSAGES: Final = {
    "banned": "msg_banned",
    "timed-out": "msg_timedout",
    "suspended": "msg_suspended",
    "slow-mode": "msg_slowmode",
    "followers-only": "msg_followersonly",
    "subscribers-only": "msg_subsonly",
    "emote-only": "msg_emoteonly",
    "unique-chat": "msg_r9k",
    "rate": "msg_ratelimit",
    "repeated": "msg_duplicate",
    "message-empty": "msg_bad_characters",
}
_FAILURES: Final = {
    "too-many-requests": "msg_ratelimit",
    "not-signed-in": "no_permission",
    "missing-scope": "no_permission",
    "not-joined": "msg_room_not_found",
}
LOGIN_FAILED: Final = "Login authentication failed"
LOGIN_MALFORMED: Final = "Improperly formatted auth"
"""Clients know these two by their words: they do not come again with the same token."""
WRONG_TOKEN: Final = frozenset({"invalid-token", "not-found"})
"""Reasons for which a login fails for good."""


def code_of_rejection(reason: str) -> str:
    """Of a message that broke a rule."""
    return _MESSAGES.get(reason, REJECTED)


def code_of_failure(reason: str, *, joining: bool) -> str:
    """Of something that was not done; empty: there is no code for it."""
    if joining:
        return "msg_channel_suspended" if reason == "not-found" else ""
    return _FAILURES.get(reason, "")
