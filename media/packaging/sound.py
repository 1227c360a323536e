"""The audio of a run: frames on the grid of their samples, whatever milliseconds FLV rounds to."""

from collections import deque
from typing import Final

import msgspec

from media.packaging.boxes import Sample
from media.packaging.codecs import Audio

_RESYNC: Final = 0.05
"""Seconds that audio timestamps may stray from the grid of their frames."""
_BRIDGED: Final = 1.0
"""Longest gap in the audio, in seconds, that is hidden from players."""


class Sounds:
    """Audio frames that wait for their part."""

    def __init__(self, audio: Audio) -> None:
        self._rate, self._each = audio.sample_rate, audio.frame_samples
        self._waiting: deque[Sample] = deque()
        self._next: int | None = None
        self._taken_until = 0

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def place(self, milliseconds: int) -> float | None:
        """Where a frame begins, in seconds; None if its time is already taken."""
        at = self._place(milliseconds)
        return None if at is None else at / self._rate

    def add(self, milliseconds: int, data: bytes) -> None:
        """Take a frame that has a place."""
        at = self._place(milliseconds)
        assert at is not None
        self._next = at + self._each
        self._waiting.append(Sample(at, 0, self._each, True, data))

    def _place(self, milliseconds: int) -> int | None:
        at = round(milliseconds * self._rate / 1000)
        expected = at if self._next is None else self._next
        stray = _RESYNC * self._rate
        if at < expected - stray or at < 0:
            return None
        return at if at > expected + stray else expected

    @property
    def frame(self) -> float:
        """Seconds of one frame."""
        return self._each / self._rate

    @property
    def end(self) -> float:
        """Where the last frame ends, in seconds."""
        return (self._next or 0) / self._rate

    @property
    def span(self) -> tuple[float, float]:
        """Start and length of what waits, in seconds."""
        start = self._waiting[0].dts / self._rate
        return start, (self._waiting[-1].dts + self._each) / self._rate - start

    @property
    def waiting_bytes(self) -> int:
        """Bytes that wait."""
        return sum(len(sample.data) for sample in self._waiting)

    def take(self, end: float) -> list[Sample]:
        """The frames that begin before `end` (seconds).

        A gap is bridged by the frame before it. If that one is out already, the frame after it
        comes early and lasts the longer: browsers stop at a hole, at a late sound they do not.
        """
        taken: list[Sample] = []
        while self._waiting and self._waiting[0].dts / self._rate < end - 1e-9:
            sample = self._waiting.popleft()
            gap = sample.dts - self._taken_until
            if taken and gap:
                taken[-1] = msgspec.structs.replace(taken[-1], duration=taken[-1].duration + gap)
            elif self._taken_until and 0 < gap <= _BRIDGED * self._rate:
                sample = msgspec.structs.replace(
                    sample, dts=self._taken_until, duration=sample.duration + gap
                )
            taken.append(sample)
            self._taken_until = sample.dts + sample.duration
        return taken
