"""`/v1/streams/{stream_id}/ladder`: renditions of a stream, who asks for more, what they cost."""

from typing import Final

import msgspec
from aiohttp import web

from api import ladders
from api.access import Principal, public, role, scoped, signed_in
from api.call import Call, endpoint
from api.errors import CommandRefused, Forbidden
from api.ladders import Costs, Ladder
from api.limits import network, spend
from api.proxies import proxies
from api.stream_keys import MASTER
from api.v1.history import Moment, shown
from api.v1.parameters import StreamPath
from api.v1.resources import One, timestamp
from api.views import STREAM_STATUS, StreamRow
from schemas.records.transcode import RenditionsRequested, RequestRenditions

WISHES_A_MINUTE: Final = 10
"""Of one address."""
_MISSING: Final = "There is no such stream."

POOL: web.AppKey[str] = web.AppKey("pool", str)
"""Which pool of transcoders this gateway's streams belong to."""


class Wish(msgspec.Struct, frozen=True):
    """What came of asking for other renditions."""

    stream_id: str
    viewers: int
    """How many asked in the last minutes, you among them."""


async def get_ladder(call: Call, path: StreamPath, query: Moment) -> One[Ladder]:
    """Which renditions a stream has, and why it has no others; with `as_of`, what it had then.

    Every rendition that the source's size allows is there, with a reason: why it is made, goes,
    or is not made. The state is `undecided` before there is a decision.
    """
    now = shown(call, query.as_of)
    row = await ladders.ladder_row(now.views, path.stream_id)
    if row is not None:
        return One(ladders.ladder(row), timestamp(now.time))
    await now.row(STREAM_STATUS, path.stream_id, StreamRow, _MISSING)
    return One(ladders.undecided(path.stream_id), timestamp(now.time))


async def request_renditions(call: Call, path: StreamPath) -> One[Wish]:
    """Say that you would like other renditions of a stream than it has.

    Where a channel gets them only if viewers ask, this is asking. You are counted once, however
    often you ask within some minutes; your address is not written down.
    """
    address = network(proxies(call.request).address(call.request))
    await spend(call.request, "renditions", WISHES_A_MINUTE, address)
    stream = await call.row(STREAM_STATUS, path.stream_id, StreamRow, _MISSING)
    if stream.state == "ended":
        raise CommandRefused("stream-over", "The stream is over.")
    viewer = call.request.app[MASTER].pseudonym("viewer", address)
    pool = call.request.app[POOL]
    event = await call.ask(
        "transcode-commands",
        pool,
        RequestRenditions(pool=pool, stream_id=path.stream_id, viewer=viewer),
        RenditionsRequested,
        by=Principal(None, f"viewer:{viewer}"),
    )
    return One(Wish(path.stream_id, event.viewers), timestamp(call.now))


async def get_costs(call: Call, path: StreamPath) -> One[Costs]:
    """What making renditions of your stream has cost so far, all together and each.

    Seconds of processors, and of the encoders of GPUs, also for each minute of the stream.
    """
    stream = await call.row(STREAM_STATUS, path.stream_id, StreamRow, _MISSING)
    principal = call.principal
    if stream.channel_id != principal.user_id and "operator" not in principal.roles:
        raise Forbidden("Only its broadcaster sees what a stream costs")
    return One(await ladders.costs_of(call.views, path.stream_id), timestamp(call.now))


_LADDER = "/v1/streams/{stream_id}/ladder"

ROUTES = (
    endpoint("GET", _LADDER, get_ladder, public, max_age=1, kept=True, errors=(422,)),
    endpoint(
        "GET",
        "/v1/streams/{stream_id}/costs",
        get_costs,
        role("operator") | signed_in & scoped("user:read:broadcast"),
    ),
)
ASKING = (endpoint("POST", f"{_LADDER}/requests", request_renditions, public, errors=(422,)),)
