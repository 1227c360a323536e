"""Where publishers may send to: nearest first, and those that are full last. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

FRESH: Final = 15_000_000
"""Microseconds for which what an ingest said of itself counts; it does so every five seconds."""
FULL: Final = 0.9
"""From this part of its publishers on, an ingest is named last."""
BANDS: Final = (300.0, 800.0, 1500.0, 3000.0, 5000.0, 8000.0, 12_000.0)
"""Kilometres: what is as far as something else is told from it by its load."""
_EARTH: Final = 6371.0


class Place(msgspec.Struct, frozen=True):
    """A place that publishers may send to."""

    id: str
    name: str
    rtmp_url: str
    """Without the stream key: `rtmp://host/live`."""
    rtmps_url: str = ""
    region: str = ""
    country: str = ""
    """ISO 3166-1."""
    latitude: float | None = None
    longitude: float | None = None


class LoadRow(msgspec.Struct, frozen=True):
    """A row of `ingest-load`."""

    place: str
    sessions: int
    max_sessions: int
    measured_at: int
    """Microseconds since 1970."""


class Load(NamedTuple):
    """Publishers that the ingests of a place have, and take at most."""

    sessions: int
    max_sessions: int

    @property
    def share(self) -> float:
        """How full they are, from 0 to 1."""
        return min(1.0, self.sessions / self.max_sessions) if self.max_sessions else 1.0


class Seeker(NamedTuple):
    """What is known of where somebody is."""

    latitude: float | None = None
    longitude: float | None = None
    region: str = ""
    country: str = ""


class Ranked(NamedTuple):
    """A place, and what speaks for it."""

    place: Place
    load: Load | None
    """None: nothing was heard of it lately."""
    distance: float | None
    """Kilometres, along a great circle; None if unknown."""

    @property
    def available(self) -> bool:
        """Whether publishers may be sent there."""
        return self.load is not None

    @property
    def full(self) -> bool:
        """Whether others are to be taken first."""
        return self.load is not None and self.load.share >= FULL


def loads(rows: Iterable[LoadRow], now: int) -> dict[str, Load]:
    """The load of each place that something was heard of lately; `now` in microseconds."""
    found: dict[str, Load] = {}
    for row in rows:
        if now - row.measured_at <= FRESH:
            known = found.get(row.place, Load(0, 0))
            found[row.place] = Load(
                known.sessions + row.sessions, known.max_sessions + row.max_sessions
            )
    return found


def ranked(places: Sequence[Place], load: Mapping[str, Load], seeker: Seeker) -> list[Ranked]:
    """All places, the best first.

    Those that are away come last, before them those that are full; the others by how far they are,
    in bands, then by how full, then as they are given. Somebody's own region or country is the
    nearest band; what else is near is told by where the places of it lie.
    """
    where = _where(places, seeker)
    found = [Ranked(place, load.get(place.id), _distance(place, where)) for place in places]
    return sorted(found, key=lambda each: _key(each, seeker))


def _key(each: Ranked, seeker: Seeker) -> tuple[bool, bool, int, float]:
    return (
        not each.available,
        each.full,
        0 if _own(each.place, seeker) else _band(each.distance),
        each.load.share if each.load else 1.0,
    )


def _own(place: Place, seeker: Seeker) -> bool:
    region, country = seeker.region.casefold(), seeker.country.casefold()
    if seeker.latitude is not None:
        return False
    if region:
        return place.region.casefold() == region
    return bool(country) and place.country.casefold() == country


def _band(distance: float | None) -> int:
    if distance is None:
        return len(BANDS) + 1
    return sum(distance >= bound for bound in BANDS)


def _where(places: Sequence[Place], seeker: Seeker) -> tuple[float, float] | None:
    """Latitude and longitude of somebody, or of the first place of their region or country."""
    if seeker.latitude is not None and seeker.longitude is not None:
        return seeker.latitude, seeker.longitude
    for place in places:
        if _own(place, seeker) and place.latitude is not None and place.longitude is not None:
            return place.latitude, place.longitude
    return None


def _distance(place: Place, where: tuple[float, float] | None) -> float | None:
    if where is None or place.latitude is None or place.longitude is None:
        return None
    (one, east), (other, west) = where, (place.latitude, place.longitude)
    latitude, longitude = math.radians(other - one), math.radians(west - east)
    half = (
        math.sin(latitude / 2) ** 2
        + math.cos(math.radians(one)) * math.cos(math.radians(other)) * math.sin(longitude / 2) ** 2
    )
    return 2 * _EARTH * math.asin(min(1.0, math.sqrt(half)))
