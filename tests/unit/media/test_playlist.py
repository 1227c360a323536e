"""Events to playlist text."""

import random

import m3u8
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.pages import FIRST_RENDITION
from media.naming import SOURCE
from media.origin.multivariant import made
from media.origin.multivariant import multivariant_playlist as of_variants
from media.origin.playlist import media_playlist
from media.origin.rendition import Rendition
from media.packaging.outputs import TARGET_DURATION
from schemas.records.media import PartProduced, RenditionOpened, SegmentProduced
from tests.linters import hls_parser

START = 1_700_000_000_000_000


def folder(session="a"):
    return f"live/s/{session}/source"


def opened(first=0, session="a", target=0.101):
    return RenditionOpened(
        stream_id="s",
        session_id=session,
        rendition="source",
        init_object=f"{folder(session)}/init.mp4",
        codecs="avc1.42C01E,mp4a.40.2",
        width=1280,
        height=720,
        frame_rate=30.0,
        channels=2,
        part_target=target,
        first_media_sequence=first,
    )


def part(number, index, *, session="a", count=20, duration=0.1):
    return PartProduced(
        stream_id="s",
        session_id=session,
        rendition="source",
        media_sequence=number,
        part=index,
        object=f"{folder(session)}/{number}.{index}.m4s",
        init_object=f"{folder(session)}/init.mp4",
        size=12_500,
        duration=duration,
        media_time=number * 2 + index * 0.1,
        program_date_time=START + number * 2_000_000 + index * 100_000,
        independent=index == 0,
        last=index == count - 1,
        digest="",
    )


def segment(number, *, session="a", count=20, duration=2.0):
    return SegmentProduced(
        stream_id="s",
        session_id=session,
        rendition="source",
        media_sequence=number,
        object=f"{folder(session)}/{number}.m4s",
        init_object=f"{folder(session)}/init.mp4",
        size=250_000,
        duration=duration,
        media_time=number * 2.0,
        program_date_time=START + number * 2_000_000,
        independent=True,
        digest="",
        parts=[0.1] * count,
    )


def multivariant_playlist(renditions):
    return of_variants(made(each, each.opened) for each in renditions)


def whole(number, *, session="a", count=20):
    return [part(number, i, session=session, count=count) for i in range(count)] + [
        segment(number, session=session, count=count)
    ]


def folded(events, window=60.0):
    rendition = Rendition("s", "source", window)
    for event in events:
        rendition.apply(event)
    return rendition


def text(events, **options):
    return media_playlist(folded(events), **options)


HEAD = """#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:4
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=24.0,HOLD-BACK=12.0,PART-HOLD-BACK=0.303
#EXT-X-PART-INF:PART-TARGET=0.101
"""

