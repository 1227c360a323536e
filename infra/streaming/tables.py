"""Tables: what handlers remember, by key, in the partition of the message at hand."""

from collections.abc import Iterator
from typing import Any, Generic, TypeVar, overload

import msgspec

from infra.streaming.journal import PartitionState, pack
from infra.streaming.turn import OutsideHandlerError, Turn

V = TypeVar("V")
D = TypeVar("D")


class Table(Generic[V]):
    """Rows by key, kept by the app's journal; a handler sees those of its message's partition.

    Values are encoded when they are set: change a row by setting it again. The type must be one
    that msgspec can encode (a frozen dataclass or Struct, or a builtin).

    `kept`: how many rows are kept decoded as well. Only for types that nobody can change, down to
    what they hold: tuples, and no lists.
    """

    def __init__(self, name: str, value_type: type[V], turn: Turn, *, kept: int = 0) -> None:
        self.name = name
        self._turn = turn
        self._load = msgspec.msgpack.Decoder(value_type).decode
        self._kept = kept
        self._known: dict[str, tuple[bytes, V]] = {}
        """What a row says, with its very bytes: if others are there, they are decoded."""

    @overload
    def get(self, key: str) -> V | None: ...
    @overload
    def get(self, key: str, default: D) -> V | D: ...
    def get(self, key: str, default: Any = None) -> Any:
        """The row of `key`, or `default`."""
        raw = self._raw(key)
        return default if raw is None else self._value(key, raw)

    def __getitem__(self, key: str) -> V:
        raw = self._raw(key)
        if raw is None:
            raise KeyError(key)
        return self._value(key, raw)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._raw(key) is not None

    def __setitem__(self, key: str, value: V) -> None:
        self._partition()
        raw = pack(value)
        self._turn.write(self.name, key, raw)
        if self._kept:
            self._keep(key, raw, value)

    def __delitem__(self, key: str) -> None:
        if self._raw(key) is None:
            raise KeyError(key)
        self._turn.write(self.name, key, None)

    def items(self) -> Iterator[tuple[str, V]]:
        """Every row of this partition, as it stands now; writing meanwhile is allowed."""
        rows = self._partition().table(self.name)
        written = {key: raw for (name, key), raw in self._turn.writes.items() if name == self.name}
        for key, raw in [*rows.items()]:
            if key not in written:
                yield key, self._load(raw)
        for key, value in written.items():
            if value is not None:
                yield key, self._load(value)

    def decode(self, raw: bytes) -> V:
        """A row from its bytes."""
        return self._load(raw)

    def _value(self, key: str, raw: bytes) -> V:
        if not self._kept:
            return self._load(raw)
        known = self._known.get(key)
        if known is not None and known[0] is raw:
            return known[1]
        value = self._load(raw)
        self._keep(key, raw, value)
        return value

    def _keep(self, key: str, raw: bytes, value: V) -> None:
        if len(self._known) >= self._kept and key not in self._known:
            self._known.clear()
        self._known[key] = raw, value

    def _partition(self) -> PartitionState:
        if self._turn.state is None:
            raise OutsideHandlerError(f"table {self.name} is open only to a handler")
        return self._turn.state

    def _raw(self, key: str) -> bytes | None:
        turn, name = self._turn, self.name
        state = turn.state or self._partition()
        written = turn.writes
        if written and (name, key) in written:
            return written[name, key]
        rows = state.tables.get(name)
        return rows.get(key) if rows else None
