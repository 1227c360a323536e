"""A place in a topic, over all of its partitions, for clients to keep as long as they like."""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final, Self

import msgspec

from infra.errors import InvalidRecord
from infra.record import Meta

MOST_MARKS: Final = 16
"""Writers remembered for a partition: those that may repeat themselves, the latest ones."""
BEGINNING: Final = -1
"""Of a partition that the topic has got since: from its first message on."""
LONGEST: Final = 8192
_MOST_PARTITIONS: Final = 1000


class Place(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """Where a client is in one partition."""

    offset: int
    """Of the next message."""
    marks: dict[int, int] = {}
    """Last number of each writer that may repeat itself, by a hash of its name."""

    def take(self, offset: int, meta: Meta) -> bool:
        """Advance past a message. Whether it is new to the client.

        An agent that restarts writes a suffix again, with the same numbers at new offsets. A
        process that writes under a name of its own (no `/` in it) never repeats itself.
        """
        if offset < self.offset:
            return False
        self.offset = offset + 1
        if "/" not in meta.producer:
            return True
        name = _hash(meta.producer)
        last = self.marks.pop(name, None)
        if last is not None and meta.sequence <= last:
            self.marks[name] = last
            return False
        self.marks[name] = meta.sequence
        if len(self.marks) > MOST_MARKS:
            del self.marks[next(iter(self.marks))]
        return True


class Cursor(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """Where a client is in a topic. Partitions that it does not know begin at their beginning."""

    topic: str
    places: list[Place]

    @classmethod
    def parse(cls, text: str, topic: str, partitions: int) -> Self:
        """The cursor in a text. Raises InvalidRecord for one that is of no place in this topic."""
        wrong = InvalidRecord("after: must be a cursor of this topic, `earliest` or `latest`")
        if len(text) > LONGEST or not text.isascii():
            raise wrong
        try:
            raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
            found = msgspec.msgpack.decode(raw, type=cls)
        except (ValueError, RecursionError) as error:
            raise wrong from error
        if found.topic != topic or len(found.places) > min(partitions, _MOST_PARTITIONS):
            raise wrong
        if any(not BEGINNING <= place.offset < 1 << 63 for place in found.places):
            raise wrong
        found.places += [Place(BEGINNING) for _ in range(partitions - len(found.places))]
        return found

    def text(self) -> str:
        """As it is given out: opaque, safe in a query and in a header."""
        return urlsafe_b64encode(msgspec.msgpack.encode(self)).decode().rstrip("=")


def _hash(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=6).digest(), "big")