TABLE = {
    "the first parts": (
        [opened(), part(0, 0), part(0, 1)],
        HEAD
        + """#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-MAP:URI="a/source/init.mp4"
#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.000Z
#EXT-X-PART:DURATION=0.10000,URI="a/source/0.0.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.10000,URI="a/source/0.1.m4s"
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="a/source/0.2.m4s"
""",
    ),
    "a segment and its parts": (
        [opened(), *whole(0, count=2), part(1, 0)],
        HEAD
        + """#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-MAP:URI="a/source/init.mp4"
#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.000Z
#EXT-X-PART:DURATION=0.10000,URI="a/source/0.0.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.10000,URI="a/source/0.1.m4s"
#EXTINF:2.00000,
a/source/0.m4s
#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:22.000Z
#EXT-X-PART:DURATION=0.10000,URI="a/source/1.0.m4s",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="a/source/1.1.m4s"
""",
    ),
    "the last part before its segment": (
        [opened(), part(0, 0, count=1)],
        HEAD
        + """#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-MAP:URI="a/source/init.mp4"
#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.000Z
#EXT-X-PART:DURATION=0.10000,URI="a/source/0.0.m4s",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="a/source/1.0.m4s"
""",
    ),
    "a publisher who came back": (
        [opened(), segment(0), opened(1, "b"), part(1, 0, session="b")],
        HEAD
        + """#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-MAP:URI="a/source/init.mp4"
#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.000Z
#EXTINF:2.00000,
a/source/0.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="b/source/init.mp4"
#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:22.000Z
#EXT-X-PART:DURATION=0.10000,URI="b/source/1.0.m4s",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="b/source/1.1.m4s"
""",
    ),
    "a segment that was lost": (
        [opened(), segment(0), segment(2)],
        HEAD
        + """#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-MAP:URI="a/source/init.mp4"
#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.000Z
#EXTINF:2.00000,
a/source/0.m4s
#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:22.000Z
#EXT-X-GAP
#EXTINF:2.00000,
a/source/1.m4s
#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:24.000Z
#EXTINF:2.00000,
a/source/2.m4s
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="a/source/3.0.m4s"
""",
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_events_to_text(name):
    events, expected = TABLE[name]
    assert text(events) == expected


def test_an_ended_stream_lists_its_segments_and_nothing_more():
    ended = text([opened(), *whole(0), part(1, 0)], ended=True)
    assert ended.endswith("#EXTINF:2.00000,\na/source/0.m4s\n#EXT-X-ENDLIST\n")
    assert "PART" not in ended
    assert "SERVER-CONTROL" not in ended


def test_the_window_slides_and_keeps_counting():
    events = [opened(), segment(0), opened(1, "b")]
    events += [event for number in range(1, 60) for event in whole(number, session="b")]
    lines = text(events).splitlines()
    assert "#EXT-X-MEDIA-SEQUENCE:30" in lines
    assert "#EXT-X-DISCONTINUITY-SEQUENCE:1" in lines
    assert "#EXT-X-DISCONTINUITY" not in lines
    assert sum(line.startswith("#EXTINF") for line in lines) == 30


def test_a_discontinuity_counts_once_its_segment_has_gone():
    at = [opened(), segment(0), opened(1, "b"), *(segment(n, session="b") for n in range(1, 31))]
    assert "#EXT-X-DISCONTINUITY-SEQUENCE:0\n#EXT-X-DISCONTINUITY\n#EXT-X-MAP" in text(at)
    after = text([*at, segment(31, session="b")])
    assert "#EXT-X-DISCONTINUITY-SEQUENCE:1\n#EXT-X-MAP" in after


def test_parts_are_listed_of_two_complete_segments_and_the_open_one():
    events = [opened(), *(event for n in range(30) for event in whole(n)), part(30, 0)]
    lines = text(events).splitlines()
    assert sum(line.startswith("#EXT-X-PART:") for line in lines) == 2 * 20 + 1


def test_a_delta_update_skips_what_the_player_has():
    events = [opened(), *(event for n in range(30) for event in whole(n)), part(30, 0)]
    full, delta = text(events), text(events, skip=True)
    skipped = int(delta.split("SKIPPED-SEGMENTS=")[1].split("\n")[0])
    assert skipped == 18
    tail = full[full.index("#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:56") :]
    assert delta.endswith(f"#EXT-X-SKIP:SKIPPED-SEGMENTS=18\n{tail}")
    assert "MEDIA-SEQUENCE:0" in delta


def test_a_delta_update_of_a_short_playlist_is_the_whole():
    events = [opened(), *whole(0)]
    assert text(events, skip=True) == text(events)


def test_one_long_frame_raises_the_part_target_while_it_is_listed():
    long = text([opened(), part(0, 0), part(0, 1, duration=0.2503)])
    assert "PART-TARGET=0.251" in long
    assert "PART-HOLD-BACK=0.753" in long


def test_the_hold_back_is_never_below_two_parts():
    assert "PART-HOLD-BACK=0.202" in text([opened(), part(0, 0)], part_hold_back=1.0)


def test_other_renditions_are_reported():
    other = Rendition("s", "480p", 60.0)
    for event in [opened(), *whole(0), part(1, 0), part(1, 1)]:
        other.apply(event)
    shown = media_playlist(folded([opened(), part(0, 0)]), [other])
    assert shown.endswith('#EXT-X-RENDITION-REPORT:URI="480p.m3u8",LAST-MSN=1,LAST-PART=1\n')


def test_the_multivariant_playlist_measures_bandwidth():
    assert multivariant_playlist([folded([opened(), *whole(0), *whole(1)])]) == (
        "#EXTM3U\n#EXT-X-VERSION:9\n"
        '#EXT-X-STREAM-INF:BANDWIDTH=1000000,AVERAGE-BANDWIDTH=1000000,CODECS="avc1.42C01E,'
        'mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=30.000,NAME="source"\nsource.m3u8\n'
    )


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        ((0, None), True),
        ((0, 1), True),
        ((0, 2), True),  # after the last part of 0 comes the first of 1
        ((1, None), False),
        ((1, 0), True),
        ((1, 1), False),
        ((2, 0), False),
    ],
)
def test_what_a_blocking_reload_may_be_answered_with(asked, there):
    assert folded([opened(), *whole(0, count=2), part(1, 0)]).has(*asked) is there


