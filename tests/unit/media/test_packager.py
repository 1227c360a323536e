"""FLV tags to CMAF: what goes in comes out, cut by the rules."""

import io
import struct
from collections import defaultdict
from fractions import Fraction

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.errors import Refused
from media import flv
from media.packaging.enhanced import plain
from media.packaging.outputs import (
    MAX_SEGMENT,
    TARGET_DURATION,
    Limits,
    Opened,
    Output,
    Part,
    Segment,
    Warned,
)
from media.packaging.packager import Packager
from tests.recordings import PLAYABLE, tags

EPOCH = 1_700_000_000_000_000


def package(sent, packager=None, finish=True) -> list[Output]:
    packager = packager or Packager()
    out: list[Output] = []
    for tag in sent:
        out += packager.feed(tag, EPOCH + tag.timestamp * 1000)
    return out + (packager.finish() if finish else [])


def only(kind, outputs):
    return [output for output in outputs if isinstance(output, kind)]


def joined(outputs) -> bytes:
    return b"".join(
        output.init if isinstance(output, Opened) else output.data
        for output in outputs
        if isinstance(output, Opened | Part)
    )


def samples(data: bytes) -> dict[str, list[tuple[int, int, bytes]]]:
    """(pts, dts) in milliseconds and bytes, by track type, as FFmpeg reads them."""
    found = defaultdict(list)
    with av.open(io.BytesIO(data)) as container:
        for packet in container.demux():
            if packet.size:
                unit = packet.time_base * 1000
                found[packet.stream.type].append(
                    (round(packet.pts * unit), round(packet.dts * unit), bytes(packet))
                )
    return found


def sent_samples(name: str) -> dict[str, list[tuple[int, int, bytes]]]:
    found = defaultdict(list)
    start = next(tag.timestamp for tag in tags(name) if flv.is_keyframe(tag))
    for original in tags(name):
        tag = plain(original)
        if flv.is_coded_frame(tag) and tag.timestamp >= start:
            video = tag.kind == flv.VIDEO
            shift = int.from_bytes(tag.data[2:5], "big", signed=True) if video else 0
            dts = tag.timestamp - start
            found["video" if video else "audio"].append(
                (dts + shift, dts, tag.data[5 if video else 2 :])
            )
    return found


@pytest.mark.parametrize("name", PLAYABLE)
class TestRecordings:
    def test_every_sample_comes_out_as_it_went_in(self, name):
        sent, found = sent_samples(name), samples(joined(package(tags(name))))

        assert found.keys() == sent.keys()
        assert found["video"] == sent["video"]
        assert [data for *_, data in found["audio"]] == [data for *_, data in sent["audio"]]
        for (_, had, _), (_, came, _) in zip(sent["audio"], found["audio"], strict=True):
            assert abs(had - came) <= 40

    def test_ffmpeg_decodes_every_frame(self, name):
        decoded = defaultdict(int)
        with av.open(io.BytesIO(joined(package(tags(name))))) as container:
            for frame in container.decode():
                assert not frame.is_corrupt
                decoded[type(frame).__name__] += 1

        assert decoded["VideoFrame"] == len(sent_samples(name)["video"])

    def test_every_segment_that_claims_to_be_independent_decodes_alone(self, name):
        outputs = package(tags(name))
        init = only(Opened, outputs)[0].init
        for segment in only(Segment, outputs):
            data = b"".join(
                part.data
                for part in only(Part, outputs)
                if part.media_sequence == segment.media_sequence
            )
            if segment.independent:
                with av.open(io.BytesIO(init + data)) as container:
                    assert next(container.decode(video=0)).key_frame

    def test_durations_keep_the_limits(self, name):
        outputs = package(tags(name))
        target = only(Opened, outputs)[0].part_target

        assert max(part.duration for part in only(Part, outputs)) <= target
        for segment in only(Segment, outputs):
            assert segment.duration <= MAX_SEGMENT
            assert round(segment.duration) <= TARGET_DURATION
            assert sum(segment.parts) == pytest.approx(segment.duration)

    def test_the_same_tags_give_the_same_bytes(self, name):
        assert package(tags(name)) == package(tags(name))

    def test_numbers_are_contiguous(self, name):
        outputs = package(tags(name), Packager(first_media_sequence=7))
        at = (7, 0)
        for part in only(Part, outputs):
            assert (part.media_sequence, part.part) == at
            at = (at[0] + 1, 0) if part.last else (at[0], at[1] + 1)
        assert [segment.media_sequence for segment in only(Segment, outputs)] == [*range(7, at[0])]

    def test_the_init_segment_says_what_the_recording_is(self, name):
        opened = only(Opened, package(tags(name)))[0]
        with av.open(io.BytesIO(joined(package(tags(name))))) as container:
            video = container.streams.video[0]
            assert (opened.width, opened.height) == (video.width, video.height)
            assert opened.frame_rate == pytest.approx(float(video.average_rate), rel=0.01)
            sound = container.streams.audio
            assert opened.channels == (sound[0].channels if sound else 0)
            assert opened.codecs.count(",") == len(sound)


