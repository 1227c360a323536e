"""The edge's own protocol: JSON texts over a WebSocket.

What clients say has a `type`: hello, join, part, say, ping. What they hear likewise: welcome,
joined, events, verdict, gap, error, reconnect, pong. An event has the fields of its record
(`schemas.records.chat`) beside `offset`, `at` (microseconds since 1970) and `kind`, which is the
record's name; a field `kind` of the record itself is called `style`.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from api.chat.dialect import (
    Event,
    Failure,
    Joined,
    Place,
    User,
    Verdict,
    You,
)
from infra.errors import InvalidRecord

LONGEST: Final = 8_192
"""Bytes of a message from a client."""

_Id = Annotated[str, Meta(max_length=64)]
_Offset = Annotated[int, Meta(ge=-1, le=2**53)]


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """Who it is: an access token or a ticket; empty: nobody, who only reads."""

    token: Annotated[str, Meta(max_length=4096)] = ""


class Join(msgspec.Struct, frozen=True, tag="join"):
    """A channel by its name; with `since` what happened after that offset."""

    channel: Annotated[str, Meta(max_length=25)]
    since: _Offset | None = None


class Part(msgspec.Struct, frozen=True, tag="part"):
    """Out of a channel."""

    channel_id: _Id


class Say(msgspec.Struct, frozen=True, tag="say"):
    """Something for a channel. `nonce` comes back with the verdict."""

    channel_id: _Id
    text: Annotated[str, Meta(min_length=1, max_length=2000)]
    reply_to: _Id = ""
    nonce: _Id = ""


class Ping(msgspec.Struct, frozen=True, tag="ping"):
    """Is somebody there?"""


Asked = Hello | Join | Part | Say | Ping

_ASKED: Final = msgspec.json.Decoder(Asked)
_ENCODER: Final = msgspec.json.Encoder()


def read(text: str) -> Asked:
    """What a client says. Raises InvalidRecord, naming the field and the rule."""
    if len(text) > LONGEST:
        raise InvalidRecord(f"a message has at most {LONGEST} bytes")
    try:
        asked: Asked = _ASKED.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise InvalidRecord(str(error)) from error
    return asked


def welcome(user: User | None) -> bytes:
    """The answer to hello."""
    known = user or User("", "", "")
    return _said(
        "welcome",
        user_id=known.user_id,
        login=known.login,
        display_name=known.display_name,
        colour=known.colour,
    )


def joined(joined: Joined) -> bytes:
    """The answer to join."""
    return _said(
        "joined",
        channel_id=joined.place.channel_id,
        channel=joined.place.login,
        offset=joined.offset,
        settings=joined.settings,
        you=joined.you,
        resumed=joined.resumed,
        messages=[_event(each) for each in joined.events],
    )


def parted(place: Place) -> bytes:
    """The answer to part."""
    return _said("parted", channel_id=place.channel_id)


def events(place: Place, events: Sequence[Event]) -> bytes:
    """What happened in a channel."""
    return _said("events", channel_id=place.channel_id, events=[_event(each) for each in events])


def you(place: Place, you: You) -> bytes:
    """What somebody is in a channel from now on."""
    return _said("you", channel_id=place.channel_id, you=you)


def verdict(place: Place, verdict: Verdict) -> bytes:
    """What became of what somebody said."""
    return _said("verdict", channel_id=place.channel_id, **_fields(verdict))


def gap(place: Place, offset: int) -> bytes:
    """Something is missing after an offset."""
    return _said("gap", **{"channel_id": place.channel_id, "from": offset})


def error(failure: Failure) -> bytes:
    """Something was not done."""
    return _said("error", **_fields(failure))


def reconnect(after_ms: int) -> bytes:
    """Come again, elsewhere."""
    return _said("reconnect", after_ms=after_ms)


PONG: Final = b'{"type":"pong"}'


def _said(kind: str, **fields: Any) -> bytes:
    return _ENCODER.encode({"type": kind, **fields})


def _fields(struct: msgspec.Struct) -> dict[str, Any]:
    return msgspec.structs.asdict(struct)


def _event(event: Event) -> dict[str, Any]:
    fields = _fields(event.record)
    if "kind" in fields:
        fields["style"] = fields.pop("kind")
    return {"offset": event.offset, "at": event.at, "kind": event.kind, **fields}
