"""The ingest role over real sockets: refusals, endings, bounds, the spool over HTTP, crashes."""

import asyncio
import io
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import av
import pytest

from infra.clock import SystemClock
from infra.errors import Refused
from media import flv
from media.flv import Tag
from media.rtmp import amf0
from media.spool.spool import Spool, SpoolState
from schemas.records.broadcast import StreamEnded, StreamResumed
from schemas.records.ingest import (
    PublishProgressed,
    PublishRefused,
    PublishStarted,
    PublishStopped,
    PublishWarned,
)
from tests import recordings
from tests import rtmp_publisher as client
from tests.integration.ingest_fakes import Rig, Segments, key_of, running
from tests.rtmp_publisher import Publisher
from tests.waiting import until

START = "NetStream.Publish.Start"
BAD_NAME = "NetStream.Publish.BadName"


def frames(count: int, *, size: int = 1000, first: int = 0) -> list[Tag]:
    return [Tag(9, 40 * n, b"\x27\x01\0\0\0" + bytes(size)) for n in range(first, first + count)]


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with running(tmp_path / "spool") as rig:
        yield rig


async def on_air(rig: Rig, channel_id: str = "c1") -> Publisher:
    publisher = await Publisher.connect(rig.port, key_of(channel_id))
    status = await publisher.status()
    assert status["code"] == START, status
    return publisher


@pytest.mark.parametrize("key", ["nonsense", key_of("nobody"), key_of("c1") + "x", ""])
async def test_a_wrong_key_is_refused_in_the_same_words(rig: Rig, key: str) -> None:
    publisher = await Publisher.connect(rig.port, key)
    status = await publisher.status()
    assert status["code"] == BAD_NAME
    assert status["description"].startswith("The stream key is not valid.")
    (refused,) = await rig.platform.wait_for(PublishRefused)
    assert refused.reason == "unknown_key"
    assert refused.channel_id is None
    assert not rig.platform.of(PublishStarted)
    await publisher.close()


async def test_a_second_publisher_is_refused_and_the_first_goes_on(rig: Rig) -> None:
    first = await on_air(rig)
    first.send(frames(10))
    second = await Publisher.connect(rig.port, key_of("c1"))
    status = await second.status()
    assert status["code"] == BAD_NAME
    assert "already live" in status["description"]
    (refused,) = await rig.platform.wait_for(PublishRefused)
    assert (refused.reason, refused.channel_id) == ("already_live", "c1")
    first.send(frames(10, first=10))
    await first.leave()
    (stopped,) = await rig.platform.wait_for(PublishStopped)
    assert (stopped.reason, stopped.video_frames) == ("publisher_left", 20)
    await second.close()


