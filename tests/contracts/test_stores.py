"""What every store of views must do, and the stores that do it."""

import asyncio
import random
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest
from aiokafka import TopicPartition
from cassandra.cluster import Cluster, Session
from redis.asyncio import Redis

from infra.clock import ManualClock
from infra.errors import InvalidRecord, Unavailable
from infra.record import Envelope
from sinks.retention import SECOND, Lifetimes, time_at
from sinks.rows import Cell, Key, Row, Value, deleted, merge_into, upserted
from sinks.store import Position, Store, Superseded, clear
from sinks.stores import cassandra as cassandra_store
from sinks.stores import cassandra_batches
from sinks.stores.cassandra import CassandraStore
from sinks.stores.keys import key_text
from sinks.stores.memory import MemoryStore
from sinks.stores.redis import RedisStore
from sinks.view import Change, Retention, View
from tests.waiting import until

TP = TopicPartition("things", 0)
OTHER = TopicPartition("things", 1)


def nothing(message: Envelope) -> list[Change]:
    return []


PLAIN = View(
    name="things-by-name",
    purpose="For tests.",
    topics=("things",),
    store="redis",
    key={"name": str},
    columns={"text": str, "number": int, "ratio": float, "flag": bool},
    project=nothing,
)
ORDERED = View(
    name="things-by-owner",
    purpose="For tests.",
    topics=("things",),
    store="cassandra",
    key={"owner": str, "at": int, "name": str},
    columns={"text": str},
    newest_first=("at",),
    project=nothing,
)
PARTED = msgspec.structs.replace(
    ORDERED, name="things-in-parts", part_of=lambda key: int(key[1]) // 10
)

FADING = msgspec.structs.replace(
    PARTED,
    name="things-for-a-while",
    columns={"text": str, "note": str},
    part_of=lambda key: int(key[1]) // (30 * 86_400 * SECOND),
    retention=Retention("while", time_at(1)),
)
"""Parts are much longer than rows are kept."""
KEEP = Lifetimes({"while": 60})
NOW = time.time_ns() // 1000


@pytest.fixture
def clock() -> ManualClock:
    """Where the store under test reads time; the server has its own."""
    return ManualClock(NOW)


def _random_change(choose: random.Random, version: int) -> tuple[Key, Row]:
    key = (choose.choice("abcdef"),)
    if choose.random() < 0.2:
        return key, deleted(version)
    columns: dict[str, Value] = {"text": f"v{version}", "number": version, "flag": None}
    return key, upserted(dict(choose.sample(list(columns.items()), choose.randint(1, 3))), version)


