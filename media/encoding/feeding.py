"""Decodes a source once and says to the rungs, picture by picture, what to make of it."""

import hashlib
import time
from collections import deque
from collections.abc import Callable
from fractions import Fraction
from typing import Final

import msgspec
import structlog
from av.video.frame import PictureType, VideoFrame

from infra.errors import MillraceError
from media.encoding.decoding import Decoded, Decoder
from media.encoding.outputs import SourcePart
from media.encoding.reading import Tracks, read_fragment, read_init
from media.encoding.sound import Sound, sound_of
from media.encoding.told import Abandoned, Begin, Look, Message, PartDone, Picture, SegmentDone
from media.packaging.boxes import VIDEO_TIMESCALE, Sample
from media.packaging.outputs import MAX_SEGMENT

log = structlog.get_logger()

MAX_LOST: Final = 300
"""Pictures in a row that may fail to decode before the source counts as broken."""
_TICK: Final = Fraction(1, VIDEO_TIMESCALE)
_STEADY: Final = 3
"""Pictures of which the times tell a frame rate."""
_UNSPECIFIED: Final = 2
_NEARLY_FORCED: Final = MAX_SEGMENT - 0.25
"""Seconds of a segment from which on it may have been cut between key frames."""


class Undecodable(MillraceError):
    """A source of which no picture can be made."""


class _Waiting(msgspec.Struct):
    """A part whose pictures are not all there yet."""

    part: SourcePart
    number: int
    end: int
    sounds: list[Sample]
    begin: Begin | None
    """If it is a segment's first, and none of it was told yet."""
    digest: str = ""
    """Of the segment, if it is the segment's last."""


