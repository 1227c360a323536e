"""Counts what a publisher sends: a few additions a packet, and a measurement when it is asked for.

What RTMP lets one see is how much comes, when, and under which timestamps. Dropped frames leave
holes in the timestamps, a connection that stalls makes media late against them.
"""

import math
from collections import deque
from itertools import pairwise
from statistics import median
from typing import Final

import msgspec

from infra.errors import Refused
from media import flv
from media.flv import Tag
from media.ingest.health import Figures
from media.packaging import codecs
from media.packaging.enhanced import plain

WINDOWS: Final = 5
"""Windows that a measurement covers: with one every two seconds, it is about the last ten."""
USUAL: Final = 150
"""Measurements that say what is usual: the last five minutes."""
BASELINES: Final = 30
"""Windows that say how soon media can arrive: the last minute, in which clocks drift by 6 ms."""
JUMP: Final = 10_000
"""Milliseconds above which a step of the timestamps is a jump and not a hole."""
_LONG: Final = 2_000
"""Milliseconds without a key frame after which it counts that none has come."""
_MAX_FRAME_RATE: Final = 240.0
_VIDEO_HEADER, _AUDIO_HEADER = 5, 2


class Track:
    """What came of one track, by its own timestamps in milliseconds."""

    __slots__ = ("bytes", "frames", "hole", "jumps", "last", "media", "steps")

    def __init__(self) -> None:
        self.bytes = self.frames = self.steps = self.media = self.jumps = self.hole = 0
        self.last: int | None = None

    def take(self, at: int, size: int) -> None:
        """Count a coded frame."""
        self.bytes += size
        self.frames += 1
        last, self.last = self.last, at
        if last is None:
            return
        step = at - last
        if 0 <= step <= JUMP:
            self.steps += 1
            self.media += step
            if step > self.hole:
                self.hole = step
        else:
            self.jumps += 1


class _Sum(msgspec.Struct, frozen=True, array_like=True):
    """A track's counts at the end of a window."""

    bytes: int = 0
    steps: int = 0
    media: int = 0
    jumps: int = 0

    def since(self, before: "_Sum") -> "_Sum":
        """What came after another one."""
        return _Sum(
            self.bytes - before.bytes,
            self.steps - before.steps,
            self.media - before.media,
            self.jumps - before.jumps,
        )

    @property
    def bitrate(self) -> int:
        """Bits in a second of media."""
        return round(8000 * self.bytes / self.media) if self.media else 0

    @property
    def rate(self) -> float:
        """Frames in a second of media."""
        return 1000 * self.steps / self.media if self.media else 0.0


class _Window(msgspec.Struct, frozen=True, array_like=True):
    """Where the counts stood at the end of a window, and the worst within it."""

    at: float
    video: _Sum = _Sum()
    audio: _Sum = _Sum()
    late: float = 0.0
    hole: int = 0
    audio_hole: int = 0
    audio_offset: int = 0
    held_back: bool = False


