"""One rung: pictures become samples, samples the parts and segments that its source has."""

import hashlib
import time
from collections import deque
from collections.abc import Callable

import msgspec
import structlog

from infra.errors import Refused
from media.encoding import encoders
from media.encoding.encoders import Coded, Encoder, Shape, Unencodable
from media.encoding.outputs import Measured, Output, Produced, RungFailed, Target
from media.encoding.parts import part_of, segment_of
from media.encoding.scaling import Scaler
from media.encoding.sizes import displayed, divisor, fitted
from media.encoding.told import (
    Abandoned,
    Begin,
    Look,
    Message,
    PartDone,
    Picture,
    SegmentDone,
)
from media.packaging.boxes import (
    AUDIO_TRACK,
    VIDEO_TIMESCALE,
    VIDEO_TRACK,
    Sample,
    Track,
    avc1,
    fragment,
    init_segment,
)
from media.packaging.codecs import parse_video
from media.packaging.outputs import Opened, Part

log = structlog.get_logger()


class _Ready(msgspec.Struct):
    """A part that waits for its encoder."""

    done: PartDone
    pictures: int
    """Pictures of the segment up to its end."""
    longer: int
    """Ticks by which its last picture is shown longer than the part lasts: the source's next one,
    which the rung leaves out."""


class _Segment:
    """What a rung knows of the segment that it makes."""

    def __init__(self, begin: Begin, divisor: int) -> None:
        self.begin, self.divisor = begin, divisor
        self.told: list[Message] = []
        """What was told of it while no part of it is out: another encoder can start over."""
        self.encoder: Encoder | None = None
        self.shape: Shape | None = None
        self.scaler: Scaler | None = None
        self.recipe = ""
        self.pictures = 0
        """Given to the encoder."""
        self.coded = 0
        """Came back."""
        self.samples: deque[Coded] = deque()
        self.part_begins_with = 0
        self.left_out: Picture | None = None
        self.skip_next = False
        self.interval = 0
        """Of the source's pictures, in ticks."""
        self.ready: deque[_Ready] = deque()
        self.emitted = 0
        """Pictures in parts that are out."""
        self.parts: list[Part] = []
        self.digest = hashlib.blake2b(digest_size=16)


