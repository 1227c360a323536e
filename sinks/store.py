"""What the writer, the reader and the proof need from a store of views."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

import msgspec
from aiokafka import TopicPartition

from infra.errors import MillraceError
from sinks.rows import Columns, Key, Row
from sinks.view import View

FIRST: Final = "first"
"""The generation that a view starts with. Names of generations are never used twice."""

TOMBSTONE_SECONDS: Final = 86_400
"""How long the version of a deletion is kept after a row is gone.

Only a write from before the stored position can be older than it: one in flight, or in the hands
of a writer that was stopped in the middle of a batch.
"""


class Superseded(MillraceError):
    """The generation is not the active one any more, or was dropped: go on from the active one."""


class Position(msgspec.Struct, frozen=True):
    """How far a generation of a view has got in one topic partition."""

    offset: int
    """Of the next message: all before it are in the rows."""
    marks: dict[str, int] = {}
    """High-water marks of the producers (`infra.continuity.Continuity`)."""


Positions = dict[TopicPartition, Position]


class Generations(msgspec.Struct, frozen=True):
    """The generations of a view: one is read, others are being filled or about to be dropped."""

    active: str
    names: frozenset[str]


class Page(NamedTuple):
    """Some rows, and the cursor that the next ones follow; None after the last row."""

    rows: Sequence[tuple[Key, Columns]]
    cursor: str | None


class Store(Protocol):
    """Keeps the rows of views, each in generations, and beside them how far they have got.

    Every method raises Unavailable if the server is away.
    """

    async def setup(self, views: Sequence[View]) -> None:
        """Create what is missing. Call first; may be called again."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...

    async def generations(self, view: View) -> Generations:
        """Which generations there are."""
        ...

    async def current(self, views: Sequence[View]) -> dict[str, str]:
        """The active generation of each of these views, by name: in one go."""
        ...

    async def begin(self, view: View) -> str:
        """Make an empty generation, and return its name."""
        ...

    async def apply(
        self,
        view: View,
        generation: str,
        rows: Mapping[Key, Row],
        positions: Mapping[TopicPartition, Position],
        *,
        live: bool,
    ) -> None:
        """Merge changes into rows, then store positions; neither ever goes back to older ones.

        `live` writes only to the active generation and raises Unavailable while the view is held.
        Raises Superseded if the generation is not active (`live`) or was dropped.
        """
        ...

    async def get(self, view: View, generation: str, key: Key) -> Columns | None:
        """A row's columns without those that are None; None if there is no such row."""
        ...

    async def scan(
        self,
        view: View,
        generation: str,
        limit: int,
        cursor: str | None = None,
        within: str | None = None,
    ) -> Page:
        """Rows in the store's own order; `within` keeps those whose first key column it is.

        Raises InvalidRecord for a cursor that it did not give out.
        """
        ...

    async def positions(self, view: View, generation: str) -> Positions:
        """The stored positions."""
        ...

    async def hold(self, view: View, seconds: float) -> None:
        """Keep live writers from the view until `switch`, or for so long."""
        ...

    async def switch(self, view: View, generation: str) -> None:
        """Make a generation the active one. Raises Superseded if it was dropped."""
        ...

    async def drop(self, view: View, generation: str) -> None:
        """Forget a generation that is not active, with its rows and positions."""
        ...


async def clear(store: Store, view: View) -> None:
    """Empty a view: its writer starts again from the beginning of the log."""
    await store.switch(view, await store.begin(view))
    found = await store.generations(view)
    for name in found.names - {found.active}:
        await store.drop(view, name)
