"""Rungs of a rig's streams, made in its process as simply as that can be: for tests of players.

Decodes each part of the source as it is announced, and encodes it for every rung with an encoder
that is new with each segment. What counts here is when which rung is there, not how well it looks.
"""

import asyncio
import io
import queue
import threading
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
import msgspec

from media.naming import AUDIO_ONLY, SOURCE
from media.packaging import boxes
from media.packaging.outputs import Opened, Part, Segment
from media.patience import PatientStore
from media.rendition_publisher import RenditionPublisher
from schemas.records.media import PartProduced, RenditionOpened
from schemas.records.transcode import LadderChanged, Rung
from tests.e2e.rig import Rig

SIZES = {
    "240p30": (426, 240, 400_000),
    "200p30": (356, 200, 250_000),
    "160p30": (284, 160, 120_000),
}
"""Of a source with 360 lines: what a machine under test makes in real time, beside a browser."""
AUDIO = 48_000


class _Made(msgspec.Struct):
    """What came of a source part: samples of a rung, and its parameters when they are new."""

    event: PartProduced
    video: list[boxes.Sample]
    audio: list[boxes.Sample]
    init: bytes | None


class _Encoder:
    """One segment of one rung."""

    def __init__(self, name: str) -> None:
        width, height, rate = SIZES[name]
        codec = av.CodecContext.create("libx264", "w")
        codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
        codec.time_base, codec.bit_rate = Fraction(1, boxes.VIDEO_TIMESCALE), rate
        codec.thread_count, codec.framerate = 1, Fraction(30)
        codec.flags |= 1 << 22  # parameters apart from the frames
        codec.options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "profile": "main",
            "g": "999",
        }
        codec.open()
        self.codec, self.width, self.height = codec, width, height

    def encode(self, frame: av.VideoFrame, duration: int) -> list[boxes.Sample]:
        small = frame.reformat(width=self.width, height=self.height, format="yuv420p")
        small.pts, small.time_base = frame.pts, frame.time_base
        small.pict_type = av.video.frame.PictureType.NONE
        return [
            boxes.Sample(
                packet.dts, packet.pts - packet.dts, duration, packet.is_keyframe, _nals(packet)
            )
            for packet in self.codec.encode(small)
        ]

    def track(self) -> boxes.Track:
        sps, pps = _split(bytes(self.codec.extradata))[:2]
        head = bytes((1, *sps[1:4], 0xFF, 0xE1))
        configuration = head + _sized(sps, 2) + b"\x01" + _sized(pps, 2)
        entry = boxes.avc1(self.width, self.height, configuration, (1, 1))
        return boxes.Track(boxes.VIDEO_TRACK, boxes.VIDEO_TIMESCALE, entry, self.width, self.height)


def _split(stream: bytes) -> list[bytes]:
    return [unit.rstrip(b"\0") for unit in stream.split(b"\0\0\1") if unit.rstrip(b"\0")]


def _sized(unit: bytes, length: int) -> bytes:
    return len(unit).to_bytes(length, "big") + unit


def _nals(packet: Any) -> bytes:
    return b"".join(_sized(unit, 4) for unit in _split(bytes(packet)) if unit[0] & 31 not in (7, 8))


class _Rung:
    """One rung of one stream: `make` runs in the worker's thread, `publish` in the rig's loop."""

    def __init__(self, rig: Rig, name: str, opened: RenditionOpened, recipe: str) -> None:
        self.name, self._opened = name, opened
        self._encoder: _Encoder | None = None
        self._begun = False
        self._announced = False
        self._parts: list[PartProduced] = []
        stream_id, session_id = opened.stream_id, opened.session_id
        self._publisher = RenditionPublisher(
            *(stream_id, session_id, name),
            folder=f"live/{stream_id}/{session_id}/{name}-{recipe}",
            store=PatientStore(rig.store, rig.clock, 0),
            announce=_Straight(rig),
            clock=rig.clock,
        )

    def make(
        self, event: PartProduced, frames: list[Any], sound: list[boxes.Sample], audio: Any
    ) -> _Made | None:
        init = None
        if event.part == 0:
            self._begun = True
            entry = boxes.mp4a(1, AUDIO, bytes(audio.codec_context.extradata))
            tracks = [boxes.Track(boxes.AUDIO_TRACK, AUDIO, entry)]
            if self.name != AUDIO_ONLY:
                self._encoder = _Encoder(self.name)
                tracks.insert(0, self._encoder.track())
            init = boxes.init_segment(tracks)
        if not self._begun:
            return None  # begins with the next segment
        encoder = self._encoder
        made = [encoder.encode(frame, duration) for frame, duration in frames] if encoder else []
        return _Made(event, [sample for each in made for sample in each], sound, init)

    async def publish(self, made: _Made) -> None:
        event = made.event
        if made.init and not self._announced:
            self._announced = True
            await self._publisher.open(self._parameters(made.init, event.media_sequence))
        tracks = ((boxes.VIDEO_TRACK, made.video), (boxes.AUDIO_TRACK, made.audio))
        await self._publisher.part(
            Part(
                event.media_sequence,
                event.part,
                boxes.fragment(event.part + 1, tracks),
                event.duration,
                event.media_time,
                event.program_date_time,
                event.independent,
                event.last,
            )
        )
        self._parts.append(event)
        if event.last:
            await self._publisher.segment(self._segment())

    def _segment(self) -> Segment:
        parts, self._parts = self._parts, []
        first, durations = parts[0], [part.duration for part in parts]
        return Segment(
            first.media_sequence,
            sum(durations),
            first.media_time,
            first.program_date_time,
            first.independent,
            durations,
        )

    def _parameters(self, init: bytes, first: int) -> Opened:
        codecs, width, height, rate = "mp4a.40.2", 0, 0, 0.0
        if self.name != AUDIO_ONLY:
            width, height, _ = SIZES[self.name]
            codecs, rate = "avc1.4d401e,mp4a.40.2", 30.0
        target = self._opened.part_target
        return Opened(init, codecs, width, height, rate, self._opened.channels, target, first)


