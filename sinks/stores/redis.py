"""A store of views in Redis: a hash a row, an index a generation, one script call a batch.

Keys of a view: `millrace:{VIEW}:active`, `:hold`, `:generations`, and for each generation
`:GENERATION:index`, `:GENERATION:positions`, `:GENERATION:row:KEY`. A view whose rows expire has
no index; each write is published to `:wrote:KEY`. The braces keep a view on one
node of a Redis Cluster.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec
from aiokafka import TopicPartition
from redis.asyncio import Redis
from redis.exceptions import RedisError

from infra.errors import InvalidRecord, Unavailable
from infra.redis_link import RedisLink
from sinks.rows import Columns, Key, Row
from sinks.standing import Lease, Read
from sinks.store import (
    FIRST,
    TOMBSTONE_SECONDS,
    Generations,
    Page,
    Position,
    Positions,
    Superseded,
)
from sinks.stores.keys import key_of_text, key_text
from sinks.stores.redis_rows import RedisRows
from sinks.view import View

ROWS_PER_CALL: Final = 500
"""Rows merged by one call: what bounds the time for which other clients wait (about 20 ms)."""

_APPLY: Final = (Path(__file__).parent / "apply.lua").read_text()
_HIGHEST: Final = b"\xff"
_DELETED: Final = b".deleted"


class RedisStore:
    """Keeps views in the Redis at `url`, under keys that begin with `prefix`.

    Rows are read over one link, and kept until they are written (`sinks.stores.redis_rows`).
    """

    def __init__(self, url: str, *, prefix: str = "millrace") -> None:
        self._redis: Any = Redis.from_url(url, socket_connect_timeout=2, socket_timeout=5)
        self._apply = self._redis.register_script(_APPLY)
        self.link = RedisLink(url)
        """Whoever is told over it that a row was written does not read an older one after that."""
        self.prefix = prefix
        self._rows = RedisRows(self.link)

    async def setup(self, views: Sequence[View]) -> None:
        """Name the first generation of views that have none."""
        async with _away(), self._redis.pipeline(transaction=False) as calls:
            for view in views:
                calls.set(self._key(view, "active"), FIRST, nx=True)
                calls.get(self._key(view, "active"))
            active = (await calls.execute())[1::2]
            for view, name in zip(views, active, strict=True):
                if name.decode() == FIRST:
                    calls.sadd(self._key(view, "generations"), FIRST)
            await calls.execute()

    async def close(self) -> None:
        """Close the connections."""
        await self.link.close()
        await self._redis.aclose()

    async def generations(self, view: View) -> Generations:
        """Which generations there are."""
        async with _away(), self._redis.pipeline(transaction=True) as calls:
            calls.get(self._key(view, "active"))
            calls.smembers(self._key(view, "generations"))
            active, names = await calls.execute()
        return Generations(
            active.decode() if active else FIRST, frozenset(name.decode() for name in names)
        )

    async def current(self, views: Sequence[View]) -> dict[str, str]:
        """The active generation of each view: one round trip."""
        async with _away(), self._redis.pipeline(transaction=False) as calls:
            for view in views:
                calls.get(self._key(view, "active"))
            found = await calls.execute()
        return {
            view.name: active.decode() if active else FIRST
            for view, active in zip(views, found, strict=True)
        }

    async def begin(self, view: View) -> str:
        """Make an empty generation."""
        name = uuid.uuid4().hex
        async with _away():
            await self._redis.sadd(self._key(view, "generations"), name)
        return name

    async def apply(
        self,
        view: View,
        generation: str,
        rows: Mapping[Key, Row],
        positions: Mapping[TopicPartition, Position],
        *,
        live: bool,
    ) -> None:
        """Merge changes in calls of bounded size; the last one stores the positions as well."""
        waiting = iter(rows.items())
        call = list(islice(waiting, ROWS_PER_CALL))
        while following := list(islice(waiting, ROWS_PER_CALL)):
            await self._call(view, generation, call, {}, live)
            call = following
        await self._call(view, generation, call, positions, live)

    async def _call(
        self,
        view: View,
        generation: str,
        rows: Sequence[tuple[Key, Row]],
        positions: Mapping[TopicPartition, Position],
        live: bool,
    ) -> None:
        keys = [
            self._key(view, "active"),
            self._key(view, "hold"),
            self._key(view, "generations"),
            self._key(view, generation, "index"),
            self._key(view, generation, "positions"),
        ]
        arguments = [
            generation,
            "live" if live else "fill",
            self._key(view, generation, "row:"),
            TOMBSTONE_SECONDS,
            msgspec.msgpack.encode([_change(key, row) for key, row in rows]),
            msgspec.msgpack.encode(
                [
                    [
                        f"{partition.topic}/{partition.partition}",
                        position.offset,
                        _json(position.marks),
                    ]
                    for partition, position in positions.items()
                ]
            ),
            view.expires or 0,
            channel(self.prefix, view, ""),
        ]
        async with _away():
            outcome = await self._apply(keys=keys, args=arguments)
        if outcome == b"superseded":
            raise Superseded(f"{view.name}: generation {generation} is not active")
        if outcome == b"held":
            raise Unavailable(f"{view.name} is held")

    @property
    def lease(self) -> Lease:
        """Whether writes to what was read would be heard of."""
        return self._rows

    async def active(self, view: View) -> Read[str]:
        """The generation that is read."""
        return await self._rows.read("GET", self._key(view, "active"), _generation)

    async def get(self, view: View, generation: str, key: Key) -> Columns | None:
        """A row's columns: one call."""
        return _columns(await self.link.ask("HGETALL", self._row_key(view, generation, key)))

    async def scan(
        self,
        view: View,
        generation: str,
        limit: int,
        cursor: str | None = None,
        within: str | None = None,
    ) -> Page:
        """Rows in order of their key's text, by the index of the generation."""
        low, high = _range(view, cursor, within)
        index = self._key(view, generation, "index")
        found = await self.link.ask("ZRANGE", index, low, high, "BYLEX", "LIMIT", 0, limit + 1)
        keys, following = _page(view, found, limit)
        hashes = await self.link.ask_all(
            ("HGETALL", self._row_key(view, generation, key)) for key in keys
        )
        rows = zip(keys, map(_columns, hashes), strict=True)
        return Page([(key, columns) for key, columns in rows if columns is not None], following)

    async def row(self, view: View, generation: str, key: Key) -> Read[Columns | None]:
        """A row with its key columns, kept until it is written."""

        def decode(cells: dict[bytes, bytes]) -> Columns | None:
            columns = _columns(cells)
            return None if columns is None else {**dict(zip(view.key, key, strict=True)), **columns}

        name = self._row_key(view, generation, key)
        if view.lasting:
            return await self._rows.read("HGETALL", name, decode)
        return Read(decode(await self.link.ask("HGETALL", name)))

    async def page(
        self, view: View, generation: str, limit: int, cursor: str | None, within: str | None
    ) -> tuple[Page, list[Read[Any]]]:
        """Rows with their key columns, kept until they or the index are written."""
        low, high = _range(view, cursor, within)
        index = self._key(view, generation, "index")
        found, members = await self._rows.ranges(index, (low, high, limit + 1))
        keys, following = _page(view, found, limit)
        rows = await asyncio.gather(*(self.row(view, generation, key) for key in keys))
        pairs = zip(keys, [row.value for row in rows], strict=True)
        page = Page([(key, row) for key, row in pairs if row is not None], following)
        return page, [members, *rows]

    async def positions(self, view: View, generation: str) -> Positions:
        """The stored positions."""
        async with _away():
            found = await self._redis.hgetall(self._key(view, generation, "positions"))
        positions = {}
        for name, text in found.items():
            topic, _, partition = name.decode().rpartition("/")
            offset, _, marks = text.partition(b" ")
            positions[TopicPartition(topic, int(partition))] = Position(
                int(offset), msgspec.json.decode(marks, type=dict[str, int])
            )
        return positions

    async def hold(self, view: View, seconds: float) -> None:
        """Keep live writers away for so long; the server forgets it by itself."""
        async with _away():
            await self._redis.set(self._key(view, "hold"), 1, px=max(1, int(seconds * 1000)))

    async def switch(self, view: View, generation: str) -> None:
        """Make a generation the active one."""
        async with _away():
            if not await self._redis.sismember(self._key(view, "generations"), generation):
                raise Superseded(f"{view.name}: generation {generation} was dropped")
            async with self._redis.pipeline(transaction=True) as calls:
                calls.set(self._key(view, "active"), generation)
                calls.delete(self._key(view, "hold"))
                await calls.execute()

    async def drop(self, view: View, generation: str) -> None:
        """Forget a generation; tombstones go by themselves."""
        if (await self.generations(view)).active == generation:
            raise InvalidRecord(f"{view.name}: generation {generation} is active")
        index = self._key(view, generation, "index")
        async with _away():
            await self._redis.srem(self._key(view, "generations"), generation)
            while texts := await self._redis.zrange(index, 0, 999):
                rows = [self._key(view, generation, f"row:{text.decode()}") for text in texts]
                await self._redis.unlink(*rows)
                await self._redis.zrem(index, *texts)
            await self._redis.unlink(index, self._key(view, generation, "positions"))

    def _row_key(self, view: View, generation: str, key: Key) -> str:
        return self._key(view, generation, f"row:{key_text(key)}")

    def _key(self, view: View, *parts: str) -> str:
        return ":".join((self.prefix, f"{{{view.name}}}", *parts))


