"""The spool over HTTP: followed, in ranges, and gone."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import av
import pytest

from media import flv
from media.flv import Tag
from media.rtmp import amf0
from schemas.records.ingest import (
    PublishStarted,
    PublishStopped,
)
from tests import recordings
from tests.integration.ingest_fakes import Rig, frames, on_air, running, send_slowly
from tests.waiting import until


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with running(tmp_path / "spool") as rig:
        yield rig


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_the_spool_is_followed_over_http(rig: Rig, http: aiohttp.ClientSession) -> None:
    publisher = await on_air(rig)
    (started,) = rig.platform.of(PublishStarted)
    url = f"{rig.http}/spool/{started.session_id}"
    tags = [Tag(18, 0, amf0.encode("onMetaData", {"width": 4.0})), *frames(40)]
    publisher.send(tags[:20])
    received = bytearray()
    async with http.get(url, params={"offset": 0}) as response:
        assert response.headers["Millrace-Spool"] == "live"
        while len(list(flv.read_tags(received))) < 20:
            received += await response.content.readany()
        publisher.send(tags[20:])
        await publisher.leave()
        received += await response.content.read()
    assert list(flv.read_tags(received)) == tags
    async with http.get(url, params={"offset": 500}) as response:
        assert response.headers["Millrace-Spool"] == "ended"
        assert await response.read() == received[500:]


async def test_what_was_deleted_is_gone_and_the_rest_can_be_played(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    limits = {"spool_session_bytes": 250_000}
    tags = recordings.tags("bbb_360p_10s.flv")
    async with running(tmp_path, file_bytes=50_000, **limits) as rig:
        publisher = await on_air(rig)
        (started,) = rig.platform.of(PublishStarted)
        url = f"{rig.http}/spool/{started.session_id}"
        publisher.send(tags)
        await until(lambda: rig.spool.state(started.session_id).first > 0)
        async with http.get(url, params={"offset": 0}) as response:
            assert response.status == 410
            first = int(response.headers["Millrace-Spool-First"])
            assert f"?offset={first}&head=1" in await response.text()
        async with http.get(url, headers={"Range": "bytes=0-9"}) as response:
            assert response.status == 410
        await publisher.leave()
        await rig.platform.wait_for(PublishStopped)
        log = await rig.log(started.session_id)
        async with http.get(url, params={"offset": first}) as response:
            assert await response.read() == log
        async with http.get(url, params={"offset": first + 1, "head": "1"}) as response:
            assert response.status == 400
            assert "no tag begins" in await response.text()
        async with http.get(url, params={"offset": first, "head": "1"}) as response:
            whole = await response.read()
            assert whole.endswith(log)
            assert len(whole) == len(log) + int(response.headers["Millrace-Spool-Head"])
        async with http.get(url) as response:
            assert response.status == 410
        url += "?head=1"
        async with http.get(url) as response:
            assert response.headers["Millrace-Spool-Offset"] == str(first)
            assert await response.read() == whole
        probe = await asyncio.create_subprocess_exec(
            *("ffmpeg", "-v", "error", "-xerror", "-i", url, "-f", "null", "-"),
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await probe.communicate()
        assert (probe.returncode, said) == (0, b"")
    with av.open(io.BytesIO(whole)) as container:
        pictures = [frame.pts for frame in container.decode(video=0)]
    left = [tag for tag in flv.read_tags(log, 0) if tag.kind == 9 and flv.is_coded_frame(tag)]
    assert len(pictures) == len(left) > 20


async def test_a_slow_reader_of_what_is_deleted_gets_no_proper_end(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    async with running(tmp_path, file_bytes=1 << 20, spool_session_bytes=2 << 20) as rig:
        publisher = await on_air(rig)
        (started,) = rig.platform.of(PublishStarted)
        await send_slowly(publisher, frames(2, size=900_000))
        async with http.get(f"{rig.http}/spool/{started.session_id}") as response:
            await response.content.readexactly(len(flv.FILE_HEADER))
            await send_slowly(publisher, frames(40, size=900_000, first=2))
            await until(lambda: rig.spool.state(started.session_id).first > 20 << 20)
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.content.read()
        await publisher.leave()


@pytest.mark.parametrize(
    ("header", "status", "content_range", "part"),
    [
        ("bytes=0-9", 206, "bytes 0-9/{size}", slice(0, 10)),
        ("bytes=20-", 206, "bytes 20-{last}/{size}", slice(20, None)),
        ("bytes=-5", 206, "bytes {tail}-{last}/{size}", slice(-5, None)),
        ("bytes=9999999-", 416, "bytes */{size}", None),
        ("bytes=a-b", 400, None, None),
    ],
)
async def test_ranges(
    rig: Rig,
    http: aiohttp.ClientSession,
    header: str,
    status: int,
    content_range: str | None,
    part: slice | None,
) -> None:
    publisher = await on_air(rig)
    publisher.send(frames(3))
    await publisher.leave()
    await rig.platform.wait_for(PublishStopped)
    session_id = rig.platform.of(PublishStarted)[0].session_id
    whole = await rig.log(session_id)
    size = len(whole)
    asked = {"Range": header}
    async with http.get(f"{rig.http}/spool/{session_id}", headers=asked) as response:
        assert response.status == status
        body = await response.read()
        if content_range is not None:
            expected = content_range.format(size=size, last=size - 1, tail=size - 5)
            assert response.headers["Content-Range"] == expected
        if part is not None:
            assert body == whole[part]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/spool/{'0' * 32}", 404),
        ("/spool/..%2f..%2fetc%2fpasswd", 400),
        ("/spool/x", 400),
        (f"/spool/{'0' * 32}?offset=x", 404),
        ("/healthz", 200),
        ("/metrics", 200),
    ],
)
async def test_other_requests(
    rig: Rig, http: aiohttp.ClientSession, path: str, status: int
) -> None:
    async with http.get(rig.http + path) as response:
        assert response.status == status


# -- crashes ---------------------------------------------------------------------------------------