class Rung:
    """Makes a rendition. Not thread-safe: one thread tells it everything.

    If its encoder fails, the next one of the machine's takes over: at once if no part of the
    segment is out, else from the next segment on, for a segment is of one recipe.
    """

    def __init__(
        self,
        target: Target,
        names: tuple[str, ...],
        salt: str,
        say: Callable[[Output], None],
        open_encoder: Callable[[str, Shape], Encoder] = Encoder,
    ) -> None:
        self.target = target
        self._names, self._salt, self._say = list(names), salt, say
        self._open_encoder = open_encoder
        self._scaler: Scaler | None = None
        self._scaler_of: tuple[int, int, str, int] | None = None
        self._segment: _Segment | None = None
        self._opened: tuple[str, bytes] | None = None
        self._refused = ""
        self._cpu = self._wall = 0.0

    def take(self, message: Message) -> None:
        """The next thing that the feed tells."""
        cpu, wall = time.thread_time(), time.perf_counter()
        if isinstance(message, Begin):
            self._begin(message)
        elif isinstance(message, Abandoned):
            self._segment = None
        elif self._segment is not None:
            self._attempt(message)
        self._cpu += time.thread_time() - cpu
        self._wall += time.perf_counter() - wall
        if isinstance(message, SegmentDone) and self._segment is not None:
            self._measure(message, self._segment)
            self._segment = None

    def _begin(self, begin: Begin) -> None:
        self._cpu = self._wall = 0.0
        self._segment = None
        if self._names and begin.size[0]:
            self._segment = _Segment(begin, divisor(begin.frame_rate, self.target.frame_rate))

    def _attempt(self, message: Message) -> None:
        segment = self._segment
        assert segment is not None
        if not segment.parts:
            segment.told.append(message)
        try:
            self._handle(segment, message)
        except Refused as refused:
            self._segment = None
            if refused.args[0] != self._refused:
                self._refused = refused.args[0]
                self._say(RungFailed(self.target.name, "", "", self._refused))
        except Unencodable as failure:
            self._fall_back(segment, str(failure))

    def _fall_back(self, segment: _Segment, detail: str) -> None:
        failed = self._names.pop(0)
        using = self._names[0] if self._names else ""
        log.warning("an encoder failed", rendition=self.target.name, using=using, detail=detail)
        self._say(RungFailed(self.target.name, failed, using, detail))
        self._segment = None
        if using and not segment.parts:
            self._segment = _Segment(segment.begin, segment.divisor)
            for message in segment.told:
                if self._segment is not None:
                    self._attempt(message)

    def _handle(self, segment: _Segment, message: Message) -> None:
        match message:
            case Picture():
                self._picture(segment, message)
            case PartDone():
                self._part_done(segment, message)
            case SegmentDone():
                self._flush(segment)

    def _picture(self, segment: _Segment, picture: Picture) -> None:
        if segment.encoder is None:
            self._open(segment, picture.look)
        segment.interval = picture.duration
        if segment.skip_next and not picture.key:
            segment.left_out, segment.skip_next = picture, False
        else:
            self._encode(segment, picture)

    def _encode(self, segment: _Segment, picture: Picture) -> None:
        assert segment.encoder is not None
        assert segment.scaler is not None
        segment.left_out, segment.skip_next = None, segment.divisor == 2
        segment.pictures += 1
        self._keep(segment, segment.encoder.encode(segment.scaler.scale(picture.frame)))

    def _keep(self, segment: _Segment, coded: list[Coded]) -> None:
        segment.samples.extend(coded)
        segment.coded += len(coded)
        while segment.ready and segment.ready[0].pictures <= segment.coded:
            self._emit(segment, segment.ready.popleft())

    def _open(self, segment: _Segment, look: Look) -> None:
        begin, target = segment.begin, self.target
        shown = displayed(*begin.size, begin.aspect, look.rotation)
        width, height = fitted(target, shown)
        rate = round(target.frame_rate, 3) or 30.0
        segment.shape = Shape(width, height, rate, target.bitrate, look.colours)
        name = self._names[0]
        salt = "" if name in encoders.REPEATABLE else self._salt
        sound = begin.sound.recipe if begin.sound else ""
        segment.recipe = encoders.recipe(name, target, sound, salt)
        segment.encoder = self._open_encoder(name, segment.shape)
        wanted = width, height, segment.encoder.pixels, look.rotation
        if self._scaler_of != wanted:
            self._scaler, self._scaler_of = Scaler(*wanted), wanted
        segment.scaler = self._scaler

    def _part_done(self, segment: _Segment, done: PartDone) -> None:
        if segment.encoder is None:
            self._segment = None  # Not even the key frame could be decoded.
            return
        if segment.left_out is not None and segment.pictures == segment.part_begins_with:
            self._encode(segment, segment.left_out)  # A part without a picture helps nobody.
        segment.part_begins_with = segment.pictures
        segment.ready.append(
            _Ready(done, segment.pictures, segment.interval if segment.skip_next else 0)
        )
        self._keep(segment, [])
        if done.part.last:
            self._flush(segment)

    def _flush(self, segment: _Segment) -> None:
        """Get what the encoder holds back."""
        if segment.encoder is not None and segment.coded < segment.pictures:
            self._keep(segment, segment.encoder.encode(None))
            if segment.ready:
                raise Unencodable(f"{segment.encoder.name} lost pictures")

    def _emit(self, segment: _Segment, ready: _Ready) -> None:
        done, source = ready.done, ready.done.part
        coded = [segment.samples.popleft() for _ in range(ready.pictures - segment.emitted)]
        segment.emitted = ready.pictures
        samples = self._samples(segment, coded, ready)
        data = fragment(done.number, ((VIDEO_TRACK, samples), (AUDIO_TRACK, done.sounds)))
        if not segment.parts:
            self._announce(segment)
        segment.digest.update(data)
        part = part_of(source, data, independent=bool(coded) and coded[0].key)
        segment.parts.append(part)
        segment.told.clear()
        self._say(Produced(self.target.name, segment.recipe, part))

    def _samples(self, segment: _Segment, coded: list[Coded], ready: _Ready) -> list[Sample]:
        """The pictures of a part; each is shown until the next one is."""
        if not coded:
            return []
        begins = [picture.at for picture in coded]
        end = ready.done.end
        if not ready.done.part.last:
            end += ready.longer
        ends = [*begins[1:], max(end, begins[-1] + 1)]
        return [
            Sample(
                picture.at, segment.begin.composition, until - picture.at, picture.key, picture.data
            )
            for picture, until in zip(coded, ends, strict=True)
        ]

    def _announce(self, segment: _Segment) -> None:
        """Say what a player needs, unless it is what was said last."""
        assert segment.encoder is not None
        assert segment.shape is not None
        video = parse_video(segment.encoder.configuration)
        width, height = segment.shape.width, segment.shape.height
        entry = avc1(width, height, video.configuration, (1, 1))
        tracks = [Track(VIDEO_TRACK, VIDEO_TIMESCALE, entry, width, height)]
        sound = segment.begin.sound
        if sound is not None:
            tracks.append(sound.track)
        init = init_segment(tracks)
        if self._opened == (segment.recipe, init):
            return
        self._opened = (segment.recipe, init)
        opened = Opened(
            init=init,
            codecs=",".join([video.codec, *([sound.codec] if sound else [])]),
            width=width,
            height=height,
            frame_rate=segment.shape.frame_rate,
            channels=sound.channels if sound else 0,
            part_target=segment.begin.part.part_target,
            first_media_sequence=segment.begin.part.media_sequence,
        )
        self._say(Produced(self.target.name, segment.recipe, opened))

    def _measure(self, done: SegmentDone, segment: _Segment) -> None:
        if not segment.parts or segment.encoder is None:
            return
        name = segment.encoder.name
        whole = segment_of(segment.parts)
        self._say(Produced(self.target.name, segment.recipe, whole))
        self._say(
            Measured(
                rendition=self.target.name,
                media_sequence=whole.media_sequence,
                encoder=name,
                recipe=segment.recipe,
                repeatable=name in encoders.REPEATABLE,
                frames=segment.coded,
                duration=whole.duration,
                cpu_seconds=self._cpu + done.cpu_seconds,
                gpu_seconds=segment.encoder.busy if name in encoders.HARDWARE else 0.0,
                wall_seconds=self._wall,
                source_digest=done.source_digest,
                digest=segment.digest.hexdigest(),
            )
        )
