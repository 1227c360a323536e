"""What a caller may write in a path or a query."""

from typing import Annotated, Final

import msgspec

from infra.errors import InvalidRecord

MAX_PAGE: Final = 100

Id = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""An id of ours in a path."""
Cursor = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Za-z0-9_=.:-]{1,4096}$", description="Where to go on: from an earlier page."
    ),
]
Limit = Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE, description="Rows at most.")]


class StreamPath(msgspec.Struct, frozen=True):
    """A stream in the path."""

    stream_id: Id


class PageQuery(msgspec.Struct, frozen=True):
    """Which part of a list."""

    limit: Limit = 50
    cursor: Cursor | None = None


class ShortPageQuery(msgspec.Struct, frozen=True):
    """Which part of a list of longer rows."""

    limit: Limit = 20
    cursor: Cursor | None = None


class ChannelPath(msgspec.Struct, frozen=True):
    """A channel in the path."""

    name: Annotated[
        str,
        msgspec.Meta(
            pattern="^[A-Za-z0-9_]{3,25}$",
            description="The channel's name; letters count the same in both cases.",
        ),
    ]


def is_id(text: str, name: str) -> str:
    """A text that may be an id of ours. Raises InvalidRecord, with the field's name."""
    try:
        return msgspec.convert(text, Id)
    except msgspec.ValidationError as error:
        raise InvalidRecord(f"{name}: must be an id") from error
