"""`/helix/streams/key`: what a broadcaster publishes with."""

import msgspec

from api.access import scoped, signed_in
from api.call import Call
from api.helix.channels import ChannelQuery
from api.helix.dialect import Data, helix, own
from api.stream_keys import shown


class StreamKey(msgspec.Struct, frozen=True):
    """A secret: who has it can broadcast on the channel."""

    stream_key: str


async def get_stream_key(call: Call, query: ChannelQuery) -> Data[StreamKey]:
    """The stream key of your channel."""
    channel_id = own(call, query.broadcaster_id, "broadcaster_id")
    return Data([StreamKey(await shown(call, channel_id))])


ROUTES = (
    helix(
        "GET",
        "/streams/key",
        get_stream_key,
        signed_in & scoped("channel:read:stream_key"),
        errors=(404,),
    ),
)
