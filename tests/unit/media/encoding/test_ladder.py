"""What a ladder makes: pictures, times, cuts and bytes of rungs against their source."""

import asyncio
import io
from collections import defaultdict

import av
import msgspec
import pytest

from media.encoding.ladder import Ladder
from media.encoding.outputs import AUDIO_ONLY, Target
from media.encoding.reading import read_fragment, read_init
from media.packaging.codecs import parse_video
from tests.unit.media.encoding.clips import (
    SMALL,
    SMALLER,
    Clip,
    Made,
    frames,
    keep,
    number_in,
    of_source,
    packets,
    source,
    together,
    transcode,
)

PLAIN = Clip(more_keys=(21,), layout="stereo")
B_FRAMES = Clip(options=(("bf", "3"), ("b-pyramid", "normal"), ("sc_threshold", "0")))
FAST = Clip(rate=60, seconds=2.0, gop=120)
LONG = Clip(seconds=6.0, gop=1000)
LONG_WITH_B = Clip(seconds=6.0, gop=1000, options=(("bf", "2"), ("sc_threshold", "0")))


def same_cuts(parts, made: Made) -> None:
    """Numbers, times and cuts are the source's."""
    wanted = [
        (
            part.media_sequence,
            part.part,
            part.duration,
            part.media_time,
            part.program_date_time,
            part.last,
        )
        for part in parts
    ]
    assert wanted == [
        (
            part.media_sequence,
            part.part,
            part.duration,
            part.media_time,
            part.program_date_time,
            part.last,
        )
        for part in made.parts
    ]


def shown(data: bytes) -> list[tuple[int, int]]:
    """When each picture is shown, in milliseconds, and its number."""
    return [(round(frame.pts * frame.time_base * 1000), number_in(frame)) for frame in frames(data)]


@pytest.mark.parametrize(
    "clip",
    [PLAIN, B_FRAMES, LONG, LONG_WITH_B, Clip(width=322, height=182), Clip(rate=24, gop=48)],
    ids=["plain", "b-frames", "long-gop", "long-gop-b-frames", "odd", "24fps"],
)
async def test_rungs_show_what_the_source_shows_when_it_shows_it(clip):
    parts = source(clip)
    targets = (SMALL, SMALLER)

    made = await transcode(parts, *targets)

    wanted = shown(of_source(parts))
    for target in targets:
        rung = made[target.name]
        same_cuts(parts, rung)
        assert shown(rung.media()) == wanted
        assert [len(rung.opened), rung.failed] == [1, []]
        segments = {part.media_sequence for part in parts}
        assert [segment.media_sequence for segment in rung.segments] == sorted(segments)
        assert sum(one.frames for one in rung.measured) == len(wanted)


async def test_every_part_of_a_rung_covers_its_part_of_the_source():
    parts = source(PLAIN)
    made = await transcode(parts, SMALL)
    tracks = read_init(made[SMALL.name].opened[0].init)

    for part, ours in zip(parts, made[SMALL.name].parts, strict=True):
        had = read_fragment(read_init(part.init), part.data)
        have = read_fragment(tracks, ours.data)
        assert [(one.dts, one.composition, one.duration, one.sync) for one in had.video] == [
            (one.dts, one.composition, one.duration, one.sync) for one in have.video
        ]
        assert have.number == had.number


async def test_segments_and_key_frames_begin_where_the_sources_do():
    parts = source(PLAIN)
    made = await transcode(parts, SMALL, SMALLER)

    keys = [pts for pts, _, _, key, _ in packets(of_source(parts), "video") if key]
    assert len(keys) == 3  # at 0, in the middle of a segment, and at 2 s
    for name in (SMALL.name, SMALLER.name):
        rung = made[name]
        assert [pts for pts, _, _, key, _ in packets(rung.media(), "video") if key] == keys
        assert [part.independent for part in rung.parts] == [part.independent for part in parts]
        for segment in rung.segments:
            assert frames(rung.media(segment.media_sequence))[0].key_frame


