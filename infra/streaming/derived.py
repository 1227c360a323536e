"""What a handler derives from its tables, kept beside them for as long as it cannot be wrong."""

from collections.abc import Callable
from typing import Generic, TypeVar, cast

from infra.streaming.turn import OutsideHandlerError, Turn

V = TypeVar("V")


class Derived(Generic[V]):
    """Something a handler builds from the tables of its message's partition, and keeps in step.

    It is gone, and built again when it is asked for, once the tables changed otherwise: a message
    was put aside and its writes taken back, or the partition was restored or caught up.
    """

    def __init__(self, name: str, build: Callable[[], V], turn: Turn) -> None:
        self.name = name
        self._build = build
        self._turn = turn

    def get(self) -> V:
        """What was derived, for the partition of the message at hand."""
        state = self._turn.state
        if state is None:
            raise OutsideHandlerError(f"{self.name} is open only to a handler")
        if self.name not in state.derived:
            state.derived[self.name] = self._build()
        return cast(V, state.derived[self.name])
