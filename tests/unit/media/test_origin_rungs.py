"""Renditions made of the source: which are playable, whose parts count, what players are told."""

import asyncio

import m3u8
import msgspec
import pytest

from infra.record import Envelope, Meta
from media.encoding.encoders import Encoder, Shape
from media.levels import codec
from media.naming import AUDIO_ONLY, SOURCE
from media.origin.streams import Streams
from schemas.records.broadcast import StreamEnded, StreamStarted
from schemas.records.media import RenditionOpened
from schemas.records.transcode import LadderChanged, Rung
from tests.linters import hls_parser
from tests.unit.media.test_playlist import opened, part, segment, whole

COUNT = 4


def of(event, name, recipe="aaaa0000", session="a"):
    """An event of the source as that of a rung, from a folder of its maker's."""

    def moved(key):
        return key.replace(f"{session}/source", f"{session}/{name}-{recipe}")

    changes = {"rendition": name, "init_object": moved(event.init_object)}
    if isinstance(event, RenditionOpened):
        width, height = (0, 0) if name == AUDIO_ONLY else (640, 360)
        codecs = "mp4a.40.2" if name == AUDIO_ONLY else "avc1.4d401e,mp4a.40.2"
        changes |= {"width": width, "height": height, "codecs": codecs}
    else:
        changes["object"] = moved(event.object)
    return msgspec.structs.replace(event, **changes)


def rung(name, state="granted", bitrate=800_000):
    side = int(name.partition("p")[0])
    return Rung(
        name=name, width=side * 16 // 9 & ~1, height=side, frame_rate=30.0, bitrate=bitrate,
        state=state, reason="tier",
    )  # fmt: skip


def ladder(*rungs):
    return LadderChanged(
        stream_id="s", channel_id="c", session_id="a", pool="default", tier="partner",
        worker_id="w", assignment=1, cause="stream_started", rungs=list(rungs),
    )  # fmt: skip


def known(*events):
    """Streams after the events, each touched as the follower does."""
    streams = Streams(window=60.0, part_hold_back=3.0)
    tell(streams, *events)
    return streams


def tell(streams, *events):
    for event in events:
        live = streams.apply(
            Envelope(Meta(event_id="", occurred_at=1, producer="", sequence=0), event)
        )
        if live is not None:
            live.touch()


def segments_of(numbers, name=SOURCE, **made):
    events = [event for number in numbers for event in whole(number, count=COUNT)]
    return events if name == SOURCE else [of(event, name, **made) for event in events]


def source(numbers):
    return [opened(), *segments_of(numbers)]


def made(numbers, name="360p30", first=None, **more):
    numbers = list(numbers)
    first = numbers[0] if first is None else first
    return [of(opened(first), name, **more), *segments_of(numbers, name, **more)]


def playable(streams):
    return {live.rendition.name for live in streams.get("s").playable()}


def text(streams, name="360p30"):
    return streams.live("s", name).text().plain.decode()


def variants(streams, **options):
    parsed = m3u8.loads(streams.get("s").multivariant(**options).plain.decode())
    return {variant.uri.removesuffix(".m3u8"): variant.stream_info for variant in parsed.playlists}


def test_a_rung_is_playable_from_its_first_whole_segment_until_it_falls_behind():
    streams = known(*source(range(5)))
    parts = [of(event, "360p30") for event in (opened(5), part(5, 0, count=COUNT))]
    tell(streams, *parts)
    assert playable(streams) == {SOURCE}
    tell(streams, *segments_of([5]), *made([5], first=5))
    assert playable(streams) == {SOURCE, "360p30"}
    tell(streams, *(part(6, index) for index in range(10)))
    assert playable(streams) == {SOURCE, "360p30"}, "a second behind"
    tell(streams, part(6, 10))
    assert playable(streams) == {SOURCE}
    assert "360p30" not in variants(streams)
    tell(streams, *(of(part(6, index), "360p30") for index in range(11)))
    assert playable(streams) == {SOURCE, "360p30"}


