"""`/v1/streams`: one broadcast, now or as it was."""

from api.access import public
from api.call import Call, endpoint
from api.edge import PLACES
from api.v1.history import Moment, shown
from api.v1.parameters import StreamPath
from api.v1.resources import One, Stream, stream_of, timestamp
from api.views import STREAM_STATUS, StreamRow


async def get_stream(call: Call, path: StreamPath, query: Moment) -> One[Stream]:
    """A broadcast, on air or over; with `as_of`, as it was shown then.

    That is read from the log, which takes up to 5 s. Where too much would have to be read the
    answer is 422: `millrace as-of` has no such bound.
    """
    now = shown(call, query.as_of)
    row = await now.row(STREAM_STATUS, path.stream_id, StreamRow, "There is no such stream.")
    return One(stream_of(row, call.request.app[PLACES].origin(call.request)), timestamp(now.time))


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
