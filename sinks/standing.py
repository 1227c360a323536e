"""What was read, and whether it is still so: what an answer that is kept stands on."""

from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from sinks.rows import Columns, Key
from sinks.store import Page
from sinks.view import View

Value = TypeVar("Value")


class Read(Generic[Value]):
    """Something that was read. Not to be changed: others have it too."""

    __slots__ = ("stands", "value")

    def __init__(self, value: Value, stands: bool = False) -> None:
        self.value = value
        self.stands = stands
        """Whether nobody has written it since, as far as is known here."""


class Lease(Protocol):
    """Whether what is known here can be relied upon: that a write would have been heard of."""

    @property
    def stands(self) -> bool:
        """True while it can."""
        ...


@runtime_checkable
class Telling(Protocol):
    """A store that says of what was read when it is written. Raises Unavailable as any store."""

    @property
    def lease(self) -> Lease:
        """Counts for everything read from it."""
        ...

    async def active(self, view: View) -> Read[str]:
        """The generation that is read."""
        ...

    async def row(self, view: View, generation: str, key: Key) -> Read[Columns | None]:
        """A row with its key columns, as `Store.get`."""
        ...

    async def page(
        self, view: View, generation: str, limit: int, cursor: str | None, within: str | None
    ) -> tuple[Page, list[Read[Any]]]:
        """Rows with their key columns, as `Store.scan`; and what they were read from."""
        ...