class StoreContract:
    """Subclasses give a fixture `store` that is set up with PLAIN and ORDERED, and empty."""

    @pytest.fixture
    def store(self) -> AsyncIterator[Store]:
        raise NotImplementedError

    @pytest.fixture
    async def active(self, store: Store) -> str:
        return (await store.generations(PLAIN)).active

    @staticmethod
    async def write(store: Store, active: str, rows: dict[str, Row]) -> None:
        keyed = {(name,): row for name, row in rows.items()}
        await store.apply(PLAIN, active, keyed, {}, live=True)

    async def test_a_row_is_read_as_it_was_written(self, store: Store, active: str) -> None:
        columns = {"text": 'snow ☃ "quoted"', "number": 1 << 60, "ratio": 0.1, "flag": False}
        await self.write(store, active, {"a b:c": upserted(columns, 7)})
        assert await store.get(PLAIN, active, ("a b:c",)) == columns
        assert await store.get(PLAIN, active, ("absent",)) is None

    async def test_partial_upserts_merge_and_none_is_left_out(
        self, store: Store, active: str
    ) -> None:
        await self.write(store, active, {"a": upserted({"text": "one", "number": 1}, 1)})
        await self.write(store, active, {"a": upserted({"number": 2}, 2)})
        await self.write(store, active, {"a": upserted({"text": None}, 3)})
        assert await store.get(PLAIN, active, ("a",)) == {"number": 2}

    async def test_a_row_of_none_exists(self, store: Store, active: str) -> None:
        await self.write(store, active, {"a": upserted({"text": None}, 1)})
        assert await store.get(PLAIN, active, ("a",)) == {}

    async def test_an_older_version_never_overwrites(self, store: Store, active: str) -> None:
        await self.write(store, active, {"a": upserted({"text": "new"}, 9)})
        await self.write(store, active, {"a": upserted({"text": "old", "number": 1}, 5)})
        assert await store.get(PLAIN, active, ("a",)) == {"text": "new", "number": 1}

    async def test_a_deletion_is_not_undone_by_the_past(self, store: Store, active: str) -> None:
        await self.write(store, active, {"a": upserted({"text": "old"}, 1)})
        await self.write(store, active, {"a": deleted(5)})
        await self.write(store, active, {"a": upserted({"text": "old", "number": 1}, 4)})
        assert await store.get(PLAIN, active, ("a",)) is None
        assert (await store.scan(PLAIN, active, 10)).rows == []
        await self.write(store, active, {"a": upserted({"text": "again"}, 6)})
        await self.write(store, active, {"a": deleted(5)})
        assert await store.get(PLAIN, active, ("a",)) == {"text": "again"}
        await self.write(store, active, {"a": upserted({"number": 3}, 3)})
        assert await store.get(PLAIN, active, ("a",)) == {"text": "again"}

    async def test_one_change_may_hold_cells_of_several_versions_and_a_deletion(
        self, store: Store, active: str
    ) -> None:
        await self.write(store, active, {"a": upserted({"flag": True}, 3)})
        merged = Row({"text": Cell(8, "eight"), "number": Cell(6, 6)}, deleted=5)
        await self.write(store, active, {"a": merged})
        assert await store.get(PLAIN, active, ("a",)) == {"text": "eight", "number": 6}
        await self.write(store, active, {"a": upserted({"number": 7}, 7)})
        assert await store.get(PLAIN, active, ("a",)) == {"text": "eight", "number": 7}

    @pytest.mark.parametrize("seed", range(4))
    async def test_any_order_and_repetition_ends_in_the_same_rows(
        self, store: Store, active: str, seed: int
    ) -> None:
        choose = random.Random(seed)
        history = [_random_change(choose, version) for version in range(1, 121)]
        delivery = choose.sample(history * 2, len(history) * 2)
        while delivery:
            size = choose.randint(1, 40)
            batch: dict[Key, Row] = {}
            merge_into(batch, delivery[:size])
            del delivery[:size]
            await store.apply(PLAIN, active, batch, {}, live=True)
        expected: dict[Key, Row] = {}
        merge_into(expected, history)
        page = await store.scan(PLAIN, active, 100)
        assert dict(page.rows) == {key: row.columns for key, row in expected.items() if row.cells}

    async def test_a_scan_gives_each_row_once_in_pages(self, store: Store, active: str) -> None:
        rows = {f"row {n:04}": upserted({"number": n}, n + 1) for n in range(1203)}
        await self.write(store, active, rows)
        await self.write(store, active, {"row 0007": deleted(2000)})
        found, cursor, pages = [], None, 0
        while True:
            page = await store.scan(PLAIN, active, 500, cursor)
            found += page.rows
            pages += 1
            cursor = page.cursor
            if cursor is None:
                break
        assert pages == 3
        expected = {(f"row {n:04}",): {"number": n} for n in range(1203) if n != 7}
        assert len(found) == 1202
        assert dict(found) == expected

    async def test_a_scan_within_the_first_key_column(self, store: Store) -> None:
        ordered = (await store.generations(ORDERED)).active
        keys = [("ann", at, f"n{at}") for at in range(1, 6)]
        others = [("anna", 9, "x"), ('an"', 1, "y")]
        rows = {key: upserted({"text": key[2]}, 1) for key in [*keys, *others]}
        await store.apply(ORDERED, ordered, rows, {}, live=True)
        first = await store.scan(ORDERED, ordered, 3, within="ann")
        rest = await store.scan(ORDERED, ordered, 3, first.cursor, within="ann")
        assert rest.cursor is None
        assert sorted(key for key, _ in [*first.rows, *rest.rows]) == keys
        assert await store.get(ORDERED, ordered, keys[2]) == {"text": "n3"}

    async def test_rows_in_parts_are_read_as_if_they_were_in_one(self, store: Store) -> None:
        await store.setup([PARTED])
        parted = (await store.generations(PARTED)).active
        keys: list[Key] = [("ann", at, f"n{at}") for at in range(5, 65, 4)]
        others: list[Key] = [("anna", 9, "x"), ("ben", 31, "y")]
        rows = {key: upserted({"text": str(key[2])}, 1) for key in [*keys, *others]}
        await store.apply(PARTED, parted, rows, {}, live=True)
        gone, *left = keys
        await store.apply(PARTED, parted, {gone: deleted(2)}, {}, live=True)
        assert await store.get(PARTED, parted, gone) is None
        assert await store.get(PARTED, parted, keys[-1]) == {"text": "n61"}
        for size in (1, 4, 100):
            assert sorted(await self.scanned(store, parted, size, "ann")) == left
            everything = await self.scanned(store, parted, size, None)
            assert sorted(everything) == sorted([*left, *others])

    @staticmethod
    async def scanned(store: Store, generation: str, size: int, within: str | None) -> list[Key]:
        found: list[Key] = []
        cursor = None
        while True:
            page = await store.scan(PARTED, generation, size, cursor, within)
            found += [key for key, _ in page.rows]
            cursor = page.cursor
            if cursor is None:
                return found

    async def test_a_cursor_it_did_not_give_is_refused_or_harmless(
        self, store: Store, active: str
    ) -> None:
        await self.write(store, active, {"a": upserted({"number": 1}, 1)})
        try:
            page = await store.scan(PLAIN, active, 10, "no cursor\x00")
        except InvalidRecord:
            return
        assert len(page.rows) <= 1

    async def test_positions_are_stored_beside_rows_and_never_go_back(
        self, store: Store, active: str
    ) -> None:
        await store.apply(PLAIN, active, {}, {TP: Position(5, {"p": 4})}, live=True)
        await store.apply(PLAIN, active, {}, {TP: Position(3, {}), OTHER: Position(1)}, live=True)
        assert await store.positions(PLAIN, active) == {
            TP: Position(5, {"p": 4}),
            OTHER: Position(1),
        }
        assert await store.positions(ORDERED, "other") == {}

    async def test_generations_are_apart_and_switched(self, store: Store, active: str) -> None:
        await self.write(store, active, {"a": upserted({"number": 1}, 1)})
        shadow = await store.begin(PLAIN)
        assert (await store.current([PLAIN])) == {PLAIN.name: active}
        rows = {("a",): upserted({"number": 2}, 1)}
        await store.apply(PLAIN, shadow, rows, {TP: Position(8)}, live=False)
        assert await store.get(PLAIN, active, ("a",)) == {"number": 1}
        with pytest.raises(Superseded):
            await store.apply(PLAIN, shadow, {}, {}, live=True)
        await store.switch(PLAIN, shadow)
        assert (await store.generations(PLAIN)).active == shadow
        assert (await store.current([ORDERED, PLAIN]))[PLAIN.name] == shadow
        assert await store.get(PLAIN, shadow, ("a",)) == {"number": 2}
        assert await store.positions(PLAIN, shadow) == {TP: Position(8)}
        with pytest.raises(Superseded):
            await self.write(store, active, {"a": upserted({"number": 3}, 3)})
        await store.drop(PLAIN, active)
        assert (await store.generations(PLAIN)).names == {shadow}
        with pytest.raises(Superseded):
            await store.apply(PLAIN, active, rows, {}, live=False)
        with pytest.raises(Superseded):
            await store.switch(PLAIN, active)
        with pytest.raises(InvalidRecord):
            await store.drop(PLAIN, shadow)

    async def test_a_held_view_takes_no_live_writes_until_it_is_switched(
        self, store: Store, active: str
    ) -> None:
        shadow = await store.begin(PLAIN)
        await store.hold(PLAIN, 30)
        with pytest.raises(Unavailable):
            await self.write(store, active, {"a": upserted({"number": 1}, 1)})
        await store.apply(PLAIN, shadow, {("a",): upserted({"number": 1}, 1)}, {}, live=False)
        await store.switch(PLAIN, shadow)
        await store.apply(PLAIN, shadow, {("a",): upserted({"number": 2}, 2)}, {}, live=True)
        assert await store.get(PLAIN, shadow, ("a",)) == {"number": 2}

    async def test_a_hold_ends_by_itself(self, store: Store, active: str) -> None:
        await store.hold(PLAIN, 1)
        async with asyncio.timeout(10):
            while True:
                try:
                    await self.write(store, active, {"a": upserted({"number": 1}, 1)})
                    return
                except Unavailable:
                    await asyncio.sleep(0.05)

    async def test_a_cleared_view_is_empty_and_can_be_written(
        self, store: Store, active: str
    ) -> None:
        await self.write(store, active, {"a": upserted({"number": 1}, 99)})
        await store.apply(PLAIN, active, {}, {TP: Position(99)}, live=True)
        await clear(store, PLAIN)
        found = await store.generations(PLAIN)
        assert found.names == {found.active}
        assert (await store.scan(PLAIN, found.active, 10)).rows == []
        assert await store.positions(PLAIN, found.active) == {}
        rows = {("a",): upserted({"number": 2}, 1)}
        await store.apply(PLAIN, found.active, rows, {TP: Position(1)}, live=True)
        assert await store.get(PLAIN, found.active, ("a",)) == {"number": 2}
        assert await store.positions(PLAIN, found.active) == {TP: Position(1)}

    async def test_setting_up_again_changes_nothing(self, store: Store, active: str) -> None:
        await self.write(store, active, {"a": upserted({"number": 1}, 1)})
        await store.setup([PLAIN, ORDERED])
        assert await store.get(PLAIN, active, ("a",)) == {"number": 1}


