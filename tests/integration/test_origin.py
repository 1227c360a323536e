"""From a publisher's tags to a player's HTTP, over a real broker."""

import asyncio
import gzip
import io
import json
import re
import uuid

import aiohttp
import av
import m3u8
import msgspec
import pytest

from infra.record import Meta
from media.flv import Tag
from media.publishing import sweep_parts
from schemas.records.media import SegmentProduced
from schemas.records.transcode import LadderChanged, Rung
from tests.integration.media_stack import MediaStack, Viewer, media_stack, send
from tests.linters import hls_parser
from tests.recordings import tags

RECORDING = "bbb_360p_10s.flv"


@pytest.fixture
async def stack(kafka, tmp_path):
    async with media_stack(kafka, tmp_path) as stack:
        yield stack


def clip(seconds: float, *, start: float = 0.0) -> list[Tag]:
    """The recording between two times; headers come first."""
    chosen = [tag for tag in tags(RECORDING) if tag.timestamp < 40 and tag.data[1:2] == b"\0"]
    metadata = [tag for tag in tags(RECORDING) if tag.kind == 18]
    media = [tag for tag in tags(RECORDING) if start * 1000 <= tag.timestamp < seconds * 1000]
    return metadata + chosen + [tag for tag in media if tag not in chosen]


async def published(stack: MediaStack, seconds: float = 7.0):
    publisher = await stack.start()
    await send(publisher, clip(seconds), start=stack.clock.now())
    return publisher


def last_part(text: str) -> tuple[int, int]:
    """Segment and number of the last part listed; before every other if none is.

    Parts and segments come through two logs: a segment may be listed before its parts are known.
    """
    found = re.findall(r'PART:DURATION=[\d.]+,URI="[^"]*/(\d+)\.(\d+)\.m4s"', text)
    return (int(found[-1][0]), int(found[-1][1])) if found else (-1, -1)


def lists(playlist: str, part: str) -> bool:
    """Whether a part is there, not only announced as the next one."""
    return any(line.startswith("#EXT-X-PART:") and part in line for line in playlist.splitlines())


def whole(playlist: str, number: int) -> bool:
    """Whether a segment is there with its parts, and those before it."""
    return f"/{number}.m4s\n" in playlist and lists(playlist, f"/{number}.0.m4s")


async def everything_listed(viewer: Viewer, publisher) -> tuple[str, int, int]:
    """The playlist with the last part that was published, and that part."""
    last = publisher._packager._run.media_sequence, len(publisher._rendition._segment) - 1
    text = await viewer.until(lambda body: last_part(body) == last)
    return text, *last


def decoded(media: bytes) -> int:
    with av.open(io.BytesIO(media)) as container:
        return sum(1 for _ in container.decode(video=0))


async def fetch_all(viewer: Viewer, text: str) -> bytes:
    """The media of a playlist as a player without low latency fetches it."""
    playlist, media = m3u8.loads(text), b""
    init = None
    for segment in playlist.segments:
        if segment.init_section is not None and segment.init_section.uri != init:
            init = segment.init_section.uri
            media += (await viewer.get(init))[1]
        if segment.uri is not None:
            media += (await viewer.get(segment.uri))[1]
    return media


async def test_what_is_published_can_be_played(stack):
    async with stack.origin() as viewer:
        publisher = await published(stack, 11.0)
        await publisher.close()
        text = await viewer.until(lambda body: body.count("#EXTINF") == 4)
        index = await viewer.text("index.m3u8")

        assert hls_parser([text, index]) == [None, None]
        assert decoded(await fetch_all(viewer, text)) == 250
        assert 'CODECS="avc1.42C01E,mp4a.40.2",RESOLUTION=640x360,FRAME-RATE=25.000' in index
        assert index.endswith("source.m3u8\n")


async def test_parts_joined_are_the_segment(stack):
    async with stack.origin() as viewer:
        await (await published(stack, 5.0)).close()
        text = await viewer.until(lambda body: whole(body, 1))
        parts = re.findall(r'PART:.*URI="([^"]*/0\.\d+\.m4s)"', text)
        joined = b"".join([(await viewer.get(uri))[1] for uri in parts])
        assert joined == (await viewer.get("first/source/0.m4s"))[1]


