"""`/helix/raids`: sending your viewers to another channel."""

import msgspec

from api.access import scoped, signed_in
from api.call import Call
from api.engagement import raids
from api.errors import CommandRefused, Conflict
from api.helix.channels import ChannelQuery
from api.helix.dialect import Data, helix, own
from api.v1.parameters import Id
from api.v1.resources import timestamp
from infra.errors import NotFound


class RaidQuery(msgspec.Struct, frozen=True):
    """From your channel, where to."""

    from_broadcaster_id: Id
    to_broadcaster_id: Id


class Called(msgspec.Struct, frozen=True):
    """A raid that was called."""

    created_at: str
    is_mature: bool = False


async def start_a_raid(call: Call, query: RaidQuery) -> Data[Called]:
    """Call a raid from your channel to another one: it goes after 90 seconds."""
    channel_id = own(call, query.from_broadcaster_id, "from_broadcaster_id")
    try:
        raid = await raids.start(call, channel_id, query.to_broadcaster_id)
    except CommandRefused as error:
        if error.reason == "already-running":
            raise Conflict(error.reason, str(error)) from error
        raise
    return Data([Called(timestamp(raid.started_at))])


async def cancel_a_raid(call: Call, query: ChannelQuery) -> None:
    """Call a raid of your channel off."""
    channel_id = own(call, query.broadcaster_id, "broadcaster_id")
    try:
        await raids.cancel(call, channel_id)
    except CommandRefused as error:
        raise NotFound(str(error)) from error


_PATH = "/raids"
_MANAGE = signed_in & scoped("channel:manage:raids")

ASKING = (
    helix("POST", _PATH, start_a_raid, _MANAGE, errors=(404, 409)),
    helix("DELETE", _PATH, cancel_a_raid, _MANAGE, errors=(404,)),
)
