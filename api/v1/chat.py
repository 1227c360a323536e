"""`/v1/channels/{channel_id}/chat`: what was said in a channel."""

from typing import Annotated, Final

import msgspec

from api.access import bearer_of, public
from api.call import Call, endpoint
from api.errors import Forbidden
from api.moderating import moderates
from api.people import people
from api.routes import PRINCIPAL, TOKENS
from api.v1.chat_rows import (
    Message,
    Said,
    deleted_at,
    mentioned,
    message_of,
    purges_of,
    without_erased,
)
from api.v1.followers import ChannelIdPath
from api.v1.history import moment
from api.v1.parameters import PageQuery
from api.v1.resources import Page, timestamp
from api.views import CHANNELS_BY_ID, CHAT_HISTORY, ChannelRow, typed

READ_DELETED: Final = "moderator:read:chat_messages"
_MOST_READ: Final = 5
"""Pages of hidden messages, read for one page of an answer."""
_BEHIND_ALL: Final = "~"
"""Sorts after every message id."""

Moment = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$")]


class ChatQuery(PageQuery, frozen=True):
    """Which part of what was said."""

    since: Moment | None = msgspec.field(default=None, name="from")
    """The earliest moment, RFC 3339 in UTC."""
    until: Moment | None = msgspec.field(default=None, name="to")
    """What was said before this moment, RFC 3339 in UTC."""
    deleted: bool = False
    """Also what was taken out: for who moderates, with the scope `moderator:read:chat_messages`."""


async def get_chat(call: Call, path: ChannelIdPath, query: ChatQuery) -> Page[Message]:
    """What was said in a channel, newest first, without what was taken out since.

    A page may have fewer messages than were asked for, even none, and still a cursor.
    """
    channel_id = path.channel_id
    await call.row(CHANNELS_BY_ID, channel_id, ChannelRow, "There is no such channel.")
    if query.deleted:
        await _let_moderate(call, channel_id)
    start = 0 if query.since is None else moment(query.since, "from")
    after = None
    if query.until is not None:
        after = (channel_id, moment(query.until, "to"), _BEHIND_ALL)
    found: list[Message] = []
    cursor = query.cursor
    for _ in range(_MOST_READ):
        rows, cursor = await call.views.scan(
            CHAT_HISTORY, query.limit - len(found), cursor, within=channel_id, after=after
        )
        said = [row for each in rows if (row := typed(each, Said)).sent_at >= start]
        found += await shown(call, channel_id, said, deleted=query.deleted)
        if len(said) < len(rows):
            cursor = None
        if cursor is None or len(found) >= query.limit:
            break
    return Page(found, cursor, timestamp(call.now))


async def shown(call: Call, channel_id: str, rows: list[Said], *, deleted: bool) -> list[Message]:
    """Messages as somebody may see them: without those that were taken out, or with."""
    written = [row for row in rows if row.user_id]
    known = await people(call, (name for row in written for name in mentioned(row)))
    whole = [without_erased(row, known) for row in written]
    purges = await purges_of(call.views, channel_id, {row.user_id for row in whole})
    gone = [deleted_at(row, purges) for row in whole]
    return [
        message_of(row, at) for row, at in zip(whole, gone, strict=True) if deleted or at is None
    ]


async def _let_moderate(call: Call, channel_id: str) -> None:
    """The route is for everybody, so who asks for more shows a token. Raises as rules do."""
    request = call.request
    if request[PRINCIPAL] is None:
        principal = await request.app[TOKENS].verify(bearer_of(request))
        if READ_DELETED not in principal.scopes:
            raise Forbidden(f"The token lacks the scope {READ_DELETED}", READ_DELETED)
        request[PRINCIPAL] = principal
    if not await moderates(call, channel_id):
        raise Forbidden("What was taken out is for who moderates the channel")


ROUTES = (
    endpoint(
        "GET",
        "/v1/channels/{channel_id}/chat",
        get_chat,
        public,
        errors=(401, 403, 404),
    ),
)
