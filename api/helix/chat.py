"""`/helix/chat`: saying something, announcing something, and who is there."""

from typing import Annotated, Literal

import msgspec

from api.access import scoped, signed_in
from api.call import Call
from api.chat.dialect import Place
from api.chat.facts import Facts
from api.chat.saying import message
from api.chatters import chatters
from api.edge import CLOCK
from api.errors import Forbidden
from api.helix.bans import ModeratorQuery
from api.helix.dialect import Counted, Data, PageQuery, counted, helix, own
from api.moderating import COMMANDS, broadcaster, moderator
from api.people import people
from api.v1.chat_rows import standing
from api.v1.parameters import Id
from infra.errors import NotFound
from schemas.records.chat import MessageHeld, MessageRejected, MessageSent, SendMessage

LONGEST = 500
"""Characters of a message."""


class NewMessage(msgspec.Struct, frozen=True):
    """What is to be said, where, by whom: you."""

    broadcaster_id: Id
    sender_id: Id
    message: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST)]
    """`/me …` is an action."""
    reply_parent_message_id: Id | None = None


class DropReason(msgspec.Struct, frozen=True):
    """Why nobody sees it."""

    code: str
    message: str


class Sent(msgspec.Struct, frozen=True):
    """What came of it."""

    message_id: str
    is_sent: bool
    drop_reason: DropReason | None = None


class NewAnnouncement(msgspec.Struct, frozen=True):
    """What is to be announced."""

    message: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST)]
    color: Literal["blue", "green", "orange", "purple", "primary"] = "primary"


class ChattersQuery(PageQuery, frozen=True, kw_only=True):
    """Whose chat, and the moderator that the token is for."""

    broadcaster_id: Id
    moderator_id: Id
    first: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100


class Chatter(msgspec.Struct, frozen=True):
    """Somebody who is there."""

    user_id: str
    user_login: str
    user_name: str


async def send_chat_message(call: Call, body: NewMessage) -> Data[Sent]:
    """Say something. The answer comes when it is decided whether everybody sees it."""
    own(call, body.sender_id, "sender_id")
    parent = None
    if body.reply_parent_message_id:
        parent = await _parent(call, body.broadcaster_id, body.reply_parent_message_id)
    command = await _command(call, body.broadcaster_id, body.message, parent)
    return Data([await _say(call, command)])


async def send_announcement(call: Call, query: ModeratorQuery, body: NewAnnouncement) -> None:
    """Announce something in a chat that you moderate."""
    own(call, query.moderator_id, "moderator_id")
    await moderator(call, query.broadcaster_id)
    command = msgspec.structs.replace(
        await _command(call, query.broadcaster_id, body.message, None),
        text=body.message,
        kind="announcement",
        announcement_colour=body.color,
    )
    found = await _say(call, command)
    if found.drop_reason is not None:
        raise Forbidden(found.drop_reason.message)


async def get_chatters(call: Call, query: ChattersQuery) -> Counted[Chatter]:
    """Who is in a chat that you moderate, signed in."""
    own(call, query.moderator_id, "moderator_id")
    await moderator(call, query.broadcaster_id)
    here = await chatters(call, query.broadcaster_id)
    page, pagination = counted(here, query)
    known = await people(call, [each.user_id for each in page])
    found = [
        Chatter(
            each.user_id,
            each.login,
            person.display_name if (person := known.get(each.user_id)) else each.login,
        )
        for each in page
    ]
    return Counted(len(here), found, pagination)


async def _command(
    call: Call, channel_id: str, text: str, parent: MessageSent | None
) -> SendMessage:
    channel = await broadcaster(call, channel_id)
    facts = Facts(call.views, call.request.app[CLOCK])
    user = await facts.user(call.principal)
    you = await facts.you(channel_id, user)
    return message(Place(channel_id, channel.login), user, you, text, parent)


async def _parent(call: Call, channel_id: str, message_id: str) -> MessageSent:
    """The message that is answered, if it stands."""
    found = await standing(call.views, channel_id, message_id)
    if found is None:
        raise NotFound("There is no such message to answer in this chat.")
    return found


async def _say(call: Call, command: SendMessage) -> Sent:
    event: MessageSent | MessageHeld | MessageRejected = await call.ask(
        COMMANDS, command.channel_id, command, MessageSent, MessageHeld, MessageRejected
    )
    match event:
        case MessageRejected():
            reason = DropReason(event.reason, event.detail)
            return Sent(event.message_id, is_sent=False, drop_reason=reason)
        case MessageHeld():
            reason = DropReason("msg_held", "A moderator looks at the message first.")
            return Sent(event.message_id, is_sent=False, drop_reason=reason)
    return Sent(event.message_id, is_sent=True)


ROUTES = (
    helix(
        "GET",
        "/chat/chatters",
        get_chatters,
        signed_in & scoped("moderator:read:chatters"),
    ),
)
ASKING = (
    helix(
        "POST",
        "/chat/messages",
        send_chat_message,
        signed_in & scoped("user:write:chat"),
        in_query=True,
        errors=(404,),
    ),
    helix(
        "POST",
        "/chat/announcements",
        send_announcement,
        signed_in & scoped("moderator:manage:announcements"),
        errors=(404,),
    ),
)
