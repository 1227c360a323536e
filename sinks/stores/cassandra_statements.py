"""CQL of views in Cassandra, from their declarations."""

# ruff: noqa: S608 - names come from settings and from declarations of views; values are bound

from collections.abc import Iterator
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

    def create(self, view: View, generation: str, tombstone_seconds: int) -> str:
        """Makes the table of a generation: one each, so that dropping it leaves nothing behind."""
        columns = ", ".join(
            f"{name} {_TYPES[kind]}" for name, kind in (view.key | view.columns).items()
        )
        first, *rest = view.key
        key = ", ".join([f"({first})", *rest])
        order = ", ".join(
            f"{name} {'DESC' if name in view.newest_first else 'ASC'}" for name in rest
        )
        clustering = f"CLUSTERING ORDER BY ({order}) AND " if rest else ""
        return (
            f"CREATE TABLE IF NOT EXISTS {self._table(view, generation)} "
            f"({columns}, PRIMARY KEY ({key})) "
            f"WITH {clustering}gc_grace_seconds = {tombstone_seconds}"
        )

    def drop(self, view: View, generation: str) -> str:
        """Forgets the table of a generation."""
        return f"DROP TABLE IF EXISTS {self._table(view, generation)}"

    def insert(self, view: View, generation: str) -> str:
        """Writes cells of a row at a version: key columns, then columns, then the version."""
        names = [*view.key, *view.columns]
        marks = ", ".join("?" * len(names))
        return (
            f"INSERT INTO {self._table(view, generation)} ({', '.join(names)}) VALUES ({marks}) "
            "USING TIMESTAMP ?"
        )

    def delete(self, view: View, generation: str) -> str:
        """Deletes a row at a version: the version, then the key columns."""
        table = self._table(view, generation)
        return f"DELETE FROM {table} USING TIMESTAMP ? WHERE {_equal(view)}"

    def get(self, view: View, generation: str) -> str:
        """Reads a row."""
        return f"{self.scan(view, generation)} WHERE {_equal(view)}"

    def scan(self, view: View, generation: str) -> str:
        """Reads all rows: key columns, then columns."""
        names = ", ".join([*view.key, *view.columns])
        return f"SELECT {names} FROM {self._table(view, generation)}"

    def pages(
        self, view: View, generation: str, after: Key | None, within: str | None
    ) -> Iterator[tuple[str, tuple[str | int, ...]]]:
        """Statements, and their values but the limit, that read on after a row, one after another.

        By keys, and not by the driver's paging state: a client could send one that the server
        cannot read, upon which the driver takes the server for broken.
        """
        scan = self.scan(view, generation)
        first, *rest = view.key
        if after is None:
            where, values = (f" WHERE {first} = ?", (within,)) if within is not None else ("", ())
            yield f"{scan}{where} LIMIT ?", values
            return
        for depth in reversed(range(len(rest))):
            same = "".join(f" AND {name} = ?" for name in rest[:depth])
            order = "<" if rest[depth] in view.newest_first else ">"
            where = f"{first} = ?{same} AND {rest[depth]} {order} ?"
            yield f"{scan} WHERE {where} LIMIT ?", after[: depth + 2]
        if within is None:
            yield f"{scan} WHERE token({first}) > token(?) LIMIT ?", after[:1]

    def _table(self, view: View, generation: str) -> str:
        return f"{self._keyspace}.{view.name.replace('-', '_')}_{generation}"


def _equal(view: View) -> str:
    return " AND ".join(f"{name} = ?" for name in view.key)