# Made-up sessions, frame by frame.

SPS = bytes.fromhex("6742c01ed9005005bb011000000300100000030320f162e480")


def video_header(sps: bytes = SPS) -> flv.Tag:
    configuration = b"\x01" + sps[1:4] + b"\xff\xe1" + len(sps).to_bytes(2, "big") + sps
    return flv.Tag(flv.VIDEO, 0, b"\x17\0\0\0\0" + configuration + b"\x01\0\x01\x68")


def audio_header(configuration: bytes = b"\x11\x90") -> flv.Tag:
    return flv.Tag(flv.AUDIO, 0, b"\xaf\0" + configuration)


def picture(at: int, key: bool = False, shift: int = 0) -> flv.Tag:
    head = (b"\x17\x01" if key else b"\x27\x01") + shift.to_bytes(3, "big", signed=True)
    return flv.Tag(flv.VIDEO, at, head + b"\0\0\0\x02\x65\x88")


def sound(at: int) -> flv.Tag:
    return flv.Tag(flv.AUDIO, at, b"\xaf\x01\x21\x10")


def metadata(rate: float) -> flv.Tag:
    body = b"\x02\0\x0aonMetaData\x08\0\0\0\x01\0\x09framerate\0" + struct.pack(">d", rate)
    names = b"\0\x0cvideocodecid\0" + struct.pack(">d", 7)
    names += b"\0\x0caudiocodecid\0" + struct.pack(">d", 10)
    return flv.Tag(flv.DATA, 0, body + names + b"\0\0\x09")


def session(seconds: float, *, start: int = 0, rate: int = 25, gop: int = 50, audio=True):
    """Frames of a steady publisher in order of time."""
    found = [
        (start + round(index * 1000 / rate), 0, index % gop == 0)
        for index in range(int(seconds * rate))
    ]
    if audio:
        found += [
            (start + round(index * 1024 / 48), 1, False)
            for index in range(int(seconds * 48000 / 1024))
        ]
    return [sound(at) if is_sound else picture(at, key) for at, is_sound, key in sorted(found)]


def headers(audio=True):
    return [metadata(25.0), video_header(), *([audio_header()] if audio else [])]


def test_parts_are_out_as_soon_as_the_frame_after_them_is_in():
    packager = Packager()
    for tag in headers() + session(0.12)[:-1]:
        out = packager.feed(tag, EPOCH)
        if only(Part, out):
            assert tag.timestamp == 80
            return
    pytest.fail("no part within 120 ms")


def test_a_part_spans_the_frames_nearest_to_its_setting():
    for rate, frames in ((24, 2), (25, 2), (30, 3), (50, 5), (60, 6), (12, 1), (5, 1)):
        sent = [metadata(rate), *headers()[1:], *session(4, rate=rate, gop=2 * rate)]
        parts = only(Part, package(sent))
        assert parts[0].duration == pytest.approx(frames / rate, abs=0.001)


def test_segments_begin_at_key_frames():
    segments = only(Segment, package(headers() + session(9)))
    assert [segment.duration for segment in segments] == [2.0, 2.0, 2.0, 2.0, 1.0]
    assert all(segment.independent for segment in segments)


def test_key_frames_closer_than_a_segment_begin_parts_only():
    outputs = package(headers() + session(6, gop=5))
    assert [segment.duration for segment in only(Segment, outputs)] == [1.6, 1.6, 1.6, 1.2]
    starts = [part for part in only(Part, outputs) if part.independent]
    assert len(starts) == 30


def test_every_frame_a_key_frame_makes_neither_tiny_parts_nor_tiny_segments():
    outputs = package(headers() + session(6, gop=1))
    assert len(only(Segment, outputs)) == 4
    assert all(part.independent and part.duration == 0.08 for part in only(Part, outputs)[:-1])


def test_a_key_frame_interval_of_4_s_is_kept_whole_and_not_warned_of():
    outputs = package(headers() + session(12, gop=100))
    assert [segment.duration for segment in only(Segment, outputs)] == [4.0, 4.0, 4.0]
    assert not only(Warned, outputs)


def test_a_longer_interval_is_warned_of_once_and_cut_to_the_target_duration():
    outputs = package(headers() + session(18, gop=150))
    segments = only(Segment, outputs)
    assert [segment.independent for segment in segments] == [True, False] * 3
    assert [warned.warning for warned in only(Warned, outputs)] == ["key_frame_interval"]
    assert "2 s in OBS: Settings → Output" in only(Warned, outputs)[0].detail


