"""`/v1/streams`: one broadcast."""

from api.access import public
from api.call import Call, endpoint
from api.edge import PLACES
from api.v1.parameters import StreamPath
from api.v1.resources import One, Stream, stream_of, timestamp
from api.views import STREAM_STATUS, StreamRow


async def get_stream(call: Call, path: StreamPath) -> One[Stream]:
    """A broadcast, on air or over."""
    row = await call.row(STREAM_STATUS, path.stream_id, StreamRow, "There is no such stream.")
    return One(stream_of(row, call.request.app[PLACES].origin(call.request)), timestamp(call.now))


ROUTES = (endpoint("GET", "/v1/streams/{stream_id}", get_stream, public, max_age=1),)
