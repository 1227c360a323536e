"""What is kept of Redis is what Redis has; a link that breaks or falls silent is not trusted."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from infra.errors import Unavailable
from infra.redis_link import RedisLink, RedisRefused
from sinks.reader import ViewReader
from sinks.rows import deleted, upserted
from sinks.stores.redis import RedisStore
from sinks.stores.redis_rows import RedisRows
from sinks.views import view_named
from tests.integration.relay import Relay

CHANNELS = view_named("channels-by-id")


@pytest_asyncio.fixture
async def relay(redis_url: str) -> Relay:
    return Relay(redis_url)


class Rig:
    """A reader whose Redis is behind a relay, and a writer beside it."""

    def __init__(self, near: RedisStore, far: RedisStore) -> None:
        self.store, self.far = near, far
        self.reader = ViewReader({"redis": far})

    async def write(self, key: str, version: int, title: str) -> None:
        row = upserted({"name": key, "title": title}, version)
        await self.store.apply(CHANNELS, "first", {(key,): row}, {}, live=False)

    async def title(self, key: str) -> str | None:
        row = await self.reader.get("channels-by-id", key)
        return None if row is None else str(row["title"])


@pytest_asyncio.fixture
async def rig(redis_url: str, relay: Relay) -> AsyncIterator[Rig]:
    prefix = f"test-{uuid.uuid4().hex}"
    async with relay.serving() as url:
        near, far = RedisStore(redis_url, prefix=prefix), RedisStore(url, prefix=prefix)
        await near.setup([CHANNELS])
        yield Rig(near, far)
        await far.close()
        await near.close()


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


async def seen(rig: Rig, key: str, title: str | None) -> float:
    """Seconds until a row is read with the title."""
    began = time.monotonic()
    while await rig.title(key) != title:
        assert time.monotonic() - began < 5
        await asyncio.sleep(0)
    return time.monotonic() - began


async def test_a_row_is_read_once_until_it_is_written(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str | bytes] = []
    ask = RedisLink.ask

    async def noting(self: RedisLink, *words: str | bytes) -> object:
        asked.append(words[0])
        return await ask(self, *words)

    monkeypatch.setattr(RedisLink, "ask", noting)
    await rig.write("c1", 1, "one")
    for _ in range(5):
        assert await rig.title("c1") == "one"
        assert await rig.title("c2") is None
    assert asked.count("HGETALL") == 2
    await rig.write("c1", 2, "two")
    await rig.write("c2", 3, "there now")
    assert await seen(rig, "c1", "two") < 0.5
    assert await seen(rig, "c2", "there now") < 0.5
    await rig.store.apply(CHANNELS, "first", {("c1",): deleted(4)}, {}, live=False)
    assert await seen(rig, "c1", None) < 0.5


async def test_what_was_written_before_the_answer_came_is_not_kept(rig: Rig, relay: Relay) -> None:
    """The word that a row was written may come in one piece with the answer to its reading."""
    await rig.write("c1", 1, "one")
    await rig.title("c9")
    relay.hold()
    reading = asyncio.create_task(rig.title("c1"))
    await asyncio.sleep(0.1)
    await rig.write("c1", 2, "two")
    await asyncio.sleep(0.1)
    relay.release()
    assert await reading == "one"
    assert await rig.title("c1") == "two"


async def test_nothing_that_was_kept_counts_after_the_line_was_cut(rig: Rig, relay: Relay) -> None:
    await rig.write("c1", 1, "one")
    assert await rig.title("c1") == "one"
    relay.cut()
    await rig.write("c1", 2, "two")
    await until(lambda: rig.far.link.heard_at == float("-inf"))
    assert await rig.title("c1") == "two"
    assert relay.accepted == 2


async def test_silence_is_taken_for_no_news_for_a_second(rig: Rig, relay: Relay) -> None:
    await rig.write("c1", 1, "one")
    assert await rig.title("c1") == "one"
    relay.hold()
    await rig.write("c1", 2, "two")
    began = time.monotonic()
    with pytest.raises(Unavailable):
        await _insist(rig, "c1", "one", began + 1.3)
    assert time.monotonic() - began < 4
    relay.release()
    assert await rig.title("c1") == "two"


async def _insist(rig: Rig, key: str, title: str, until: float) -> None:
    while True:
        assert await rig.title(key) == title
        assert time.monotonic() < until
        await asyncio.sleep(0.01)


async def test_what_an_answer_stands_on_falls_with_any_row_of_it(rig: Rig) -> None:
    for n in range(3):
        await rig.write(f"c{n}", 1, "one")
    for key, columns in (("c1", {"title": "two"}), ("c7", {"name": "c7", "title": "new"})):
        noting = rig.reader.noting()
        await noting.scan("channels-by-id", 10)
        await noting.get("channels-by-id", "c1")
        assert all(each.stands for each in noting.basis)
        row = upserted(columns, 9)
        await rig.store.apply(CHANNELS, "first", {(key,): row}, {}, live=False)
        await until(lambda basis=noting.basis: not all(each.stands for each in basis))  # type: ignore[misc]
    noting = rig.reader.noting()
    rows = await noting.scan("channels-by-id", 10)
    assert [row["title"] for row in rows.rows] == ["one", "two", "one", "new"]
    await rig.store.switch(CHANNELS, await rig.store.begin(CHANNELS))
    await until(lambda: not all(each.stands for each in noting.basis))
    assert await rig.title("c1") is None


async def test_no_more_is_kept_than_agreed(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sinks.stores.redis_rows.MOST", 5)
    for n in range(12):
        await rig.write(f"c{n}", 1, f"t{n}")
    noting = rig.reader.noting()
    for n in range(12):
        assert (await noting.get("channels-by-id", f"c{n}") or {})["title"] == f"t{n}"
    rows = rig.far.lease
    assert isinstance(rows, RedisRows)
    assert len(rows._kept) <= 5
    assert not all(each.stands for each in noting.basis), "what was let go of is not heard of"


async def test_a_link_reads_many_at_once_and_says_what_is_refused(redis_url: str) -> None:
    link = RedisLink(redis_url)
    found = await asyncio.gather(*(link.ask("ECHO", str(n)) for n in range(500)))
    assert found == [str(n).encode() for n in range(500)]
    with pytest.raises(RedisRefused) as refused:
        await link.ask("EVALSHA", "0" * 40, 0)
    assert refused.value.code == "NOSCRIPT"
    await link.close()
    with pytest.raises(Unavailable):
        await link.ask("PING")


async def test_nobody_there_is_unavailable_at_once() -> None:
    link = RedisLink("redis://127.0.0.1:1/0")
    began = time.monotonic()
    for _ in range(3):
        with pytest.raises(Unavailable):
            await link.ask("PING")
    assert time.monotonic() - began < 1
    await link.close()
