"""Media with one init segment: frames become samples, samples parts, parts segments."""

import math
from typing import Final

import msgspec

from infra.errors import Refused
from media.packaging.boxes import (
    AUDIO_TRACK,
    VIDEO_TIMESCALE,
    VIDEO_TRACK,
    Sample,
    Track,
    avc1,
    fragment,
    init_segment,
    mp4a,
)
from media.packaging.codecs import Audio, Video
from media.packaging.outputs import (
    MAX_SEGMENT,
    MAX_SEGMENT_BYTES,
    MIN_SEGMENT,
    Limits,
    Opened,
    Output,
    Part,
    Segment,
    Warned,
)
from media.packaging.sound import Sounds

AUDIO_ONLY_SEGMENT: Final = 2.0
"""Seconds of a segment without video."""
_TICKS: Final = VIDEO_TIMESCALE // 1000


class Frame(msgspec.Struct, frozen=True, gc=False):
    """A coded frame of either track; times are milliseconds of the session's media timeline."""

    video: bool
    dts: int
    composition: int
    key: bool
    data: bytes
    arrived_at: int


class Run:
    """Turns frames into parts and segments.

    The last sample of a part needs its duration, which is the next frame's time less its own: so
    one video frame is held back until the next comes.
    """

    def __init__(
        self,
        video: Video | None,
        audio: Audio | None,
        *,
        frame_rate: float,
        first_media_sequence: int,
        limits: Limits,
    ) -> None:
        self._video, self._audio, self._limits = video, audio, limits
        self.part_target = part_target(limits.part_duration, frame_rate, video, audio)
        self.opened = self._open(frame_rate, first_media_sequence)
        self.media_sequence = first_media_sequence
        """The number of the segment being made, or of the next one."""
        self._anchor: int | None = None
        self._fragments = 0
        self._held: Frame | None = None
        self._interval = max(1, round(1000 / frame_rate)) if frame_rate else 40
        self._key_at = 0
        self._warned = False
        self._pictures: list[Sample] = []
        self._sounds = Sounds(audio) if audio is not None else None
        self._ended = 0.0
        self._part_start: float | None = None
        self._part_length = 0.0
        self._segment: list[Part] = []
        self._segment_bytes = 0

    def _open(self, frame_rate: float, first: int) -> Opened:
        tracks, codecs = [], []
        if self._video is not None:
            video = self._video
            entry = avc1(video.width, video.height, video.configuration, video.aspect)
            shown = round(video.width * video.aspect[0] / video.aspect[1])
            shown = min(shown, 0xFFFF)
            tracks.append(Track(VIDEO_TRACK, VIDEO_TIMESCALE, entry, shown, video.height))
            codecs.append(video.codec)
        if self._audio is not None:
            audio = self._audio
            entry = mp4a(audio.channels, audio.sample_rate, audio.configuration)
            tracks.append(Track(AUDIO_TRACK, audio.sample_rate, entry))
            codecs.append(audio.codec)
        return Opened(
            init=init_segment(tracks),
            codecs=",".join(codecs),
            width=self._video.width if self._video else 0,
            height=self._video.height if self._video else 0,
            frame_rate=round(frame_rate, 3) if self._video else 0.0,
            channels=self._audio.channels if self._audio else 0,
            part_target=self.part_target,
            first_media_sequence=first,
        )

    def feed(self, frame: Frame) -> list[Output]:
        """Take the next frame of a track of this run. Raises Refused."""
        moved = frame.arrived_at - frame.dts * 1000
        self._weigh(len(frame.data))
        self._anchor = moved if self._anchor is None else min(self._anchor, moved)
        if frame.video:
            return self._picture(frame)
        return self._sound(frame)

    def finish(self) -> list[Output]:
        """Close what is open."""
        out: list[Output] = []
        if self._held is not None:
            self._append(self._held, self._interval, out)
            self._held = None
        if self._video is None:
            self._measure_sounds()
        if self._pictures or self._sounds:
            self._cut(out, last=True, everything=True)
        return out

    @property
    def end(self) -> int:
        """Where the media ends, in milliseconds of the session."""
        ends = [self._ended * 1000]
        if self._held is not None:
            ends.append(float(self._held.dts + self._interval))
        if self._part_start is not None:
            ends.append((self._part_start + self._part_length) * 1000)
        if self._sounds is not None:
            ends.append(self._sounds.end * 1000)
        return math.ceil(max(ends))

    def _picture(self, frame: Frame) -> list[Output]:
        out: list[Output] = []
        held = self._held
        if held is None:
            self._held, self._key_at = frame, frame.dts
            return out
        if frame.dts <= held.dts:
            frame = msgspec.structs.replace(
                frame, dts=held.dts + 1, composition=frame.composition + frame.dts - held.dts - 1
            )
        self._check_interval(frame, out)
        self._interval = frame.dts - held.dts
        self._append(held, self._interval, out)
        self._held = frame
        segment = self._segment_length() + self._part_length
        following = self._interval / 1000
        if (frame.key and segment >= MIN_SEGMENT) or segment + following > MAX_SEGMENT:
            self._cut(out, last=True)
        elif self._part_length + following > self.part_target or (
            frame.key and self._pictures and not self._pictures[0].sync
        ):
            self._cut(out, last=False)
        return out

    def _append(self, held: Frame, duration: int, out: list[Output]) -> None:
        """Put the held frame into the open part, or into a new one if it would be too long."""
        if self._pictures and self._part_length + duration / 1000 > self.part_target + 1e-9:
            whole = self._segment_length() + self._part_length + duration / 1000
            self._cut(out, last=whole > MAX_SEGMENT)
        if not self._pictures:
            self._part_start = held.dts / 1000
        self._pictures.append(
            Sample(
                held.dts * _TICKS,
                held.composition * _TICKS,
                duration * _TICKS,
                held.key,
                held.data,
            )
        )
        self._part_length += duration / 1000

    def _check_interval(self, frame: Frame, out: list[Output]) -> None:
        """The rules on key-frame intervals."""
        interval = (frame.dts - self._key_at) / 1000
        if interval > self._limits.max_gop:
            raise Refused(
                "key_frame_interval",
                f"no key frame for more than {self._limits.max_gop:g} s; set the key-frame "
                "interval to 2 s in OBS: Settings → Output → Streaming → Keyframe Interval",
            )
        if interval > self._limits.warn_gop + 0.05 and not self._warned:
            self._warned = True
            out.append(
                Warned(
                    "key_frame_interval",
                    f"key frames are more than {self._limits.warn_gop:g} s apart, so viewers wait "
                    "long for the picture; set the key-frame interval to 2 s in OBS: "
                    "Settings → Output → Streaming → Keyframe Interval",
                )
            )
        if frame.key:
            self._key_at = frame.dts

    def _sound(self, frame: Frame) -> list[Output]:
        assert self._sounds is not None
        start = self._sounds.place(frame.dts)
        if start is None:
            return []
        if self._held is not None and start - self._held.dts / 1000 > self._limits.max_gop:
            raise Refused(
                "unsupported_media",
                f"the picture stopped while {self._limits.max_gop:g} s of sound went on",
            )
        out = self._cut_sounds(start + self._sounds.frame) if self._video is None else []
        self._sounds.add(frame.dts, frame.data)
        return out

    def _cut_sounds(self, end: float) -> list[Output]:
        """Without video: close the part if a frame that ends at `end` does not fit."""
        out: list[Output] = []
        self._measure_sounds()
        if self._part_start is not None and end - self._part_start > self.part_target + 1e-9:
            segment = self._segment_length() + self._part_length
            self._cut(out, last=segment + self._part_length > AUDIO_ONLY_SEGMENT + 1e-9)
        return out

    def _measure_sounds(self) -> None:
        """Without video the part is as long as its sound."""
        if self._sounds:
            self._part_start, self._part_length = self._sounds.span

    def _segment_length(self) -> float:
        return sum(part.duration for part in self._segment)

    def _weigh(self, size: int) -> None:
        self._segment_bytes += size
        if self._segment_bytes > MAX_SEGMENT_BYTES:
            raise Refused(
                "unsupported_media",
                f"more than {MAX_SEGMENT_BYTES >> 20} MiB in one segment; lower the bitrate",
            )

    def _cut(self, out: list[Output], *, last: bool, everything: bool = False) -> None:
        """Close the part, and with `last` the segment."""
        start = self._part_start or 0.0
        end = math.inf if everything else start + self._part_length
        sounds = self._sounds.take(end) if self._sounds else []
        part = Part(
            media_sequence=self.media_sequence,
            part=len(self._segment),
            data=fragment(
                self._fragments + 1, ((VIDEO_TRACK, self._pictures), (AUDIO_TRACK, sounds))
            ),
            duration=round(self._part_length, 6),
            media_time=round(start, 6),
            program_date_time=(self._anchor or 0) + round(start * 1e6),
            independent=self._pictures[0].sync if self._pictures else self._video is None,
            last=last,
        )
        self._fragments += 1
        self._pictures = []
        self._ended = start + self._part_length
        self._part_start, self._part_length = None, 0.0
        out.append(part)
        self._segment.append(part)
        if last:
            self._close_segment(out)

    def _close_segment(self, out: list[Output]) -> None:
        first = self._segment[0]
        out.append(
            Segment(
                media_sequence=self.media_sequence,
                duration=round(self._segment_length(), 6),
                media_time=first.media_time,
                program_date_time=first.program_date_time,
                independent=first.independent,
                parts=[part.duration for part in self._segment],
            )
        )
        self.media_sequence += 1
        self._segment = []
        self._segment_bytes = self._sounds.waiting_bytes if self._sounds else 0


def part_target(
    wanted: float, frame_rate: float, video: Video | None, audio: Audio | None
) -> float:
    """The longest part in seconds: whole frames nearest to `wanted`, in whole milliseconds.

    FLV times are rounded to milliseconds, which adds one to a part of several video frames.
    """
    if video is None and audio is not None:
        each = audio.frame_samples / audio.sample_rate
        return math.ceil(1000 * max(1, math.floor(wanted / each + 0.5)) * each - 1e-6) / 1000
    if not frame_rate:
        return math.ceil(wanted * 1000) / 1000
    frames = max(1, math.ceil(wanted * frame_rate - 0.5))
    return (math.ceil(1000 * frames / frame_rate - 1e-6) + 1) / 1000
