"""Decodes H.264, and knows which picture came of which sample."""

from typing import Final

import av
from av.codec.hwaccel import HWAccel
from av.video.frame import VideoFrame

from media.packaging.boxes import Sample

Decoded = tuple[VideoFrame | None, Sample]
"""A picture and the sample that it came of; None: no picture came of it."""

_SPAN: Final = 64
"""Samples that a decoder may hold back; H.264 allows 16 pictures."""


class Decoder:
    """Decodes from a key frame on. Pictures come in the order in which they are shown."""

    def __init__(self, configuration: bytes, device: str = "") -> None:
        acceleration = HWAccel(device, allow_software_fallback=True) if device else None
        self._context = av.CodecContext.create("h264", "r", hwaccel=acceleration)
        self._context.extradata = configuration
        self._context.thread_count = 1
        self._samples: dict[int, Sample] = {}
        self._key: int | None = None

    @property
    def holds(self) -> bool:
        """Whether pictures are to come of samples that it has."""
        return bool(self._samples)

    def holds_before(self, shown: int) -> bool:
        """Whether one of them is shown before that time."""
        return any(at < shown for at in self._samples)

    def decode(self, sample: Sample) -> list[Decoded]:
        """Take the next sample."""
        shown = sample.dts + sample.composition
        if self._key is None:
            self._key = shown
        if shown < self._key:
            return []  # Shown before the key frame: needs pictures of the segment before.
        self._samples[shown] = sample
        packet = av.Packet(sample.data)
        packet.pts, packet.dts = shown, sample.dts
        try:
            frames = list(self._context.decode(packet))
        except av.FFmpegError:
            self._samples.pop(shown, None)
            return [(None, sample)]
        lost = self._trim()
        return lost + [decoded for frame in frames for decoded in self._match(frame)]

    def drain(self) -> list[Decoded]:
        """What it still holds; it cannot go on after that."""
        try:
            frames = list(self._context.decode(None))
        except av.FFmpegError:
            frames = []
        decoded = [pair for frame in frames for pair in self._match(frame)]
        decoded += [(None, sample) for sample in self._samples.values()]
        self._samples.clear()
        return decoded

    def _match(self, frame: VideoFrame) -> list[Decoded]:
        """The picture, and before it the samples of which none came."""
        at = frame.pts
        sample = self._samples.pop(at, None) if at is not None else None
        if sample is None or at is None:
            return []
        passed = [shown for shown in self._samples if shown < at]
        return [*((None, self._samples.pop(shown)) for shown in passed), (frame, sample)]

    def _trim(self) -> list[Decoded]:
        """Give up what was held back for longer than can be."""
        lost: list[Decoded] = []
        while len(self._samples) > _SPAN:
            lost.append((None, self._samples.pop(next(iter(self._samples)))))
        return lost