def channel(prefix: str, view: View, key: str) -> str:
    """Where it is said that a row of a view with `expires` was written."""
    return f"{prefix}:{{{view.name}}}:wrote:{key}"


@asynccontextmanager
async def _away() -> AsyncIterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise Unavailable(f"Redis: {error}") from error


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _change(key: Key, row: Row) -> list[Any]:
    cells = {name: [cell.version, _json(cell.value)] for name, cell in row.cells.items()}
    return [key_text(key), row.deleted, cells]


def _generation(found: bytes | None) -> str:
    return found.decode() if found else FIRST


def _page(view: View, found: list[bytes], limit: int) -> tuple[list[Key], str | None]:
    """The keys of a page, of which one more was read, and the cursor of the next."""
    texts = [text.decode() for text in found]
    keys = [key_of_text(view, text) for text in texts[:limit]]
    return keys, texts[limit - 1] if len(texts) > limit else None


def _columns(cells: dict[bytes, bytes]) -> Columns | None:
    found = {
        name.decode(): msgspec.json.decode(text.partition(b" ")[2])
        for name, text in cells.items()
        if name != _DELETED
    }
    if not found:
        return None
    return {name: value for name, value in found.items() if value is not None}


def _range(view: View, cursor: str | None, within: str | None) -> tuple[bytes, bytes]:
    """Bounds of ZRANGE BYLEX."""
    low, high = b"-", b"+"
    if within is not None:
        first = within if len(view.key) == 1 else _json([within])[:-1] + ","
        low = b"[" + first.encode()
        high = low if len(view.key) == 1 else low + _HIGHEST
    return (b"(" + cursor.encode() if cursor is not None else low), high
