"""Encoders that fail, pictures that cannot be decoded, pictures that lie on their side."""

import io

import av
import msgspec
import pytest
from av.bitstream import BitStreamFilterContext

from infra.errors import InvalidRecord
from media.encoding import encoders, feeding
from media.encoding.encoders import Encoder, Encoders, Unencodable
from media.encoding.feeding import Undecodable
from media.encoding.outputs import AUDIO_ONLY, Target
from media.encoding.reading import read_fragment, read_init
from media.packaging.boxes import AUDIO_TRACK, VIDEO_TRACK, fragment
from tests.unit.media.encoding.clips import (
    SMALL,
    SMALLER,
    Clip,
    frames,
    number_in,
    of_source,
    packaged,
    packets,
    recording,
    source,
    transcode,
)

CLIP = Clip(layout="stereo")
BOTH = Encoders(("h264_nvenc", "libx264"))


class Failing(Encoder):
    """x264 under the name of another, until it has made so many pictures."""

    def __init__(self, name, shape, pictures):
        super().__init__("libx264", shape)
        self.name, self._left = name, pictures

    def encode(self, frame):
        self._left -= 1
        if self._left < 0:
            raise Unencodable(f"{self.name} cannot go on: the driver is gone")
        return super().encode(frame)


def failing_after(pictures, name="h264_nvenc"):
    """Opens encoders of which the one of that name fails."""

    def open_encoder(wanted, shape):
        if wanted != name:
            return Encoder(wanted, shape)
        if not pictures:
            raise Unencodable(f"{name} cannot be opened: no device")
        return Failing(wanted, shape, pictures)

    return open_encoder


@pytest.fixture(autouse=True)
def _options_of_nvenc(monkeypatch):
    monkeypatch.setattr(encoders, "_PIXELS", {})


class TestEncoders:
    @pytest.mark.parametrize("pictures", [0, 1, 2], ids=["open", "second", "third"])
    async def test_one_that_fails_before_the_first_part_is_replaced_at_once(self, pictures):
        parts = source(CLIP)
        plain = (await transcode(parts, SMALL))[SMALL.name]

        made = await transcode(
            parts, SMALL, encoders=BOTH, open_encoder=failing_after(pictures), salt="7"
        )

        rung = made[SMALL.name]
        assert [(one.encoder, one.using) for one in rung.failed] == [("h264_nvenc", "libx264")]
        assert "h264_nvenc cannot" in rung.failed[0].detail
        assert rung.media() == plain.media()
        assert {one.encoder for one in rung.measured} == {"libx264"}
        assert rung.recipes == plain.recipes

    async def test_one_that_fails_later_is_replaced_from_the_next_segment_on(self):
        parts = source(CLIP)
        made = await transcode(
            parts, SMALL, SMALLER, encoders=BOTH, open_encoder=failing_after(10), salt="7"
        )

        for name in (SMALL.name, SMALLER.name):
            rung = made[name]
            assert len(rung.failed) == 1
            assert [segment.media_sequence for segment in rung.segments] == [1]
            assert [part.part for part in rung.parts if not part.media_sequence] == [0, 1, 2]
            assert len(set(rung.recipes)) == 2
            assert [one.encoder for one in rung.measured] == ["libx264"]
        assert len(made[AUDIO_ONLY].segments) == 2

    async def test_without_another_the_rung_ends_and_says_so(self):
        parts = source(CLIP)
        made = await transcode(
            parts,
            SMALL,
            encoders=Encoders(("h264_nvenc",)),
            open_encoder=failing_after(0),
        )

        assert [(one.encoder, one.using) for one in made[SMALL.name].failed] == [("h264_nvenc", "")]
        assert not made[SMALL.name].parts
        assert len(made[AUDIO_ONLY].segments) == 2

    async def test_what_does_not_repeat_itself_is_told_apart_by_the_salt(self):
        parts = source(Clip(seconds=1.0, gop=30))
        made = [
            await transcode(
                parts, SMALL, encoders=BOTH, open_encoder=failing_after(10_000), salt=salt
            )
            for salt in ("1", "2")
        ]

        first, second = (one[SMALL.name] for one in made)
        assert first.recipes != second.recipes
        assert not first.measured[0].repeatable
        assert first.measured[0].gpu_seconds > 0

    async def test_an_encoder_that_holds_pictures_back_loses_none(self):
        class Late(Encoder):
            def __init__(self, name, shape):
                super().__init__(name, shape)
                self._held = []

            def encode(self, frame):
                self._held += super().encode(frame)
                count = len(self._held) if frame is None else max(0, len(self._held) - 2)
                out, self._held = self._held[:count], self._held[count:]
                return out

        parts = source(CLIP)
        plain = (await transcode(parts, SMALL))[SMALL.name]
        late = (await transcode(parts, SMALL, open_encoder=Late))[SMALL.name]

        assert late.media() == plain.media()

    async def test_a_bug_in_a_rung_is_raised_where_outputs_are_taken(self):
        def broken(name, shape):
            raise KeyError("a bug")

        with pytest.raises(KeyError, match="a bug"):
            await transcode(source(CLIP), SMALL, open_encoder=broken)


