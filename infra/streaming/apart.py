"""Tables apart from any worker: one partition's, in this process only, for who asks "what if"."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

V = TypeVar("V")
Built_co = TypeVar("Built_co", covariant=True)


class Rows(Protocol[V]):
    """What rules see of a table: a worker's `Table`, or a dict. Rows are never changed in place."""

    def get(self, key: str, /) -> V | None:
        """The row of `key`; None: there is none."""
        ...

    def __getitem__(self, key: str, /) -> V: ...
    def __contains__(self, key: object, /) -> bool: ...
    def __setitem__(self, key: str, value: V, /) -> None: ...
    def __delitem__(self, key: str, /) -> None: ...
    def items(self) -> Iterable[tuple[str, V]]:
        """All rows."""
        ...


class Built(Protocol[Built_co]):
    """What is derived from tables: a worker's `Derived`, or one that is `Kept`."""

    def get(self) -> Built_co:
        """What was derived."""
        ...


class MakesTables(Protocol):
    """Makes tables: a worker's app, or `TablesApart`."""

    def Table(  # noqa: N802 - Faust's name
        self, name: str, *, value_type: type[V], kept: int = 0
    ) -> Rows[V]:
        """A table of that name, of which some rows may be kept decoded."""
        ...

    def Derived(self, name: str, build: Callable[[], V]) -> Built[V]:  # noqa: N802 - as Table
        """Something that is built from tables, and kept in step with them."""
        ...


@dataclass(frozen=True)
class Kept(Generic[V]):
    """What was derived once. Nothing here is taken back, so that it stays in step."""

    value: V

    def get(self) -> V:
        """What was derived."""
        return self.value


class TablesApart:
    """Makes tables that are dicts: no journal, no worker, gone with their owner."""

    def Table(  # noqa: N802 - as App
        self, name: str, *, value_type: type[V], kept: int = 0
    ) -> Rows[V]:
        """An empty table."""
        return dict[str, V]()

    def Derived(self, name: str, build: Callable[[], V]) -> Built[V]:  # noqa: N802 - as App
        """Built now, from empty tables."""
        return Kept(build())
