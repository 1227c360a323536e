"""`/v1/streams`: one broadcast, now or as it was."""

import msgspec

from api.access import public
from api.call import Call, endpoint
from api.deadline import give
from api.edge import PLACES
from api.v1.history import FOLD_SECONDS, HISTORY, AsOf, moment
from api.v1.parameters import StreamPath
from api.v1.resources import One, Stream, stream_of, timestamp
from api.views import STREAM_STATUS, StreamRow, typed
from infra.errors import NotFound


class StreamQuery(msgspec.Struct, frozen=True):
    """When."""

    as_of: AsOf | None = None


async def get_stream(call: Call, path: StreamPath, query: StreamQuery) -> One[Stream]:
    """A broadcast, on air or over; with `as_of`, as it was shown then.

    That is read from the log, which takes up to 5 s. Where too much would have to be read the
    answer is 422: `millrace as-of` has no such bound.
    """
    if query.as_of is None:
        row = await call.row(STREAM_STATUS, path.stream_id, StreamRow, "There is no such stream.")
        return _one(call, row, call.now)
    give(FOLD_SECONDS)
    time = min(moment(query.as_of), call.now)
    history = call.request.app.get(HISTORY)
    found = await history.row(STREAM_STATUS, path.stream_id, time) if history else None
    if found is None:
        raise NotFound("There was no such stream then.")
    return _one(call, typed(found, StreamRow), time)


def _one(call: Call, row: StreamRow, time: int) -> One[Stream]:
    return One(stream_of(row, call.request.app[PLACES].origin(call.request)), timestamp(time))


ROUTES = (
    endpoint(
        "GET",
        "/v1/streams/{stream_id}",
        get_stream,
        public,
        max_age=1,
        errors=(422,),
    ),
)
