"""`/v1/events`: catch up with a topic, follow it live; `/v1/topics/{topic}/events`: write to it."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Annotated, Final

import msgspec
import structlog
from aiohttp import ClientConnectionResetError, web

from api.access import scoped
from api.call import Call, endpoint
from api.cursor import Cursor, Place
from api.deadline import give
from api.feed import Feeds, Slow, Wanted, checked
from api.idempotency import checked_key
from api.log import Entry, Log, Told
from api.publishing import SERVICES, Batch, Publication, Publishing, Topic
from infra.errors import InvalidRecord, NotFound, Unavailable
from infra.kafka import partition_of

log = structlog.get_logger()

MOST_BYTES: Final = 1 << 20
"""Of a batch that is written."""
READ_SECONDS: Final = 5.0
"""For a page, once the log has said what there is."""
WRITE_SECONDS: Final = 10.0
"""For a client that follows to take what was sent."""
_LINES: Final = "application/x-ndjson"
_STREAM: Final = "text/event-stream"

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,100}$", description="A topic.")]


class TopicPath(msgspec.Struct, frozen=True):
    """A topic in the path."""

    topic: Name


class EventsQuery(msgspec.Struct, frozen=True):
    """Which messages."""

    topic: Name
    after: Annotated[
        str,
        msgspec.Meta(
            pattern="^[A-Za-z0-9_-]{1,8192}$",
            description="A cursor of an earlier answer, `earliest` or `latest`.",
        ),
    ] = "earliest"
    types: (
        Annotated[
            str,
            msgspec.Meta(
                pattern="^[A-Za-z0-9_.,]{1,1000}$",
                description="Names of records, comma-separated; the others are left out.",
            ),
        ]
        | None
    ) = None
    key: (
        Annotated[
            str,
            msgspec.Meta(min_length=1, max_length=256, description="Only messages of this key."),
        ]
        | None
    ) = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000, description="Messages at most.")] = 100


class EventsHeaders(msgspec.Struct, frozen=True):
    """How, and from where on."""

    Accept: str = "application/json"
    Last_Event_ID: str | None = None


class EventPage(msgspec.Struct, frozen=True):
    """Some messages of a topic. Those of one key are in order."""

    data: list[msgspec.Raw]
    cursor: str
    """Where to go on: as `after`, or as `Last-Event-ID` of a live stream."""
    more: bool
    """Whether there was more when this was answered; a page may be empty all the same."""


class _ToldPage(msgspec.Struct, frozen=True):
    """Some messages of a topic. Those of one key are in order."""

    data: list[Told]
    cursor: str
    """Where to go on: as `after`, or as `Last-Event-ID` of a live stream."""
    more: bool
    """Whether there was more when this was answered; a page may be empty all the same."""


class Events:
    """What the endpoints work with."""

    def __init__(
        self, topics: Mapping[str, Topic], log: Log, feeds: Feeds, publishing: Publishing
    ) -> None:
        self.topics = topics
        self.log = log
        self.feeds = feeds
        self.publishing = publishing


EVENTS: web.AppKey[Events] = web.AppKey("events", Events)


async def publish_events(call: Call, path: TopicPath, body: Batch) -> Publication:
    """Write messages to a topic that is open to services: all of them, or none.

    The batch is checked against the records' schemas before anything is written; a problem points
    to the field. With an `Idempotency-Key`, sending it again writes nothing again.
    """
    key = checked_key(call.request.headers.getall("Idempotency-Key", []))
    publishing = call.request.app[EVENTS].publishing
    return await publishing.publish(path.topic, body, call.principal, key)


async def read_events(call: Call, query: EventsQuery, headers: EventsHeaders) -> web.StreamResponse:
    """Catch up with a topic, or follow it.

    Goes back as far as the topic is kept; an older cursor gets 410, with one to start from. With
    `Accept: text/event-stream` it goes on live, each message with its cursor as `id`. The same
    cursor works in both. A message that an agent wrote again after a restart is told once.
    """
    events = call.request.app[EVENTS]
    topic = events.topics.get(query.topic)
    if topic is None or SERVICES not in topic.readers:
        raise NotFound("There is no such topic that services may read.")
    live = _STREAM in headers.Accept
    given = headers.Last_Event_ID if live and headers.Last_Event_ID else query.after
    cursor = await _cursor(events.log, query.topic, given)
    wanted = _wanted(topic, query)
    if live:
        return await _live(call, events.feeds, cursor, wanted)
    give(READ_SECONDS)
    found, more = await _page(events.log, cursor, query, wanted)
    if _LINES in headers.Accept:
        response = web.Response(
            body=b"".join(entry.json + b"\n" for entry in found), content_type=_LINES
        )
        response.headers["Next-Cursor"] = cursor.text()
    else:
        page = EventPage([msgspec.Raw(entry.json) for entry in found], cursor.text(), more)
        response = web.Response(body=msgspec.json.encode(page), content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


ROUTES = (
    endpoint(
        "POST",
        "/v1/topics/{topic}/events",
        publish_events,
        scoped("events:write:{topic}"),
        most=MOST_BYTES,
        errors=(409,),
    ),
    endpoint(
        "GET",
        "/v1/events",
        read_events,
        scoped("events:read:{topic}"),
        errors=(404, 410),
        answer=_ToldPage,
        media_types=("application/json", _LINES, _STREAM),
    ),
)


async def _cursor(log: Log, topic: str, given: str) -> Cursor:
    span = await log.span(topic)
    match given:
        case "earliest":
            return Cursor(topic, [Place(at) for at in span.begins])
        case "latest":
            return Cursor(topic, [Place(at) for at in span.ends])
    cursor = Cursor.parse(given, topic, len(span.ends))
    checked(cursor, span.begins, span.ends)
    return cursor


def _wanted(topic: Topic, query: EventsQuery) -> Wanted:
    """Which messages are asked for. Raises InvalidRecord for a type that the topic has not."""
    full = None
    if query.types is not None:
        full = set()
        for name in query.types.split(","):
            kinds = {each for each in topic.events if name in (each, each.rpartition(".")[2])}
            if not kinds:
                raise InvalidRecord(f"types: {name!r} is not a record of {topic.name}")
            full |= kinds

    def wanted(entry: Entry) -> bool:
        return (full is None or entry.type in full) and query.key in (None, entry.key)

    return wanted


async def _page(
    log: Log, cursor: Cursor, query: EventsQuery, wanted: Wanted
) -> tuple[list[Entry], bool]:
    """Messages after the cursor, which advances, and whether there are more."""
    span = await log.span(query.topic)
    starts = {n: place.offset for n, place in enumerate(cursor.places)}
    if query.key is not None:
        where = partition_of(query.key.encode(), len(cursor.places))
        starts = {where: starts[where]}
    found: list[Entry] = []
    async with aclosing(log.page(query.topic, starts, span.ends)) as pieces:
        async for piece in pieces:
            place = cursor.places[piece.partition]
            for entry in piece.entries:
                if len(found) == query.limit:
                    return found, True
                if place.take(entry.offset, entry.meta) and wanted(entry):
                    found.append(entry)
            place.offset = max(place.offset, piece.reached)
    return found, any(cursor.places[n].offset < span.ends[n] for n in starts)


async def _live(call: Call, feeds: Feeds, cursor: Cursor, wanted: Wanted) -> web.StreamResponse:
    """Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""
    response = web.StreamResponse(
        headers={"Content-Type": _STREAM, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
    following = feeds.follow(cursor, call.principal.name, wanted)
    async with aclosing(following):
        # What goes wrong before the first answer is a problem, with a status.
        first = await anext(following)
        give(None)
        await response.prepare(call.request)
        try:
            await _write(response, b"retry: 2000\n\n" + _told(first, cursor))
            async for found in following:
                await _write(response, _told(found, cursor))
        except Slow:
            await _cut(response, "too-slow", cursor)
        except Unavailable:
            await _cut(response, "unavailable", cursor)
        except (ClientConnectionResetError, TimeoutError):
            if call.request.transport is not None:
                call.request.transport.abort()
    return response


def _told(found: Sequence[tuple[Entry, str]], cursor: Cursor) -> bytes:
    """Messages as they are sent. Without any: the cursor alone, which clients keep silently."""
    if not found:
        return b": alive\nid: %b\n\n" % cursor.text().encode()
    return b"".join(
        b"id: %b\ndata: %b\n\n" % (after.encode(), entry.json) for entry, after in found
    )


async def _cut(response: web.StreamResponse, reason: str, cursor: Cursor) -> None:
    log.info("a follower was cut", reason=reason, topic=cursor.topic)
    text = msgspec.json.encode({"reason": reason, "after": cursor.text()})
    await _write(response, b"event: cut\ndata: %b\n\n" % text)


async def _write(response: web.StreamResponse, data: bytes) -> None:
    """Raises TimeoutError if the client does not take it."""
    await asyncio.wait_for(response.write(data), WRITE_SECONDS)