class FadingContract:
    """What a store must do that keeps views whose rows go. `store` reads `clock`, and has KEEP."""

    @pytest.fixture
    def store(self, clock: ManualClock) -> Any:
        raise NotImplementedError

    @pytest.fixture
    async def fading(self, store: Store) -> AsyncIterator[str]:
        await store.setup([FADING])
        yield (await store.generations(FADING)).active
        await clear(store, FADING)

    @staticmethod
    async def write(store: Store, fading: str, rows: dict[Key, Row]) -> None:
        await store.apply(FADING, fading, rows, {}, live=False)

    async def test_a_row_is_there_until_its_time_is_over(
        self, store: Store, fading: str, clock: ManualClock
    ) -> None:
        first, second = ("ann", NOW - 20 * SECOND, "a"), ("ann", NOW, "b")
        row = upserted({"text": "x"}, 1)
        await self.write(store, fading, {first: row, second: row})
        clock.advance(39.9)
        assert await self.there(store, fading) == {first, second}
        clock.advance(0.1)
        assert await self.there(store, fading) == {second}
        clock.advance(20)
        assert await self.there(store, fading) == set()

    async def test_a_late_change_brings_no_row_back_and_makes_none_stay(
        self, store: Store, fading: str, clock: ManualClock
    ) -> None:
        key, other = ("ann", NOW, "a"), ("ann", NOW, "b")
        await self.write(store, fading, {key: upserted({"text": "x"}, 1)})
        clock.advance(59)
        await self.write(store, fading, {key: upserted({"note": "deleted"}, 2)})
        assert await store.get(FADING, fading, key) == {"text": "x", "note": "deleted"}
        clock.advance(1)
        assert await self.there(store, fading) == set()
        late = {key: upserted({"note": "again"}, 3), other: upserted({"text": "late"}, 4)}
        await self.write(store, fading, late)
        assert await self.there(store, fading) == set()

    async def test_positions_count_also_what_came_too_late(
        self, store: Store, fading: str, clock: ManualClock
    ) -> None:
        late = {("ann", NOW - 61 * SECOND, "a"): upserted({"text": "x"}, 1)}
        await store.apply(FADING, fading, late, {TP: Position(1)}, live=False)
        assert await self.there(store, fading) == set()
        assert await store.positions(FADING, fading) == {TP: Position(1)}

    async def test_pages_end_where_there_is_nothing_more(
        self, store: Store, fading: str, clock: ManualClock
    ) -> None:
        keys: list[Key] = [("ann", NOW - n * SECOND, f"n{n}") for n in range(50)]
        await self.write(store, fading, {key: upserted({"text": "x"}, 1) for key in keys})
        clock.advance(30.5)
        assert await self.there(store, fading, 7) == set(keys[:30])

    async def test_rows_of_other_views_stay(self, store: Store, clock: ManualClock) -> None:
        await store.setup([PARTED])
        parted = await store.begin(PARTED)
        await store.apply(
            PARTED, parted, {("ann", 1, "a"): upserted({"text": "x"}, 1)}, {}, live=False
        )
        clock.advance(1e9)
        assert await store.get(PARTED, parted, ("ann", 1, "a")) == {"text": "x"}

    @staticmethod
    async def there(store: Store, fading: str, size: int = 100) -> set[Key]:
        """The rows, which are the same however they are read."""
        every: list[set[Key]] = []
        for within in ("ann", None):
            found, cursor = set(), None
            while True:
                page = await store.scan(FADING, fading, size, cursor, within)
                found |= {key for key, _ in page.rows}
                cursor = page.cursor
                if cursor is None:
                    break
            every.append(found)
        assert every[0] == every[1]
        for key in every[0]:
            assert await store.get(FADING, fading, key) is not None
        return every[0]