def test_an_interval_over_the_limit_is_refused_and_what_was_made_is_kept():
    packager, sent = Packager(Limits(max_gop=5)), headers() + session(9, gop=10_000)
    first = next(i for i, tag in enumerate(sent) if tag.kind == 9 and tag.timestamp > 5000)
    out = package(sent[:first], packager, finish=False)
    with pytest.raises(Refused, match="set the key-frame interval to 2 s") as refused:
        packager.feed(sent[first], EPOCH)
    assert refused.value.reason == "key_frame_interval"
    out += packager.finish()
    assert sum(segment.duration for segment in only(Segment, out)) == pytest.approx(5.0, abs=0.1)


def test_without_sound_the_stream_starts_after_a_second():
    outputs = package([video_header(), *session(4, audio=False)])
    assert only(Opened, outputs)[0].codecs == "avc1.42C01E"
    assert [warned.warning for warned in only(Warned, outputs)] == ["missing_audio"]
    assert sum(part.duration for part in only(Part, outputs)) == pytest.approx(4.0)


def test_without_picture_segments_last_two_seconds():
    sent = [audio_header(), *[tag for tag in session(9) if tag.kind == flv.AUDIO]]
    outputs = package(sent)
    opened = only(Opened, outputs)[0]
    assert (opened.codecs, opened.width, opened.channels) == ("mp4a.40.2", 0, 2)
    assert all(1.9 < segment.duration <= 2.0 for segment in only(Segment, outputs)[:-1])
    assert all(part.independent for part in only(Part, outputs))
    assert max(part.duration for part in only(Part, outputs)) <= opened.part_target


def test_a_track_that_comes_late_opens_anew():
    first = [video_header(), *session(4, audio=False)]
    outputs = package([*first, audio_header(), *session(4, start=4000)])
    assert [opened.codecs for opened in only(Opened, outputs)] == [
        "avc1.42C01E",
        "avc1.42C01E,mp4a.40.2",
    ]
    assert only(Opened, outputs)[1].first_media_sequence == 2


def test_new_parameters_open_anew_at_the_next_key_frame():
    level31 = SPS.replace(b"\xc0\x1e", b"\xc0\x1f")
    outputs = package(headers() + session(4) + [video_header(level31)] + session(4, start=4000))
    opened = only(Opened, outputs)
    assert [each.codecs[:11] for each in opened] == ["avc1.42C01E", "avc1.42C01F"]
    assert opened[1].first_media_sequence == 2
    assert [part.media_sequence for part in only(Part, outputs) if part.last] == [0, 1, 2, 3]


def test_the_same_parameters_again_change_nothing():
    outputs = package(headers() + session(2) + [video_header(), audio_header()])
    assert len(only(Opened, outputs)) == 1


@pytest.mark.parametrize("start", [0, 500, 100_000])
def test_a_jump_in_the_clock_goes_on_with_rebased_time(start):
    before = session(4, start=20_000)
    packager = Packager()
    outputs = package(headers() + before + session(4, start=start), packager)
    assert len(only(Opened, outputs)) == 2
    assert [warned.warning for warned in only(Warned, outputs)] == ["timestamp_jump"]
    times = [segment.media_time for segment in only(Segment, outputs)]
    assert times == pytest.approx([0, 2, 4, 6], abs=0.05)


def test_sound_from_before_a_jump_that_comes_late_is_left_out():
    late = sound(23_980)
    after = session(4, start=100)
    outputs = package(headers() + session(4, start=20_000) + after[:1] + [late] + after[1:])
    assert len(only(Opened, outputs)) == 2


def test_sound_that_strays_is_brought_back_to_the_picture():
    steady = session(4)
    shifted = [
        flv.Tag(tag.kind, tag.timestamp + 200, tag.data)
        if tag.kind == flv.AUDIO and tag.timestamp > 2000
        else tag
        for tag in steady
    ]
    shifted.sort(key=lambda tag: tag.timestamp)
    found = samples(joined(package(headers() + shifted)))["audio"]
    sent = [tag.timestamp for tag in shifted if tag.kind == flv.AUDIO]
    strayed = [abs(dts - at) > 50 for (_, dts, _), at in zip(found, sent, strict=True)]
    assert sum(strayed) <= 1


