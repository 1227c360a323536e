"""What was said lately, in rows that fade: users' last messages, and who else said the same."""

from collections import defaultdict, deque
from collections.abc import Callable
from typing import Final, TypeVar

from agents.chat.limits import LIMITS, SECOND
from agents.chat.recent import ChannelRecent, Text, UserRecent, after
from agents.chat.saying import Saying
from infra.streaming import MakesTables, Rows

V = TypeVar("V")

RECENT_SECONDS: Final = 130
"""How long a user's last messages are kept: longer than any slow mode."""
SLOTS: Final = 1024
"""Rows that a chat's texts are spread over, so that each stays small."""
KEPT: Final = 8192
"""Rows of a table that are at hand without being decoded."""


SILENT: Final = UserRecent()
"""Who said nothing lately."""
Slot = dict[int, int]
"""When each fingerprint was said last (microseconds)."""


class Fading:
    """Rows in the order in which they were written last, so that old ones are found unsought.

    (`agents.schedule` would write two rows more for each message.)
    """

    def __init__(self, written: list[tuple[int, str]]) -> None:
        self._order = deque(sorted(written))

    def note(self, now: int, key: str) -> None:
        """A row was written."""
        self._order.append((now, key))

    def old(self, before: int) -> list[str]:
        """Rows written before then; some may have been written again since, or be gone."""
        found = []
        while self._order and self._order[0][0] < before:
            found.append(self._order.popleft()[1])
        return found


class Memory:
    """What was said lately in the chats of a partition."""

    def __init__(self, app: MakesTables) -> None:
        self._users = app.Table("said-by-channel-and-user", value_type=UserRecent, kept=KEPT)
        self._texts = app.Table("going-round-by-channel-and-slot", value_type=Text)
        self._rounds = app.Derived("going-round", self._all_rounds)
        self._slots = app.Table("said-by-channel-and-slot", value_type=Slot)
        self._fading_users = app.Derived("fading-users", lambda: _by_age(self._users, _last_of))
        self._fading_slots = app.Derived("fading-slots", lambda: _by_age(self._slots, _latest))

    def recent(self, row: str) -> UserRecent:
        """What a user said last in a chat, by `channel|user`."""
        return self._users.get(row) or SILENT

    def round(self, channel_id: str) -> ChannelRecent:
        """What many say in a chat."""
        rounds = self._rounds.get()
        found = rounds.get(channel_id)
        if found is None:
            found = rounds[channel_id] = ChannelRecent()
        return found

    def said_at(self, channel_id: str) -> Callable[[int], int]:
        """Tells when a fingerprint was said last in a chat where messages are unique; 0: not."""
        return lambda print_: (self._slots.get(_slot(channel_id, print_)) or {}).get(print_, 0)

    def note(self, saying: Saying) -> None:
        """Something was said, or is held."""
        channel, now = saying.command.channel_id, saying.now
        key = f"{channel}|{saying.command.user_id}"
        self._users[key] = after(saying.lately, now, saying.mark, saying.limits)
        self._fading_users.get().note(now, key)
        if saying.mark.sketch:
            self._note_round(saying)
        if saying.room.in_force.unique_chat:
            self._note_unique(_slot(channel, saying.mark.fingerprint), saying.mark.fingerprint, now)

    def fade(self, now: int) -> None:
        """Forget what no rule asks for any more."""
        before = now - RECENT_SECONDS * SECOND
        for key in self._fading_users.get().old(before):
            recent = self._users.get(key)
            if recent is not None and _last_of(recent) < before:
                del self._users[key]
        before = now - LIMITS.unique_seconds * SECOND
        for key in self._fading_slots.get().old(before):
            slot = self._slots.get(key)
            if slot is not None and _latest(slot) < before:
                del self._slots[key]
        self._fade_rounds(now - RECENT_SECONDS * SECOND)

    def _all_rounds(self) -> dict[str, ChannelRecent]:
        by_channel = defaultdict[str, list[tuple[int, int, Text]]](list)
        for key, text in self._texts.items():
            channel, _, slot = key.rpartition("|")
            by_channel[channel].append((text.number, int(slot), text))
        rounds = {}
        for channel, texts in by_channel.items():
            rounds[channel] = found = ChannelRecent()
            for _, place, text in sorted(texts):
                found.put(place, text)
        return rounds

    def _note_round(self, saying: Saying) -> None:
        """Write what changes of the texts that go round."""
        channel, limits = saying.command.channel_id, saying.limits
        changed = saying.round.note(saying.now, saying.mark, saying.crowd, limits)
        for slot, text in changed.items():
            key = f"{channel}|{slot}"
            if text is None:
                del self._texts[key]
            else:
                self._texts[key] = text

    def _fade_rounds(self, before: int) -> None:
        rounds = self._rounds.get()
        for channel in [each for each, round_ in rounds.items() if round_.last < before]:
            for slot in rounds.pop(channel).texts:
                del self._texts[f"{channel}|{slot}"]

    def _note_unique(self, key: str, fingerprint: int, now: int) -> None:
        before = now - LIMITS.unique_seconds * SECOND
        slot = {each: at for each, at in (self._slots.get(key) or {}).items() if at >= before}
        slot[fingerprint] = now
        self._slots[key] = slot
        self._fading_slots.get().note(now, key)


def _by_age(table: Rows[V], written: Callable[[V], int]) -> Fading:
    return Fading([(written(row), key) for key, row in table.items()])


def _last_of(recent: UserRecent) -> int:
    return recent.said[-1].at


def _latest(slot: Slot) -> int:
    return max(slot.values(), default=0)


def _slot(channel_id: str, fingerprint: int) -> str:
    return f"{channel_id}|{fingerprint % SLOTS}"