class Feed:
    """What comes of a source's parts. Not thread-safe; `send` is called in order.

    A segment that begins with a key frame gets a decoder of its own, so that what becomes of it
    depends on nothing else. One that does not goes on with the decoder of the segment before.
    """

    def __init__(self, send: Callable[[Message], None], device: str = "") -> None:
        self._send, self._device = send, device
        self._init, self._session = b"", ""
        self._tracks = Tracks(None, None)
        self._sound: Sound | None = None
        self._decoder: Decoder | None = None
        self._expected: tuple[int, int] | None = None
        self._open = False
        """A segment was begun, and its last part did not come yet."""
        self._waiting: deque[_Waiting] = deque()
        self._composition = self._fed_until = 0
        self._told: int | None = None
        self._look = Look(0, (_UNSPECIFIED, _UNSPECIFIED, _UNSPECIFIED, 0))
        self._length = self._cpu = 0.0
        self._digest = hashlib.blake2b(digest_size=16)
        self._lost = 0
        self.damaged = 0
        """Pictures that could not be decoded since the beginning."""

    def take(self, part: SourcePart) -> None:
        """The next part. Raises InvalidRecord (its bytes are wrong) or Undecodable."""
        began = time.thread_time()
        self._place(part)
        fragment = read_fragment(self._tracks, part.data)
        begin = self._begin(part, fragment.video) if part.part == 0 else None
        sounds = self._sound.take(fragment.audio) if self._sound else []
        self._expected = (part.media_sequence, part.part + 1)
        if self._open:
            self._digest.update(part.data)
            self._length += part.duration
            self._fed_until = _end(fragment.video, self._fed_until)
            waiting = _Waiting(part, fragment.number, self._fed_until, sounds, begin)
            self._waiting.append(waiting)
            self._decode(fragment.video)
            if part.last:
                waiting.digest = self._digest.hexdigest()
                self._open = False
                self._drain_at_key_frame()
            self._close_parts()
        if part.last:
            self._expected = (part.media_sequence + 1, 0)
        self._cpu += time.thread_time() - began

    def finish(self, *, ended: bool) -> None:
        """No part follows. `ended`: the segment at hand ends with the parts that came of it."""
        if self._decoder is not None and (ended or not self._open):
            self._tell_all(self._decoder.drain())
        self._decoder = None
        if self._open and not ended:
            self._abandon()
        while self._waiting:
            self._close_part()
        if self._open:
            self._open = False
            self._send(SegmentDone(self._digest.hexdigest(), self._take_cpu()))

    def _place(self, part: SourcePart) -> None:
        """See whether the part continues what came before it."""
        if part.init != self._init or part.session != self._session:
            self.finish(ended=True)
            self._tracks = read_init(part.init)
            self._init, self._session = part.init, part.session
            self._sound = sound_of(self._tracks.audio) if self._tracks.audio else None
        elif self._expected != (part.media_sequence, part.part):
            log.warning(
                "a part of the source is missing",
                expected=self._expected,
                came=(part.media_sequence, part.part),
            )
            self._decoder = None
            self._abandon()

    def _abandon(self) -> None:
        """Forget what is not told yet; what was told of the open segment is all that will be."""
        told = not (self._waiting and self._waiting[-1].begin)
        if (self._open or self._waiting) and told:
            self._send(Abandoned())
        self._open = False
        self._waiting.clear()

    def _begin(self, part: SourcePart, samples: list[Sample]) -> Begin | None:
        """A segment's first part came; None if nothing can be made of it."""
        video = self._tracks.video
        if video is not None:
            if part.independent and samples:
                if self._decoder is not None:
                    self._tell_all(self._decoder.drain())
                while self._waiting:
                    self._close_part()
                self._decoder = Decoder(video.video.configuration, self._device)
                self._composition = samples[0].composition
            elif self._decoder is None:
                return None
        if self._sound is not None:
            self._sound.begin()
        self._open, self._length = True, 0.0
        self._digest = hashlib.blake2b(digest_size=16)
        return Begin(
            part=part,
            size=(video.video.width, video.video.height) if video else (0, 0),
            aspect=video.aspect if video else (1, 1),
            frame_rate=_frame_rate(part.frame_rate, samples),
            composition=self._composition,
            sound=self._sound,
        )

    def _decode(self, samples: list[Sample]) -> None:
        if self._decoder is not None:
            for sample in samples:
                self._tell_all(self._decoder.decode(sample))

    def _drain_at_key_frame(self) -> None:
        """At a segment's end: get what the decoder holds back, if a key frame follows.

        What follows is not known yet, but a segment that is not as long as can be ends at a key
        frame or with the session.
        """
        if self._decoder is not None and self._decoder.holds and self._length < _NEARLY_FORCED:
            self._tell_all(self._decoder.drain())
            self._decoder = None

    def _tell_all(self, decoded: list[Decoded]) -> None:
        for frame, sample in decoded:
            if frame is None:
                self._lose()
                continue
            at = sample.dts + sample.composition - self._composition
            while len(self._waiting) > 1 and self._waiting[0].end <= at:
                self._close_part()
            self._tell(frame, sample, at)

    def _tell(self, frame: VideoFrame, sample: Sample, at: int) -> None:
        if not self._waiting:
            return
        self._open_front()
        first = self._told is None
        if not first and at <= (self._told or 0):
            return
        self._told, self._lost = at, 0
        key = sample.sync or first
        if first:
            self._look = Look(round(frame.rotation), _colours(frame))
        frame.color_primaries = frame.color_trc = frame.colorspace = _UNSPECIFIED
        frame.pts, frame.time_base = at, _TICK
        frame.pict_type = PictureType.I if key else PictureType.NONE
        self._send(Picture(frame, self._look, at, sample.duration, key))

    def _lose(self) -> None:
        self.damaged += 1
        self._lost += 1
        if self._lost > MAX_LOST:
            raise Undecodable(f"{self._lost} pictures in a row cannot be decoded")

    def _close_parts(self) -> None:
        """Tell of the parts of which no picture can come any more."""
        while self._waiting and self._is_complete(self._waiting[0]):
            self._close_part()

    def _is_complete(self, waiting: _Waiting) -> bool:
        if self._decoder is None:
            return True
        until = waiting.end + self._composition
        return self._fed_until >= until and not self._decoder.holds_before(until)

    def _open_front(self) -> None:
        front = self._waiting[0]
        if front.begin is not None:
            self._told = None
            self._send(front.begin)
            front.begin = None

    def _close_part(self) -> None:
        self._open_front()
        done = self._waiting.popleft()
        self._send(PartDone(done.part, done.number, done.end, done.sounds))
        if done.digest:
            self._send(SegmentDone(done.digest, self._take_cpu()))

    def _take_cpu(self) -> float:
        taken, self._cpu = self._cpu, 0.0
        return taken


def _end(samples: list[Sample], otherwise: int) -> int:
    return samples[-1].dts + samples[-1].duration if samples else otherwise


def _colours(frame: VideoFrame) -> tuple[int, int, int, int]:
    """How the picture's numbers are colours: as the source says, or as players would guess.

    They guess by the size (BT.709 from 720 lines on), so a rung must say what its source was.
    """
    said = (int(frame.color_primaries), int(frame.color_trc), int(frame.colorspace))
    if said == (2, 2, 2) and min(frame.width, frame.height) >= 720:
        said = (1, 1, 1)
    return *said, int(frame.color_range)


def _frame_rate(announced: float, samples: list[Sample]) -> float:
    """What the segment's first pictures tell, if they come steadily; else as announced."""
    lasting = [sample.duration for sample in samples]
    if len(lasting) < _STEADY or max(lasting) > 1.5 * min(lasting):
        return announced
    return VIDEO_TIMESCALE * len(lasting) / sum(lasting)
