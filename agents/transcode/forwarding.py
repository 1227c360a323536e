"""Tells the dispatcher what happened elsewhere: streams, their sources, who has which tier."""

from typing import Final

from infra.record import Record
from infra.streaming import Message, Send
from schemas.records.accounts import RoleGranted, RoleRevoked, UserErased
from schemas.records.broadcast import StreamEnded, StreamResumed, StreamStarted
from schemas.records.media import RenditionOpened
from schemas.records.transcode import AdmitStream, DescribeSource, ReleaseStream, SetTier

SOURCE: Final = "source"


def forward_broadcasts(message: Message, send: Send, *, pool: str) -> None:
    """Streams that begin, go on and end. While a publisher is away, its room is kept."""
    match message.event:
        case StreamStarted() | StreamResumed() as said:
            command: Record = AdmitStream(
                pool=pool,
                stream_id=said.stream_id,
                channel_id=said.channel_id,
                session_id=said.session_id,
            )
            send(command, key=pool)
        case StreamEnded(stream_id=stream):
            send(ReleaseStream(pool=pool, stream_id=stream), key=pool)


def forward_sources(message: Message, send: Send, *, pool: str) -> None:
    """What a stream's source looks like."""
    match message.event:
        case RenditionOpened(rendition="source") as said:
            command = DescribeSource(
                pool=pool,
                stream_id=said.stream_id,
                session_id=said.session_id,
                width=said.width,
                height=said.height,
                frame_rate=said.frame_rate,
            )
            send(command, key=pool)


def forward_tiers(message: Message, send: Send, *, pool: str) -> None:
    """What a user's roles make of the user's channel."""
    match message.event:
        case RoleGranted() | RoleRevoked() as said:
            roles = said.roles
            tier = next((each for each in ("partner", "affiliate") if each in roles), "regular")
            command = SetTier(pool=pool, channel_id=said.user_id, tier=tier)  # type: ignore[arg-type]
            send(command, key=pool)
        case UserErased(user_id=user):
            send(SetTier(pool=pool, channel_id=user, tier="regular"), key=pool)