async def test_every_segment_decodes_alone():
    parts = source(B_FRAMES)
    made = await transcode(parts, SMALL)

    for sequence in {part.media_sequence for part in parts}:
        alone = frames(made[SMALL.name].media(sequence))
        wanted = [part for part in parts if part.media_sequence == sequence]
        assert len(alone) == len(frames(of_source(wanted)))


async def test_with_b_frames_times_are_the_sources_too():
    parts = source(B_FRAMES)
    made = (await transcode(parts, SMALL))[SMALL.name]
    before, after = (sorted(packets(data, "video")) for data in (of_source(parts), made.media()))

    assert [one[0] for one in before] == [one[0] for one in after]
    decoding = [dts for _, dts, *_ in packets(made.media(), "video")]
    assert decoding == sorted(set(decoding))
    for part in made.parts:
        fragment = read_fragment(read_init(made.opened[0].init), part.data)
        first = read_fragment(read_init(parts[0].init), parts[0].data).video[0]
        start = round(part.media_time * 90_000)
        assert fragment.video[0].composition == first.composition
        assert fragment.video[0].dts == start


@pytest.mark.parametrize(("rate", "half"), [(60, 30), (50, 25), (48, 24)])
async def test_half_the_rate_keeps_every_second_picture(rate, half):
    parts = source(Clip(rate=rate, seconds=2.1, gop=rate))
    target = Target("90p", 160, 90, half, 200_000)

    made = await transcode(parts, target, Target("whole", 160, 90, rate, 300_000))

    wanted = shown(of_source(parts))
    assert shown(made["whole"].media()) == wanted
    assert [number for _, number in shown(made["90p"].media())] == [
        number for _, number in wanted if number % 2 == 0
    ]
    same_cuts(parts, made["90p"])
    ends = 0
    for pts, _, duration, _, _ in packets(made["90p"].media(), "video"):
        assert abs(pts - ends) <= 180  # two milliseconds, which FLV rounds to
        ends = pts + duration


async def test_a_part_of_one_picture_keeps_it_at_half_the_rate():
    parts = source(Clip(rate=60, seconds=2.0, gop=120, more_keys=(7,)))
    made = await transcode(parts, Target("90p30", 160, 90, 30, 200_000))
    tracks = read_init(made["90p30"].opened[0].init)

    counts = [len(read_fragment(tracks, part.data).video) for part in made["90p30"].parts]
    assert min(counts) >= 1
    assert 7 in [number for _, number in shown(made["90p30"].media())]


async def test_a_variable_frame_rate_keeps_every_picture():
    times, at = [], 0
    for index in range(70):
        times.append(at)
        at += (20, 33, 47, 90, 33, 10, 120)[index % 7]
    parts = source(Clip(times=tuple(times), gop=40))

    made = (await transcode(parts, SMALL))[SMALL.name]

    assert shown(made.media()) == shown(of_source(parts))
    same_cuts(parts, made)


async def test_a_rung_looks_like_its_source():
    parts = source(Clip(width=640, height=360, seconds=2.0))
    target = Target("180p30", 320, 180, 30, 600_000)
    made = (await transcode(parts, target))["180p30"]

    pairs = list(zip(frames(of_source(parts)), frames(made.media()), strict=True))
    for before, after in pairs[::10]:
        small = before.reformat(320, 180, "yuv420p")
        for plane, other in zip(small.planes, after.planes, strict=True):
            had, have = pixels(plane), pixels(other)
            assert sum(abs(a - b) for a, b in zip(had, have, strict=True)) / len(had) < 3


def pixels(plane) -> bytes:
    data = bytes(plane)
    return b"".join(
        data[row * plane.line_size : row * plane.line_size + plane.width]
        for row in range(plane.height)
    )


