import asyncio
import io
import os
import uuid
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.clock import ManualClock
from infra.errors import NotFound, Refused
from media import flv
from media.flv import Tag
from media.spool.files import SpoolFile, whole_size
from media.spool.retention import Kept, Retention, expired
from media.spool.spool import Gone, Spool
from media.spool.writer import SpoolWriter
from tests import recordings

RECORDING = "bbb_360p_10s.flv"
FILE_BYTES = 80_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def spool(tmp_path: Path, clock: ManualClock) -> Spool:
    return Spool(tmp_path / "spool", clock, file_bytes=FILE_BYTES)


def session() -> str:
    return uuid.uuid4().hex


def keep(session_bytes: int = 1 << 40, *, age: float = 1e9, total: int = 1 << 40) -> Retention:
    return Retention(max_age=age, max_session_bytes=session_bytes, max_bytes=total)


def spooled(tags: list[Tag]) -> bytes:
    """The log that these tags make."""
    parts = [flv.FILE_HEADER]
    for tag in tags:
        parts += [flv.tag_header(tag), tag.data, flv.tag_trailer(tag)]
    return b"".join(parts)


async def collect(spool: Spool, name: str, begin: int, end: int | None = None) -> bytes:
    return b"".join([block async for block in spool.read(name, begin, end)])


def write(spool: Spool, tags: list[Tag], *, batch: int = 7) -> tuple[str, SpoolWriter]:
    name = session()
    writer = spool.open(name)
    for at in range(0, len(tags), batch):
        writer.append(tags[at : at + batch])
    return name, writer


async def test_a_spool_is_an_flv_file_of_what_was_received(spool: Spool) -> None:
    tags = list(recordings.tags(RECORDING))
    name, writer = write(spool, tags)
    assert len(spool.files(name)) > 3
    spool.close(name)
    log = await collect(spool, name, 0)
    assert len(log) == writer.size
    assert list(flv.read_tags(log)) == tags
    with av.open(io.BytesIO(log)) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]


async def test_files_have_a_bounded_size_and_begin_at_key_frames(spool: Spool) -> None:
    tags = list(recordings.tags(RECORDING))
    name, writer = write(spool, tags, batch=1)
    files = spool.files(name)
    assert [file.begin for file in files] == sorted(file.begin for file in files)
    for file in files:
        begins = max(13, file.begin)
        first = next(flv.read_tags(await collect(spool, name, begins, writer.size), 0))
        assert file.begin == 0 or flv.is_keyframe(first)
        assert file.path.stat().st_size < 2 * FILE_BYTES + file.head
    frames = [Tag(9, n, b"\x27\x01" + bytes(998)) for n in range(500)]
    without_key_frames, _ = write(spool, [tags[1], *frames])
    sizes = [file.path.stat().st_size for file in spool.files(without_key_frames)]
    assert max(sizes) < 2 * FILE_BYTES + 8000


