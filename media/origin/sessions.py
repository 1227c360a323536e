"""Where the sessions of a stream begin, which is where its media is discontinuous."""

from bisect import bisect_left, insort


class Sessions:
    """The first segments of a stream's sessions, told by its source, the same for all renditions.

    A rendition that is made of the source goes on in the source's time line whoever makes it, and
    with whatever encoder: only a new session of the publisher breaks it.
    """

    def __init__(self) -> None:
        self._starts: list[int] = []

    def begins(self, media_sequence: int) -> None:
        """A session begins with that segment."""
        if media_sequence not in self._starts:
            insort(self._starts, media_sequence)

    def discontinuous(self, media_sequence: int) -> bool:
        """Whether a segment does not continue the one before (EXT-X-DISCONTINUITY)."""
        return media_sequence in self._starts[1:]

    def before(self, media_sequence: int) -> int:
        """How many discontinuities came before a segment (EXT-X-DISCONTINUITY-SEQUENCE)."""
        return max(0, bisect_left(self._starts, media_sequence) - 1)
