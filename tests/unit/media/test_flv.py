import io

import av
import pytest

from media import flv
from media.flv import Tag
from tests import recordings


def flv_bytes(tags: list[Tag]) -> bytes:
    return flv.FILE_HEADER + b"".join(
        flv.tag_header(tag) + tag.data + flv.tag_trailer(tag) for tag in tags
    )


@pytest.mark.parametrize(
    ("tag", "codec"),
    [
        (Tag(9, 0, b"\x17\x00"), None),
        (Tag(9, 0, b"\x27\x01"), None),
        (Tag(9, 0, b"\x57\x01"), None),
        (Tag(8, 0, b"\xaf\x00"), None),
        (Tag(18, 0, b"\x02"), None),
        (Tag(9, 0, b""), None),
        (Tag(9, 0, b"\x22\x00"), "Sorenson H.263"),
        (Tag(9, 0, b"\x14\x00"), "VP6"),
        (Tag(9, 0, b"\x1c\x00"), "HEVC"),
        (Tag(9, 0, b"\x90hvc1"), "HEVC"),
        (Tag(9, 0, b"\x90av01"), "AV1"),
        (Tag(9, 0, b"\x90\x00\xffzz"), "FourCC \\x00\\xffzz".replace("\\x00", "\x00")),
        (Tag(8, 0, b"\x2f\x00"), "MP3"),
        (Tag(8, 0, b"\xb2\x00"), "Speex"),
        (Tag(8, 0, b"\x90Opus"), "Opus"),
        (Tag(8, 0, b"\xcf\x00"), "audio codec 12"),
    ],
)
def test_only_h264_and_aac_are_supported(tag: Tag, codec: str | None) -> None:
    assert flv.unsupported_codec(tag) == codec


def test_tags_say_what_they_hold() -> None:
    header, key, delta = (Tag(9, 0, data) for data in (b"\x17\x00", b"\x17\x01", b"\x27\x01"))
    assert [flv.is_video_sequence_header(tag) for tag in (header, key, delta)] == [
        True,
        False,
        False,
    ]
    assert [flv.is_keyframe(tag) for tag in (header, key, delta)] == [False, True, False]
    assert [flv.is_coded_frame(tag) for tag in (header, key, delta)] == [False, True, True]
    assert flv.is_audio_sequence_header(Tag(8, 0, b"\xaf\x00"))
    assert not flv.is_audio_sequence_header(Tag(8, 0, b"\xaf\x01"))
    assert not flv.is_keyframe(Tag(9, 0, b"\x17"))


def test_a_file_of_tags_is_read_by_ffmpeg_and_by_us() -> None:
    tags = list(recordings.tags("bbb_360p_10s.flv"))
    data = flv_bytes(tags)
    assert list(flv.read_tags(data)) == tags
    with av.open(io.BytesIO(data), format="flv") as container:
        frames = sum(1 for packet in container.demux(video=0) if packet.size)
    assert frames == sum(1 for tag in tags if tag.kind == 9 and flv.is_coded_frame(tag))


def test_a_cut_tag_is_left_out() -> None:
    tags = [Tag(9, 10, b"abc"), Tag(8, 20, b"de")]
    data = flv_bytes(tags)
    assert list(flv.read_tags(data[:-1])) == tags[:1]
    assert list(flv.read_tags(data[: len(flv.FILE_HEADER) + 5])) == []


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([0, 40, 20, 80], [0, 40, 20, 80]),
        ([0xFFFFFFF0, 0x10, 0xFFFFFFF8, 0x30], [0xFFFFFFF0, 0x100000010, 0xFFFFFFF8, 0x100000030]),
        ([5, 0xFFFFFFF0, 7], [5, 0, 7]),
        ([0xFFFFFF, 0x1000000], [0xFFFFFF, 0x1000000]),
    ],
)
def test_the_wrap_is_taken_out(times: list[int], expected: list[int]) -> None:
    unwrapper = flv.Unwrapper()
    assert [unwrapper.unwrap(9, time) for time in times] == expected


def test_metadata_stamped_zero_does_not_hold_late_media_back() -> None:
    unwrapper = flv.Unwrapper()
    times = [unwrapper.unwrap(18, 0), unwrapper.unwrap(9, 0xFFFFFF00), unwrapper.unwrap(9, 0x100)]
    assert times == [0, 0xFFFFFF00, 0x100000100]
