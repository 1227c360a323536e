"""Playlists as text: rfc8216bis (HTTP Live Streaming 2nd Edition, draft 18), low latency.

Section numbers in this package are of that draft.
"""

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from media.origin.rendition import Entry, Rendition
from media.packaging.outputs import TARGET_DURATION
from schemas.records.media import PartProduced

VERSION: Final = 9
"""EXT-X-SKIP needs 9 (section 8)."""
SKIP_UNTIL: Final = 6 * TARGET_DURATION
"""CAN-SKIP-UNTIL, in seconds: at least six target durations (4.4.3.8)."""
HOLD_BACK: Final = 3 * TARGET_DURATION


def media_playlist(
    rendition: Rendition,
    others: Iterable[Rendition] = (),
    *,
    ended: bool = False,
    skip: bool = False,
    part_hold_back: float = 3.0,
) -> str:
    """The media playlist (4.4.3), with `skip` as a delta update (4.4.5.2).

    `part_hold_back` is in part target durations: at least 2, 3 advised (4.4.3.8). URIs are
    relative to `/live/<stream_id>/`.
    """
    entries = rendition.entries
    first = entries[0].media_sequence if entries else rendition.last + 1
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{VERSION}",
        f"#EXT-X-TARGETDURATION:{TARGET_DURATION}",
        *([] if ended else _control(rendition, part_hold_back)),
        f"#EXT-X-MEDIA-SEQUENCE:{first}",
        f"#EXT-X-DISCONTINUITY-SEQUENCE:{rendition.sessions.before(first)}",
    ]
    skipped = _skippable(rendition) if skip and not ended else 0
    if skipped:
        lines.append(f"#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}")
    init = entries[skipped - 1].init_object if skipped else ""
    for entry in entries[skipped:]:
        lines += _segment(rendition, entry, init, with_parts=not ended)
        init = entry.init_object
    if ended:
        lines.append("#EXT-X-ENDLIST")
    else:
        lines += _open_segment(rendition, init)
        lines += (_report(other) for other in others)
    return "\n".join(lines) + "\n"


def _control(rendition: Rendition, part_hold_back: float) -> list[str]:
    target = math.ceil(rendition.part_target * 1000 - 1e-6) / 1000
    return [
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,"
        f"CAN-SKIP-UNTIL={SKIP_UNTIL:.1f},HOLD-BACK={HOLD_BACK:.1f},"
        f"PART-HOLD-BACK={max(2.0, part_hold_back) * target:.3f}",
        f"#EXT-X-PART-INF:PART-TARGET={target:.3f}",
    ]


def _skippable(rendition: Rendition) -> int:
    """How many segments are further from the end than the skip boundary."""
    left = sum(part.duration for part in rendition.open_parts)
    entries = rendition.entries
    for index in range(len(entries) - 1, -1, -1):
        if left > SKIP_UNTIL:
            return index + 1
        left += entries[index].duration
    return 0


def _segment(rendition: Rendition, entry: Entry, init: str, *, with_parts: bool) -> list[str]:
    lines = _head(rendition, entry.discontinuity, entry.init_object, init, entry.program_date_time)
    if with_parts:
        lines += (_part(rendition, part) for part in entry.parts)
    if entry.lost:
        lines.append("#EXT-X-GAP")
    lines.append(f"#EXTINF:{entry.duration:.5f},")
    lines.append(_uri(rendition, entry.object))
    return lines


def _open_segment(rendition: Rendition, init: str) -> list[str]:
    lines: list[str] = []
    parts = rendition.open_parts
    if parts:
        first = parts[0]
        discontinuity = rendition.open_discontinuity()
        lines += _head(rendition, discontinuity, first.init_object, init, first.program_date_time)
        lines += (_part(rendition, part) for part in parts)
    if rendition.hint:
        uri = _uri(rendition, rendition.hint)
        lines.append(f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{uri}"')
    return lines


def _head(
    rendition: Rendition, discontinuity: bool, init: str, before: str, time: int
) -> list[str]:
    lines = ["#EXT-X-DISCONTINUITY"] if discontinuity else []
    if init != before:
        lines.append(f'#EXT-X-MAP:URI="{_uri(rendition, init)}"')
    lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{_time(time)}")
    return lines


def _part(rendition: Rendition, part: PartProduced) -> str:
    independent = ",INDEPENDENT=YES" if part.independent else ""
    uri = _uri(rendition, part.object)
    return f'#EXT-X-PART:DURATION={part.duration:.5f},URI="{uri}"{independent}'


def _report(other: Rendition) -> str:
    """EXT-X-RENDITION-REPORT (4.4.5.4): where another rendition of the stream is."""
    parts = other.open_parts
    if parts:
        at, part = other.last + 1, len(parts) - 1
    else:
        at = other.last
        part = len(other.entries[-1].parts) - 1 if other.entries else 0
    return (
        f'#EXT-X-RENDITION-REPORT:URI="{other.name}.m3u8",LAST-MSN={max(0, at)},'
        f"LAST-PART={max(0, part)}"
    )


def _uri(rendition: Rendition, key: str) -> str:
    return key.removeprefix(f"live/{rendition.stream_id}/")


def _time(micros: int) -> str:
    at = datetime.fromtimestamp(micros // 1_000_000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{micros // 1000 % 1000:03d}Z"
