"""The studio's pages: stream key, what the channel says of itself, followers, markers."""

import asyncio
from collections.abc import Awaitable
from typing import Any, Final, TypeVar

import msgspec
import structlog
from aiohttp import web

from api.access import Principal
from api.call import Call
from api.edge import PLACES
from api.errors import CommandRefused
from api.helix.categories import categories, category_of
from api.markers import latest_stream, markers_of
from api.oauth2.answers import Parameters
from api.oauth2.rendering import for_session, page, sent_form, sentence
from api.oauth2.sessions import Session
from api.oauth2.standing import PAGES
from api.people import Person, people
from api.routes import PRINCIPAL
from api.stream_keys import replaced
from api.studio.languages import choices
from api.studio.state import broadcast_of
from api.v1.followers import followers_of
from api.views import (
    CHANNEL_STREAM_KEYS,
    CHANNELS_BY_ID,
    FOLLOWERS,
    ChannelRow,
    FollowRow,
    MarkerRow,
    typed,
)
from infra.errors import InvalidRecord, Unavailable
from schemas.records.identity import ChangeChannel, ChannelUpdated

log = structlog.get_logger()

TITLE_LENGTH: Final = 140
TAGS: Final = 10
"""What the form lets type; the rules are those of the identity context."""
SHOWN: Final = 10
"""Followers, and markers, on a page."""
LIST_SECONDS: Final = 1.0
"""A list that takes longer is left out."""

Value = TypeVar("Value")


class Follower(msgspec.Struct, frozen=True):
    """Somebody who follows the channel."""

    person: Person
    followed_at: int


class Followers(msgspec.Struct, frozen=True):
    """Some of those who follow the channel, and how many there are."""

    total: int
    rows: list[Follower]
    older: str | None


class Markers(msgspec.Struct, frozen=True):
    """Markers of the latest broadcast, the newest of them."""

    rows: list[MarkerRow]
    more: bool


@for_session
async def get_studio(request: web.Request, session: Session) -> web.StreamResponse:
    """All that a broadcaster looks after."""
    return await _studio(request, session)


@for_session
async def post_studio(request: web.Request, session: Session) -> web.StreamResponse:
    """What the channel says of itself is changed."""
    given, call = await sent_form(request), _call(request, session)
    try:
        command = _change(session.user.user_id, given)
        event = await call.ask("identity-commands", session.user.user_id, command, ChannelUpdated)
    except (CommandRefused, InvalidRecord) as error:
        shown = {"details_error": sentence(error), "given": given}
        return await _studio(request, session, status=422, **shown)
    described = ChannelRow(
        event.channel_id,
        event.name,
        event.title,
        event.category,
        event.language or "",
        " ".join(event.tags or []),
    )
    return await _studio(request, session, channel=described, saved=True)


@for_session
async def get_key(request: web.Request, session: Session) -> web.StreamResponse:
    """What a new stream key does, before it is made."""
    has_key = await _has_key(_call(request, session), session.user.user_id)
    return await page(request, "stream_key", key="", has_key=has_key, server="")


@for_session
async def post_key(request: web.Request, session: Session) -> web.StreamResponse:
    """A new stream key, which is shown this once."""
    await sent_form(request)
    key = await replaced(_call(request, session), session.user.user_id)
    server = request.app[PLACES].rtmp(request)
    return await page(request, "stream_key", key=key, has_key=True, server=server)


async def _studio(
    request: web.Request, session: Session, *, status: int = 200, **shown: Any
) -> web.Response:
    call, user_id = _call(request, session), session.user.user_id
    row, has_key, broadcast, followers, markers = await asyncio.gather(
        call.views.get(CHANNELS_BY_ID, user_id),
        _has_key(call, user_id),
        broadcast_of(call, user_id),
        _or_none(_followers(call, user_id, request.query.get("followers"))),
        _or_none(_markers(call, user_id)),
    )
    channel = shown.pop("channel", None) or (typed(row, ChannelRow) if row else None)
    blank: Parameters = {}
    values = {
        "channel": channel,
        "has_key": has_key,
        "broadcast": broadcast,
        "followers": followers,
        "first_followers": "followers" not in request.query,
        "markers": markers,
        "server": request.app[PLACES].rtmp(request),
        "categories": [category.name for category in categories().values()],
        "languages": choices(channel.language if channel else ""),
        "title_length": TITLE_LENGTH,
        "most_tags": TAGS,
        "saved": False,
        "details_error": "",
        "given": blank,
    }
    return await page(request, "studio", status=status, **{**values, **shown})


def _call(request: web.Request, session: Session) -> Call:
    """The request as an endpoint's, of who is signed in."""
    request[PRINCIPAL] = Principal(session.user.user_id, PAGES)
    return Call(request)


def _change(channel_id: str, given: Parameters) -> ChangeChannel:
    """What a form asks for. Raises InvalidRecord."""
    named = " ".join(given.get("category", "").split())
    category = category_of(named)
    if named and category is None:
        raise InvalidRecord("choose a category of the list, or none")
    return ChangeChannel(
        channel_id=channel_id,
        title=" ".join(given.get("title", "").split()),
        category=category.name if category else "",
        language=given.get("language", ""),
        tags=given.get("tags", "").replace(",", " ").replace("#", " ").split(),
    )


async def _has_key(call: Call, channel_id: str) -> bool:
    return await call.views.get(CHANNEL_STREAM_KEYS, channel_id) is not None


async def _followers(call: Call, channel_id: str, cursor: str | None) -> Followers:
    total, (found, older) = await asyncio.gather(
        followers_of(call.views, channel_id),
        call.views.scan(FOLLOWERS, SHOWN, cursor, within=channel_id),
    )
    rows = [typed(row, FollowRow) for row in found]
    known = await people(call, [row.user_id for row in rows])
    named = [Follower(known[row.user_id], row.followed_at) for row in rows if row.user_id in known]
    return Followers(total, named, older)


async def _markers(call: Call, channel_id: str) -> Markers:
    """Of what is on air, else of what was on air last."""
    stream_id = await latest_stream(call.views, channel_id)
    if stream_id is None:
        return Markers([], False)
    rows, after = await markers_of(call.views, stream_id, SHOWN)
    return Markers(rows, after is not None)


async def _or_none(reading: Awaitable[Value]) -> Value | None:
    """What is read from lists, or None while they cannot be reached: the rest of the page stays."""
    try:
        async with asyncio.timeout(LIST_SECONDS):
            return await reading
    except (TimeoutError, Unavailable) as error:
        log.warning("a part of the studio is left out", error=str(error))
        return None
