"""Reading a source's boxes, sizes of rungs, what encoders say."""

from contextlib import suppress

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.errors import InvalidRecord, Refused
from media.encoding import encoders, probe, trial
from media.encoding.encoders import Encoder, Shape, Unencodable, level
from media.encoding.outputs import Target
from media.encoding.reading import read_fragment, read_init
from media.encoding.sizes import displayed, divisor, fitted, macroblocks
from media.packaging.boxes import AUDIO_TRACK, VIDEO_TRACK, fragment
from tests.unit.media.encoding.clips import Clip, of_source, packets, source

CLIP = Clip(seconds=1.0, gop=30, layout="stereo", options=(("bf", "2"), ("sc_threshold", "0")))


class TestReading:
    def test_samples_are_those_that_a_demuxer_finds(self):
        parts = source(CLIP)
        tracks = read_init(parts[0].init)
        found = [read_fragment(tracks, part.data) for part in parts]

        for kind, ours in (
            ("video", [sample for one in found for sample in one.video]),
            ("audio", [sample for one in found for sample in one.audio]),
        ):
            assert packets(of_source(parts), kind) == [
                (one.dts + one.composition, one.dts, one.duration, one.sync, one.data)
                for one in ours
            ]

    def test_an_init_segment_says_what_the_tracks_are(self):
        tracks = read_init(source(CLIP)[0].init)

        assert tracks.video is not None
        assert tracks.audio is not None
        assert (tracks.video.video.width, tracks.video.video.height) == (320, 180)
        assert (tracks.video.timescale, tracks.video.aspect) == (90_000, (1, 1))
        assert (tracks.audio.audio.channels, tracks.audio.timescale) == (2, 48_000)
        assert tracks.audio.entry in source(CLIP)[0].init

    def test_a_fragment_written_again_is_the_same(self):
        part = source(CLIP)[2]
        found = read_fragment(read_init(part.init), part.data)

        written = fragment(found.number, [(VIDEO_TRACK, found.video), (AUDIO_TRACK, found.audio)])
        assert written == part.data

    @settings(max_examples=300, deadline=None)
    @given(st.data())
    def test_broken_bytes_are_refused_and_nothing_worse(self, data):
        part = source(CLIP)[1]
        tracks = read_init(part.init)
        whole = data.draw(st.sampled_from([part.init, part.data]))
        broken = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
        for _ in range(data.draw(st.integers(0, 4))):
            if broken:
                at = data.draw(st.integers(0, min(len(broken), 600) - 1))
                broken[at] = data.draw(st.integers(0, 255))
        for read in (read_init, lambda given: read_fragment(tracks, given)):
            with suppress(InvalidRecord):
                read(bytes(broken))


class TestSizes:
    @pytest.mark.parametrize(
        ("target", "source", "size"),
        [
            ((854, 480), (1280, 720), (854, 480)),
            ((854, 480), (1920, 1080), (854, 480)),
            ((852, 480), (1280, 720), (852, 480)),
            ((854, 480), (720, 1280), (480, 854)),
            ((854, 480), (960, 720), (640, 480)),
            ((170, 160), (518, 488), (170, 160)),
            ((284, 160), (160, 90), None),
            ((640, 360), (640, 360), (640, 360)),
        ],
    )
    def test_a_rung_has_its_targets_side_and_its_sources_shape(self, target, source, size):
        wanted = Target("a rung", *target, 30, 1)
        if size is None:
            with pytest.raises(Refused, match="larger than its source"):
                fitted(wanted, source)
        else:
            assert fitted(wanted, source) == size

    @given(
        st.integers(16, 4096), st.integers(16, 4096), st.integers(16, 4096), st.integers(16, 4096)
    )
    def test_sides_are_even_and_never_larger(self, width, height, wide, high):
        try:
            found = fitted(Target("a rung", wide, high, 30, 1), (width, height))
        except Refused:
            assert min(wide, high) > min(width, height)
            return
        assert all(side >= 2 and side % 2 == 0 for side in found)
        assert min(found) <= max(2, min(width, height))

    def test_what_is_shown_has_square_pixels_and_stands_upright(self):
        assert displayed(720, 576, (16, 15), 0) == (768, 576)
        assert displayed(1920, 1080, (1, 1), -90) == (1080, 1920)
        assert displayed(1920, 1080, (1, 1), 180) == (1920, 1080)

    def test_rates(self):
        assert [divisor(*rates) for rates in ((60, 30), (30, 30), (59.94, 29.97), (25, 25))] == [
            2, 1, 2, 1,
        ]  # fmt: skip
        assert [divisor(*rates) for rates in ((0, 30), (60, 60), (24, 30))] == [1, 1, 1]
        assert macroblocks(1920, 1080) == 8160


class TestEncoders:
    @pytest.mark.parametrize(
        ("shape", "wanted"),
        [
            (Shape(284, 160, 30, 400_000), 20),
            (Shape(640, 360, 30, 800_000), 30),
            (Shape(854, 480, 30, 1_500_000), 31),
            (Shape(1280, 720, 30, 2_000_000), 31),
            (Shape(1280, 720, 60, 3_000_000), 32),
            (Shape(1920, 1080, 60, 6_000_000), 42),
        ],
    )
    def test_levels_are_as_low_as_the_standard_allows(self, shape, wanted):
        assert level(shape) == wanted

    def test_what_an_encoder_says_is_what_it_was_asked_for(self):
        from media.packaging.codecs import parse_video

        encoder = Encoder("libx264", Shape(854, 480, 30, 1_500_000))
        said = parse_video(encoder.configuration)
        assert (said.width, said.height, said.codec) == (854, 480, "avc1.64001F")
        assert said.frame_rate == pytest.approx(30)

    @pytest.mark.parametrize("name", ["h264_nvenc", "no_such_encoder"])
    def test_one_that_is_not_there_cannot_be_opened(self, name, monkeypatch):
        monkeypatch.setitem(encoders._OPTIONS, "no_such_encoder", {})
        if name == "h264_nvenc":
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
        with pytest.raises(Unencodable, match=f"{name} cannot be opened"):
            Encoder(name, Shape(320, 180, 30, 400_000))


class TestProbe:
    def test_x264_encodes_everywhere(self):
        trial.encode("libx264")

    def test_speed_is_measured_on_the_real_path(self, monkeypatch):
        monkeypatch.setattr(trial, "SECONDS", 0.2)
        speed = trial.measure("libx264", "")

        assert 10_000 < speed.macroblocks < 1e9
        assert 0.01 < speed.decoding < 2

    async def test_a_device_decodes_only_if_that_leaves_the_processor_free(self, monkeypatch):
        async def trial(what, device=""):
            return costs.get(device)

        monkeypatch.setattr(probe, "_trial", trial)
        costs = {"": b"1.0", "cuda": b"0.4", "qsv": b"0.3"}
        assert await probe._decoder() == "qsv"
        costs = {"": b"1.0", "cuda": b"0.6"}
        assert await probe._decoder() == ""
        costs = {"": b"1.0"}
        assert await probe._decoder() == ""

    def test_a_device_that_is_not_there_is_told(self):
        with pytest.raises((av.FFmpegError, ValueError)):
            trial.decode("no_such_device")

    async def test_a_trial_that_crashes_or_hangs_finds_nothing(self, monkeypatch):
        assert await probe._trial("encode", "no_such_encoder") is None
        monkeypatch.setitem(probe._PATIENCE, "encode", 0.01)
        assert await probe._trial("encode", "libx264") is None