class TestMemoryStore(StoreContract):
    @pytest.fixture
    async def store(self) -> AsyncIterator[Store]:
        store = MemoryStore()
        await store.setup([PLAIN, ORDERED])
        yield store
        await store.close()


class TestMemoryStoreFading(FadingContract):
    @pytest.fixture
    async def store(self, clock: ManualClock) -> Store:
        return MemoryStore(clock, lifetimes=KEEP)


class TestRedisStore(StoreContract):
    @pytest.fixture
    async def store(self, redis_url: str) -> AsyncIterator[Store]:
        prefix = f"test-{uuid.uuid4().hex}"
        store = RedisStore(redis_url, prefix=prefix)
        await store.setup([PLAIN, ORDERED])
        yield store
        await store.close()
        async with Redis.from_url(redis_url) as redis:
            async for key in redis.scan_iter(f"{prefix}:*", count=1000):
                await redis.unlink(key)


@pytest.fixture(scope="module")
def keyspace(cassandra: str) -> Iterator[str]:
    """One for all tests, because tables are slow to make; each test leaves it empty."""
    host, _, port = cassandra.partition(":")
    name = f"test_{uuid.uuid4().hex}"
    yield name
    with Cluster([host], port=int(port), protocol_version=4) as cluster:
        cluster.connect().execute(f"DROP KEYSPACE IF EXISTS {name}", timeout=60)


