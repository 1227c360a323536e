"""What a message's id says of its place in the history of its chat.

Ids of messages that edges and the gateway take are made in the moment before the message is written
to the log: UUIDs of version 7 (RFC 9562, section 5.7), which begin with that moment. So the history
finds them by their id alone. The few others, held messages above all, which are sent when somebody
has approved them, have a row in the view `chat-messages`.
"""

from typing import Final
from uuid import UUID

WITHIN: Final = 20_000
"""Microseconds after the moment in its id within which a message of such an id was sent."""


def made_at(message_id: str) -> int | None:
    """When an id was made, in microseconds, to the millisecond; None: it does not say."""
    try:
        found = UUID(message_id)
    except ValueError:
        return None
    return (found.int >> 80) * 1000 if found.version == 7 else None


def says(message_id: str, sent_at: int) -> bool:
    """Whether the id leads to a message that was sent then (microseconds)."""
    made = made_at(message_id)
    return made is not None and made <= sent_at < made + WITHIN