async def test_a_blocking_reload_is_answered_when_the_part_is_there(stack):
    async with stack.origin() as viewer:
        publisher = await published(stack, 4.0)
        _, number, part = await everything_listed(viewer, publisher)
        waiting = asyncio.ensure_future(viewer.text(_HLS_msn=str(number), _HLS_part=str(part + 1)))
        hinted = asyncio.ensure_future(viewer.get(f"first/source/{number}.{part + 1}.m4s"))
        done, _ = await asyncio.wait([waiting, hinted], timeout=0.3)
        assert not done
        rest = [tag for tag in clip(4.4, start=4.0) if tag.timestamp >= 4000]
        await send(publisher, rest, start=stack.clock.now())
        assert last_part(await asyncio.wait_for(waiting, 5)) >= (number, part + 1)
        response, body = await asyncio.wait_for(hinted, 5)
        assert response.status == 200
        assert body[4:8] == b"moof"


async def test_the_first_playlist_waits_for_a_whole_segment(stack):
    async with stack.origin() as viewer:
        publisher = await published(stack, 2.0)
        await viewer.until(lambda body: "source.m3u8" in body, "index.m3u8")
        waiting = asyncio.ensure_future(viewer.text())
        assert not (await asyncio.wait([waiting], timeout=0.3))[0]
        await send(publisher, clip(4.0, start=2.0), start=stack.clock.now())
        assert "#EXTINF" in await asyncio.wait_for(waiting, 5)


async def test_a_delta_update_goes_with_a_blocking_reload(stack):
    async with stack.origin(window=30) as viewer:
        publisher = await stack.start()
        start = stack.clock.now()
        for turn in range(4):
            shifted = [
                Tag(tag.kind, tag.timestamp + turn * 10_000, tag.data)
                for tag in clip(10.0)
                if turn == 0 or tag.data[1:2] == b"\1"
            ]
            await send(publisher, shifted, start=start)
        text, number, part = await everything_listed(viewer, publisher)
        delta = await viewer.text(_HLS_msn=str(number), _HLS_part=str(part), _HLS_skip="YES")
        assert "#EXT-X-SKIP:SKIPPED-SEGMENTS=" in delta
        assert len(delta) < len(text)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"_HLS_msn": "99"}, 400),
        ({"_HLS_msn": "-1"}, 400),
        ({"_HLS_msn": "x"}, 400),
        ({"_HLS_part": "1"}, 400),
        ({"_HLS_msn": "1", "_HLS_part": "999999"}, 400),
    ],
)
async def test_impossible_directives_are_refused(stack, query, status):
    async with stack.origin() as viewer:
        await published(stack, 4.0)
        await viewer.until(lambda body: "PART:" in body)
        response, body = await viewer.get("source.m3u8", params=query)
        assert response.status == status
        assert response.content_type == "application/problem+json"
        assert b"detail" in body


async def test_a_killed_origin_comes_back_with_the_same_playlists(stack):
    async with stack.origin() as viewer:
        publisher = await published(stack, 5.0)
        interrupted_at = await stack.interrupt("first")
        await publisher.close()
        second = await stack.resume("second", interrupted_at)
        await send(second, clip(7.0), start=stack.clock.now())
        await everything_listed(viewer, second)
        before = [await viewer.text(path) for path in ("source.m3u8", "index.m3u8")]
    async with stack.origin() as viewer:
        assert [await viewer.text(path) for path in ("source.m3u8", "index.m3u8")] == before