class TestCassandraStore(StoreContract):
    @pytest.fixture
    async def store(self, cassandra: str, keyspace: str) -> AsyncIterator[Store]:
        host, _, port = cassandra.partition(":")
        store = CassandraStore([host], int(port), keyspace)
        await store.setup([PLAIN, ORDERED])
        yield store
        for view in (PLAIN, ORDERED):
            await clear(store, view)
        await store.close()

    async def test_the_newest_come_first_over_all_parts(self, store: Store) -> None:
        await store.setup([PARTED])
        parted = await store.begin(PARTED)
        keys: list[Key] = [("ann", at, "n") for at in (1, 9, 10, 11, 55, 89)]
        rows = {key: upserted({"text": ""}, 1) for key in keys}
        await store.apply(PARTED, parted, rows, {}, live=False)
        assert await self.scanned(store, parted, 2, "ann") == keys[::-1]

    async def test_a_scan_begins_behind_a_key_that_has_no_row(self, store: Store) -> None:
        await store.setup([PARTED])
        parted = await store.begin(PARTED)
        keys: list[Key] = [("ann", at, "n") for at in range(0, 3000, 10)]  # 300 parts
        rows = {key: upserted({"text": ""}, 1) for key in keys}
        await store.apply(PARTED, parted, rows, {}, live=False)
        place = key_text(("ann", 2005, "n"))
        page = await store.scan(PARTED, parted, 2, place, "ann")
        assert [key for key, _ in page.rows] == [("ann", 2000, "n"), ("ann", 1990, "n")]
        page = await store.scan(PARTED, parted, 1000, place, "ann")
        assert [key for key, _ in page.rows] == [
            key for key in reversed(keys) if int(key[1]) < 2005
        ]
        assert page.cursor is None


