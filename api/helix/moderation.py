"""`/helix/moderation`: messages that are taken out, warnings, and the shield."""

import asyncio
from typing import Annotated, Final

import msgspec

from api.access import scoped, signed_in
from api.call import Call
from api.helix.bans import ModeratorQuery
from api.helix.dialect import Data, helix, own
from api.moderating import COMMANDS, moderator, roles_of, target
from api.people import people
from api.v1.chat_rows import Said, said_of
from api.v1.parameters import Id
from api.v1.resources import timestamp
from api.views import CHAT_SETTINGS, typed
from infra.errors import NotFound
from schemas.chat_messages import made_at
from schemas.records.chat import (
    ChatCleared,
    ClearChat,
    DeleteMessage,
    MessageDeleted,
    SetShieldMode,
    ShieldModeChanged,
    UserWarned,
    WarnUser,
)

LOOKS: Final = 15
"""How often a message that was just said is looked for."""
BETWEEN_SECONDS: Final = 0.1


class DeleteQuery(ModeratorQuery, frozen=True):
    """Which message; without it all of them."""

    message_id: Id | None = None


class Warned(msgspec.Struct, frozen=True):
    """Whom to warn, and of what."""

    user_id: Id
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class Warnings(msgspec.Struct, frozen=True):
    """The body: one warning. The client library sends it as a list of one."""

    data: Warned | Annotated[list[Warned], msgspec.Meta(min_length=1, max_length=1)]


class Warning(msgspec.Struct, frozen=True):  # noqa: A001 - as the dialect calls it
    """A warning that was given."""

    broadcaster_id: str
    user_id: str
    moderator_id: str
    reason: str


class Switch(msgspec.Struct, frozen=True):
    """Whether the shield is to be on."""

    is_active: bool


class Shield(msgspec.Struct, frozen=True):
    """Whether the shield is on, and who switched it last."""

    is_active: bool
    moderator_id: str
    moderator_login: str
    moderator_name: str
    last_activated_at: str
    """Empty: never."""


class _ShieldRow(msgspec.Struct, frozen=True):
    shield: bool = False
    shield_at: int | None = None
    shield_by_id: str = ""
    shield_by_login: str = ""


async def delete_chat_messages(call: Call, query: DeleteQuery) -> None:
    """Take a message, or all of them, out of a chat that you moderate."""
    own(call, query.moderator_id, "moderator_id")
    by = await moderator(call, query.broadcaster_id)
    channel_id, more = query.broadcaster_id, msgspec.structs.asdict(by)
    if query.message_id is None:
        await call.ask(COMMANDS, channel_id, ClearChat(channel_id=channel_id, **more), ChatCleared)
        return
    said = await _said(call, channel_id, query.message_id)
    command = DeleteMessage(
        channel_id=channel_id,
        message_id=query.message_id,
        sent_at=said.sent_at,
        user_id=said.user_id,
        login=said.login,
        roles=await roles_of(call.views, channel_id, said.user_id),
        text=said.text,
        **more,
    )
    await call.ask(COMMANDS, channel_id, command, MessageDeleted)


async def _said(call: Call, channel_id: str, message_id: str) -> Said:
    """A message. One that was said a moment ago may not be in the history yet: it is waited for."""
    made = made_at(message_id)
    fresh = made is not None and made <= call.now < made + LOOKS * BETWEEN_SECONDS * 1_000_000
    for left in reversed(range(LOOKS if fresh else 1)):
        said = await said_of(call.views, channel_id, message_id)
        if said is not None:
            return said
        if left:
            await asyncio.sleep(BETWEEN_SECONDS)
    raise NotFound("There is no such message in this chat.")


async def warn_chat_user(call: Call, query: ModeratorQuery, body: Warnings) -> Data[Warning]:
    """Warn a user in a chat that you moderate: they say nothing before they confirm it."""
    own(call, query.moderator_id, "moderator_id")
    by = await moderator(call, query.broadcaster_id)
    wanted = body.data[0] if isinstance(body.data, list) else body.data
    user = await target(call, query.broadcaster_id, wanted.user_id)
    command = WarnUser(
        channel_id=query.broadcaster_id,
        **msgspec.structs.asdict(user),
        reason=wanted.reason,
        **msgspec.structs.asdict(by),
    )
    await call.ask(COMMANDS, query.broadcaster_id, command, UserWarned)
    return Data([Warning(query.broadcaster_id, user.user_id, call.user_id, wanted.reason)])


async def get_shield_mode(call: Call, query: ModeratorQuery) -> Data[Shield]:
    """Whether the shield of a chat that you moderate is on."""
    own(call, query.moderator_id, "moderator_id")
    await moderator(call, query.broadcaster_id)
    row = await call.views.get(CHAT_SETTINGS, query.broadcaster_id) or {}
    return Data([await _shield(call, typed(row, _ShieldRow))])


async def update_shield_mode(call: Call, query: ModeratorQuery, body: Switch) -> Data[Shield]:
    """Switch the shield of a chat that you moderate."""
    own(call, query.moderator_id, "moderator_id")
    by = await moderator(call, query.broadcaster_id)
    command = SetShieldMode(
        channel_id=query.broadcaster_id, active=body.is_active, **msgspec.structs.asdict(by)
    )
    event = await call.ask(COMMANDS, query.broadcaster_id, command, ShieldModeChanged)
    row = _ShieldRow(event.active, call.now, event.by_id, event.by_login)
    return Data([await _shield(call, row)])


async def _shield(call: Call, row: _ShieldRow) -> Shield:
    person = (await people(call, [row.shield_by_id] if row.shield_by_id else [])).get(
        row.shield_by_id
    )
    return Shield(
        is_active=row.shield,
        moderator_id=row.shield_by_id,
        moderator_login=row.shield_by_login,
        moderator_name=person.display_name if person else row.shield_by_login,
        last_activated_at="" if row.shield_at is None else timestamp(row.shield_at),
    )


_SHIELD = "/moderation/shield_mode"
_MANAGE_SHIELD = signed_in & scoped("moderator:manage:shield_mode")

ROUTES = (
    helix(
        "GET",
        _SHIELD,
        get_shield_mode,
        signed_in & scoped("moderator:read:shield_mode", "moderator:manage:shield_mode"),
    ),
)
ASKING = (
    helix("PUT", _SHIELD, update_shield_mode, _MANAGE_SHIELD),
    helix(
        "DELETE",
        "/moderation/chat",
        delete_chat_messages,
        signed_in & scoped("moderator:manage:chat_messages"),
        errors=(404,),
    ),
    helix(
        "POST",
        "/moderation/warnings",
        warn_chat_user,
        signed_in & scoped("moderator:manage:warnings"),
        errors=(404,),
    ),
)