@pytest.mark.parametrize("gap", [70, 200, 900])
def test_a_gap_in_the_sound_leaves_no_hole(gap):
    sent = [
        tag for tag in session(4) if tag.kind == flv.VIDEO or not 2000 <= tag.timestamp < 2000 + gap
    ]
    outputs = package(headers() + sent)
    with av.open(io.BytesIO(joined(outputs))) as container:
        packets = [packet for packet in container.demux(audio=0) if packet.size]
    ends = [packet.dts + packet.duration for packet in packets]
    assert ends[:-1] == [packet.dts for packet in packets[1:]]


def test_program_date_time_is_the_earliest_that_arrivals_allow():
    packager, out = Packager(), []
    for index, tag in enumerate(headers() + session(4)):
        out += packager.feed(tag, EPOCH + tag.timestamp * 1000 + (40_000 if index % 3 else 5_000))
    segments = only(Segment, out)
    assert [segment.program_date_time - EPOCH for segment in segments] == [5_000]


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        (flv.Tag(flv.VIDEO, 0, b"\x12\0\0\0\0abc"), "is not supported"),
        (flv.Tag(flv.AUDIO, 0, b"\x2f\0abc"), "MP3 is not supported"),
        (flv.Tag(flv.VIDEO, 0, b"\x17\0\0\0\0\x02abcdefghi"), "version 2"),
        (flv.Tag(flv.VIDEO, 0, b"\x17\0\0\0\0\x01abc"), "cannot be read"),
        (flv.Tag(flv.AUDIO, 0, b"\xaf\0\x11"), "ends too early"),
        (flv.Tag(flv.AUDIO, 0, b"\xaf\0\x0a\x10"), "object type 1"),
        (flv.Tag(flv.AUDIO, 0, b"\xaf\0\x11\x80"), "channel configuration 0"),
    ],
)
def test_what_cannot_be_played_is_refused_in_plain_words(tag, words):
    with pytest.raises(Refused, match=words) as refused:
        Packager().feed(tag, EPOCH)
    assert refused.value.reason == "unsupported_media"


def test_he_aac_keeps_the_grid_of_its_core():
    outputs = package(
        [audio_header(b"\x2b\x92\x08\x00"), *[sound(round(i * 46.44)) for i in range(60)]]
    )
    opened = only(Opened, outputs)[0]
    assert opened.codecs == "mp4a.40.5"
    assert {dts for _, dts, _ in samples(joined(outputs))["audio"][1:2]} == {46}


def test_enhanced_rtmp_headers_of_h264_and_aac_mean_the_same():
    def enhanced(tag):
        data = tag.data
        if tag.kind == flv.AUDIO:
            return flv.Tag(tag.kind, tag.timestamp, bytes((0x90 | data[1],)) + b"mp4a" + data[2:])
        if tag.kind == flv.VIDEO:
            head = bytes((0x80 | data[0] & 0x70 | data[1],)) + b"avc1"
            return flv.Tag(tag.kind, tag.timestamp, head + data[2 if data[1] else 5 :])
        return tag

    sent = headers() + session(4)
    assert package([enhanced(tag) for tag in sent]) == package(sent)


def test_memory_is_bounded_while_a_track_is_awaited():
    packager = Packager()
    packager.feed(video_header(), EPOCH)
    packager.feed(audio_header(), EPOCH)
    for index in range(400):
        packager.feed(sound(round(index * 21.333)), EPOCH)
    assert len(packager._waiting) <= 48


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["picture", "key", "sound", "header", "bytes"]),
        st.one_of(st.integers(0, 60), st.integers(-20_000, 20_000)),
        st.binary(max_size=12),
    ),
    max_size=120,
)


def made_up(kind: str, at: int, step: int, data: bytes) -> flv.Tag:
    match kind:
        case "picture":
            return picture(at, shift=step)
        case "key":
            return picture(at, key=True)
        case "sound":
            return sound(at)
        case "header":
            return audio_header(data[:4]) if step % 2 else video_header()
    return flv.Tag(flv.VIDEO if step % 2 else flv.AUDIO, at, data)


@given(steps=STEPS)
@settings(max_examples=150, deadline=None)
def test_whatever_is_sent_the_outputs_keep_the_rules(steps):
    packager, out, at = Packager(), [], 50_000
    sent = headers()
    for kind, step, data in steps:
        at = max(0, at + step)
        sent.append(made_up(kind, at, step, data))
    for tag in sent:
        try:
            out += packager.feed(tag, EPOCH + at * 1000)
        except Refused:
            break
    out += packager.finish()
    position = (0, 0)
    for part in only(Part, out):
        assert (part.media_sequence, part.part) == position
        assert part.duration >= 0
        position = (position[0] + 1, 0) if part.last else (position[0], position[1] + 1)
    assert position[1] == 0
    for segment in only(Segment, out):
        assert round(segment.duration) <= TARGET_DURATION
        assert Fraction(len(segment.parts)) > 0
