"""Names that media has on the log and in storage."""

from hashlib import blake2b
from typing import Final

SOURCE: Final = "source"
"""The rendition that is what the publisher sent."""
AUDIO_ONLY: Final = "audio_only"
"""The rendition that is the sound alone."""


def digest(data: bytes) -> str:
    """BLAKE2b-128 in hex, as media events carry it."""
    return blake2b(data, digest_size=16).hexdigest()
