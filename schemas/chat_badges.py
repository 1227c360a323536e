"""Badges beside names in chats, by what somebody is in the channel."""

from collections.abc import Sequence
from typing import Final

BADGES: Final = ("staff", "broadcaster", "moderator", "vip", "partner", "affiliate", "bot")
"""Roles that have a badge, the most important first. Subscribers' come after the channel's own."""
SUBSCRIBER_TIERS: Final = (0, 2, 3, 6, 9, 12, 24, 36, 48, 60)
"""Months from which on a subscriber has another badge."""


def badges(roles: Sequence[str], subscribed_months: int) -> list[str]:
    """Badges of a sender, `name/version`."""
    if not roles:
        return []
    found = [f"{name}/1" for name in BADGES if name in roles]
    if "subscriber" in roles:
        tier = max(each for each in SUBSCRIBER_TIERS if each <= max(0, subscribed_months))
        found.append(f"subscriber/{tier}")
    return found
