"""`/helix/moderation/blocked_terms`: what may not be said in a chat."""

from typing import Annotated

import msgspec

from api.access import scoped, signed_in
from api.call import Call
from api.helix.bans import ModeratorQuery
from api.helix.dialect import Data, Listing, PageQuery, Pagination, helix, own
from api.moderating import COMMANDS, moderator
from api.v1.parameters import Id
from api.v1.resources import timestamp
from api.views import BLOCKED_TERMS, typed
from schemas.records.chat import (
    AddBlockedTerm,
    BlockedTermAdded,
    BlockedTermRemoved,
    RemoveBlockedTerm,
)


class TermsQuery(PageQuery, frozen=True, kw_only=True):
    """Whose chat, the moderator that the token is for, and which part of the list."""

    broadcaster_id: Id
    moderator_id: Id


class TermQuery(ModeratorQuery, frozen=True):
    """Which term."""

    id: Id


class NewTerm(msgspec.Struct, frozen=True):
    """A term; `*` stands for any letters."""

    text: Annotated[str, msgspec.Meta(min_length=2, max_length=500)]


class Term(msgspec.Struct, frozen=True):
    """A term that is blocked."""

    broadcaster_id: str
    moderator_id: str
    id: str
    text: str
    created_at: str
    updated_at: str
    expires_at: str | None = None


class TermRow(msgspec.Struct, frozen=True):
    """A row of `blocked-terms`."""

    channel_id: str
    term_id: str
    text: str
    added_at: int
    by_id: str = ""
    by_login: str = ""


async def get_blocked_terms(call: Call, query: TermsQuery) -> Listing[Term]:
    """The terms that are blocked in a chat that you moderate."""
    own(call, query.moderator_id, "moderator_id")
    await moderator(call, query.broadcaster_id)
    rows, cursor = await call.views.scan(
        BLOCKED_TERMS, query.first, query.after, within=query.broadcaster_id
    )
    return Listing([_term(typed(row, TermRow)) for row in rows], Pagination(cursor))


async def add_blocked_term(call: Call, query: ModeratorQuery, body: NewTerm) -> Data[Term]:
    """Block a term in a chat that you moderate."""
    own(call, query.moderator_id, "moderator_id")
    by = await moderator(call, query.broadcaster_id)
    command = AddBlockedTerm(
        channel_id=query.broadcaster_id, text=body.text, **msgspec.structs.asdict(by)
    )
    event = await call.ask(COMMANDS, query.broadcaster_id, command, BlockedTermAdded)
    row = TermRow(query.broadcaster_id, event.term_id, event.text, call.now, event.by_id)
    return Data([_term(row)])


async def remove_blocked_term(call: Call, query: TermQuery) -> None:
    """Block a term no longer."""
    own(call, query.moderator_id, "moderator_id")
    by = await moderator(call, query.broadcaster_id)
    command = RemoveBlockedTerm(
        channel_id=query.broadcaster_id, term_id=query.id, **msgspec.structs.asdict(by)
    )
    await call.ask(COMMANDS, query.broadcaster_id, command, BlockedTermRemoved)


def _term(row: TermRow) -> Term:
    added = timestamp(row.added_at)
    return Term(row.channel_id, row.by_id, row.term_id, row.text, added, added)


_PATH = "/moderation/blocked_terms"
_MANAGE = signed_in & scoped("moderator:manage:blocked_terms")
_READ = signed_in & scoped("moderator:read:blocked_terms", "moderator:manage:blocked_terms")

ROUTES = (helix("GET", _PATH, get_blocked_terms, _READ),)
ASKING = (
    helix("POST", _PATH, add_blocked_term, _MANAGE),
    helix("DELETE", _PATH, remove_blocked_term, _MANAGE),
)