class TestRepeating:
    async def test_the_same_source_gives_the_same_bytes(self):
        parts = source(PLAIN)
        once, again = [await transcode(parts, SMALL, SMALLER) for _ in range(2)]

        for name in (SMALL.name, SMALLER.name, AUDIO_ONLY):
            assert once[name].media() == again[name].media()
            assert once[name].digests() == again[name].digests()
            assert once[name].recipes == again[name].recipes
            assert all(one.repeatable for one in once[name].measured)

    async def test_a_segment_is_the_same_when_making_begins_with_it(self):
        parts = source(B_FRAMES)
        whole = (await transcode(parts, SMALL))[SMALL.name]

        late = [part for part in parts if part.media_sequence]
        resumed = (await transcode(late, SMALL))[SMALL.name]

        assert 0 not in resumed.digests()
        assert resumed.digests().items() <= whole.digests().items()
        assert resumed.opened[0].init == whole.opened[0].init

    async def test_downmixed_sound_is_the_same_if_the_end_of_the_segment_before_is_heard(self):
        parts = source(Clip(layout="5.1"))
        whole = await transcode(parts, SMALL)

        second = next(i for i, part in enumerate(parts) if part.media_sequence == 1)
        resumed = await transcode(parts[second - 3 :], SMALL)

        for name in (SMALL.name, AUDIO_ONLY):
            assert resumed[name].digests() == {1: whole[name].digests()[1]}

    async def test_the_recipe_says_what_decides_about_the_bytes(self):
        parts = source(Clip(seconds=1.0, gop=30))
        brighter = msgspec.structs.replace(SMALL, bitrate=300_000)
        recipes = [
            (await transcode(parts, target, salt=salt))[SMALL.name].recipes
            for target, salt in ((SMALL, ""), (SMALL, "another"), (brighter, ""))
        ]

        assert recipes[0] == recipes[1] != recipes[2]

    async def test_digests_are_of_the_bytes(self):
        from media.naming import digest

        parts = source(PLAIN)
        made = (await transcode(parts, SMALL))[SMALL.name]

        durations = {segment.media_sequence: segment.parts for segment in made.segments}
        for one in made.measured:
            ours = [part.data for part in made.parts if part.media_sequence == one.media_sequence]
            theirs = [part.data for part in parts if part.media_sequence == one.media_sequence]
            assert one.digest == digest(b"".join(ours))
            assert one.source_digest == digest(b"".join(theirs))
            assert 0 < one.cpu_seconds < 30
            assert one.wall_seconds > 0
            assert one.duration == pytest.approx(sum(durations[one.media_sequence]))


class TestSizes:
    async def test_pixels_are_square(self):
        parts = source(Clip(width=240, height=180, aspect=(4, 3), seconds=1.0))
        made = (await transcode(parts, SMALL))[SMALL.name]

        with av.open(io.BytesIO(made.media())) as container:
            video = container.streams.video[0]
            assert (video.width, video.height) == (160, 90)
            assert video.codec_context.sample_aspect_ratio in (None, 1)

    async def test_the_shape_is_the_sources_whatever_was_asked_for(self):
        parts = source(Clip(width=240, height=180, seconds=1.0))
        made = (await transcode(parts, SMALL))[SMALL.name]

        assert (made.opened[0].width, made.opened[0].height) == (120, 90)

    async def test_a_rung_larger_than_its_source_is_not_made(self):
        parts = source(Clip(width=128, height=72, seconds=2.0, gop=20, layout="stereo"))
        made = await transcode(parts, SMALL, SMALLER)

        assert not made[SMALL.name].parts
        assert len(made[SMALL.name].failed) == 1
        failed = made[SMALL.name].failed[0]
        assert (failed.encoder, failed.using) == ("", "")
        assert "larger than its source of 128x72" in failed.detail
        same_cuts(parts, made[SMALLER.name])

    async def test_another_size_in_the_stream_gives_another_init_segment(self):
        first = source(Clip(seconds=1.5))
        second = source(Clip(width=240, height=180, seconds=1.5), "two", 1)
        made = (await transcode((*first, *second), SMALL))[SMALL.name]

        assert [(o.width, o.height, o.first_media_sequence) for o in made.opened] == [
            (160, 90, 0),
            (120, 90, 1),
        ]
        same_cuts((*first, *second), made)
        assert [segment.media_sequence for segment in made.segments] == [0, 1]

    async def test_players_are_told_what_the_bytes_say(self):
        made = (await transcode(source(PLAIN), SMALL))[SMALL.name]
        opened, tracks = made.opened[0], read_init(made.opened[0].init)

        assert tracks.video is not None
        assert tracks.audio is not None
        assert opened.codecs == f"{tracks.video.video.codec},{tracks.audio.audio.codec}"
        assert opened.codecs == "avc1.640014,mp4a.40.2"
        assert parse_video(tracks.video.video.configuration).aspect == (1, 1)
        assert (opened.frame_rate, opened.channels) == (30, 2)
        assert opened.part_target == source(PLAIN)[0].part_target


