"""`/v1/channels/{channel_id}/stream-key`: replace what a broadcaster publishes with."""

import msgspec

from api.access import scoped, signed_in
from api.call import Call, endpoint
from api.errors import Forbidden
from api.stream_keys import replaced
from api.v1.followers import ChannelIdPath
from api.v1.resources import One, timestamp


class StreamKey(msgspec.Struct, frozen=True):
    """A secret: who has it can broadcast on the channel."""

    channel_id: str
    stream_key: str


async def replace_stream_key(call: Call, path: ChannelIdPath) -> One[StreamKey]:
    """Replace your channel's stream key: the old one stops working at once.

    Who is on air stays on air. Asked again under one `Idempotency-Key` it is refused, since every
    key is another: `GET /helix/streams/key` shows the one there is.
    """
    if path.channel_id != call.user_id:
        raise Forbidden("Only its broadcaster replaces a channel's stream key")
    key = await replaced(call, path.channel_id)
    return One(StreamKey(path.channel_id, key), timestamp(call.now))


ASKING = (
    endpoint(
        "POST",
        "/v1/channels/{channel_id}/stream-key",
        replace_stream_key,
        signed_in & scoped("channel:manage:stream_key"),
        errors=(422,),
    ),
)
