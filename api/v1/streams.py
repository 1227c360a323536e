"""`/v1/streams`: one broadcast."""

from aiohttp import web

from api.edge import CLOCK, PLACES
from api.v1 import parameters
from api.v1.channels import VIEWS
from api.v1.resources import One, answer, stream_of, timestamp
from api.views import STREAM_STATUS, StreamRow, typed
from infra.errors import NotFound


async def get_stream(request: web.Request) -> web.Response:
    """GET /v1/streams/{stream_id}: a broadcast, on air or over."""
    row = await request.app[VIEWS].get(STREAM_STATUS, parameters.stream_id(request))
    if row is None:
        raise NotFound("There is no such stream.")
    stream = stream_of(typed(row, StreamRow), request.app[PLACES].origin(request))
    return answer(One(stream, timestamp(request.app[CLOCK].now()) or ""))
