"""`/session`: who sits at one of our pages, and what its scripts do for them.

Pages have no bearer token. What they ask goes by the session's cookie, and changes something only
with the sealed text that `GET /session` gives to pages of ours, in the header `Form-Token`. An
endpoint of the API becomes one of these by `of_page`: the function is the same.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

import msgspec
from aiohttp import web

from api.access import Principal, by_session, public
from api.call import Call, endpoint
from api.errors import Forbidden
from api.oauth2.authority import authority
from api.oauth2.sessions import check_form, sealed_form, session_of
from api.oauth2.standing import PAGES, staff_of
from api.routes import PRINCIPAL, Route
from api.v1.followers import follow_channel, get_following, unfollow_channel

_HEADER: Final = "Form-Token"


class SignedIn(msgspec.Struct, frozen=True):
    """Somebody who is signed in."""

    user_id: str
    login: str
    display_name: str
    form: str
    """For the header `Form-Token`, and for the field `form` of a form."""


class Who(msgspec.Struct, frozen=True):
    """Who is signed in here."""

    user: SignedIn | None


async def get_session(call: Call) -> Who:
    """Who is signed in, or null."""
    session = await session_of(call.request)
    if session is None:
        return Who(None)
    form = sealed_form(authority(call.request), session.grant_id)
    user = session.user
    return Who(SignedIn(user.user_id, user.login, user.display_name, form))


def of_page(method: str, path: str, function: Callable[..., Awaitable[Any]], **more: Any) -> Route:
    """An endpoint's function for pages of ours: who asks is whoever is signed in there.

    It has no scopes; staff is staff there. 403 for who is not signed in, and for what no page of
    ours has sent.
    """
    route = endpoint(method, path, function, by_session, **more)
    inner = route.handler

    async def handle(request: web.Request) -> web.StreamResponse:
        session = await session_of(request)
        if method != "GET":
            check_form(request, session, request.headers.get(_HEADER, ""))
        if session is None:
            raise Forbidden("Nobody is signed in here.")
        user = session.user
        request[PRINCIPAL] = Principal(user.user_id, PAGES, roles=staff_of(user.roles))
        return await inner(request)

    handle.__name__ = f"session_{function.__name__}"
    handle.__doc__ = function.__doc__
    return replace(route, handler=handle, said=None)


_FOLLOWS = "/session/follows/{channel_id}"

ROUTES = (
    replace(endpoint("GET", "/session", get_session, public), said=None),
    of_page("GET", _FOLLOWS, get_following),
    of_page("PUT", _FOLLOWS, follow_channel),
    of_page("DELETE", _FOLLOWS, unfollow_channel),
)
