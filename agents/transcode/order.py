"""Names in the order of a number each, found by it without looking at all."""

from bisect import bisect_left, insort
from collections.abc import Iterator


class Order:
    """Names by number. A few thousand: then moving a list's end is cheaper than a tree."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._sorted: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self._sorted)

    def put(self, name: str, number: int | None) -> None:
        """Give a name another number; None takes it out."""
        before = self._numbers.get(name)
        if before == number:
            return
        if before is not None:
            del self._sorted[bisect_left(self._sorted, (before, name))]
        if number is None:
            del self._numbers[name]
        else:
            self._numbers[name] = number
            insort(self._sorted, (number, name))

    def number(self, name: str) -> int | None:
        """The number of a name."""
        return self._numbers.get(name)

    def at(self, place: int) -> tuple[int, str]:
        """The number and the name in a place, counted from the lowest."""
        return self._sorted[place]

    def some(self, most: int) -> list[str]:
        """Names, the lowest number first, at most so many."""
        return [name for _, name in self._sorted[:most]]

    def highest(self) -> int:
        """The highest number; -1 if there is none."""
        return self._sorted[-1][0] if self._sorted else -1

    def up_from(self, number: int) -> Iterator[str]:
        """Names with this number or a higher one, the lowest first."""
        for place in range(bisect_left(self._sorted, (number, "")), len(self._sorted)):
            yield self._sorted[place][1]

    def down(self) -> Iterator[str]:
        """Names, the highest number first; of equal numbers the last name first."""
        for _, name in reversed(self._sorted):
            yield name
