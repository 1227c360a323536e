"""How far the messages of one webhook have come: what is on its way, what waits, what is next.

Messages of a subscription are counted from 0 and started in order. At most `WINDOW` of them are
tried and not done, so however many wait, a subscription's progress stays small. A webhook that
fails is left alone for longer each time; meanwhile one message at a time finds out whether it is
back. Times are microseconds of event time.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

WINDOW: Final = 10
"""Messages on their way to one subscriber at most, those that wait to be tried again included."""
PAUSES: Final = (10, 30, 120, 600, 1800, 3600, 7200, 14400, 21600)
"""Seconds before the next attempt, after the first, the second, …: about 14 hours in all."""
ATTEMPTS: Final = len(PAUSES) + 1
"""Of a message, after which it is given up; and failures in a row that end a subscription."""
LOST: Final = 86_400_000_000
"""Microseconds after which an attempt that nobody reported of counts as one that failed alone."""
_SECOND: Final = 1_000_000


@dataclass(frozen=True)
class Open:
    """A message that was tried and is not done."""

    number: int
    attempt: int
    due: int | None = None
    """When it is tried again; None: it is on its way."""
    failures: int = 0
    """Failures in a row of the subscription when it was sent: several that fail at once are one."""
    sent_at: int = 0

    def is_due(self, now: int) -> bool:
        """Whether it is time to try it again."""
        return (self.sent_at + LOST if self.due is None else self.due) <= now


@dataclass(frozen=True)
class Progress:
    """The messages of a subscription."""

    next: int = 0
    """The first that was never tried."""
    end: int = 0
    """The number that the next new one gets."""
    open: tuple[Open, ...] = ()
    failures: int = 0
    """In a row."""
    resume_at: int = 0
    """Nothing is tried before that."""

    @property
    def waiting(self) -> int:
        """Messages that are not done."""
        return self.end - self.next + len(self.open)

    @property
    def flying(self) -> int:
        """Messages on their way."""
        return sum(each.due is None for each in self.open)

    def numbers(self) -> Iterator[int]:
        """The messages that are not done, lowest first."""
        yield from sorted(each.number for each in self.open)
        yield from range(self.next, self.end)


def added(progress: Progress) -> tuple[Progress, int]:
    """(the progress with one message more, its number)."""
    return replace(progress, end=progress.end + 1), progress.end


def started(progress: Progress, now: int) -> tuple[Progress, list[Open]]:
    """(the progress, the messages that are to be sent now)."""
    if now < progress.resume_at:
        return progress, []
    flying = sum(each.due is None and not each.is_due(now) for each in progress.open)
    room = max(0, (1 if progress.failures else WINDOW) - flying)
    due = sorted(each.number for each in progress.open if each.is_due(now))[:room]
    again = [
        Open(each.number, each.attempt + 1, None, progress.failures, now)
        for each in progress.open
        if each.number in due
    ]
    fresh = min(room - len(again), WINDOW - len(progress.open), progress.end - progress.next)
    first = [
        Open(number, 1, None, progress.failures, now)
        for number in range(progress.next, progress.next + max(0, fresh))
    ]
    kept = [each for each in progress.open if each.number not in due]
    after = replace(progress, next=progress.next + len(first), open=(*kept, *again, *first))
    return after, [*again, *first]


@dataclass(frozen=True)
class Reported:
    """What a report of an attempt leads to."""

    progress: Progress
    done: bool = False
    """The message needs no further attempt: it arrived, or is given up."""
    given_up: bool = False
    failed: bool = False
    """The subscription failed too often in a row."""


def reported(
    progress: Progress, number: int, attempt: int, delivered: bool, now: int
) -> Reported | None:
    """After a report; None if it is of an attempt that is not under way: a repeat."""
    found = next(
        (
            each
            for each in progress.open
            if (each.number, each.attempt, each.due) == (number, attempt, None)
        ),
        None,
    )
    if found is None:
        return None
    others = tuple(each for each in progress.open if each is not found)
    if delivered:
        return Reported(replace(progress, open=others, failures=0, resume_at=0), done=True)
    failures, resume_at = progress.failures, progress.resume_at
    if found.failures == failures:
        failures += 1
        resume_at = now + _pause(failures)
    failed = failures >= ATTEMPTS
    if attempt >= ATTEMPTS:
        after = replace(progress, open=others, failures=failures, resume_at=resume_at)
        return Reported(after, done=True, given_up=True, failed=failed)
    waiting = replace(found, due=now + _pause(attempt))
    after = replace(progress, open=(*others, waiting), failures=failures, resume_at=resume_at)
    return Reported(after, failed=failed)


def due(progress: Progress) -> int | None:
    """When something can be started, if nothing is reported before; None: not before a report."""
    if progress.flying >= (1 if progress.failures else WINDOW):
        return None
    times = [each.due for each in progress.open if each.due is not None]
    if progress.next < progress.end and len(progress.open) < WINDOW:
        times.append(0)
    return max(progress.resume_at, min(times)) if times else None


def _pause(times: int) -> int:
    return PAUSES[min(times, len(PAUSES)) - 1] * _SECOND