@pytest.mark.parametrize(
    ("state", "plays", "listed"),
    [
        ("granted", True, True),
        ("going", True, False),
        ("waiting", False, False),
        ("refused", False, False),
    ],
)
def test_the_ladder_says_which_rungs_are_wanted(state, plays, listed):
    streams = known(*source(range(5)), *made(range(3, 5)))
    assert "360p30" in playable(streams), "no ladder was told of"
    tell(streams, ladder(rung("360p30", state)))
    assert ("360p30" in playable(streams)) is plays
    assert ("360p30" in variants(streams)) is listed
    assert "360p30" in variants(streams, every=True)
    assert ("360p30.m3u8" in text(streams, SOURCE)) is plays


def test_the_source_s_next_part_tells_of_a_rung_that_came_and_of_one_that_left():
    report = '#EXT-X-RENDITION-REPORT:URI="360p30.m3u8"'
    streams = known(*source(range(5)))
    assert report not in text(streams, SOURCE)
    tell(streams, *made(range(3, 5)), part(5, 0))
    assert report in text(streams, SOURCE)
    tell(streams, ladder(rung("360p30", "refused")), part(5, 1))
    assert report not in text(streams, SOURCE)


def test_the_latest_ladder_counts():
    streams = known(*source(range(5)), *made(range(3, 5)), ladder(), ladder(rung("360p30")))
    assert playable(streams) == {SOURCE, "360p30"}


def test_whoever_waits_for_a_rung_that_is_gone_is_woken():
    async def waiting():
        streams = known(*source(range(5)), *made(range(3, 5)))
        stream = streams.get("s")
        live = streams.live("s", "360p30")
        gone = asyncio.create_task(live.wait(lambda: not stream.is_playable("360p30"), 5))
        await asyncio.sleep(0)
        tell(streams, ladder(rung("360p30", "refused")))
        assert await gone

    asyncio.run(waiting())


def test_discontinuities_are_those_of_the_source():
    sessions = [
        *source(range(3)),
        opened(3, "b"),
        *(e for n in (3, 4) for e in whole(n, session="b")),
    ]
    begun_late = [of(opened(2), "360p30"), of(segment(2), "360p30")]
    other_worker = [of(opened(4, "b"), "360p30", "bbbb0000", "b")]
    again = [
        of(opened(3, "b"), "360p30", session="b"),
        of(segment(3, session="b"), "360p30", session="b"),
    ]
    made_by_other = [of(segment(4, session="b"), "360p30", "bbbb0000", "b")]
    streams = known(*sessions, *begun_late, *again, *other_worker, *made_by_other)
    lines = text(streams).splitlines()
    assert lines.count("#EXT-X-DISCONTINUITY") == 1
    assert "#EXT-X-DISCONTINUITY-SEQUENCE:0" in lines
    assert sum(line.startswith("#EXT-X-MAP") for line in lines) == 3, "each maker's parameters"
    assert "#EXT-X-MEDIA-SEQUENCE:2" in lines
    assert hls_parser([text(streams), text(streams, SOURCE)]) == [None, None]


def test_a_rung_that_comes_back_begins_anew():
    streams = known(*source(range(12)), *made(range(3, 6)), *made(range(9, 12), recipe="bbbb0000"))
    lines = text(streams).splitlines()
    assert "#EXT-X-MEDIA-SEQUENCE:9" in lines
    assert "#EXT-X-GAP" not in lines
    assert playable(streams) == {SOURCE, "360p30"}


def test_a_worker_that_takes_over_in_time_leaves_no_hole():
    streams = known(*source(range(6)), *made(range(3, 5)), *made([5], recipe="bbbb0000"))
    assert "#EXT-X-MEDIA-SEQUENCE:3" in text(streams).splitlines()
    assert [line for line in text(streams).splitlines() if line.endswith("5.m4s")] == [
        "a/360p30-bbbb0000/5.m4s"
    ]