def damaged(part, index, data):
    """The part with other bytes as one of its pictures."""
    tracks = read_init(part.init)
    had = read_fragment(tracks, part.data)
    video = list(had.video)
    video[index] = msgspec.structs.replace(video[index], data=data)
    return msgspec.structs.replace(
        part, data=fragment(had.number, [(VIDEO_TRACK, video), (AUDIO_TRACK, had.audio)])
    )


class TestDecoding:
    async def test_a_picture_that_cannot_be_decoded_is_left_out(self):
        parts = list(source(CLIP))
        parts[4] = damaged(parts[4], 1, b"\0\0\0\x02\x00\x00")
        made = (await transcode(parts, SMALL))[SMALL.name]

        assert len(made.segments) == 2
        assert len(made.parts) == len(parts)
        found = len(frames(made.media()))
        assert len(frames(of_source(source(CLIP)))) - 2 <= found
        lasts = [
            sum(one[2] for one in packets(data, "video"))
            for data in (made.media(), of_source(source(CLIP)))
        ]
        assert lasts[0] == lasts[1]

    async def test_a_segment_without_its_key_frame_is_not_made(self):
        parts = list(source(CLIP))
        start = next(i for i, part in enumerate(parts) if part.media_sequence == 1)
        for index in range(len(read_fragment(read_init(parts[0].init), parts[start].data).video)):
            parts[start] = damaged(parts[start], index, b"\0\0\0\x02\x00\x00")
        made = (await transcode(parts, SMALL))[SMALL.name]

        assert 0 in made.digests()

    async def test_errors_that_go_on_end_the_stream_clearly(self, monkeypatch):
        monkeypatch.setattr(feeding, "MAX_LOST", 20)
        parts = list(source(CLIP))
        for number, part in enumerate(parts):
            for index in range(len(read_fragment(read_init(part.init), part.data).video)):
                if number or index:
                    parts[number] = damaged(parts[number], index, b"\0\0\0\x02\x00\x00")
        with pytest.raises(Undecodable, match="in a row cannot be decoded"):
            await transcode(parts, SMALL)

    async def test_bytes_that_are_no_fragment_end_the_stream_clearly(self):
        parts = list(source(CLIP))
        parts[3] = msgspec.structs.replace(parts[3], data=parts[3].data[:100])
        with pytest.raises(InvalidRecord, match="fragment"):
            await transcode(parts, SMALL)

    async def test_pictures_shown_before_the_segments_key_frame_are_left_out(self):
        """Open GOP: they need pictures of the segment before, which a restart does not have."""
        options = (
            ("bf", "2"), ("sc_threshold", "0"), ("b_strategy", "0"),
            ("x264-params", "open-gop=1:keyint=60:min-keyint=60"),
        )  # fmt: skip
        parts = source(Clip(options=options))
        whole = (await transcode(parts, SMALL))[SMALL.name]

        late = [part for part in parts if part.media_sequence]
        resumed = (await transcode(late, SMALL))[SMALL.name]

        assert len(whole.segments) == 2
        assert resumed.digests() == {1: whole.digests()[1]}
        made = frames(whole.media())
        shown = [frame.pts for frame in made]
        assert shown == sorted(set(shown))
        wanted = {frame.pts: number_in(frame) for frame in frames(of_source(parts))}
        assert {frame.pts: number_in(frame) for frame in made}.items() <= wanted.items()
        assert len(wanted) - len(made) in (1, 2)
        assert frames(resumed.media())[0].key_frame


class TestRotation:
    @pytest.mark.parametrize(
        ("degrees", "size"), [(90, (90, 160)), (180, (160, 90)), (270, (90, 160))]
    )
    async def test_pictures_are_turned(self, degrees, size):
        parts = packaged(turned(Clip(seconds=1.0, gop=30), degrees))
        asked = frames(of_source(parts))[0].rotation
        assert abs(asked) in (degrees, 360 - degrees)

        made = (await transcode(parts, Target("90p30", 160, 90, 30, 200_000)))["90p30"]

        assert (made.opened[0].width, made.opened[0].height) == size
        seen = frames(made.media())
        assert len(seen) == 30
        assert not seen[0].rotation
        before = frames(of_source(parts))[15]
        for across, down in ((u / 8 + 1 / 16, v / 8 + 1 / 16) for u in range(8) for v in range(8)):
            where = TURNED[asked](across, down)
            assert abs(grey(before, across, down) - grey(seen[15], *where)) < 25


TURNED = {
    90: lambda across, down: (down, 1 - across),
    -90: lambda across, down: (1 - down, across),
    -180: lambda across, down: (1 - across, 1 - down),
}
"""Where a point of a picture goes, by degrees against the clock."""


def grey(frame, across, down) -> int:
    plane = frame.planes[0]
    row, column = int(down * frame.height), int(across * frame.width)
    return bytes(plane)[row * plane.line_size + column]


def turned(clip, degrees):
    """A recording that says that its pictures are to be turned."""
    target = io.BytesIO()
    with av.open(io.BytesIO(recording(clip))) as original, av.open(target, "w", format="flv") as o:
        video = original.streams.video[0]
        stream = o.add_stream_from_template(video)
        turning = BitStreamFilterContext(
            f"h264_metadata=display_orientation=insert:rotate={degrees}", video
        )
        for packet in original.demux(video):
            for changed in turning.filter(packet if packet.size else None):
                changed.stream = stream
                o.mux(changed)
    return target.getvalue()
