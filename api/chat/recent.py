"""The last messages of a chat, and which of them were taken back. Pure."""

from collections.abc import Sequence
from typing import Final

from api.chat.dialect import Event
from infra.record import Record
from schemas.records.chat import ChatCleared, MessageDeleted, MessageSent, UserBanned

SHOWN: Final = 50
"""Messages that somebody sees who comes in."""
_SPARE: Final = 2
"""So many times as many are remembered, for those that are taken back."""


class Recent:
    """The last messages that stand."""

    def __init__(self) -> None:
        self._messages: dict[str, Event] = {}

    def take(self, event: Event) -> None:
        """Something happened, after all that was taken before."""
        record = event.record
        if isinstance(record, MessageSent):
            self._messages[record.message_id] = event
            if len(self._messages) > SHOWN * _SPARE:
                del self._messages[next(iter(self._messages))]
        elif takes_back(record):
            self._messages = {
                name: each for name, each in self._messages.items() if not takes(record, each)
            }

    def events(self) -> list[Event]:
        """At most 50, in order."""
        return list(self._messages.values())[-SHOWN:]


def settled(events: Sequence[Event]) -> list[Event]:
    """The events without the messages that later ones among them took back."""
    kept: list[Event] = []
    for event in events:
        if takes_back(event.record):
            kept = [each for each in kept if not takes(event.record, each)]
        kept.append(event)
    return kept


def takes_back(record: Record) -> bool:
    """Whether messages are seen no longer because of it."""
    return isinstance(record, MessageDeleted | ChatCleared | UserBanned)


def takes(record: Record, earlier: Event) -> bool:
    """Whether it takes back what happened before it."""
    said = earlier.record
    if not isinstance(said, MessageSent):
        return False
    match record:
        case MessageDeleted():
            return said.message_id == record.message_id
        case UserBanned():
            return said.user_id == record.user_id
        case ChatCleared():
            return True
    return False
