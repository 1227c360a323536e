"""`/helix/streams/markers`: moments of a broadcast that its broadcaster wants to find again.

Recordings are not kept yet: `video_id` is the id of the stream, and `URL` leads to the studio.
"""

from typing import Annotated

import msgspec

from api.access import scoped, signed_in
from api.call import Call
from api.helix.dialect import Data, Listing, PageQuery, Pagination, helix, own
from api.markers import DESCRIPTION_LENGTH, latest_stream, mark, markers_of
from api.people import people
from api.places import own_url
from api.v1.parameters import Id
from api.v1.resources import timestamp
from api.views import STREAM_STATUS, StreamRow
from infra.errors import InvalidRecord, NotFound

_NONE = "There is no such video of yours"
_MANAGE = "channel:manage:broadcast"


class NewMarker(msgspec.Struct, frozen=True):
    """What is to be marked: this moment."""

    user_id: Id
    description: Annotated[str, msgspec.Meta(max_length=DESCRIPTION_LENGTH)] = ""


class MarkersQuery(PageQuery, frozen=True, kw_only=True):
    """Of which stream: the latest of a user, or a certain one."""

    user_id: Id | None = None
    video_id: Id | None = None


class Created(msgspec.Struct, frozen=True):
    """A marker."""

    id: str
    created_at: str
    description: str
    position_seconds: int


class Marker(Created, frozen=True):
    """A marker, and where it can be looked at."""

    URL: str


class Video(msgspec.Struct, frozen=True):
    """A stream and its markers, newest first."""

    video_id: str
    markers: list[Marker]


class Marked(msgspec.Struct, frozen=True):
    """A user and the stream."""

    user_id: str
    user_name: str
    user_login: str
    videos: list[Video]


async def create_stream_marker(call: Call, body: NewMarker) -> Data[Created]:
    """Mark this moment of your broadcast, while you are live."""
    own(call, body.user_id, "user_id")
    found = await mark(call, body.description)
    return Data(
        [
            Created(
                found.marker_id,
                timestamp(found.created_at),
                found.description,
                found.position_seconds,
            )
        ]
    )


async def get_stream_markers(call: Call, query: MarkersQuery) -> Listing[Marked]:
    """Markers of one of your streams, newest first: of the latest, or of a certain one."""
    stream_id = await _stream(call, query)
    rows, cursor = await markers_of(call.views, stream_id, query.first, query.after)
    known = await people(call, [call.user_id])
    if not rows or call.user_id not in known:
        return Listing([], Pagination(cursor))
    person, studio = known[call.user_id], f"{own_url(call.request)}/studio"
    markers = [
        Marker(
            row.marker_id,
            timestamp(row.created_at),
            row.description,
            row.position_seconds,
            f"{studio}#marker-{row.marker_id}",
        )
        for row in rows
    ]
    video = Video(stream_id, markers)
    marked = Marked(person.user_id, person.display_name, person.login, [video])
    return Listing([marked], Pagination(cursor))


async def _stream(call: Call, query: MarkersQuery) -> str:
    if (query.user_id is None) == (query.video_id is None):
        raise InvalidRecord("user_id, video_id: one of them is needed")
    if query.video_id is not None:
        stream = await call.row(STREAM_STATUS, query.video_id, StreamRow, _NONE)
        if stream.channel_id != call.user_id:
            raise NotFound(_NONE)
        return query.video_id
    assert query.user_id is not None
    latest = await latest_stream(call.views, own(call, query.user_id, "user_id"))
    if latest is None:
        raise NotFound("You have not broadcast yet")
    return latest


_PATH = "/streams/markers"

ROUTES = (
    helix(
        "GET",
        _PATH,
        get_stream_markers,
        signed_in & scoped("user:read:broadcast", _MANAGE),
        errors=(404,),
    ),
)
ASKING = (helix("POST", _PATH, create_stream_marker, signed_in & scoped(_MANAGE), errors=(404,)),)
