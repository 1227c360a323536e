"""The sound of all rungs: copied where all players can play it, else made stereo, once."""

import hashlib
from collections import deque
from collections.abc import Sequence
from fractions import Fraction
from typing import Final, Protocol

import av
from av.audio.frame import AudioFrame
from av.codec.context import Flags

from media.encoding.reading import AudioTrack
from media.packaging.boxes import AUDIO_TRACK, Sample, Track, mp4a
from media.packaging.codecs import parse_audio

MOST_COPIED: Final = 2
"""Channels up to which sound is copied."""
LEAD_IN: Final = 8
"""Frames before a segment that its encoder hears, so that it joins what the one before made."""
_DELAY: Final = 2
"""Frames that the encoder holds back."""
_BITRATE: Final = 160_000
_BRIDGED: Final = 0.05
"""Seconds between two frames that still follow each other."""


class Sound(Protocol):
    """What a session's sound becomes."""

    encoder: str
    """`copy`, or the encoder's name."""
    recipe: str
    """Digest of how it is made."""
    codec: str
    channels: int
    track: Track

    def begin(self) -> None:
        """A segment begins."""

    def take(self, samples: Sequence[Sample]) -> list[Sample]:
        """The next frames of the source; returns what is ready of the rendition's."""


def sound_of(track: AudioTrack) -> Sound:
    """How to make the rendition's sound of a source's."""
    return Copied(track) if track.audio.channels <= MOST_COPIED else Downmixed(track)


class Copied:
    """Sound that stays what it is."""

    encoder = "copy"

    def __init__(self, track: AudioTrack) -> None:
        self.recipe = _recipe("copy")
        self.codec, self.channels = track.audio.codec, track.audio.channels
        self.track = Track(AUDIO_TRACK, track.timescale, track.entry)

    def begin(self) -> None:
        """Nothing to do."""

    def take(self, samples: Sequence[Sample]) -> list[Sample]:
        """The frames as they are."""
        return list(samples)


class Downmixed:
    """Sound of many channels as stereo: AAC decoded, mixed, encoded anew for each segment.

    An AAC frame overlaps the one before it, and the encoder gives a frame when it has heard two
    more. So each segment's decoder and encoder begin `LEAD_IN` frames early, what belongs to the
    segment before is thrown away, and a segment's sound begins and ends two frames before its
    source's (each at its right time): nothing waits for a frame that is not there yet, and
    segments join without a gap, an overlap or a seam.
    """

    encoder = "aac"

    def __init__(self, track: AudioTrack) -> None:
        self.recipe = _recipe("aac", _BITRATE, LEAD_IN, av.__version__, av.library_versions)
        self._source = track
        self._heard: deque[Sample] = deque(maxlen=LEAD_IN)
        self._decoder: av.AudioCodecContext | None = None
        self._rate = 0
        encoder = self._open_encoder(self._probe_rate())
        configuration = bytes(encoder.extradata)
        said = parse_audio(configuration)
        self.codec, self.channels = said.codec, said.channels
        self._each = said.frame_samples
        entry = mp4a(said.channels, said.sample_rate, configuration)
        self.track = Track(AUDIO_TRACK, said.sample_rate, entry)

    def _probe_rate(self) -> int:
        """Output sample rate: HE-AAC doubles that of its core."""
        audio = self._source.audio
        double = audio.codec in ("mp4a.40.5", "mp4a.40.29")
        self._rate = audio.sample_rate * 2 if double else audio.sample_rate
        return self._rate

    def _open_encoder(self, rate: int) -> "av.AudioCodecContext":
        context = av.CodecContext.create("aac", "w")
        context.sample_rate, context.layout, context.format = rate, "stereo", "fltp"
        context.bit_rate, context.time_base = _BITRATE, Fraction(1, rate)
        context.flags |= Flags.global_header
        context.open()
        return context

    def begin(self) -> None:
        """Begin anew, with what was heard last."""
        decoder = av.CodecContext.create("aac", "r")
        decoder.extradata = self._source.audio.configuration
        decoder.open()
        self._decoder = decoder
        self._encoder = self._open_encoder(self._rate)
        self._mixer = av.AudioResampler(format="fltp", layout="stereo", rate=self._rate)
        self._waiting = av.AudioFifo()
        self._started = False

    def take(self, samples: Sequence[Sample]) -> list[Sample]:
        """The next frames; before `begin` they are only remembered."""
        made: list[Sample] = []
        if self._decoder is not None and samples:
            if not self._started:
                self._lead_in(samples[0])
            for sample in samples:
                made += self._hear(sample)
        self._heard.extend(samples)
        return made

    def _lead_in(self, first: Sample) -> None:
        """Begin with frames that the first one of the segment continues."""
        before = list(self._heard)
        far = _BRIDGED * self._source.timescale
        end = before[-1].dts + before[-1].duration if before else 0
        if not before or abs(first.dts - end) > far:
            before = []
        at = self._ticks(first.dts)
        self._kept_from = at - _DELAY * self._each if before else at
        self._fed = at - len(before) * self._frame
        self._encoded = self._fed
        self._started = True
        for sample in before:
            self._hear(sample, placed=False)

    @property
    def _frame(self) -> int:
        """Samples that a frame of the source decodes to."""
        return self._ticks(self._source.audio.frame_samples)

    def _ticks(self, source: int) -> int:
        return source * self._rate // self._source.timescale

    def _hear(self, sample: Sample, *, placed: bool = True) -> list[Sample]:
        assert self._decoder is not None
        packet = av.Packet(sample.data)
        try:
            frames = list(self._decoder.decode(packet))
        except av.FFmpegError:
            frames = []
        if placed:
            self._silence(self._ticks(sample.dts) - self._fed)
        heard = 0
        for frame in frames:
            frame.pts = None
            for mixed in self._mixer.resample(frame):
                mixed.pts = None
                self._waiting.write(mixed)
                heard += mixed.samples
        self._fed += heard
        self._silence(self._frame - heard)
        return self._encode()

    def _silence(self, samples: int) -> None:
        """Stand-in for sound that is not there."""
        while samples > 0:
            count = min(samples, self._each)
            frame = AudioFrame(format="fltp", layout="stereo", samples=count)
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.sample_rate = self._rate
            self._waiting.write(frame)
            self._fed += count
            samples -= count

    def _encode(self) -> list[Sample]:
        """Whole frames of what waits; the encoder gives each with the next one's."""
        made: list[Sample] = []
        while (frame := self._waiting.read(self._each)) is not None:
            frame.pts, frame.time_base = self._encoded, Fraction(1, self._rate)
            self._encoded += self._each
            made += [
                Sample(packet.pts, 0, self._each, True, bytes(packet))
                for packet in self._encoder.encode(frame)
                if packet.pts >= self._kept_from
            ]
        return made


def _recipe(*what: object) -> str:
    return hashlib.blake2b(repr(what).encode(), digest_size=16).hexdigest()