def story():
    """Two sessions, one segment lost, thirty-odd segments."""
    events = [opened()]
    for number in range(40):
        if number == 12:
            events.append(opened(12, "b"))
        session = "a" if number < 12 else "b"
        made = whole(number, session=session, count=4)
        events += made[:-1] if number == 35 else made
    return [*events, part(40, 0, session="b")]


def test_m3u8_reads_every_step_of_a_story():
    rendition = Rendition("s", "source", 60.0)
    for event in story():
        rendition.apply(event)
        if rendition.opened and (rendition.entries or rendition.open_parts):
            parsed = m3u8.loads(media_playlist(rendition))
            assert parsed.target_duration == TARGET_DURATION
            for listed in parsed.segments:
                assert round(listed.duration or 0) <= TARGET_DURATION
                assert all(each.duration <= parsed.part_inf.part_target for each in listed.parts)


@given(seed=st.integers(0, 10_000), cut=st.integers(0, 400), jitter=st.integers(0, 30))
@settings(max_examples=60, deadline=None)
def test_the_order_between_logs_and_repeats_change_nothing(seed, cut, jitter):
    events = story()[:cut] or [opened()]
    chance = random.Random(seed)
    parts = [event for event in events if isinstance(event, PartProduced)]
    segments = [event for event in events if not isinstance(event, PartProduced)]
    mixed, waiting = [], [parts, segments]
    while any(waiting):
        source = chance.choice([each for each in waiting if each])
        mixed += source[: 1 + jitter]
        del source[: 1 + jitter]
    repeated = mixed + mixed[-jitter:]
    assert media_playlist(folded(mixed)) == media_playlist(folded(events))
    assert media_playlist(folded(repeated)) == media_playlist(folded(events))


@given(durations=st.lists(st.integers(1, 4400), min_size=1, max_size=80), window=st.integers(5, 90))
def test_media_sequence_numbers_never_go_back_and_segments_stay_numbered(durations, window):
    rendition, before = Rendition("s", "source", float(window)), 0
    rendition.apply(opened())
    for number, duration in enumerate(durations):
        rendition.apply(segment(number, duration=duration / 1000))
        entries = rendition.entries
        numbers = [entry.media_sequence for entry in entries]
        assert numbers == list(range(numbers[0], number + 1))
        assert numbers[0] >= before
        before = numbers[0]
        assert len(rendition._segments) == len(entries)


def test_hls_parser_accepts_every_step_of_a_story():
    rendition, playlists = Rendition("s", "source", 60.0), []
    for event in story():
        rendition.apply(event)
        if rendition.entries or rendition.open_parts:
            playlists.append(media_playlist(rendition, [rendition]))
            playlists.append(multivariant_playlist([rendition]))
    playlists.append(media_playlist(rendition, ended=True))
    playlists.append(media_playlist(rendition, skip=True))
    assert {verdict for verdict in hls_parser(playlists) if verdict} == set()


def test_hls_parser_can_find_fault():
    good = text([opened(), *whole(0)])
    bad = [
        good.replace("#EXTINF:2.00000", "#EXTINF:9.00000"),
        good.replace("PART-TARGET=0.101", "PART-TARGET=0.05"),
        good.replace("#EXT-X-TARGETDURATION:4\n", ""),
    ]
    assert all(hls_parser(bad))


def test_the_watch_page_names_the_rendition_that_every_stream_has():
    assert f"{SOURCE}.m3u8" == FIRST_RENDITION