async def test_a_late_reader_can_decode_from_the_first_offset_there_is(spool: Spool) -> None:
    tags = list(recordings.tags(RECORDING))
    name, writer = write(spool, tags)
    spool.prune(keep(writer.size // 2))
    first = spool.state(name).first
    assert first > writer.size // 4
    spool.close(name)
    log = await collect(spool, name, first)
    left = list(flv.read_tags(log, 0))
    assert left == tags[-len(left) :]
    with av.open(io.BytesIO(await spool.head(name, first) + log)) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.width, audio.rate) == (640, 44_100)
        pictures = sum(1 for _ in container.decode(video=0))
    assert pictures == sum(tag.kind == 9 and flv.is_coded_frame(tag) for tag in left)
    with av.open(str(spool.files(name)[0].path)) as container:
        assert next(container.decode(video=0)).key_frame


async def test_the_head_is_as_of_its_offset(spool: Spool) -> None:
    old, new = Tag(9, 0, b"\x17\0\0\0\0old"), Tag(9, 80, b"\x17\0\0\0\0new")
    meta = Tag(18, 0, b"\x02\0\x0aonMetaData\x08\0\0\0\0\0\0\x09")
    other = Tag(18, 0, b"\x02\0\x0aonTextData\x05")
    sound = Tag(8, 0, b"\xaf\0\x11\x90")
    frame = Tag(9, 40, b"\x17\x01\0\0\0" + bytes(50_000))
    tags = [meta, old, sound, other, frame, new, frame, frame, frame]
    name, _ = write(spool, tags, batch=1)
    assert len(spool.files(name)) > 1
    offsets = list(accumulate((len(tag.data) + 15 for tag in tags), initial=13))
    for number, offset in enumerate(offsets):
        head = list(flv.read_tags(await spool.head(name, offset)))
        shown = [tag.data for tag in tags[:number] if tag in (meta, sound, old, new)]
        if new.data in shown:
            shown.remove(old.data)
        assert sorted(tag.data for tag in head) == sorted(shown)
    assert await spool.head(name, 0) == b""
    for astray in (1, 12, 14, offsets[3] + 5, offsets[-2] - 1):
        with pytest.raises(Refused, match="no tag begins"):
            await spool.head(name, astray)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_is_appended_pruned_and_read_the_bytes_are_those_appended(
    data: st.DataObject,
) -> None:
    kinds = st.sampled_from([b"\x17\0\0\0\0", b"\x17\x01\0\0\0", b"\x27\x01\0\0\0"])
    tag = st.builds(
        lambda kind, fill, size: Tag(9, 5, kind + bytes([fill]) * size),
        kinds,
        st.integers(0, 255),
        st.integers(0, 300),
    )
    step = st.one_of(
        st.lists(tag, min_size=1, max_size=8),
        st.integers(0, 4000),
        st.floats(0, 1, exclude_max=True),
    )
    steps = data.draw(st.lists(step, min_size=1, max_size=30))

    async def run() -> None:
        with TemporaryDirectory() as folder:
            spool = Spool(Path(folder), ManualClock(), file_bytes=500)
            name = session()
            writer = spool.open(name)
            log = bytearray(flv.FILE_HEADER)
            followers = [asyncio.create_task(collect(spool, name, 0))]
            for step in steps:
                if isinstance(step, list):
                    assert writer.append(step) == len(log) + len(spooled(step)) - 13
                    log += spooled(step)[13:]
                elif isinstance(step, int):
                    spool.prune(keep(step))
                else:
                    first = spool.state(name).first
                    begin = int(step * len(log))
                    followers.append(asyncio.create_task(collect(spool, name, begin)))
                    if begin < first:
                        with pytest.raises(Gone) as gone:
                            await collect(spool, name, begin, len(log))
                        assert gone.value.first == first
                    else:
                        assert await collect(spool, name, begin, len(log)) == log[begin:]
                state = spool.state(name)
                assert state.size == len(log)
                assert await collect(spool, name, state.first, state.size) == log[state.first :]
            first = spool.state(name).first
            spool.close(name)
            assert spool.state(name).size == len(log)
            assert await collect(spool, name, first) == log[first:]
            for read in await asyncio.gather(*followers, return_exceptions=True):
                assert isinstance(read, Gone) or log.endswith(read)
            for file in spool.files(name):
                assert whole_size(file.path) == file.path.stat().st_size

    asyncio.run(run())


async def test_a_reader_finishes_the_file_it_is_in_and_hears_that_the_next_is_gone(
    spool: Spool,
) -> None:
    frames = [Tag(9, n, b"\x17\x01" + bytes(9998)) for n in range(60)]
    name, _ = write(spool, frames, batch=1)
    files = spool.files(name)
    assert len(files) > 5
    read = bytearray()

    async def prune_on_the_way() -> None:
        async for block in spool.read(name, 0, None):
            read.extend(block)
            spool.prune(keep(1))

    with pytest.raises(Gone) as gone:
        await prune_on_the_way()
    assert read == spooled(frames)[: files[1].begin]
    assert gone.value.first == spool.state(name).first == files[-1].begin


async def test_a_reader_follows_a_growing_spool_to_its_end(spool: Spool) -> None:
    name = session()
    writer = spool.open(name)
    reading = asyncio.create_task(collect(spool, name, 20))
    tags = [Tag(9, number, bytes([number]) * 1000) for number in range(150)]
    for tag in tags:
        writer.append([tag])
        await asyncio.sleep(0)
    assert not reading.done()
    spool.close(name)
    assert await reading == spooled(tags)[20:]
    assert spool.state(name).live is False


async def test_tags_are_read_again_with_their_times(spool: Spool) -> None:
    wrap = 1 << 32
    tags = [Tag(9, wrap - 50 + 10 * n, bytes([n]) * 30_000) for n in range(20)]
    name, writer = write(spool, tags)
    found, ends = [], []
    async for batch, end in spool.tags(name, 13, writer.size, tags[0].timestamp - 1):
        found += batch
        ends.append(end)
    assert found == tags
    assert ends[-1] == writer.size
    whole = list(accumulate((len(tag.data) + 15 for tag in tags), initial=13))
    assert set(ends) <= set(whole)


async def test_a_cut_tail_is_left_out(spool: Spool) -> None:
    tags = [Tag(9, 0, b"a" * 100), Tag(8, 5, b"b" * 50)]
    name, writer = write(spool, tags)
    spool.close(name)
    (file,) = spool.files(name)
    for cut in (b"\x09", b"\x09\x00\x00\xff" + bytes(7), b"\x09\x00\x00\x05" + bytes(11)):
        os.truncate(file.path, writer.size)
        with file.path.open("ab") as end:
            end.write(cut)
        assert spool.state(name).size == writer.size
        assert await collect(spool, name, 0) == spooled(tags)


async def test_a_file_that_was_cut_within_its_head_holds_nothing(spool: Spool) -> None:
    frames = [Tag(9, n, b"\x17\x01" + bytes(9998)) for n in range(6)]
    name, writer = write(spool, frames, batch=1)
    spool.close(name)
    last = SpoolFile(name, writer.size, 500, spool.files(name)[0].folder)
    last.path.write_bytes(flv.FILE_HEADER + b"\x12")
    assert spool.state(name).size == writer.size
    assert await collect(spool, name, 0) == spooled(frames)


async def test_old_and_too_many_bytes_are_deleted_but_never_what_is_written(
    spool: Spool, clock: ManualClock
) -> None:
    frame = [Tag(9, 0, b"\x17\x01" + bytes(9998))]
    old, ended, live = (write(spool, frame * count, batch=1)[0] for count in (3, 3, 60))
    spool.close(old)
    spool.close(ended)
    now = clock.now() / 1e6
    for name, age in ((old, 500), (ended, 40), (live, 30)):
        for number, file in enumerate(spool.files(name)):
            os.utime(file.path, (now - age + number, now - age + number))
    assert {file.session_id for file in spool.prune(keep(age=100))} == {old}
    with pytest.raises(NotFound, match="deleted"):
        spool.state(old)
    before = spool.files(live)
    assert spool.prune(keep(150_000)) == before[: len(before) - 2]
    assert {file.session_id for file in spool.prune(keep(total=130_000))} == {ended}
    assert spool.prune(keep(0, age=0, total=0)) == before[-2:-1]
    assert spool.files(live) == before[-1:]
    assert spool.prune(keep(0, age=0, total=0)) == []
    spool.close(live)
    assert spool.prune(keep(0, age=0, total=0)) == before[-1:]


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(1, 100), st.floats(0, 100)), max_size=30
    ),
    st.sets(st.sampled_from("abc")),
    st.integers(0, 500),
    st.integers(0, 1000),
    st.floats(0, 100),
)
def test_retention_leaves_no_holes_and_keeps_its_bounds(
    sizes: list[tuple[str, int, float]],
    live: set[str],
    session_bytes: int,
    total: int,
    age: float,
) -> None:
    begins = dict.fromkeys("abc", 0)
    last = {name: number for number, (name, _, _) in enumerate(sizes)}
    kept = []
    for number, (name, size, written_at) in enumerate(sizes):
        growing = name in live and last[name] == number
        kept.append(Kept(SpoolFile(name, begins[name], 0, Path()), size, written_at, growing))
        begins[name] += size
    gone = set(expired(kept, keep(session_bytes, age=age, total=total), 100))
    assert not any(each.growing for each in kept if each.file in gone)
    left = [each for each in kept if each.file not in gone]
    for name in "abc":
        mine = [each.file for each in kept if each.file.session_id == name]
        assert [file for file in mine if file in gone] == mine[: sum(file in gone for file in mine)]
        rest = [each for each in left if each.file.session_id == name]
        assert sum(each.size for each in rest) <= session_bytes or rest[0].growing
        assert not rest or rest[0].growing or rest[0].written_at >= 100 - age or len(mine) > 1
    assert sum(each.size for each in left) <= total or all(each.growing for each in left)


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
    name = session()
    with pytest.raises(OSError, match="No space"):
        spool.open(name)
    monkeypatch.undo()
    assert [file.session_id for file in spool.prune(keep(age=-1e9))] == [name]


async def test_a_short_write_is_completed(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "writev", lambda file, buffers: os.write(file, b"".join(buffers)[:7]))
    tags = [Tag(9, 3, b"abc" * 10)]
    name, _ = write(spool, tags)
    assert await collect(spool, name, 0, 58) == spooled(tags)