async def test_a_session_that_was_cut_off_is_completed_by_the_next(stack):
    async with stack.origin() as viewer:
        await published(stack, 4.0)  # and never closed: its second segment stays open
        text = await viewer.until(lambda body: last_part(body) >= (1, 5))
        number, part = last_part(text)
        interrupted_at = await stack.interrupt("first")
        second = await stack.resume("second", interrupted_at)
        await send(second, clip(3.5), start=stack.clock.now())
        text = await viewer.until(lambda body: lists(body, "second/source/2.0.m4s"))

        assert number == 1
        assert f"first/source/1.{part}.m4s" in text
        assert text.index("first/source/1.m4s\n") < text.index("#EXT-X-DISCONTINUITY\n")
        assert 'MAP:URI="second/source/init.mp4"' in text
        await second.close()
        text = await viewer.until(lambda body: "second/source/2.m4s\n" in body)
        assert decoded(await fetch_all(viewer, text)) > 150


async def test_a_rung_is_there_while_the_ladder_has_it(stack):
    await published(stack)
    async with stack.origin() as viewer:
        await viewer.until(lambda text: whole(text, 1))
        source = viewer.origin.streams.live(stack.stream_id, "source").rendition
        rung = Rung(
            name="180p30", width=320, height=180, frame_rate=30.0, bitrate=300_000,
            state="granted", reason="tier",
        )  # fmt: skip
        for event in (source.opened, *source._segments.values()):
            made = msgspec.structs.replace(event, rendition=rung.name)
            await stack.producer.send(stack.topics.segments, stack.stream_id, made)
        for parts in [parts for number, parts in source._parts.items() if number > source.last]:
            for part in parts.values():
                made = msgspec.structs.replace(part, rendition=rung.name)
                await stack.producer.send(stack.topics.parts, stack.stream_id, made)
        await viewer.until(lambda text: "180p30.m3u8" in text, "index.m3u8")
        waiting = asyncio.create_task(viewer.get(f"180p30.m3u8?_HLS_msn={source.last + 2}"))
        await say_ladder(stack, rung)
        await say_ladder(stack, msgspec.structs.replace(rung, state="refused"))
        assert (await waiting)[0].status == 404
        await viewer.until(lambda text: "180p30.m3u8" not in text, "index.m3u8")
        assert "180p30.m3u8" in await viewer.text("index.m3u8", rungs="all")
    async with stack.origin() as viewer:  # which reads all of it again
        await viewer.until(lambda text: whole(text, 1))
        assert (await viewer.get("180p30.m3u8"))[0].status == 404


async def say_ladder(stack: MediaStack, *rungs: Rung) -> None:
    ladder = LadderChanged(
        stream_id=stack.stream_id, channel_id="channel", session_id="first", pool="default",
        tier="partner", worker_id="w", assignment=1, cause="stream_started", rungs=list(rungs),
    )  # fmt: skip
    await stack.producer.send(stack.topics.transcode, stack.stream_id, ladder)


async def test_an_ended_stream_has_an_end(stack):
    async with stack.origin() as viewer:
        await (await published(stack, 5.0)).close()
        await viewer.until(lambda body: "/1.m4s\n" in body)
        waiting = asyncio.ensure_future(viewer.get("source.m3u8?_HLS_msn=2&_HLS_part=0"))
        await asyncio.wait([waiting], timeout=0.1)
        await stack.end()
        response, body = await asyncio.wait_for(waiting, 5)
        assert (response.status, body.endswith(b"#EXT-X-ENDLIST\n")) == (200, True)
    async with stack.origin() as viewer:
        assert (await viewer.text()).encode() == body


async def test_repeats_and_poison_change_nothing(stack):
    async with stack.origin() as viewer:
        publisher = await published(stack, 4.0)
        before = await viewer.until(lambda body: last_part(body) >= (1, 5))
        producer = stack.producer._kafka
        event = SegmentProduced(
            stream_id=stack.stream_id,
            session_id="first",
            rendition="source",
            media_sequence=1,
            object="live/wrong.m4s",
            init_object="live/wrong.mp4",
            size=1,
            duration=1.0,
            media_time=0.0,
            program_date_time=0,
            independent=True,
            digest="",
            parts=[1.0],
        )
        meta = Meta(
            event_id=str(uuid.uuid4()), occurred_at=0, producer=stack.producer.name, sequence=0
        )
        key = stack.stream_id.encode()
        await producer.send_and_wait(stack.topics.segments, b"not a record", key)
        await producer.send_and_wait(stack.topics.segments, stack.codec.encode(meta, event), key)
        await send(publisher, clip(4.3, start=4.0), start=stack.clock.now())
        after = await viewer.until(lambda body: last_part(body) > last_part(before))
        assert "wrong" not in after


