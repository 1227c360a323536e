"""Whether somebody may hear of a channel, and what that costs them."""

import asyncio
from typing import Final

from api.call import Call
from api.errors import Forbidden
from api.eventsub.rows import CONSENTS, Consent
from api.views import MODERATORS, typed
from schemas.eventsub import Kind
from schemas.eventsub_fields import BROADCASTER

_GRANTS: Final = 100
_AGAIN: Final = (0.0, 0.1, 0.2, 0.4)
"""Pauses before the views are asked again for what may have been given just now."""


async def cost_of(call: Call, kind: Kind, condition: dict[str, str], user_id: str | None) -> int:
    """0 where a user of the condition gave the application access, else 1. Raises Forbidden."""
    broadcaster, client_id = kind.channel_of(condition), call.principal.client_id
    if not kind.scopes:
        if user_id == broadcaster:
            return 0
        return 0 if await _gave(call, broadcaster, client_id, frozenset(), soon=False) else 1
    name = kind.reader or BROADCASTER
    reader = condition[name]
    if user_id is not None and user_id != reader:
        raise Forbidden(f"condition.{name}: must be the user that the token is for")
    named = " or ".join(kind.scope.split())
    if user_id is not None and kind.scopes.isdisjoint(call.principal.scopes):
        raise Forbidden(f"the token lacks the scope {named}")
    if user_id is None and not await _gave(call, reader, client_id, kind.scopes, soon=True):
        raise Forbidden(f"that user has not given the application the scope {named}")
    if not kind.moderated or reader == broadcaster:
        return 0
    if not await call.views.get(MODERATORS, (broadcaster, reader)):
        raise Forbidden(f"condition.{name}: does not moderate that channel")
    return 0


async def _gave(
    call: Call, user_id: str, client_id: str, scopes: frozenset[str], *, soon: bool
) -> bool:
    """Whether a user gave an application access, with one of the scopes unless there are none.

    `soon`: look again for a moment, because they may have done so just now.
    """
    for pause in _AGAIN if soon else (0.0,):
        await asyncio.sleep(pause)
        rows, _ = await call.views.scan(CONSENTS, _GRANTS, within=user_id)
        for given in (typed(row, Consent) for row in rows):
            known = given.given and given.client_id == client_id
            if known and (not scopes or not scopes.isdisjoint(given.scopes.split())):
                return True
    return False