class TestCassandraStoreFading(FadingContract):
    @pytest.fixture
    async def store(
        self, cassandra: str, keyspace: str, clock: ManualClock
    ) -> AsyncIterator[Store]:
        host, _, port = cassandra.partition(":")
        store = CassandraStore([host], int(port), keyspace, lifetimes=KEEP, clock=clock)
        yield store
        await store.close()

    @pytest.fixture
    def table(self, cassandra: str, keyspace: str, fading: str) -> Iterator["Table"]:
        host, _, port = cassandra.partition(":")
        with Cluster([host], port=int(port), protocol_version=4) as cluster:
            yield Table(cluster.connect(), f"{keyspace}.things_for_a_while_{fading}")

    async def test_the_server_keeps_cells_of_a_row_equally_long_and_longer_than_they_are_seen(
        self, store: Store, fading: str, clock: ManualClock, table: "Table"
    ) -> None:
        key = ("ann", NOW, "a")
        await self.write(store, fading, {key: upserted({"text": "x"}, 1)})
        clock.advance(50)  # for the server no time passes, so what is left now is less
        await self.write(store, fading, {key: upserted({"note": "deleted"}, 2)})
        ((text, note),) = table.rows("TTL(text), TTL(note)")
        slack = cassandra_batches.SLACK_SECONDS
        assert slack + 30 < text <= slack + 60
        assert slack < note <= slack + 10

    async def test_a_part_is_known_for_as_long_as_any_of_its_rows(
        self,
        store: Store,
        cassandra: str,
        keyspace: str,
        fading: str,
        clock: ManualClock,
        table: "Table",
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Also if the row that goes first is written last, by a writer that has just started."""
        _without_slack(monkeypatch)
        short, long = ("ann", NOW - 58 * SECOND, "a"), ("ann", NOW, "b")
        await self.write(store, fading, {long: upserted({"text": "x"}, 1)})
        host, _, port = cassandra.partition(":")
        again = CassandraStore([host], int(port), keyspace, lifetimes=KEEP, clock=clock)
        await self.write(again, fading, {short: upserted({"text": "x"}, 2)})
        await again.close()
        await until(lambda: len(table.rows()) == 1)
        assert await self.there(store, fading) == {long}

    async def test_the_server_forgets_rows_and_parts_by_itself(
        self,
        store: Store,
        fading: str,
        clock: ManualClock,
        table: "Table",
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        _without_slack(monkeypatch)
        key = ("ann", NOW - 58 * SECOND, "a")
        await self.write(store, fading, {key: upserted({"text": "x"}, 1)})
        assert (len(table.rows()), len(table.rows("part", "_parts"))) == (1, 1)

        async def forgotten() -> bool:
            return not table.rows() and not table.rows("part", "_parts")

        await until(forgotten)


def _without_slack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cassandra_batches, "SLACK_SECONDS", 0)
    monkeypatch.setattr(cassandra_store, "PART_SLACK", 0)


class Table:
    """What a table really holds."""

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self._name = name

    def rows(self, columns: str = "text", suffix: str = "") -> list[Any]:
        return list(self._session.execute(f"SELECT {columns} FROM {self._name}{suffix}"))
