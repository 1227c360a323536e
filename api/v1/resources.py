"""What `/v1` answers with: shapes of the bodies, and how rows become them."""

from typing import Generic, Literal, TypeVar

import msgspec

from api.views import ChannelRow, StreamRow
from infra.clock import rfc3339

State = Literal["starting", "live", "interrupted", "ended"]


class Picture(msgspec.Struct, frozen=True):
    """What the publisher sends."""

    width: int
    height: int
    frame_rate: float
    """Frames per second; 0 if unknown."""
    codecs: str
    """RFC 6381, comma-separated."""


class Stream(msgspec.Struct, frozen=True):
    """One broadcast. Times are RFC 3339 in UTC."""

    stream_id: str
    state: State
    """`starting`: no picture yet. `interrupted`: may come back until `resume_until`."""
    started_at: str | None
    resume_until: str | None
    ended_at: str | None
    reason: str | None
    """Why it ended, or why its publisher is away: `publisher_left`, `connection_lost`, …"""
    interruptions: int
    picture: Picture | None
    playlist_url: str
    """HLS multivariant playlist, with low latency where the player knows it."""
    thumbnail_url: str
    """JPEG of the latest key frame."""


class Channel(msgspec.Struct, frozen=True):
    """A channel and what it shows now."""

    channel_id: str
    name: str
    title: str
    category: str
    language: str
    """ISO 639-1, such as `en`; empty if nothing was said."""
    tags: list[str]
    stream: Stream | None
    """The broadcast on air; null while the channel is offline."""


Item = TypeVar("Item")


class Page(msgspec.Struct, Generic[Item], frozen=True):
    """Some of a list."""

    data: list[Item]
    cursor: str | None
    """Give it back as `cursor` for the next page; null on the last."""
    as_of: str
    """The server's time of the answer."""


class One(msgspec.Struct, Generic[Item], frozen=True):
    """A single resource."""

    data: Item
    as_of: str
    """The server's time of the answer."""


def channel_of(row: ChannelRow, stream: Stream | None) -> Channel:
    """A channel's row as its resource."""
    return Channel(
        channel_id=row.channel_id,
        name=row.name,
        title=row.title,
        category=row.category,
        language=row.language,
        tags=row.tags.split(),
        stream=stream,
    )


def stream_of(row: StreamRow, origin: str) -> Stream:
    """A stream's row as its resource; `origin` is the base URL of its media."""
    picture = (
        Picture(row.width, row.height, row.frame_rate, row.codecs)
        if row.codecs is not None
        else None
    )
    base = f"{origin}/live/{row.stream_id}"
    return Stream(
        stream_id=row.stream_id,
        state=_state(row),
        started_at=_moment(row.started_at),
        resume_until=_moment(row.resume_until) if row.state == "interrupted" else None,
        ended_at=_moment(row.ended_at),
        reason=row.reason,
        interruptions=row.interruptions,
        picture=picture,
        playlist_url=f"{base}/index.m3u8",
        thumbnail_url=f"{base}/thumbnail.jpg",
    )


def _moment(microseconds: int | None) -> str | None:
    return None if microseconds is None else timestamp(microseconds)


def _state(row: StreamRow) -> State:
    match row.state:
        case "ended":
            return "ended"
        case "interrupted":
            return "interrupted"
        case _:
            return "live" if row.codecs is not None else "starting"


def timestamp(microseconds: int) -> str:
    """Microseconds since 1970 as RFC 3339 with milliseconds."""
    return rfc3339(microseconds // 1000)
