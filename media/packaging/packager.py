"""From FLV tags to CMAF: which tracks there are, where time jumps, what each run holds."""

import math
from typing import Final

from infra.errors import Refused
from media import flv
from media.packaging import codecs
from media.packaging.enhanced import plain
from media.packaging.outputs import (
    MAX_JUMP_MS,
    MAX_SEGMENT_BYTES,
    MAX_STEP_BACK_MS,
    MAX_STILL_MS,
    MISSING_TRACK_MS,
    Limits,
    Output,
    Warned,
)
from media.packaging.run import Frame, Run

_MAX_FRAME_RATE: Final = 240.0
_FRAMES_TO_MEASURE: Final = 8


class Packager:
    """One publisher's session: `feed` every tag, `finish` at the end.

    Holds at most one second of frames until it knows the tracks, then one part and one frame.
    """

    def __init__(self, limits: Limits | None = None, first_media_sequence: int = 0) -> None:
        self._limits = limits or Limits()
        self._media_sequence = first_media_sequence
        self._video: codecs.Video | None = None
        self._audio: codecs.Audio | None = None
        self._announced: dict[str, bool] = {}
        self._announced_rate = 0.0
        self._run: Run | None = None
        self._in_run = (False, False)
        self._waiting: list[Frame] = []
        self._waiting_since: int | None = None
        self._rebase = True
        self._offset = 0
        self._end = 0
        self._position: dict[bool, int] = {}
        self._left: tuple[int, int] | None = None
        self._warned: set[str] = set()
        self._unsent: list[Output] = []
        self.discarded = 0
        """Frames that went into no part, as those before the first key frame."""

    def feed(self, tag: flv.Tag, arrived_at: int) -> list[Output]:
        """Take a tag that arrived at a time in microseconds.

        Raises Refused (reason `key_frame_interval` or `unsupported_media`) if viewers could not
        play it; `finish` still gives what was made before.
        """
        out: list[Output] = []
        try:
            self._feed(tag, arrived_at, out)
        except Refused:
            self._unsent = out
            raise
        return out

    def _feed(self, tag: flv.Tag, arrived_at: int, out: list[Output]) -> None:
        if tag.kind == flv.DATA:
            self._read_metadata(tag)
            return
        tag = plain(tag)
        unsupported = flv.unsupported_codec(tag)
        if unsupported is not None:
            raise Refused(
                "unsupported_media", f"{unsupported} is not supported; send H.264 video, AAC audio"
            )
        if flv.is_video_sequence_header(tag):
            self._configure_video(tag.data[5:], out)
        if flv.is_audio_sequence_header(tag):
            self._configure_audio(tag.data[2:], out)
        if not flv.is_coded_frame(tag):
            return
        frame = _frame(tag, arrived_at)
        if frame is not None and (self._video if frame.video else self._audio) is not None:
            self._take(frame, out)
        else:
            self.discarded += 1

    def finish(self) -> list[Output]:
        """Close what is open: the session is over."""
        out, self._unsent = self._unsent, []
        if self._run is None and self._waiting:
            self._start(out, patient=False)
        self._end_run(out)
        return out

    def _read_metadata(self, tag: flv.Tag) -> None:
        """What onMetaData says of the frame rate and of the tracks to expect."""
        data = tag.data
        self._announced_rate = flv.announced_frame_rate(tag) or self._announced_rate
        if b"onMetaData" in data:
            self._announced = {
                "video": b"\x00\x0cvideocodecid" in data,
                "audio": b"\x00\x0caudiocodecid" in data,
            }

    def _configure_video(self, configuration: bytes, out: list[Output]) -> None:
        if self._video is None or self._video.configuration != configuration:
            self._video = codecs.parse_video(configuration)
            self._end_run(out)
            self._keep_waiting([frame for frame in self._waiting if not frame.video])

    def _configure_audio(self, configuration: bytes, out: list[Output]) -> None:
        if not configuration:
            return
        if self._audio is None or self._audio.configuration != configuration:
            self._audio = codecs.parse_audio(configuration)
            self._end_run(out)
            self._keep_waiting([frame for frame in self._waiting if frame.video])

    def _take(self, frame: Frame, out: list[Output]) -> None:
        if self._is_left_behind(frame.dts):
            self.discarded += 1
            return
        if self._jumped(frame):
            self._jump(frame, out)
        self._position[frame.video] = frame.dts
        if self._run is None:
            self._wait(frame, out)
        elif self._in_run[0 if frame.video else 1]:
            out += self._run.feed(self._timed(frame))
        elif frame.key:
            self._end_run(out)
            self._wait(frame, out)
        else:
            self.discarded += 1

    def _timed(self, frame: Frame) -> Frame:
        return Frame(
            frame.video,
            frame.dts + self._offset,
            frame.composition,
            frame.key,
            frame.data,
            frame.arrived_at,
        )

    # Jumps in the publisher's clock.

    def _jumped(self, frame: Frame) -> bool:
        if not self._position:
            return False
        if frame.dts > max(self._position.values()) + MAX_JUMP_MS:
            return True
        before = self._position.get(frame.video)
        if before is None:
            return False
        stood = frame.video and self._in_run[0] and frame.dts > before + MAX_STILL_MS
        return stood or frame.dts < before - MAX_STEP_BACK_MS

    def _jump(self, frame: Frame, out: list[Output]) -> None:
        left = max(self._position.values())
        self._end_run(out)
        self._rebase = True
        self._keep_waiting([])
        self._waiting_since = None
        self._position = {}
        self._left = left, frame.dts
        self._warn(
            out,
            "timestamp_jump",
            f"the publisher's clock jumped by {(frame.dts - left) / 1000:.1f} s; the stream goes "
            "on with a discontinuity",
        )

    def _is_left_behind(self, dts: int) -> bool:
        """Whether this is a frame from before the last jump that came after it."""
        if self._left is None:
            return False
        before, after = self._left
        if abs(dts - after) <= abs(dts - before):
            if dts - after > MAX_STEP_BACK_MS:
                self._left = None
            return False
        return abs(dts - before) <= MAX_STEP_BACK_MS

    # Which tracks there are.

    def _wait(self, frame: Frame, out: list[Output]) -> None:
        if frame.video and not frame.key and not any(held.video for held in self._waiting):
            self.discarded += 1
            return
        if self._waiting_since is None:
            self._waiting_since = frame.dts
        self._waiting.append(frame)
        if sum(len(held.data) for held in self._waiting) > MAX_SEGMENT_BYTES:
            raise Refused("unsupported_media", "too many bytes before the stream could start")
        self._start(out, patient=True)

    def _start(self, out: list[Output], *, patient: bool) -> None:
        """Begin a run as soon as its tracks are known and their first frames are here."""
        key = next((frame for frame in self._waiting if frame.video), None)
        sound = next((frame for frame in self._waiting if not frame.video), None)
        waited = self._waiting[-1].dts - (self._waiting_since or 0)
        if patient and not self._is_known(key, waited):
            self._forget_old_sound(key)
            return
        first = key or sound
        assert first is not None
        video = self._video if key is not None else None
        audio = self._audio
        if video is None:
            self._warn(out, "missing_video", "no video is being sent; viewers hear sound only")
        elif audio is None:
            self._warn(out, "missing_audio", "no sound is being sent; viewers see a silent picture")
        if self._rebase:
            self._offset, self._rebase = self._end - first.dts, False
        rate = self._frame_rate() if video else 0.0
        self._run = Run(
            video,
            audio,
            frame_rate=rate,
            first_media_sequence=self._media_sequence,
            limits=self._limits,
        )
        self._in_run = video is not None, audio is not None
        out.append(self._run.opened)
        waiting, self._waiting, self._waiting_since = self._waiting, [], None
        for frame in waiting:
            if frame.dts >= first.dts and self._in_run[0 if frame.video else 1]:
                out += self._run.feed(self._timed(frame))
            else:
                self.discarded += 1

    def _is_known(self, key: Frame | None, waited: int) -> bool:
        if key is not None and not self._frame_rate():
            return False
        if key is not None and self._audio is not None:
            return True
        if key is not None:
            return self._announced.get("audio") is False or waited >= MISSING_TRACK_MS
        if self._video is not None:
            return waited >= self._limits.max_gop * 1000
        return self._announced.get("video") is False or waited >= MISSING_TRACK_MS

    def _keep_waiting(self, kept: list[Frame]) -> None:
        self.discarded += len(self._waiting) - len(kept)
        self._waiting = kept

    def _forget_old_sound(self, key: Frame | None) -> None:
        """While a key frame is awaited, sound older than a second is of no use."""
        if key is None:
            oldest = self._waiting[-1].dts - MISSING_TRACK_MS
            self._keep_waiting([frame for frame in self._waiting if frame.dts >= oldest])

    def _frame_rate(self) -> float:
        """As the metadata says, else the sequence header, else as the waiting frames show."""
        assert self._video is not None
        for rate in (self._announced_rate, self._video.frame_rate):
            if math.isfinite(rate) and 1 <= rate <= _MAX_FRAME_RATE:
                return rate
        times = [frame.dts for frame in self._waiting if frame.video]
        if len(times) > _FRAMES_TO_MEASURE and times[-1] > times[0]:
            return min(1000 * (len(times) - 1) / (times[-1] - times[0]), _MAX_FRAME_RATE)
        return 0.0

    def _end_run(self, out: list[Output]) -> None:
        if self._run is None:
            return
        self._end = self._run.end
        out += self._run.finish()
        self._media_sequence = self._run.media_sequence
        self._run = None

    def _warn(self, out: list[Output], warning: str, detail: str) -> None:
        if warning not in self._warned:
            self._warned.add(warning)
            out.append(Warned(warning, detail))


def _frame(tag: flv.Tag, arrived_at: int) -> Frame | None:
    video = tag.kind == flv.VIDEO
    header = 5 if video else 2
    if len(tag.data) <= header:
        return None
    composition = 0
    if video:
        composition = int.from_bytes(tag.data[2:5], "big", signed=True)
    return Frame(
        video,
        tag.timestamp,
        composition,
        video and flv.is_keyframe(tag),
        tag.data[header:],
        arrived_at,
    )