async def test_a_silent_session_gives_way_to_a_new_one(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await on_air(rig)
    first.send(frames(1))
    monkeypatch.setattr("media.ingest.role.STALE", 0.0)
    second = await on_air(rig)
    (stopped,) = await rig.platform.wait_for(PublishStopped)
    assert stopped.reason == "connection_lost"
    starts = [
        type(event) for event in rig.platform.events if not isinstance(event, PublishProgressed)
    ]
    assert starts == [PublishStarted, PublishStopped, PublishStarted]
    await first.close()
    await second.leave()


async def test_the_platform_may_refuse(rig: Rig) -> None:
    rig.platform.refuse = True
    publisher = await Publisher.connect(rig.port, key_of("c1"))
    status = await publisher.status()
    assert (status["code"], status["description"]) == (BAD_NAME, "Live elsewhere.")
    (refused,) = await rig.platform.wait_for(PublishRefused)
    assert refused.reason == "already_live"
    await publisher.close()


@pytest.mark.parametrize("away", [False, True])
async def test_without_a_decision_the_publisher_is_told_to_try_again(
    tmp_path: Path, away: bool
) -> None:
    async with running(tmp_path, decision_deadline=0.2) as rig:
        rig.platform.silent, rig.platform.away = not away, away
        publisher = await Publisher.connect(rig.port, key_of("c1"))
        status = await publisher.status()
        assert status["code"] == BAD_NAME
        assert "busy" in status["description"]
        rig.platform.away = False
        await rig.platform.wait_for(PublishStopped)
        await publisher.close()


async def test_the_platform_may_end_a_stream(rig: Rig) -> None:
    publisher = await on_air(rig)
    (started,) = rig.platform.of(PublishStarted)
    rig.platform.hear(
        StreamEnded(
            channel_id="c1", stream_id=started.session_id, reason="x", started_at=1, interruptions=0
        )
    )
    assert (await publisher.status())["description"] == "The platform ended the stream."
    (stopped,) = await rig.platform.wait_for(PublishStopped)
    assert stopped.reason == "ended_by_platform"
    await publisher.close()


async def test_a_session_ends_when_another_takes_its_stream_over(rig: Rig) -> None:
    publisher = await on_air(rig)
    (started,) = rig.platform.of(PublishStarted)
    for session_id in (started.session_id, "f" * 32):
        rig.platform.hear(
            StreamResumed(
                channel_id="c1",
                stream_id=started.session_id,
                session_id=session_id,
                started_at=1,
                interrupted_at=2,
            )
        )
    assert "took over" in (await publisher.status())["description"]
    assert len(await rig.platform.wait_for(PublishStopped)) == 1
    await publisher.close()


async def test_media_that_packaging_refuses_ends_the_session(rig: Rig) -> None:
    def refusing(segments: Segments) -> None:
        segments.refusal = Refused("unsupported_media", "Video codec HEVC is not supported.")
        segments.warnings.append(("missing_audio", "No audio."))

    rig.prepare = refusing
    publisher = await on_air(rig)
    publisher.send(frames(3))
    status = await publisher.status()
    assert status["description"] == "Video codec HEVC is not supported."
    (stopped,) = await rig.platform.wait_for(PublishStopped)
    assert stopped.reason == "unsupported_media"
    assert rig.segments["c1"].closed == 1
    await publisher.close()


async def test_warnings_become_events_but_not_a_flood(rig: Rig) -> None:
    publisher = await on_air(rig)
    for number in range(5):
        rig.segments["c1"].warnings.append(("key_frame_interval", "Set it to 2 s."))
        publisher.send(frames(1, first=number))
        await until(lambda number=number: len(rig.segments["c1"].tags) == number + 1)
    await publisher.leave()
    await rig.platform.wait_for(PublishStopped)
    (warned,) = await rig.platform.wait_for(PublishWarned)
    assert (warned.warning, warned.detail) == ("key_frame_interval", "Set it to 2 s.")


async def test_progress_is_told(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("media.ingest.session.PROGRESS_EVERY", 0.05)
    publisher = await on_air(rig)
    publisher.send([*frames(5), Tag(8, 170, b"\xaf\x01abc")])
    await until(lambda: len(rig.segments["c1"].tags) == 6)
    told = await rig.platform.wait_for(
        PublishProgressed, len(rig.platform.of(PublishProgressed)) + 2
    )
    assert (told[-1].video_frames, told[-1].audio_frames, told[-1].media_time) == (5, 1, 170)
    await publisher.close()
    (stopped,) = await rig.platform.wait_for(PublishStopped)
    assert stopped.reason == "connection_lost"


async def test_an_idle_publisher_is_dropped(tmp_path: Path) -> None:
    async with running(tmp_path, idle_timeout=0.3) as rig:
        publisher = await on_air(rig)
        assert "Nothing was received for 0.3 s." in (await publisher.status())["description"]
        (stopped,) = await rig.platform.wait_for(PublishStopped)
        assert stopped.reason == "idle"
        await publisher.close()


def connections(rig: Rig) -> float | None:
    return rig.ingest.metrics.registry.get_sample_value("millrace_ingest_connections")


async def test_half_open_connections_disturb_no_stream(tmp_path: Path) -> None:
    limits = {"max_half_open": 20, "max_connections_per_address": 1000, "handshake_deadline": 60}
    async with running(tmp_path, **limits) as rig:
        publisher = await on_air(rig)
        idle = []
        for number in range(200):
            idle.append(await asyncio.open_connection("127.0.0.1", rig.port))
            publisher.send(frames(1, first=number))
        late = await on_air(rig, "c2")
        await until(lambda: len(rig.segments["c1"].tags) == 200)
        await until(lambda: connections(rig) == 2 + 19)
        refused = await rig.platform.wait_for(PublishRefused)
        assert {event.reason for event in refused} == {"handshake_timeout"}
        assert len(refused) <= 60
        await publisher.leave()
        await late.leave()
        for _, writer in idle:
            writer.close()


async def test_a_connection_that_never_publishes_is_dropped(tmp_path: Path) -> None:
    async with running(tmp_path, handshake_deadline=0.2) as rig:
        _, writer = await asyncio.open_connection("127.0.0.1", rig.port)
        (refused,) = await rig.platform.wait_for(PublishRefused)
        assert (refused.reason, refused.detail) == (
            "handshake_timeout",
            "did not begin to publish within 0.2 s",
        )
        await until(lambda: connections(rig) == 0)
        writer.close()


async def test_too_many_connections_are_told_so(tmp_path: Path) -> None:
    async with running(tmp_path, max_connections_per_address=1) as rig:
        publisher = await on_air(rig)
        second = await Publisher.connect(rig.port, key_of("c2"))
        status = await second.status()
        assert status["code"] == "NetConnection.Connect.Rejected"
        assert "your address" in status["description"]
        (refused,) = await rig.platform.wait_for(PublishRefused)
        assert refused.reason == "too_many_connections"
        await second.close()
        await until(lambda: connections(rig) == 1)
        await publisher.leave()


async def test_a_protocol_error_on_air_ends_only_that_session(rig: Rig) -> None:
    good, bad = await on_air(rig, "c1"), await on_air(rig, "c2")
    bad.writer.write(client.command("x", 0, None, chunk_size=4096) * 100)
    assert "commands a second" in (await bad.status())["description"]
    (stopped,) = await rig.platform.wait_for(PublishStopped)
    assert (stopped.channel_id, stopped.reason) == ("c2", "protocol_error")
    good.send(frames(3))
    await until(lambda: len(rig.segments["c1"].tags) == 3)
    await bad.close()
    await good.leave()


def held(rig: Rig) -> int:
    """Bytes of media in memory that wait for packaging."""
    backlogs = [session._backlog for session in rig.ingest._sessions.values()]
    return sum(backlog.held for backlog in backlogs if backlog is not None)


def shut(segments: Segments) -> None:
    segments.gate.clear()


async def test_slow_packaging_catches_up_from_the_spool_and_loses_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, file_bytes=4 << 20) as rig:
        rig.prepare = shut
        publisher = await on_air(rig)
        sent = frames(40, size=1 << 20)
        await asyncio.wait_for(_send_slowly(publisher, sent), 20)
        metrics = rig.ingest.metrics.registry
        await until(
            lambda: (metrics.get_sample_value("millrace_ingest_behind_bytes") or 0) > 35 << 20
        )
        assert metrics.get_sample_value("millrace_ingest_back_pressure_total") == 0
        assert held(rig) < 4 << 20
        rig.segments["c1"].gate.set()
        await until(lambda: len(rig.segments["c1"].tags) == 40)
        await until(lambda: metrics.get_sample_value("millrace_ingest_behind_bytes") == 0)
        more = frames(5, first=40)
        publisher.send(more)
        await publisher.leave()
        await rig.platform.wait_for(PublishStopped)
        assert rig.segments["c1"].tags == sent + more


async def test_what_is_not_packaged_when_the_publisher_leaves_is_packaged_later(rig: Rig) -> None:
    rig.prepare = shut
    publisher = await on_air(rig)
    sent = frames(8, size=1 << 20)
    await _send_slowly(publisher, sent)
    await publisher.leave()
    again = await Publisher.connect(rig.port, key_of("c1"))
    assert "already live" in (await again.status())["description"]
    assert not rig.platform.of(PublishStopped)
    rig.segments["c1"].gate.set()
    await rig.platform.wait_for(PublishStopped)
    assert rig.segments["c1"].tags == sent
    assert rig.segments["c1"].closed == 1
    await again.close()


async def test_a_publisher_waits_before_the_spool_loses_what_is_not_packaged(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, file_bytes=1 << 20, spool_session_bytes=16 << 20) as rig:
        rig.prepare = shut
        publisher = await on_air(rig)
        sent = frames(60, size=1 << 20)
        sending = asyncio.create_task(_send_slowly(publisher, sent))
        metrics = rig.ingest.metrics.registry
        await until(lambda: metrics.get_sample_value("millrace_ingest_back_pressure_total") == 1)
        # Deadlines pass and nothing moves: what the server does not read, nobody can send.
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(sending), 1)
        received = metrics.get_sample_value("millrace_ingest_received_bytes_total")
        assert received is not None
        assert received < 12 << 20
        rig.segments["c1"].gate.set()
        await sending
        await publisher.leave()
        await rig.platform.wait_for(PublishStopped)
        assert rig.segments["c1"].tags == sent