def test_parts_of_two_makers_are_not_mixed():
    first = [of(part(5, index), "360p30") for index in range(2)]
    second = [of(part(5, index), "360p30", "bbbb0000") for index in range(4)]
    streams = known(*source(range(6)), *made(range(3, 5)), *first, *second)
    listed = streams.live("s", "360p30").rendition.open_parts
    assert [each.object for each in listed] == [each.object for each in first]
    assert streams.live("s", "360p30").rendition.hint == "live/s/a/360p30-aaaa0000/5.2.m4s"


@pytest.mark.parametrize("segment_first", [True, False])
def test_what_is_announced_as_the_segment_decides(segment_first):
    parts = [of(part(5, index, count=2), "360p30", "bbbb0000") for index in range(2)]
    other = [of(part(5, index, count=2), "360p30") for index in range(2)]
    decided = of(segment(5, count=2), "360p30", "bbbb0000")
    late = of(segment(5, count=2), "360p30")
    events = [decided, *other, *parts] if segment_first else [*other, *parts, decided]
    streams = known(*source(range(6)), *made(range(3, 5)), *events, late)
    entry = streams.live("s", "360p30").rendition.entries[-1]
    assert entry.object == "live/s/a/360p30-bbbb0000/5.m4s"
    assert all("bbbb0000" in each.object for each in entry.parts)


def test_a_rung_that_will_be_is_named_with_what_it_will_need():
    streams = known(*source(range(5)), ladder(rung("480p30", "waiting", 1_500_000)))
    assert set(variants(streams)) == {SOURCE}
    coming = variants(streams, every=True)["480p30"]
    assert coming.resolution == (852, 480)
    assert coming.codecs == "avc1.64001f,mp4a.40.2"
    assert (coming.average_bandwidth, coming.bandwidth) == (1_660_000, 1_960_000)
    assert "X-PLAYABLE=NO" in streams.get("s").multivariant(every=True).plain.decode()


def test_the_source_is_named_first_and_sound_alone_last():
    streams = known(*source(range(5)), *made(range(3, 5)), *made(range(3, 5), AUDIO_ONLY))
    assert list(variants(streams)) == [SOURCE, "360p30", AUDIO_ONLY]
    assert all(info.audio == "sound" for info in variants(streams).values())
    assert variants(streams)[AUDIO_ONLY].resolution is None
    multivariant = streams.get("s").multivariant(every=True).plain.decode()
    assert hls_parser([multivariant]) == [None]


def test_after_the_end_what_came_along_stays():
    start = StreamStarted(channel_id="c", stream_id="s", session_id="a", started_at=0)
    end = StreamEnded(channel_id="c", stream_id="s", reason="", started_at=0, interruptions=0)
    streams = known(start, *source(range(5)), *made(range(3, 5)), *made([2], "160p30"), end)
    assert playable(streams) == {SOURCE, "360p30"}
    assert text(streams).endswith("#EXT-X-ENDLIST\n")


@pytest.mark.parametrize(
    ("rung", "expected"),
    [
        ((1280, 720, 60.0, 3_000_000), "avc1.640020"),
        ((1280, 720, 30.0, 2_000_000), "avc1.64001f"),
        ((854, 480, 30.0, 1_500_000), "avc1.64001f"),
        ((640, 360, 30.0, 800_000), "avc1.64001e"),
        ((284, 160, 30.0, 400_000), "avc1.640014"),
    ],
)
def test_levels_are_those_of_the_standard(rung, expected):
    assert codec(*rung) == expected


@pytest.mark.parametrize("size", [(1280, 720, 30.0, 2_000_000), (640, 360, 30.0, 800_000)])
def test_what_a_playlist_foresees_is_what_the_encoder_makes(size):
    configuration = Encoder("libx264", Shape(*size)).configuration
    assert f"avc1.{configuration[1:4].hex()}" == codec(*size)