class TestSound:
    async def test_stereo_is_copied_to_the_bit(self):
        parts = source(PLAIN)
        made = await transcode(parts, SMALL)
        wanted = packets(of_source(parts), "audio")

        assert packets(made[SMALL.name].media(), "audio") == wanted
        assert packets(made[AUDIO_ONLY].media(), "audio") == wanted
        same_cuts(parts, made[AUDIO_ONLY])
        assert made[AUDIO_ONLY].measured[0].encoder == "copy"
        assert made[AUDIO_ONLY].opened[0].codecs == "mp4a.40.2"

    async def test_more_channels_become_two_without_a_gap_or_a_click(self):
        parts = source(Clip(layout="5.1", seconds=6.0))
        made = await transcode(parts, SMALL)
        sound = made[AUDIO_ONLY]

        found = packets(sound.media(), "audio")
        assert packets(made[SMALL.name].media(), "audio") == found
        had = packets(of_source(parts), "audio")
        begins = [dts for _, dts, *_ in found]
        assert begins == [begins[0] + 1024 * index for index in range(len(begins))]
        assert begins[0] == had[0][1]
        assert len(had) - len(found) == 2  # of the end, an encoder's delay is missing
        assert len(sound.segments) == 3
        assert (sound.opened[0].channels, sound.measured[0].encoder) == (2, "aac")
        assert roughness(sound.media()) < 1.2 * roughness(stereo_at_once())

    async def test_without_sound_there_is_no_rendition_of_it(self):
        made = await transcode(source(B_FRAMES), SMALL)

        assert AUDIO_ONLY not in made
        assert made[SMALL.name].opened[0].codecs == "avc1.640014"
        assert made[SMALL.name].opened[0].channels == 0

    async def test_of_sound_alone_no_rung_is_made(self):
        parts = source(Clip(no_video=True, layout="stereo", seconds=5.0))
        made = await transcode(parts, SMALL)

        assert set(made) == {AUDIO_ONLY}
        same_cuts(parts, made[AUDIO_ONLY])
        assert packets(made[AUDIO_ONLY].media(), "audio") == packets(of_source(parts), "audio")


def stereo_at_once() -> bytes:
    """The same tone, decoded of 5.1 and encoded by one encoder from beginning to end."""
    from tests.unit.media.encoding.clips import recording

    target = io.BytesIO()
    with (
        av.open(io.BytesIO(recording(Clip(layout="5.1", seconds=6.0)))) as original,
        av.open(target, "w", format="mp4") as output,
    ):
        stream = output.add_stream("aac", rate=48_000)
        stream.bit_rate = 160_000
        mixer = av.AudioResampler(format="fltp", layout="stereo", rate=48_000)
        for frame in original.decode(audio=0):
            for mixed in mixer.resample(frame):
                output.mux(stream.encode(mixed))
        output.mux(stream.encode(None))
    return target.getvalue()


def roughness(data: bytes) -> float:
    """How much a decoded tone differs at worst from a sine of its frequency, after the start.

    A sine obeys x[n+1] + x[n-1] = 2 cos(w) x[n].
    """
    from array import array
    from math import cos, pi

    samples: array[float] = array("f")
    with av.open(io.BytesIO(data)) as container:
        for frame in container.decode(audio=0):
            samples.frombytes(bytes(frame.planes[0])[: frame.samples * 4])
    factor = 2 * cos(2 * pi * 500 / 48_000)
    middle = samples[8192 : len(samples) - 8192]
    loudest = max(middle)
    return (
        max(
            abs(after + before - factor * now)
            for before, now, after in zip(middle, middle[1:], middle[2:], strict=False)
        )
        / loudest
    )


