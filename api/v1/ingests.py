"""`/v1/ingests`, and `/ingests` as encoders read it: where to send a broadcast."""

from typing import Annotated

import msgspec
from aiohttp import web

from api import ingests
from api.access import public
from api.call import Call, endpoint
from api.edge import PLACES
from api.ingests import LoadRow, Place, Ranked, Seeker
from api.proxies import proxies
from api.v1.resources import Page, timestamp
from api.views import INGEST_LOAD, typed
from infra.errors import InvalidRecord

MOST_INGESTS = 1000
"""Processes that are counted."""


class Offered(msgspec.Struct, frozen=True):
    """Where a gateway sends publishers."""

    places: tuple[Place, ...] = ()
    """Empty: the one that `api.places` knows."""
    country_header: str = ""
    """Of trusted proxies; empty: none says where somebody is."""


OFFERED: web.AppKey[Offered] = web.AppKey("ingests", Offered)


class WhereQuery(msgspec.Struct, frozen=True):
    """Where you are."""

    lat: Annotated[float, msgspec.Meta(ge=-90, le=90, description="Degrees north.")] | None = None
    lon: Annotated[float, msgspec.Meta(ge=-180, le=180, description="Degrees east.")] | None = None
    region: Annotated[
        str, msgspec.Meta(max_length=64, description="A region, as in the answer.")
    ] = ""


class Ingest(msgspec.Struct, frozen=True):
    """A place to send a broadcast to."""

    id: str
    name: str
    region: str
    country: str
    """ISO 3166-1; empty if not said."""
    rtmp_url: str
    """The stream key is yours."""
    rtmps_url: str | None
    available: bool
    """False: nothing was heard of it in the last 15 s."""
    full: bool
    """Whether others are to be taken first."""
    load: float | None
    """From 0 to 1; null while it is away."""
    distance_km: float | None
    """Null if it, or where you are, is not known."""


class DialectIngest(msgspec.Struct, frozen=True, rename={"number": "_id"}):
    """A place to send a broadcast to, as the dialect names it."""

    number: int
    name: str
    url_template: str
    url_template_secure: str
    """Empty: none with TLS."""
    availability: float
    """From 0, full, to 1."""
    priority: int
    """1 is the best."""
    default: bool


class DialectIngests(msgspec.Struct, frozen=True):
    """The dialect's list."""

    ingests: list[DialectIngest]


async def list_ingests(call: Call, query: WhereQuery) -> Page[Ingest]:
    """Where to send a broadcast: the nearest first, full ones last, those that are away at the end.

    You are where `lat` and `lon` or `region` say, else where a proxy of the platform says.
    """
    found = [_ingest(each) for each in await _ranked(call, query)]
    return Page(found, None, timestamp(call.now))


async def list_for_encoders(call: Call, query: WhereQuery) -> DialectIngests:
    """The same for encoders, as the list of Twitch has it; what is away is left out.

    If all are away all are named, with the availability 0: an encoder needs one to try.
    """
    found = await _ranked(call, query)
    shown = [each for each in found if each.available] or found
    numbers = {place.id: number for number, place in enumerate(_places(call), 1)}
    return DialectIngests(
        [
            DialectIngest(
                number=numbers[each.place.id],
                name=each.place.name,
                url_template=f"{each.place.rtmp_url}/{{stream_key}}",
                url_template_secure=_template(each.place.rtmps_url),
                availability=round(1 - each.load.share, 2) if each.load else 0.0,
                priority=priority,
                default=priority == 1,
            )
            for priority, each in enumerate(shown, 1)
        ]
    )


async def _ranked(call: Call, query: WhereQuery) -> list[Ranked]:
    if (query.lat is None) != (query.lon is None):
        raise InvalidRecord("lat, lon: are given both or neither")
    header = call.request.app[OFFERED].country_header
    country = proxies(call.request).header(call.request, header)[:2]
    seeker = Seeker(query.lat, query.lon, query.region, country)
    rows, _ = await call.views.scan(INGEST_LOAD, MOST_INGESTS)
    load = ingests.loads((typed(row, LoadRow) for row in rows), call.now)
    return ingests.ranked(_places(call), load, seeker)


def _places(call: Call) -> tuple[Place, ...]:
    offered = call.request.app[OFFERED].places
    url = call.request.app[PLACES].rtmp(call.request)
    return offered or (Place("local", "Millrace", url),)


def _ingest(each: Ranked) -> Ingest:
    place = each.place
    return Ingest(
        id=place.id,
        name=place.name,
        region=place.region,
        country=place.country,
        rtmp_url=place.rtmp_url,
        rtmps_url=place.rtmps_url or None,
        available=each.available,
        full=each.full,
        load=None if each.load is None else round(each.load.share, 4),
        distance_km=None if each.distance is None else round(each.distance, 1),
    )


def _template(url: str) -> str:
    return f"{url}/{{stream_key}}" if url else ""


ROUTES = (
    endpoint("GET", "/v1/ingests", list_ingests, public),
    endpoint("GET", "/ingests", list_for_encoders, public),
)