class Meter:
    """One session. `now` is any clock in seconds that goes on evenly."""

    def __init__(self, now: float) -> None:
        self.video, self.audio = Track(), Track()
        self.received_bytes = 0
        self.media_time = 0
        """Newest timestamp, in milliseconds."""
        self.heard = now
        """When something came last."""
        self.video_codec: codecs.Video | None = None
        self.audio_codec: codecs.Audio | None = None
        self._announced_rate = 0.0
        self._key_at: int | None = None
        self._key_interval: int | None = None
        self._windows = deque([_Window(now)], WINDOWS + 1)
        self._soonest: deque[float] = deque(maxlen=BASELINES)
        self._soonest_before = math.inf
        self._soonest_now = math.inf
        self._at: int | None = None
        self._late = 0.0
        self._jumps = 0
        self._held_back = False
        self._bitrates: deque[int] = deque(maxlen=USUAL)
        self._rates: deque[float] = deque(maxlen=USUAL)

    def take(self, tags: list[Tag], now: float) -> int:
        """Count tags that have just come. Returns the bytes of their bodies."""
        self.heard = now
        total = 0
        for tag in tags:
            data = tag.data
            total += len(data)
            if begins_at := flv.frame_begins_at(tag):
                if tag.kind == flv.AUDIO:
                    self.audio.take(tag.timestamp, max(0, len(data) - begins_at))
                    continue
                self.video.take(tag.timestamp, max(0, len(data) - begins_at))
                if data[0] & 0x70 == 0x10:
                    self._key(tag.timestamp)
            else:
                self._read(tag)
        self.media_time = max(self.media_time, tags[-1].timestamp)
        self.received_bytes += total
        if tags[0].kind != flv.DATA and tags[-1].kind != flv.DATA:
            self._arrived(tags[0].timestamp, tags[-1].timestamp, now)
        return total

    def held_back(self) -> None:
        """Note that the publisher had to wait for us: that it is late then is not its fault."""
        self._held_back = True

    def _read(self, tag: Tag) -> None:
        """What is no frame: metadata, codec parameters."""
        if tag.kind == flv.DATA:
            self._announced_rate = flv.announced_frame_rate(tag) or self._announced_rate
            return
        tag = plain(tag)
        try:
            if flv.is_video_sequence_header(tag):
                self.video_codec = codecs.parse_video(tag.data[_VIDEO_HEADER:])
            elif flv.is_audio_sequence_header(tag) and len(tag.data) > _AUDIO_HEADER:
                self.audio_codec = codecs.parse_audio(tag.data[_AUDIO_HEADER:])
        except Refused:
            return  # packaging ends the session over it, and says why

    def _key(self, at: int) -> None:
        if self._key_at is not None and 0 < at - self._key_at <= 6 * JUMP:
            self._key_interval = at - self._key_at
        self._key_at = at

    def _arrived(self, first: int, last: int, now: float) -> None:
        """How much later packets came together than the soonest ones of the last minute."""
        jumps = self.video.jumps + self.audio.jumps
        if jumps != self._jumps:
            self._jumps, self._soonest_now, self._soonest_before = jumps, math.inf, math.inf
            self._soonest.clear()
        soonest = min(self._soonest_before, self._soonest_now)
        self._late = max(self._late, now - first / 1000 - soonest)
        self._soonest_now = min(self._soonest_now, now - last / 1000)
        self._at = last

    def measure(self, now: float) -> Figures:
        """End a window, and say what the last ones were like."""
        if self._at is not None:  # what should have come by now is late already
            soonest = min(self._soonest_before, self._soonest_now)
            self._late = max(self._late, now - self._at / 1000 - soonest)
        self._windows.append(self._window(now))
        first, last = self._windows[0], self._windows[-1]
        video, audio = last.video.since(first.video), last.audio.since(first.audio)
        expected = self._expected_rate()
        usual = round(median(self._bitrates)) if self._bitrates else 0
        if video.bitrate:
            self._bitrates.append(video.bitrate)
            self._rates.append(video.rate)
        recent = list(self._windows)[1:]
        return Figures(
            seconds=last.at - first.at,
            video_bitrate=video.bitrate,
            usual_bitrate=usual,
            audio_bitrate=audio.bitrate,
            frame_rate=video.rate,
            expected_frame_rate=expected,
            lowest_frame_rate=self._lowest_rate(),
            frames_missing=max(0, round(expected * video.media / 1000) - video.steps),
            key_frame_interval=self._interval(),
            late=max(window.late for window in recent),
            hole=max(window.hole for window in recent) / 1000,
            audio_hole=max(window.audio_hole for window in recent) / 1000,
            jumps=video.jumps + audio.jumps,
            audio_offset=median(window.audio_offset for window in recent) / 1000,
            held_back=any(window.held_back for window in recent),
        )

    def _window(self, now: float) -> _Window:
        video, audio = self.video, self.audio
        offset = 0
        before = self._windows[-1]
        if video.steps > before.video.steps and audio.steps > before.audio.steps:
            assert video.last is not None
            assert audio.last is not None
            offset = audio.last - video.last
        window = _Window(
            at=now,
            video=_Sum(video.bytes, video.steps, video.media, video.jumps),
            audio=_Sum(audio.bytes, audio.steps, audio.media, audio.jumps),
            late=self._late,
            hole=video.hole,
            audio_hole=audio.hole,
            audio_offset=offset,
            held_back=self._held_back,
        )
        video.hole = audio.hole = 0
        if self._soonest_now < math.inf:
            self._soonest.append(self._soonest_now)
            self._soonest_before = min(self._soonest)
        self._soonest_now, self._late, self._held_back = math.inf, 0.0, False
        return window

    def _lowest_rate(self) -> float:
        """Of the windows that were measured."""
        rates = [
            window.rate
            for before, after in pairwise(self._windows)
            if (window := after.video.since(before.video)).media
        ]
        return min(rates, default=0.0)

    def _expected_rate(self) -> float:
        """As the metadata says, else the sequence header, else what was usual so far."""
        coded = self.video_codec.frame_rate if self.video_codec else 0.0
        usual = median(self._rates) if self._rates else 0.0
        for rate in (self._announced_rate, coded, usual):
            if 1 <= rate <= _MAX_FRAME_RATE:
                return rate
        return 0.0

    def _interval(self) -> float | None:
        """The last interval, or the one that has not ended if that is longer already."""
        if self._key_at is None or self.video.last is None:
            return None
        going = self.video.last - self._key_at
        if self._key_interval is None:
            return going / 1000 if going > _LONG else None
        return max(self._key_interval, going) / 1000
