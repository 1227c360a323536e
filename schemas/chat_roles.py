"""Roles of a user in a channel, as commands and rows of chat name them."""

from typing import Final

MODERATING: Final = frozenset({"broadcaster", "moderator", "staff"})
"""Who moderates a chat, and sees what was taken out of it."""
