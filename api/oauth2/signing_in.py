"""Pages to sign up, sign in and sign out."""

from typing import Final

from aiohttp import web

from api.limits import network
from api.oauth2.accounts import (
    SIGN_INS_A_LOGIN,
    SIGN_INS_AN_ADDRESS,
    SIGN_UPS_AN_ADDRESS,
    NewUser,
    begin_session,
    recognised,
    register,
)
from api.oauth2.answers import Parameters
from api.oauth2.authority import Authority, authority
from api.oauth2.inspecting import end
from api.oauth2.rendering import local, page, paged, see_other, sent_form, sentence
from api.oauth2.sessions import begin, leave, session_of
from api.proxies import proxies
from infra.errors import Refused

_WRONG: Final = "Name or password is wrong."
_WELCOME: Final = "/account?done=welcome"
_LONGEST: Final = 1000


@paged
async def get_signin(request: web.Request) -> web.StreamResponse:
    """Sign in, or go on at once if that was done."""
    back = local(request.query.get("next", "/account"))
    if await session_of(request) is not None:
        return see_other(back)
    return await _signin_page(request, back)


@paged
async def post_signin(request: web.Request) -> web.StreamResponse:
    """Check name and password. Who there is, and who there is not, is answered alike."""
    given, mind = await sent_form(request), authority(request)
    login, password = given.get("login", "").strip().lower(), given.get("password", "")
    back = local(given.get("next", "/account"))
    await mind.spend("sign-in-address", SIGN_INS_AN_ADDRESS, network(_address(request)))
    await mind.spend("sign-in-login", SIGN_INS_A_LOGIN, login[:_LONGEST])
    user = await recognised(mind, login, password)
    if user is None:
        return await _signin_page(request, back, error=_WRONG, login=login, status=422)
    return await _signed_in(request, mind, user.user_id, back)


@paged
async def get_signup(request: web.Request) -> web.StreamResponse:
    """Become a user."""
    back = local(request.query.get("next", "/account"))
    if await session_of(request) is not None:
        return see_other(back)
    return await page(request, "signup", back=back, error="", given={})


@paged
async def post_signup(request: web.Request) -> web.StreamResponse:
    """Make the user, and sign in."""
    given, mind = await sent_form(request), authority(request)
    back = local(given.get("next", "/account"))
    await mind.spend("sign-up-address", SIGN_UPS_AN_ADDRESS, network(_address(request)))
    try:
        user_id = await register(mind, _new_user(request, given))
    except Refused as error:
        kept = {name: given.get(name, "") for name in ("login", "email")}
        said = sentence(error)
        return await page(request, "signup", status=422, back=back, error=said, given=kept)
    return await _signed_in(request, mind, user_id, _WELCOME if back == "/account" else back)


@paged
async def post_signout(request: web.Request) -> web.StreamResponse:
    """End the session."""
    await sent_form(request)
    session, mind = await session_of(request), authority(request)
    if session is not None:
        await end(mind, session.user.user_id, session.grant_id, None, "signed-out")
    response = see_other("/")
    leave(request, response)
    return response


async def _signin_page(
    request: web.Request, back: str, *, error: str = "", login: str = "", status: int = 200
) -> web.Response:
    return await page(request, "signin", status=status, back=back, error=error, login=login)


async def _signed_in(
    request: web.Request, mind: Authority, user_id: str, back: str
) -> web.StreamResponse:
    """A session of its own: whatever the browser had before counts no more."""
    before = await session_of(request)
    grant_id = await begin_session(mind, user_id, request.headers.get("User-Agent", ""))
    if before is not None:
        await end(mind, before.user.user_id, before.grant_id, None, "signed-out")
    response = see_other(back)
    begin(mind, response, user_id, grant_id)
    return response


def _address(request: web.Request) -> str:
    return proxies(request).address(request)


def _new_user(request: web.Request, given: Parameters) -> NewUser:
    login = given.get("login", "").strip()
    return NewUser(
        login=login.lower(),
        display_name=login,
        password=given.get("password", ""),
        email=given.get("email", "").strip(),
        address=_address(request),
    )
