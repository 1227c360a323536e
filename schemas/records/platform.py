"""Records of the platform context. Generated from `schemas/avro` by `make generate`: do not edit."""

from typing import ClassVar

from infra.record import Record


class GapDetected(Record, frozen=True, kw_only=True):
    """A reader saw a hole in a producer's sequence: messages are missing."""

    FULL_NAME: ClassVar[str] = "millrace.platform.GapDetected"

    reader: str
    """Who noticed. Key of the message."""
    topic: str
    """Where the hole is."""
    partition: int
    """Where the hole is."""
    offset: int
    """Offset of the first message after the hole."""
    producer: str
    """Whose messages are missing."""
    expected: int
    """The sequence that should have come."""
    found: int
    """The sequence that came."""