class _Straight:
    def __init__(self, rig: Rig) -> None:
        self._rig = rig

    async def post(self, event: Any) -> None:
        self._rig.say(event)

    async def settle(self) -> None:
        pass


class Transcoder:
    """Follows the sources of a rig. `make` names the rungs that are made; they may change."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self.rungs: dict[str, _Rung] = {}
        self._opened: RenditionOpened | None = None
        self._decoder: Any = None
        self._waiting: queue.Queue[PartProduced | None] = queue.Queue()
        self._loop = asyncio.get_running_loop()
        self._generation = 0
        rig.hearers.append(self._hear)
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    @property
    def stream_id(self) -> str:
        """The stream whose source came last; empty before the first."""
        return self._opened.stream_id if self._opened else ""

    async def make(self, *names: str) -> None:
        """Make these rungs from the next segment on, and no others from now on."""
        assert self._opened is not None
        self._generation += 1
        kept = {name: rung for name, rung in self.rungs.items() if name in names}
        recipe = f"{self._generation:08x}"
        new = {
            name: _Rung(self._rig, name, self._opened, recipe) for name in names if name not in kept
        }
        self.rungs = kept | new

    async def say(self, **states: str) -> None:
        """The ladder as a dispatcher would have it: `say(p360="granted", …)`."""
        assert self._opened is not None
        until = self._rig.clock.now() + 30_000_000
        rungs = [
            Rung(
                name=name, width=width, height=height, frame_rate=30.0, bitrate=bitrate,
                state=states.get(f"p{name[:3]}", "refused"), reason="tier",  # type: ignore[arg-type]
                until=until if states.get(f"p{name[:3]}") == "going" else None,
            )
            for name, (width, height, bitrate) in SIZES.items()
        ]  # fmt: skip
        self._rig.views.put(
            "stream-ladders",
            self._opened.stream_id,
            stream_id=self._opened.stream_id,
            tier="partner",
            cause="stream_started",
            changed_at=self._rig.clock.now(),
            rungs=msgspec.json.encode(rungs).decode(),
        )
        self._rig.say(
            LadderChanged(
                stream_id=self._opened.stream_id, channel_id="clock", session_id="", pool="default",
                tier="partner", worker_id="w", assignment=1, cause="stream_started", rungs=rungs,
            )
        )  # fmt: skip

    def close(self) -> None:
        """Stop."""
        self.rungs = {}
        self._waiting.put(None)
        self._thread.join(10)

    def _hear(self, event: Any) -> None:
        if isinstance(event, RenditionOpened) and event.rendition == SOURCE:
            self._opened, self._decoder = event, None
        elif isinstance(event, PartProduced) and event.rendition == SOURCE:
            self._waiting.put(event)

    def _call(self, work: Callable[..., Any], *arguments: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work(*arguments), self._loop).result(10)

    def _work(self) -> None:
        while (event := self._waiting.get()) is not None:
            if self.rungs:
                self._part(event)

    def _part(self, event: PartProduced) -> None:
        data = self._call(self._rig.store.get, event.init_object)
        data += self._call(self._rig.store.get, event.object)
        with av.open(io.BytesIO(data)) as media:
            video, audio = media.streams.video[0], media.streams.audio[0]
            if self._decoder is None:
                if event.part:
                    return
                self._decoder = av.CodecContext.create("h264", "r")
                self._decoder.extradata = video.codec_context.extradata
                self._decoder.thread_count = 1
            frames: list[Any] = []
            sound: list[boxes.Sample] = []
            for packet in media.demux(video, audio):
                if packet.dts is None:
                    continue
                if packet.stream is audio:
                    sample = boxes.Sample(packet.dts, 0, packet.duration, True, bytes(packet))
                    sound.append(sample)
                else:
                    frames += [(frame, packet.duration) for frame in self._decoder.decode(packet)]
            for rung in list(self.rungs.values()):
                made = rung.make(event, frames, sound, audio)
                if made is not None and rung in self.rungs.values():
                    self._call(rung.publish, made)