class TestHttp:
    @pytest.fixture
    async def viewer(self, stack):
        async with stack.origin() as viewer:
            await (await published(stack, 5.0)).close()
            await viewer.until(lambda body: whole(body, 1))
            yield viewer

    async def test_objects_are_immutable_and_playlists_are_not(self, viewer):
        response, _ = await viewer.get("first/source/0.m4s")
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert response.content_type == "video/mp4"
        response, _ = await viewer.get("source.m3u8")
        assert "max-age=0" in response.headers["Cache-Control"]
        assert response.content_type == "application/vnd.apple.mpegurl"
        response, _ = await viewer.get("source.m3u8?_HLS_msn=0")
        assert response.headers["Cache-Control"] == "public, max-age=24"

    async def test_anyone_may_play(self, viewer):
        for path in ("source.m3u8", "first/source/0.m4s", "nothing/source/0.m4s"):
            response, _ = await viewer.get(path)
            assert response.headers["Access-Control-Allow-Origin"] == "*"
        async with viewer.session.options("/live/x/y") as response:
            assert (response.status, response.headers["Access-Control-Allow-Methods"]) == (
                204,
                "GET, HEAD, OPTIONS",
            )

    async def test_what_a_client_has_is_not_sent_again(self, viewer):
        for path in ("source.m3u8", "first/source/0.m4s"):
            tag = (await viewer.get(path))[0].headers["ETag"]
            response, body = await viewer.get(path, headers={"If-None-Match": tag})
            assert (response.status, body) == (304, b"")

    async def test_playlists_are_zipped_for_those_who_take_it(self, viewer):
        plain, body = await viewer.get("source.m3u8", headers={"Accept-Encoding": "identity"})
        assert "Content-Encoding" not in plain.headers
        raw = aiohttp.ClientSession(viewer.session._base_url, auto_decompress=False)
        async with raw, raw.get(f"/live/{viewer.stream_id}/source.m3u8") as response:
            assert response.headers["Content-Encoding"] == "gzip"
            assert gzip.decompress(await response.read()) == body

    @pytest.mark.parametrize(
        ("asked", "status", "span"),
        [
            ("bytes=0-99", 206, slice(0, 100)),
            ("bytes=100-", 206, slice(100, None)),
            ("bytes=-10", 206, slice(-10, None)),
            ("bytes=0-0,5-6", 200, slice(None)),
            ("bytes=999999999-", 416, None),
            ("nonsense", 200, slice(None)),
        ],
    )
    async def test_ranges(self, viewer, asked, status, span):
        _, whole = await viewer.get("first/source/0.m4s")
        response, body = await viewer.get("first/source/0.m4s", headers={"Range": asked})
        assert response.status == status
        if span is None:
            assert response.headers["Content-Range"] == f"bytes */{len(whole)}"
        else:
            assert body == whole[span]

    async def test_head_says_what_get_would(self, viewer):
        for path in ("source.m3u8", "index.m3u8", "first/source/0.m4s", "first/source/init.mp4"):
            got, _ = await viewer.get(path, headers={"Accept-Encoding": "identity"})
            address = f"/live/{viewer.stream_id}/{path}"
            async with viewer.session.head(
                address, headers={"Accept-Encoding": "identity"}
            ) as head:
                assert (head.status, await head.read()) == (200, b"")
                for name in ("Content-Length", "ETag", "Cache-Control", "Content-Type"):
                    assert head.headers[name] == got.headers[name]

    async def test_what_does_not_exist_is_a_problem(self, viewer):
        for path in ("first/source/99.m4s", "480p.m3u8", "first/source/0.99.m4s"):
            response, _ = await viewer.get(path)
            assert (response.status, response.content_type) == (404, "application/problem+json")
        for address in ("/live/nobody/index.m3u8", "/live/../../etc/passwd", "/live/a/b/c/x.mp4"):
            async with viewer.session.get(address) as response:
                assert response.status == 404

    async def test_the_thumbnail_shows_the_stream(self, viewer):
        response, jpeg = await viewer.get("thumbnail.jpg")
        assert (response.status, response.content_type) == (200, "image/jpeg")
        with av.open(io.BytesIO(jpeg)) as picture:
            frame = next(picture.decode(video=0))
            assert (frame.width, frame.height) == (480, 270)
        assert (await viewer.get("thumbnail.jpg"))[1] == jpeg

    async def test_the_storyboard_names_its_sheet(self, viewer):
        response, body = await viewer.get("storyboard.json")
        assert (response.status, response.content_type) == (200, "application/json")
        board = json.loads(body)
        assert board["tiles"][0] | {"duration": 0, "program_date_time": 0} == {
            "media_sequence": 0, "program_date_time": 0, "duration": 0, "x": 0, "y": 0,
        }  # fmt: skip
        response, jpeg = await viewer.get(board["image"])
        assert (response.status, response.content_type) == (200, "image/jpeg")
        with av.open(io.BytesIO(jpeg)) as picture:
            frame = next(picture.decode(video=0))
            assert (frame.width % board["width"], frame.height % board["height"]) == (0, 0)

    async def test_a_decoder_that_dies_costs_only_itself(self, viewer):
        assert (await viewer.get("thumbnail.jpg"))[0].status == 200
        thumbnails = viewer.origin._thumbnails
        for process in viewer.origin._decoder._pool._processes.values():
            process.kill()
        for made in thumbnails._made.values():
            made.at = -100.0
        assert (await viewer.get("thumbnail.jpg"))[0].status == 200
        for made in thumbnails._made.values():
            assert made.failures == 1
            made.at = -100.0
        assert (await viewer.get("thumbnail.jpg"))[0].status == 200
        assert all(made.failures == 0 for made in thumbnails._made.values())

    async def test_metrics_count(self, viewer):
        async with viewer.session.get("/metrics") as response:
            assert "millrace_origin_part_delay_seconds_count" in await response.text()


