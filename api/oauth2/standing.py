"""Whether an access token still counts: its grant lasts, its application and its user exist.

What the views say of a grant is remembered for at most three seconds, so that a token whose grant
ended is refused everywhere within five.
"""

from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from api.access import Principal
from api.errors import Unauthorized
from api.oauth2.rows import APPLICATIONS, GRANTS, USERS, ApplicationRow, GrantRow, UserRow
from api.oauth2.scopes import OPERATE, permitted
from api.oauth2.tokens import AccessToken, AccessTokens, InvalidToken
from api.views import Row, Views, typed
from infra.clock import Clock

PAGES: Final = "millrace"
"""The client of sessions of our own pages. Not an application: no client_id is that short."""
STAFF: Final = frozenset({"operator"})
"""Roles that a token has to name before they count, but no page of ours."""
REMEMBERED_SECONDS: Final = 3.0
REMEMBERED: Final = 20_000
"""Grants at most."""


@dataclass(frozen=True)
class Standing:
    """What the views say about who a token is for."""

    grant: GrantRow
    application: ApplicationRow | None
    """None for sessions of our own pages."""
    user: UserRow | None
    """Who gave the access; of an application that acts for itself, whose application it is."""

    @property
    def roles(self) -> frozenset[str]:
        """Roles of the user."""
        return frozenset(self.user.roles.split()) if self.user else frozenset()


@dataclass(frozen=True)
class Checked:
    """A token that counts."""

    claims: AccessToken
    standing: Standing

    @cached_property
    def principal(self) -> Principal:
        """Who it stands for. An operator is one only where the token says so."""
        roles = self.standing.roles
        scopes = permitted(self.claims.scopes, roles)
        if self.claims.user_id is None:
            roles &= {"service"}
        elif OPERATE not in scopes:
            roles -= {"operator"}
        return Principal(self.claims.user_id, self.claims.client_id, scopes, roles)


class GrantTokens:
    """The gateway's `Tokens`."""

    def __init__(self, tokens: AccessTokens, views: Views, clock: Clock) -> None:
        self._tokens = tokens
        self._views = views
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, Standing]] = OrderedDict()
        self._checked: dict[str, Checked] = {}

    async def verify(self, bearer: str) -> Principal:
        """Who the token stands for. Raises Unauthorized, Unavailable."""
        return (await self.check(bearer)).principal

    async def check(self, bearer: str) -> Checked:
        """What a token says, if it counts. Raises Unauthorized, Unavailable."""
        try:
            claims = self._tokens.verify(bearer)
        except InvalidToken as error:
            raise Unauthorized("invalid_token", str(error).replace('"', "'")) from error
        standing = await self._standing(claims.gid)
        if standing is None or not _is_of(standing, claims):
            raise Unauthorized("invalid_token", "the access was ended")
        known = self._checked.get(claims.jti)
        if known is None or known.claims is not claims or known.standing is not standing:
            known = self._checked[claims.jti] = Checked(claims, standing)
            if len(self._checked) > REMEMBERED:
                del self._checked[next(iter(self._checked))]
        return known

    async def lasts(self, claims: AccessToken) -> bool:
        """Whether the access lasts that a token was made for, be it too old by now or not.

        For who came with it and stayed. Raises Unavailable.
        """
        standing = await self._standing(claims.gid)
        return standing is not None and _is_of(standing, claims)

    def forget(self, grant_id: str) -> None:
        """Look again next time: the grant ended, and this gateway knows it first."""
        self._known.pop(grant_id, None)

    async def _standing(self, grant_id: str) -> Standing | None:
        now = self._clock.monotonic()
        until, known = self._known.get(grant_id, (0.0, None))
        if known is not None and now < until:
            return known
        found = await self._look(grant_id)
        self._known.pop(grant_id, None)
        if found is not None:
            # From before the look: what it saw may be as old as that.
            self._known[grant_id] = (now + REMEMBERED_SECONDS, found)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return found

    async def _look(self, grant_id: str) -> Standing | None:
        """What the views say now; None if the token does not count any more."""
        grant = await row(self._views, GRANTS, grant_id, GrantRow)
        if grant is None or grant.state != "active":
            return None
        if grant.client_id == PAGES:
            application, owner = None, grant.user_id
        else:
            application = await row(self._views, APPLICATIONS, grant.client_id, ApplicationRow)
            if application is None:
                return None
            owner = grant.user_id or application.user_id
        user = await row(self._views, USERS, owner, UserRow) if owner else None
        if user is None:
            return None
        return Standing(grant, application, user)


def _is_of(standing: Standing, claims: AccessToken) -> bool:
    grant = standing.grant
    return (grant.subject_id, grant.client_id) == (claims.sub, claims.client_id)


def staff_of(roles: str) -> frozenset[str]:
    """Which roles of a user, with spaces between them, count at pages of ours without a token."""
    return STAFF & set(roles.split())


async def row(views: Views, view: str, key: str, kind: type[Row]) -> Row | None:
    """A row, or None. Raises Unavailable, also if that takes too long."""
    found = await views.get(view, key)
    return None if found is None else typed(found, kind)
