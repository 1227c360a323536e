"""The multivariant playlist (rfc8216bis, 4.4.6): what of a stream there is to choose from."""

import math
from collections.abc import Iterable
from typing import Final

import msgspec

from media.levels import codec, peak
from media.naming import AUDIO_ONLY, SOURCE
from media.origin.playlist import VERSION
from media.origin.rendition import Rendition
from schemas.records.media import RenditionOpened
from schemas.records.transcode import Rung

_UNKNOWN_BANDWIDTH: Final = 5_000_000
_AUDIO_BANDWIDTH: Final = 160_000
"""What sound takes of a rung's bandwidth, until it was measured."""
_AAC: Final = "mp4a.40.2"


class Variant(msgspec.Struct, frozen=True):
    """A line of the playlist. Bandwidths are in bits a second; sizes are 0 without video."""

    name: str
    peak: int
    average: int
    codecs: str
    width: int
    height: int
    frame_rate: float
    channels: int
    there: bool = True
    """Whether it can be played now; X-PLAYABLE=NO says that it cannot, to our own player."""


def made(rendition: Rendition, opened: RenditionOpened) -> Variant:
    """A rendition that there is."""
    peak, average = bandwidth(rendition)
    return Variant(
        *(rendition.name, peak, average, opened.codecs),
        *(opened.width, opened.height, opened.frame_rate, opened.channels),
    )


def foreseen(rung: Rung, source: RenditionOpened, known: RenditionOpened | None) -> Variant:
    """A rung that is not there now, as it will be: a player reads this playlist but once."""
    sound = _AUDIO_BANDWIDTH if source.channels else 0
    codecs = codec(rung.width, rung.height, rung.frame_rate, rung.bitrate)
    if source.channels:
        codecs = f"{codecs},{_sound_of(source)}"
    return Variant(
        rung.name,
        peak(rung.bitrate) + sound,
        rung.bitrate + sound,
        known.codecs if known else codecs,
        rung.width,
        rung.height,
        rung.frame_rate,
        min(2, source.channels),
        there=False,
    )


def _sound_of(source: RenditionOpened) -> str:
    """Sound of at most two channels goes into rungs as it came."""
    return source.codecs.rpartition(",")[2] if source.channels <= 2 else _AAC


def multivariant_playlist(variants: Iterable[Variant]) -> str:
    """The playlist, the source first: players begin with the first that they can play.

    All variants carry their sound themselves, which is what an EXT-X-MEDIA without a URI says
    (4.4.6.2.1). One with a URI would be a second pair of playlist and buffer to keep at the live
    edge, and hls.js drops a muxed variant's sound as soon as there is one.
    """
    ordered = sorted(variants, key=_rank)
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}"]
    group = len(ordered) > 1 and any(variant.channels for variant in ordered)
    if group:
        lines.append(
            '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="Main",DEFAULT=YES,AUTOSELECT=YES'
        )
    for variant in ordered:
        attributes = _attributes(variant)
        if group and variant.channels:
            attributes.append('AUDIO="sound"')
        lines += ["#EXT-X-STREAM-INF:" + ",".join(attributes), f"{variant.name}.m3u8"]
    return "\n".join(lines) + "\n"


def _rank(variant: Variant) -> tuple[bool, bool, int, str]:
    name = variant.name
    return name != SOURCE, name == AUDIO_ONLY, -variant.peak, name


def _attributes(variant: Variant) -> list[str]:
    attributes = [
        f"BANDWIDTH={variant.peak}",
        f"AVERAGE-BANDWIDTH={variant.average}",
        f'CODECS="{variant.codecs}"',
    ]
    if variant.width:
        attributes.append(f"RESOLUTION={variant.width}x{variant.height}")
    if variant.frame_rate:
        attributes.append(f"FRAME-RATE={variant.frame_rate:.3f}")
    attributes.append(f'NAME="{variant.name}"')
    if not variant.there:
        attributes.append("X-PLAYABLE=NO")
    return attributes


def bandwidth(rendition: Rendition) -> tuple[int, int]:
    """Peak and average bits per second of the segments listed, of the open parts before them."""
    whole = [entry for entry in rendition.entries if not entry.lost and entry.duration]
    if whole:
        peak = max(entry.size * 8 / entry.duration for entry in whole)
        size, time = sum(entry.size for entry in whole), sum(entry.duration for entry in whole)
        return math.ceil(peak), math.ceil(size * 8 / time)
    parts = rendition.open_parts
    duration = sum(part.duration for part in parts)
    if not duration:
        return _UNKNOWN_BANDWIDTH, _UNKNOWN_BANDWIDTH
    average = math.ceil(sum(part.size for part in parts) * 8 / duration)
    return average, average
