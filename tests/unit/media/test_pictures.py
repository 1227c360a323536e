"""Pictures of a stream for looking where one is."""

import asyncio
import io

import av
import pytest

from infra.errors import NotFound
from media.naming import SOURCE
from media.origin.decoding import Decoder, first_picture, sheet
from media.origin.objects import Objects
from media.origin.storyboard import COLUMNS, WIDTH, Storyboards
from media.storage import object_store
from tests.unit.media.test_origin_rungs import known, made, source

GREYS = (60, 120, 180, 220, 90)


def clip(grey, size=(320, 180)):
    """A fragmented file of one picture."""
    target = io.BytesIO()
    options = {"movflags": "frag_keyframe+empty_moov"}
    with av.open(target, "w", format="mp4", options=options) as output:
        stream = output.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        frame = av.VideoFrame(*size, "yuv420p")
        for plane, value in zip(frame.planes, (grey, 128, 128), strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return target.getvalue()


def shown(jpeg):
    with av.open(io.BytesIO(jpeg)) as opened:
        return next(opened.decode(video=0)).reformat(format="yuvj420p")


def grey_at(frame, x, y):
    return memoryview(frame.planes[0])[y * frame.planes[0].line_size + x]


def test_a_sheet_shows_each_picture_in_its_place_and_black_for_what_is_broken():
    media = [clip(grey) for grey in GREYS] + [b"broken"]
    frame = shown(sheet(media, COLUMNS, 160, 90))
    assert (frame.width, frame.height) == (640, 180)
    for index, grey in enumerate(GREYS):
        x, y = index % COLUMNS * 160 + 80, index // COLUMNS * 90 + 45
        full_range = (grey - 16) * 255 / 219
        assert abs(grey_at(frame, x, y) - full_range) < 6
    assert grey_at(frame, 240, 135) < 6


def test_a_thumbnail_is_no_larger_than_asked_for():
    frame = shown(first_picture(clip(100), 200))
    assert (frame.width, frame.height) == (200, 112)


@pytest.fixture
def decoder():
    decoder = Decoder()
    yield decoder
    decoder.close()


def test_a_storyboard_has_a_picture_of_every_ten_seconds_from_the_smallest_rung(decoder):
    async def looked():
        streams = known(*source(range(20)), *made(range(20)))
        stream = streams.get("s")
        store = object_store("memory://", ".")
        for entry in stream.renditions["360p30"].rendition.entries:
            await store.put(entry.init_object, b"")
            await store.put(entry.object, clip(100))
        boards = Storyboards(Objects(store, 1 << 20), decoder)
        board = boards.describe(stream)
        assert (board.width, board.height) == (WIDTH, 90)
        assert [tile.media_sequence for tile in board.tiles] == [0, 5, 10, 15]
        assert [tile.duration for tile in board.tiles] == [10.0] * 4
        name = board.image.removeprefix("storyboard-").removesuffix(".jpg")
        frame = shown(await boards.sheet(stream, name))
        assert (frame.width, frame.height) == (4 * WIDTH, 90)
        assert grey_at(frame, 3 * WIDTH + 80, 45) > 80
        with pytest.raises(NotFound):
            await boards.sheet(stream, "1-2")

    asyncio.run(looked())


def test_without_rungs_the_pictures_are_the_sources():
    streams = known(*source(range(3)))
    assert [each.name for each in streams.get("s").pictures()] == [SOURCE]