async def _all_that_comes(reader: asyncio.StreamReader) -> bytes:
    received = b""
    try:
        while piece := await asyncio.wait_for(reader.read(1 << 20), 5):
            received += piece
    except ConnectionResetError:
        pass
    return received


async def test_a_client_that_does_not_read_is_cut_off(stack):
    key = f"live/{stack.stream_id}/first/source/9.m4s"
    await stack.store.put(key, bytes(40_000_000))
    async with stack.origin(write_timeout=0.5) as viewer:
        reader, writer = await asyncio.open_connection("127.0.0.1", viewer.origin.port)
        writer.write(f"GET /{key} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await asyncio.sleep(1.5)
        assert len(await _all_that_comes(reader)) < 40_000_000
        writer.close()


async def test_requests_in_progress_are_bounded(stack):
    async with stack.origin(max_requests=2) as viewer:
        publisher = await published(stack, 4.0)
        _, number, part = await everything_listed(viewer, publisher)
        path = f"source.m3u8?_HLS_msn={number}&_HLS_part={part + 1}"
        blocked = [asyncio.ensure_future(viewer.get(path)) for _ in range(2)]
        await asyncio.sleep(0.2)
        response, _ = await viewer.get("source.m3u8")
        assert (response.status, response.headers["Retry-After"]) == (503, "1")
        for each in blocked:
            each.cancel()
        await viewer.until(lambda body: True)


async def test_parts_that_a_lost_session_left_are_swept(stack):
    await published(stack, 3.5)
    everything = [found.key async for found in stack.store.list("live/")]
    gone = await sweep_parts(stack.store, stack.clock.now() + 10_000_000)
    left = [found.key async for found in stack.store.list("live/")]
    assert gone > 30
    assert sorted(left) == sorted(key for key in everything if not re.search(r"\d\.\d+\.m4s", key))
    assert any(key.endswith("/0.m4s") for key in left)