async def test_a_session_ends_in_plain_words_if_what_it_needs_was_deleted(tmp_path: Path) -> None:
    limits = {"spool_max_bytes": 0, "spool_session_bytes": 1 << 30}
    async with running(tmp_path, file_bytes=1 << 20, **limits) as rig:
        rig.prepare = shut
        publisher = await on_air(rig)
        (started,) = rig.platform.of(PublishStarted)
        await _send_slowly(publisher, frames(12, size=1 << 20))
        await until(lambda: rig.spool.state(started.session_id).first > 8 << 20)
        rig.segments["c1"].gate.set()
        assert "fell too far behind" in (await publisher.status())["description"]
        (stopped,) = await rig.platform.wait_for(PublishStopped)
        assert stopped.detail == "The platform fell too far behind; connect again."
        await publisher.close()


async def test_a_publisher_is_told_that_storage_is_away(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("media.ingest.session.PROGRESS_EVERY", 0.05)
    publisher = await on_air(rig)
    rig.segments["c1"].storage_away_for = 7.0
    (warned,) = await rig.platform.wait_for(PublishWarned)
    assert warned.warning == "falling_behind"
    metrics = rig.ingest.metrics.registry
    assert metrics.get_sample_value("millrace_ingest_storage_away_seconds") == 7
    await publisher.leave()


async def _send_slowly(publisher: Publisher, tags: list[Tag]) -> None:
    for tag in tags:
        publisher.send([tag])
        await publisher.writer.drain()


async def test_the_log_going_away_does_not_stop_the_spool(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("media.ingest.session.PROGRESS_EVERY", 0.05)
    publisher = await on_air(rig)
    rig.platform.away = True
    publisher.send(frames(20))
    await until(lambda: len(rig.segments["c1"].tags) == 20)
    metrics = rig.ingest.metrics.registry
    await until(lambda: metrics.get_sample_value("millrace_ingest_degraded") == 1)
    await publisher.leave()
    rig.platform.away = False
    (stopped,) = await rig.platform.wait_for(PublishStopped)
    assert stopped.video_frames == 20
    await until(lambda: metrics.get_sample_value("millrace_ingest_degraded") == 0)


async def test_stopping_ends_sessions_and_publishes_the_rest(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        publisher = await on_air(rig)
        publisher.send(frames(30))
        await until(lambda: len(rig.segments["c1"].tags) == 30)
    (stopped,) = rig.platform.of(PublishStopped)
    assert (stopped.reason, stopped.video_frames) == ("ingest_stopping", 30)
    assert rig.segments["c1"].closed == 1
    assert "stopping" in (await publisher.status())["description"]
    await publisher.close()


# -- the spool over HTTP ---------------------------------------------------------------------------


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
        await _send_slowly(publisher, frames(2, size=900_000))
        async with http.get(f"{rig.http}/spool/{started.session_id}") as response:
            await response.content.readexactly(len(flv.FILE_HEADER))
            await _send_slowly(publisher, frames(40, size=900_000, first=2))
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


async def test_kill_9_keeps_what_was_received(tmp_path: Path) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.integration.ingest_fakes",
        str(tmp_path),
        cwd=Path(__file__).parents[2],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert child.stdout is not None
        async with asyncio.timeout(30):
            while not (line := await child.stdout.readline()).startswith(b"port "):
                assert line, "the ingest ended"
        port = int(line[5:])
        publisher = await Publisher.connect(port, key_of("c1"))
        assert (await publisher.status())["code"] == START
        sent = frames(200, size=5000)
        publisher.send(sent)
        publisher.writer.write(client.media(sent[0])[:2000])
        expected = len(flv.FILE_HEADER) + sum(len(tag.data) + 15 for tag in sent)
        await until(lambda: _spooled(tmp_path) == expected)
    finally:
        child.send_signal(signal.SIGKILL)
        await child.wait()
    await publisher.close()
    spool = Spool(tmp_path, SystemClock())
    (session_id,) = [path.name for path in tmp_path.iterdir()]  # noqa: ASYNC240
    assert len(spool.files(session_id)) > 4
    assert spool.state(session_id) == SpoolState(0, expected, live=False)
    log = b"".join([block async for block in spool.read(session_id, 0, None)])
    assert list(flv.read_tags(log)) == sent


def _spooled(folder: Path) -> int:
    """Bytes of the log on disk."""
    return sum(
        path.stat().st_size - int(path.stem.partition("-")[2]) for path in folder.glob("*/*.flv")
    )
