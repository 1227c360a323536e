"""What a view is: which messages it reads, and the rows that follow from each."""

from collections.abc import Callable, Mapping
from typing import Final, Literal

import msgspec

from infra.errors import InvalidRecord
from infra.record import Envelope
from sinks.rows import Key, Row, Value, deleted, upserted

LONGEST_KEY: Final = 1000

StoreKind = Literal["redis", "cassandra"]


class Upsert(msgspec.Struct, frozen=True):
    """Sets some columns of a row; the others stay as they are."""

    key: str | Key
    columns: Mapping[str, Value]


class Delete(msgspec.Struct, frozen=True):
    """Removes a row."""

    key: str | Key


Change = Upsert | Delete


class Retention(msgspec.Struct, frozen=True):
    """That rows are kept only for so long after their time (`sinks.retention`)."""

    name: str
    """What its setting is called. Views of the same name keep their rows equally long."""
    time_of: Callable[[Key], int | None]
    """The time of a row, in microseconds, from its key; None: unknown, it is kept for good."""


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A view. Its module in `sinks/views` is all there is of it.

    Positions of different partitions do not compare. So each column of a row is fed by one
    partition of one topic, and a row that is ever deleted has only one partition that feeds it.
    """

    name: str
    """Kebab-case, as in `millrace prove NAME`."""
    purpose: str
    """What it is for, one line."""
    topics: tuple[str, ...]
    store: StoreKind
    key: dict[str, type]
    """Key columns and their types, in order. The first one says where a row lies in Cassandra."""
    columns: dict[str, type]
    """The other columns and their types: str, int, float or bool. Any may be None."""
    project: Callable[[Envelope], list[Change]]
    """The changes that follow from a message; at most one to a row. Pure."""
    newest_first: tuple[str, ...] = ()
    """Key columns after the first whose order in Cassandra is descending."""
    part_of: Callable[[Key], int] | None = None
    """Which part of the rows that share the first key column a row lies in. Each part is a
    partition of its own in Cassandra, where a partition should not grow without bound. A scan of
    rows that share the first key column reads parts from the highest number down.
    """
    log_key: str | None = None
    """The key column that is also the key of the messages: `as-of` then reads one partition."""
    compacted: bool = False
    """Whether its topics are compacted: numbers that are missing there are no hole."""
    expires: int | None = None
    """Seconds after which a row goes by itself. Redis only, and for good: such a view is a notice
    board, not a state. Nothing is proved of it, it has no scans, older messages are passed over,
    and who watches a row (`sinks.watch`) hears of each write to it, after all other views have it.
    """

    retention: Retention | None = None
    """Whose rows are kept for as long as a setting says; None: for good. Cassandra only. Such rows
    follow from the log and the time: what is proved of them is what should still be there.
    """

    @property
    def lasting(self) -> bool:
        """Whether the rows are those that follow from the whole log."""
        return self.expires is None

    def key_of(self, key: str | Key) -> Key:
        """A key in its full form. Raises InvalidRecord if it does not fit the view."""
        full = (key,) if isinstance(key, str) else tuple(key)
        if len(full) != len(self.key):
            raise InvalidRecord(f"{self.name}: a key has the columns {', '.join(self.key)}")
        for (name, kind), value in zip(self.key.items(), full, strict=True):
            _check(self, name, kind, value)
            if value == "" or (isinstance(value, str) and len(value) > LONGEST_KEY):
                raise InvalidRecord(f"{self.name}.{name} must have 1 to {LONGEST_KEY} characters")
        return full


def changes(view: View, message: Envelope, version: int) -> dict[Key, Row]:
    """The versioned changes that follow from a message.

    Raises InvalidRecord if the view cannot take it, or breaks its own declaration.
    """
    found: dict[Key, Row] = {}
    for change in _project(view, message):
        key = view.key_of(change.key)
        if key in found:
            raise InvalidRecord(f"{view.name}: a message may change a row once, {key} twice")
        if isinstance(change, Delete):
            found[key] = deleted(version)
            continue
        if not change.columns:
            raise InvalidRecord(f"{view.name}: an upsert has at least one column")
        for name, value in change.columns.items():
            if name not in view.columns:
                raise InvalidRecord(f"{view.name}: {name} is not one of its columns")
            if value is not None:
                _check(view, name, view.columns[name], value)
        found[key] = upserted(change.columns, version)
    return found


def _project(view: View, message: Envelope) -> list[Change]:
    try:
        return view.project(message)
    except InvalidRecord:
        raise
    except Exception as error:  # a fault of one view's code must not stop the others
        raise InvalidRecord(f"{view.name} cannot project {message.event!r}: {error!r}") from error


def _check(view: View, name: str, kind: type, value: Value) -> None:
    if type(value) is not kind:
        raise InvalidRecord(f"{view.name}.{name} is {value!r}, must be {kind.__name__}")
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        raise InvalidRecord(f"{view.name}.{name} is {value}, must fit into 64 bits")
