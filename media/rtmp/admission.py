"""Who may come in: all connections, those of one address, and those that do not publish yet."""

from collections import Counter
from typing import Protocol

from infra.errors import Refused
from media.rtmp.limits import Limits


class Guest(Protocol):
    """A connection."""

    address: str

    def half_open(self, detail: str) -> None:
        """Drop it: it did not come to publish."""
        ...

    def stop(self) -> None:
        """Hang up because the server stops."""
        ...

    def abort(self) -> None:
        """Close without a word."""
        ...


class Admission:
    """Counts connections from the first packet on, before any handshake."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._guests: set[Guest] = set()
        self._addresses: Counter[str] = Counter()
        self._half_open: dict[Guest, None] = {}

    @property
    def count(self) -> int:
        """Open connections."""
        return len(self._guests)

    def guests(self) -> list[Guest]:
        """All of them, as they are now."""
        return list(self._guests)

    def admit(self, guest: Guest) -> Refused | None:
        """Count a new connection; the reason if it may not publish.

        One that is over a limit still gets to say `connect`, so that it can be told why, as long
        as there is room among the half-open; above that the oldest half-open one is dropped.
        """
        self._guests.add(guest)
        self._addresses[guest.address] += 1
        if len(self._half_open) >= self._limits.max_half_open:
            oldest = next(iter(self._half_open))
            oldest.half_open("too many connections wait to publish; this was the oldest")
        self._half_open[guest] = None
        if self._addresses[guest.address] > self._limits.max_connections_per_address:
            return Refused("too_many_connections", "Too many connections from your address.")
        if len(self._guests) > self._limits.max_connections:
            return Refused("too_many_connections", "The server is full; please try again later.")
        return None

    def publishing(self, guest: Guest) -> None:
        """A connection came as far as `publish`: it is no longer half-open."""
        self._half_open.pop(guest, None)

    def forget(self, guest: Guest) -> None:
        """A connection is gone. Saying so twice is no harm."""
        if guest not in self._guests:
            return
        self._guests.remove(guest)
        self._half_open.pop(guest, None)
        self._addresses[guest.address] -= 1
        if not self._addresses[guest.address]:
            del self._addresses[guest.address]