class TestWhatIsMissing:
    async def test_a_segment_with_a_hole_is_left_unfinished(self):
        parts = [part for part in source(PLAIN) if (part.media_sequence, part.part) != (0, 5)]
        made = (await transcode(parts, SMALL))[SMALL.name]
        whole = (await transcode(source(PLAIN), SMALL))[SMALL.name]

        assert [segment.media_sequence for segment in made.segments] == [1]
        assert [part.part for part in made.parts if part.media_sequence == 0] == [0, 1, 2, 3, 4]
        assert made.parts[0].data == whole.parts[0].data
        assert made.digests() == {1: whole.digests()[1]}

    async def test_beginning_in_the_middle_waits_for_a_segment_with_a_key_frame(self):
        made = (await transcode(source(PLAIN)[4:], SMALL))[SMALL.name]
        assert {part.media_sequence for part in made.parts} == {1}

        made = (await transcode(source(LONG)[50:], SMALL))[SMALL.name]
        assert not made.parts

    async def test_an_open_segment_is_not_said_to_be_finished(self):
        parts = source(B_FRAMES)[:10]
        stopped = (await transcode(parts, SMALL, ended=False))[SMALL.name]
        over = (await transcode(parts, SMALL, ended=True))[SMALL.name]
        whole = (await transcode(source(B_FRAMES), SMALL))[SMALL.name]

        assert not stopped.segments
        assert [part.data for part in stopped.parts] == [
            part.data for part in whole.parts[: len(stopped.parts)]
        ]
        assert len(over.segments) == 1
        assert shown(over.media()) == shown(of_source(parts))

    async def test_another_session_ends_the_segment_of_the_one_before(self):
        first, second = source(PLAIN)[:7], source(PLAIN, "two", 1)
        made = (await transcode((*first, *second), SMALL))[SMALL.name]

        assert [segment.media_sequence for segment in made.segments] == [0, 1, 2]
        assert len(made.opened) == 1
        same_cuts((*first, *second), made)


class TestTargets:
    async def test_rungs_come_and_go_with_segments(self):
        parts = source(Clip(seconds=6.0, layout="stereo"))
        ladder = Ladder([SMALL])
        made: dict[str, Made] = defaultdict(Made)

        async def feed() -> None:
            for part in parts:
                if (part.media_sequence, part.part) == (0, 3):
                    ladder.set_targets([SMALL, SMALLER])
                if (part.media_sequence, part.part) == (1, 3):
                    ladder.set_targets([SMALLER])
                await ladder.feed(part)
                await asyncio.sleep(0)
            await ladder.close(ended=True)

        await together(ladder, made, feed)

        assert [one.media_sequence for one in made[SMALL.name].segments] == [0, 1]
        assert [one.media_sequence for one in made[SMALLER.name].segments] == [1, 2]
        assert [one.media_sequence for one in made[AUDIO_ONLY].segments] == [0, 1, 2]
        assert made[SMALLER.name].opened[0].first_media_sequence == 1

    async def test_feeding_waits_for_rungs_that_are_behind(self):
        ladder = Ladder([SMALL])
        parts = source(Clip(seconds=6.0, layout="stereo"))
        fed = 0

        async def feed() -> None:
            nonlocal fed
            for part in parts:
                await ladder.feed(part)
                fed += 1
            await ladder.close(ended=True)

        feeding = asyncio.create_task(feed())
        made: dict[str, Made] = defaultdict(Made)
        most = 0
        async for output in ladder.outputs():
            keep(made, output)
            most = max(most, fed - len(made[SMALL.name].parts))
        await feeding
        assert fed == len(parts) == len(made[SMALL.name].parts)
        assert most < 20

    async def test_a_closed_ladder_takes_nothing_more(self):
        from infra.errors import MillraceError

        ladder = Ladder([SMALL])
        await ladder.close()
        assert [output async for output in ladder.outputs()] == []
        with pytest.raises(MillraceError):
            await ladder.feed(source(PLAIN)[0])
