"""The playlist of a broadcast that is over, from what the log says of its segments."""

from typing import Any

import pytest

from api.recordings import playlist
from infra.errors import NotFound
from schemas.records.media import SegmentProduced

AT = 1_795_212_000_250_000


def segment(number: int, session: str = "a", **more: Any) -> SegmentProduced:
    fields: dict[str, Any] = {
        "stream_id": "s",
        "session_id": session,
        "rendition": "source",
        "media_sequence": number,
        "object": f"live/s/{session}/source/{number}.m4s",
        "init_object": f"live/s/{session}/source/init.mp4",
        "size": 1000,
        "duration": 2.0,
        "media_time": 2.0 * number,
        "program_date_time": AT + number * 2_000_000,
        "independent": True,
        "digest": "",
        "parts": [],
    }
    return SegmentProduced(**{**fields, **more})


def test_it_lists_each_segment_once_in_order() -> None:
    said = [segment(1), segment(0, duration=2.6), segment(1), segment(2, rendition="360p30")]
    assert playlist(said, "http://origin").splitlines() == [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-TARGETDURATION:3",
        "#EXT-X-MEDIA-SEQUENCE:0",
        '#EXT-X-MAP:URI="http://origin/live/s/a/source/init.mp4"',
        "#EXT-X-PROGRAM-DATE-TIME:2026-11-20T22:00:00.250+00:00",
        "#EXTINF:2.60000,",
        "http://origin/live/s/a/source/0.m4s",
        "#EXT-X-PROGRAM-DATE-TIME:2026-11-20T22:00:02.250+00:00",
        "#EXTINF:2.00000,",
        "http://origin/live/s/a/source/1.m4s",
        "#EXT-X-ENDLIST",
    ]


def test_a_publisher_who_came_back_begins_a_clock_anew() -> None:
    lines = playlist([segment(0), segment(1, "b"), segment(2, "b")], "").splitlines()
    assert lines.count("#EXT-X-DISCONTINUITY") == 1
    at = lines.index("#EXT-X-DISCONTINUITY")
    assert lines[at + 1] == '#EXT-X-MAP:URI="/live/s/b/source/init.mp4"'


def test_without_segments_there_is_none() -> None:
    with pytest.raises(NotFound):
        playlist([segment(0, rendition="audio_only")], "")
