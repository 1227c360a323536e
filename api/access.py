"""Who asks, and what a route needs of them: rules as values, so that they can be listed."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Protocol

from aiohttp import web

from api.errors import Forbidden, Unauthorized

LONGEST_TOKEN: Final = 4096
_PLAIN = re.compile(r"[A-Za-z0-9._-]{1,100}")


@dataclass(frozen=True)
class Principal:
    """Who a token stands for."""

    user_id: str | None
    """The user; None for an application that acts for itself."""
    client_id: str
    """The application that the token was given to."""
    scopes: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    """What the user or the service is to the whole platform, such as `operator`."""

    @property
    def name(self) -> str:
        """Unlike that of any other principal: limits and idempotency keys are kept under it."""
        return f"user:{self.user_id}@{self.client_id}" if self.user_id else f"app:{self.client_id}"


class Tokens(Protocol):
    """Reads bearer tokens. Implemented by `api.oauth2.tokens`."""

    async def verify(self, bearer: str) -> Principal:
        """Who the token stands for. Raises Unauthorized("invalid_token", …), or Unavailable."""
        ...


class NoTokens:
    """Knows nobody."""

    async def verify(self, bearer: str) -> Principal:
        """Raises Unauthorized."""
        raise Unauthorized("invalid_token", "no token is valid here")


@dataclass(frozen=True)
class Needs:
    """What one caller must have, all of it."""

    user: bool = False
    scopes: frozenset[str] = frozenset()
    """May hold parameters of the request: `events:write:{topic}`."""
    roles: frozenset[str] = frozenset()

    def lacking(self, principal: Principal, parameters: Mapping[str, str]) -> Forbidden | None:
        """What the caller lacks first."""
        wanted = {filled(scope, parameters) for scope in self.scopes}
        if missing := wanted - principal.scopes:
            text = " ".join(sorted(missing))
            return Forbidden(f"The token lacks the scope {text}", text)
        if not self.roles <= principal.roles:
            return Forbidden(f"This is for the role {' '.join(sorted(self.roles))}")
        if self.user and principal.user_id is None:
            return Forbidden("This needs the token of a user, not that of an application")
        return None


@dataclass(frozen=True)
class Rule:
    """Who may use a route: whoever meets one of the alternatives. None at all: anyone.

    `a & b` needs both, `a | b` one of them: `role("operator") | signed_in & scoped("x:read")`.
    """

    alternatives: tuple[Needs, ...] = ()
    by: str = ""
    """What a route that no bearer token opens looks at by itself; empty: it is for anyone."""

    @cached_property
    def any_token_will_do(self) -> bool:
        """Whether nothing is asked of whoever has a token."""
        return Needs() in self.alternatives

    def __and__(self, other: "Rule") -> "Rule":
        if not self.alternatives or not other.alternatives:
            return Rule(self.alternatives or other.alternatives)
        return Rule(
            tuple(
                Needs(a.user or b.user, a.scopes | b.scopes, a.roles | b.roles)
                for a in self.alternatives
                for b in other.alternatives
            )
        )

    def __or__(self, other: "Rule") -> "Rule":
        if not self.alternatives or not other.alternatives:
            return Rule()
        return Rule(self.alternatives + other.alternatives)

    def check(self, principal: Principal, parameters: Mapping[str, str]) -> None:
        """Raises Forbidden, which names what the first alternative lacks."""
        lacking = [needs.lacking(principal, parameters) for needs in self.alternatives]
        if lacking and all(lacking):
            first = lacking[0]
            assert first is not None
            raise first


public = Rule()
"""Anyone, without a token; one that is sent is not looked at."""
anyone = Rule((Needs(),))
"""Whoever has a token, of a user or of an application."""
signed_in = Rule((Needs(user=True),))
"""Users."""
by_session = Rule(by="session")
"""Who sits at one of our own pages: a cookie, and forms that only they can send."""
by_client = Rule(by="client")
"""Applications, by their secret if they have one (RFC 6749, section 2.3)."""
by_token = Rule(by="token")
"""Whoever shows a token, to hear what it is worth."""


def scoped(*scopes: str) -> Rule:
    """Whoever has one of these scopes."""
    return Rule(tuple(Needs(scopes=frozenset({scope})) for scope in scopes))


def role(*roles: str) -> Rule:
    """Whoever has one of these roles."""
    return Rule(tuple(Needs(roles=frozenset({name})) for name in roles))


def filled(scope: str, parameters: Mapping[str, str]) -> str:
    """A scope with the request's parameters in it; one without them, which nobody has, as it is."""
    for name, value in parameters.items():
        if _PLAIN.fullmatch(value):  # it goes into a header
            scope = scope.replace(f"{{{name}}}", value)
    return scope


def parameters_of(request: web.Request) -> dict[str, str]:
    """What a scope may speak of: the path's parameters, and where they are none the query's."""
    return {**request.query, **request.match_info}


def bearer_of(request: web.Request) -> str:
    """The token of a request (RFC 6750, section 2.1). Raises Unauthorized."""
    given = request.headers.getall("Authorization", [])
    if not given:
        raise Unauthorized("", "This needs a token")
    scheme, _, token = given[0].partition(" ")
    token = token.strip()
    if len(given) > 1 or scheme.lower() != "bearer" or not token:
        raise Unauthorized("invalid_request", "Authorization must be one bearer token")
    if len(token) > LONGEST_TOKEN or not (token.isascii() and token.isprintable()):
        raise Unauthorized("invalid_token", "the token is malformed")
    return token


def listed(rules: Iterable[Rule]) -> list[str]:
    """Every scope that the rules speak of."""
    return sorted(
        {scope for rule in rules for needs in rule.alternatives for scope in needs.scopes}
    )
