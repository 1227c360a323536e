"""`/operations`: pools of transcoders, who waits, and room held for events to come."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any, Final

from aiohttp import web

from api.access import Principal
from api.call import Call
from api.commands import uuid7
from api.errors import CommandRefused, Forbidden
from api.oauth2.answers import Parameters
from api.oauth2.rendering import for_session, page, see_other, sent_form, sentence
from api.oauth2.sessions import Session
from api.oauth2.standing import PAGES
from api.operations.overview import overviews
from api.routes import PRINCIPAL
from api.v1.ladders import POOL
from api.v1.parameters import is_id
from api.views import CHANNELS, ChannelRow, typed
from infra.errors import InvalidRecord
from schemas.records.transcode import (
    CancelReservation,
    CapacityReserved,
    ReservationEnded,
    ReserveCapacity,
)

PICTURES: Final = {
    "1080p60": (1920, 1080, 60.0),
    "1080p30": (1920, 1080, 30.0),
    "720p60": (1280, 720, 60.0),
    "720p30": (1280, 720, 30.0),
}
"""Sources that room is reserved for."""
MOST_HOURS: Final = 72
DONE: Final = {
    "reserved": "Room is reserved.",
    "cancelled": "The reservation was given up.",
}
"""What a form has done, said on the page that follows it."""

Page = Callable[[web.Request, Call], Awaitable[web.StreamResponse]]


def for_operators(function: Page) -> Any:
    """A page for who is signed in, and an operator."""

    @for_session
    @wraps(function)
    async def handle(request: web.Request, session: Session) -> web.StreamResponse:
        if "operator" not in session.user.roles.split():
            raise Forbidden("This page is for operators of the platform.")
        request[PRINCIPAL] = Principal(session.user.user_id, PAGES, roles=frozenset({"operator"}))
        return await function(request, Call(request))

    return handle


@for_operators
async def get_operations(request: web.Request, call: Call) -> web.StreamResponse:
    """What makes renditions, and for whom."""
    return await _operations(request, call)


@for_operators
async def post_reservation(request: web.Request, call: Call) -> web.StreamResponse:
    """Hold room for an event to come."""
    given = await sent_form(request)
    try:
        command = await _reservation(call, given)
        await call.ask("transcode-commands", command.pool, command, CapacityReserved)
    except (CommandRefused, InvalidRecord) as error:
        shown = {"error": sentence(error), "given": given}
        return await _operations(request, call, status=422, **shown)
    return see_other("/operations?done=reserved")


@for_operators
async def post_cancel(request: web.Request, call: Call) -> web.StreamResponse:
    """Give a reservation up."""
    given = await sent_form(request)
    command = CancelReservation(
        pool=call.request.app[POOL],
        reservation_id=is_id(given.get("reservation_id", ""), "reservation"),
    )
    try:
        await call.ask("transcode-commands", command.pool, command, ReservationEnded)
    except CommandRefused as refusal:
        return await _operations(request, call, status=422, error=sentence(refusal))
    return see_other("/operations?done=cancelled")


async def _operations(
    request: web.Request, call: Call, *, status: int = 200, **shown: Any
) -> web.Response:
    tomorrow = datetime.fromtimestamp(call.now / 1e6, UTC) + timedelta(days=1)
    blank: Parameters = {}
    values: dict[str, Any] = {
        "pools": await overviews(call),
        "pictures": list(PICTURES),
        "most_hours": MOST_HOURS,
        "begins": f"{tomorrow:%Y-%m-%dT20:00}",
        "reservation_id": str(uuid7(call.now)),
        "done": DONE.get(request.query.get("done", ""), ""),
        "error": "",
        "given": blank,
    }
    return await page(request, "operations", status=status, **{**values, **shown})


async def _reservation(call: Call, given: Parameters) -> ReserveCapacity:
    """What the form asks for. Raises InvalidRecord."""
    row = await call.views.get(CHANNELS, given.get("channel", "").strip().lower()[:100] or "-")
    if row is None:
        raise InvalidRecord("there is no channel of this name")
    if (picture := PICTURES.get(given.get("picture", ""))) is None:
        raise InvalidRecord("choose one of the pictures")
    begins, hours = _moment(given.get("begins", "")), _hours(given.get("hours", ""))
    ends = begins + timedelta(hours=hours)
    if ends.timestamp() * 1e6 <= call.now:
        raise InvalidRecord("the event would be over already")
    width, height, frame_rate = picture
    return ReserveCapacity(
        pool=call.request.app[POOL],
        reservation_id=is_id(given.get("reservation_id", ""), "reservation"),
        channel_id=typed(row, ChannelRow).channel_id,
        begins_at=int(begins.timestamp() * 1e6),
        ends_at=int(ends.timestamp() * 1e6),
        width=width,
        height=height,
        frame_rate=frame_rate,
    )


def _moment(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M").replace(tzinfo=UTC)
    except ValueError as error:
        raise InvalidRecord("say when it begins") from error


def _hours(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= MOST_HOURS):
        raise InvalidRecord(f"it may last 1 to {MOST_HOURS} hours")
    return int(text)
