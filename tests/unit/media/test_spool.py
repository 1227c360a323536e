import asyncio
import os
import uuid
from pathlib import Path

import av
import pytest

from infra.clock import ManualClock
from infra.errors import NotFound, Refused
from media import flv
from media.flv import Tag
from media.spool import Spool, whole_size
from tests import recordings


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def spool(tmp_path: Path, clock: ManualClock) -> Spool:
    return Spool(tmp_path / "spool", clock)


def session() -> str:
    return uuid.uuid4().hex


async def collect(spool: Spool, name: str, begin: int, end: int | None = None) -> bytes:
    return b"".join([block async for block in spool.read(name, begin, end)])


async def test_a_spool_is_an_flv_file_of_what_was_received(spool: Spool) -> None:
    name, tags = session(), list(recordings.tags("bbb_360p_10s.flv"))
    writer = spool.open(name)
    size = writer.append(tags)
    assert spool.path(name).stat().st_size == size == writer.size
    assert list(flv.read_tags(spool.path(name).read_bytes())) == tags
    with av.open(str(spool.path(name))) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]


async def test_a_reader_follows_a_growing_spool_to_its_end(spool: Spool) -> None:
    name = session()
    writer = spool.open(name)
    reading = asyncio.create_task(collect(spool, name, 20))
    for number in range(50):
        writer.append([Tag(9, number, bytes([number]) * 1000)])
        await asyncio.sleep(0)
    assert not reading.done()
    spool.close(name)
    assert await reading == spool.path(name).read_bytes()[20:]
    assert spool.state(name).live is False


async def test_a_cut_tail_is_left_out(spool: Spool) -> None:
    name = session()
    writer = spool.open(name)
    whole = writer.append([Tag(9, 0, b"a" * 100), Tag(8, 5, b"b" * 50)])
    spool.close(name)
    for cut in (b"\x09", b"\x09\x00\x00\xff" + bytes(7), b"\x09\x00\x00\x05" + bytes(11)):
        path = spool.path(name)
        os.truncate(path, whole)
        with path.open("ab") as file:
            file.write(cut)
        assert whole_size(path) == whole
        assert len(await collect(spool, name, 0)) == whole


async def test_old_and_too_many_spools_are_deleted_but_never_live_ones(
    spool: Spool, clock: ManualClock
) -> None:
    names = [session() for _ in range(4)]
    now = clock.now() / 1e6
    for age, name in zip((500, 40, 30, 900), names, strict=True):
        writer = spool.open(name)
        writer.append([Tag(9, 0, bytes(1000))])
        if age != 900:
            spool.close(name)
        os.utime(spool.path(name), (now - age, now - age))
    assert spool.prune(100, 1 << 30) == [names[0]]
    assert spool.prune(100, 2500) == [names[1]]
    assert spool.prune(100, 0) == [names[2]]
    assert spool.path(names[3]).exists()
    with pytest.raises(NotFound, match="deleted"):
        spool.state(names[0])


@pytest.mark.parametrize("name", ["..", "../../etc/passwd", "A" * 32, "a" * 31, ""])
def test_only_session_ids_name_spools(spool: Spool, name: str) -> None:
    with pytest.raises(Refused, match="32 lower-case hex"):
        spool.state(name)


async def test_a_full_disk_is_an_error(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = spool.open(session())

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "writev", full)
    with pytest.raises(OSError, match="No space"):
        writer.append([Tag(9, 0, b"a")])


async def test_a_short_write_is_completed(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    name = session()
    writer = spool.open(name)
    monkeypatch.setattr(os, "writev", lambda file, buffers: os.write(file, b"".join(buffers)[:7]))
    writer.append([Tag(9, 3, b"abc" * 10)])
    assert list(flv.read_tags(spool.path(name).read_bytes())) == [Tag(9, 3, b"abc" * 10)]
