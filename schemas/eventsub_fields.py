"""What all types of EventSub have in common."""

from datetime import UTC, datetime
from typing import Any, Final

Told = dict[str, Any]
"""What subscribers are told of an event."""

BROADCASTER: Final = "broadcaster_user_id"


def timestamp(time: int) -> str:
    """Microseconds since 1970 as RFC 3339 text."""
    text = datetime.fromtimestamp(time / 1_000_000, UTC).isoformat(timespec="microseconds")
    return text.removesuffix("+00:00") + "Z"
