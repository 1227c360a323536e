"""CQL of views in Cassandra, from their declarations."""

# ruff: noqa: S608 - names come from settings and from declarations of views; values are bound

from collections.abc import Iterable, Iterator
from typing import Final

from sinks.rows import Key
from sinks.view import View

_TYPES: Final = {str: "text", int: "bigint", float: "double", bool: "boolean"}


class Statements:
    """Every statement, with the tables of one keyspace."""

    def __init__(self, keyspace: str) -> None:
        active, names = f"{keyspace}.view_active", f"{keyspace}.view_generations"
        positions = f"{keyspace}.view_positions"
        self._keyspace = keyspace
        self.shared_tables = (
            f"CREATE TABLE IF NOT EXISTS {names} ("
            "view_name text, generation text, PRIMARY KEY (view_name, generation))",
            f"CREATE TABLE IF NOT EXISTS {active} ("
            "view_name text PRIMARY KEY, generation text, held boolean)",
            f"CREATE TABLE IF NOT EXISTS {positions} (view_name text, generation text, "
            "topic text, partition int, offset bigint, marks text, "
            "PRIMARY KEY ((view_name, generation), topic, partition))",
        )
        self.active = f"SELECT generation, held FROM {active} WHERE view_name = ?"
        self.current = f"SELECT view_name, generation FROM {active}"
        self.switch = f"INSERT INTO {active} (view_name, generation, held) VALUES (?, ?, null)"
        self.start = f"INSERT INTO {active} (view_name, generation) VALUES (?, ?) USING TIMESTAMP 1"
        """Older than any `switch`, so that it can be repeated at any time."""
        self.hold = f"UPDATE {active} USING TTL ? SET held = true WHERE view_name = ?"
        self.names = f"SELECT generation FROM {names} WHERE view_name = ?"
        self.add_name = f"INSERT INTO {names} (view_name, generation) VALUES (?, ?)"
        self.drop_name = f"DELETE FROM {names} WHERE view_name = ? AND generation = ?"
        self.positions = (
            f"SELECT topic, partition, offset, marks FROM {positions} "
            "WHERE view_name = ? AND generation = ?"
        )
        self.set_position = (
            f"INSERT INTO {positions} (view_name, generation, topic, partition, offset, marks) "
            "VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"
        )
        self.drop_positions = f"DELETE FROM {positions} WHERE view_name = ? AND generation = ?"

    def create(self, view: View, generation: str, tombstone_seconds: int) -> Iterator[str]:
        """Makes the tables of a generation: its own, so that dropping them leaves nothing."""
        kinds = {**view.key, **view.columns, **dict.fromkeys(_part(view), int)}
        columns = ", ".join(f"{name} {_TYPES[kind]}" for name, kind in kinds.items())
        first, *rest = view.key
        key = ", ".join([f"({', '.join([first, *_part(view)])})", *rest])
        order = ", ".join(
            f"{name} {'DESC' if name in view.newest_first else 'ASC'}" for name in rest
        )
        clustering = f"CLUSTERING ORDER BY ({order}) AND " if rest else ""
        yield (
            f"CREATE TABLE IF NOT EXISTS {self._table(view, generation)} "
            f"({columns}, PRIMARY KEY ({key})) "
            f"WITH {clustering}gc_grace_seconds = {tombstone_seconds}"
        )
        if view.part_of is not None:
            yield (
                f"CREATE TABLE IF NOT EXISTS {self._table(view, generation)}_parts "
                f"({first} {_TYPES[view.key[first]]}, part bigint, PRIMARY KEY ({first}, part)) "
                "WITH CLUSTERING ORDER BY (part DESC)"
            )

    def drop(self, view: View, generation: str) -> Iterator[str]:
        """Forgets the tables of a generation."""
        yield f"DROP TABLE IF EXISTS {self._table(view, generation)}"
        if view.part_of is not None:
            yield f"DROP TABLE IF EXISTS {self._table(view, generation)}_parts"

    def add_part(self, view: View, generation: str) -> str:
        """Says, before they are there, that a part may have rows: first key column, part, version,
        TTL.
        """
        first = next(iter(view.key))
        return (
            f"INSERT INTO {self._table(view, generation)}_parts ({first}, part) VALUES (?, ?) "
            "USING TIMESTAMP ? AND TTL ?"
        )

    def parts(self, view: View, generation: str) -> str:
        """The parts of a first key column below a number, the highest first; and how many."""
        table, first = self._table(view, generation), next(iter(view.key))
        return f"SELECT part FROM {table}_parts WHERE {first} = ? AND part < ? LIMIT ?"

    def part(self, view: View, generation: str) -> str:
        """Reads the rows of a part: first key column, part, limit."""
        first = next(iter(view.key))
        return f"{self.scan(view, generation)} WHERE {_equal([first, *_part(view)])} LIMIT ?"

    def insert(self, view: View, generation: str) -> str:
        """Writes cells of a row at a version: place, columns, version, TTL (0: for good)."""
        names = [*_place(view), *view.columns]
        marks = ", ".join("?" * len(names))
        return (
            f"INSERT INTO {self._table(view, generation)} ({', '.join(names)}) VALUES ({marks}) "
            "USING TIMESTAMP ? AND TTL ?"
        )

    def delete(self, view: View, generation: str) -> str:
        """Deletes a row at a version: the version, then the place."""
        table = self._table(view, generation)
        return f"DELETE FROM {table} USING TIMESTAMP ? WHERE {_equal(_place(view))}"

    def get(self, view: View, generation: str) -> str:
        """Reads a row: place."""
        return f"{self.scan(view, generation)} WHERE {_equal(_place(view))}"

    def scan(self, view: View, generation: str) -> str:
        """Reads all rows: key columns, then columns."""
        names = ", ".join([*view.key, *view.columns])
        return f"SELECT {names} FROM {self._table(view, generation)}"

    def pages(
        self,
        view: View,
        generation: str,
        after: Key | None,
        within: str | None,
    ) -> Iterator[tuple[str, tuple[str | int, ...]]]:
        """Statements, and their values but the limit, that read on after a row, one after another.

        Without the parts of `within` below that of the row. By keys, and not by the driver's paging
        state: a client could send one that the server cannot read, upon which the driver takes the
        server for broken.
        """
        scan = self.scan(view, generation)
        first, *rest = view.key
        partition = [first, *_part(view)]
        if after is not None:
            place = place_of(view, after)[: len(partition)]
            for depth in reversed(range(len(rest))):
                order = "<" if rest[depth] in view.newest_first else ">"
                where = f"{_equal([*partition, *rest[:depth]])} AND {rest[depth]} {order} ?"
                yield f"{scan} WHERE {where} LIMIT ?", (*place, *after[1 : depth + 2])
            if within is None:
                names, marks = ", ".join(partition), ", ".join("?" * len(partition))
                yield f"{scan} WHERE token({names}) > token({marks}) LIMIT ?", place
        elif within is None:
            yield f"{scan} LIMIT ?", ()
        elif view.part_of is None:
            yield f"{scan} WHERE {first} = ? LIMIT ?", (within,)

    def _table(self, view: View, generation: str) -> str:
        return f"{self._keyspace}.{view.name.replace('-', '_')}_{generation}"


def place_of(view: View, key: Key) -> Key:
    """Where a row lies, as values of statements: the first key column, its part, the others."""
    return key if view.part_of is None else (key[0], view.part_of(key), *key[1:])


def _place(view: View) -> list[str]:
    first, *rest = view.key
    return [first, *_part(view), *rest]


def _part(view: View) -> list[str]:
    return [] if view.part_of is None else ["part"]


def _equal(names: Iterable[str]) -> str:
    return " AND ".join(f"{name} = ?" for name in names)
