"""What a publisher sends and packaging has not taken yet: spooled, bounded, kept by a crash."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from infra.clock import SystemClock
from media import flv
from media.spool.spool import Spool, SpoolState
from schemas.records.ingest import (
    PublishStarted,
    PublishStopped,
    PublishWarned,
)
from tests import rtmp_publisher as client
from tests.integration.ingest_fakes import (
    START,
    Rig,
    Segments,
    frames,
    key_of,
    on_air,
    running,
    send_slowly,
)
from tests.rtmp_publisher import Publisher
from tests.waiting import until


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with running(tmp_path / "spool") as rig:
        yield rig


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
        await asyncio.wait_for(send_slowly(publisher, sent), 20)
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
    await send_slowly(publisher, sent)
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
        sending = asyncio.create_task(send_slowly(publisher, sent))
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
        await send_slowly(publisher, frames(12, size=1 << 20))
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
