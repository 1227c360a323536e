"""My account: sessions and connected applications, own applications, password, erasure."""

import asyncio
from typing import Any, Final

import msgspec
from aiohttp import web

from api.oauth2.accounts import (
    change_password,
    change_profile,
    described,
    email_of,
    erase,
    kept,
)
from api.oauth2.answers import Parameters
from api.oauth2.authority import ACCESS, ACCOUNTS, Authority, authority
from api.oauth2.clients import application
from api.oauth2.inspecting import end
from api.oauth2.rendering import for_session, page, paged, see_other, sent_form, sentence
from api.oauth2.rows import (
    APPLICATIONS,
    APPLICATIONS_BY_USER,
    GRANTS,
    GRANTS_BY_SUBJECT,
    ApplicationRow,
    GrantRow,
    ListedApplicationRow,
    ListedGrantRow,
)
from api.oauth2.scopes import description
from api.oauth2.secrets import digest_of, new_client_id, new_client_secret
from api.oauth2.sessions import Session, leave
from api.oauth2.standing import PAGES, row
from api.views import typed
from infra.errors import NotFound, Refused
from schemas.records.access import GrantsRevoked, RevokeGrants
from schemas.records.accounts import (
    ApplicationDeleted,
    ApplicationRegistered,
    ApplicationSecretRotated,
    DeleteApplication,
    RegisterApplication,
    RotateApplicationSecret,
)

_MOST: Final = 200
"""Rows of a list; the rules allow fewer (`agents.access.model.GRANTS`)."""
_NO_SUCH: Final = "You have no such application."


class Access(msgspec.Struct, frozen=True):
    """A session or a connected application, as it is shown."""

    grant_id: str
    name: str
    here: bool
    """Whether it is the session that looks at it."""
    used_at: int
    application: bool
    allowed: list[str]
    """What an application may do, in words."""


@for_session
async def get_account(request: web.Request, session: Session) -> web.StreamResponse:
    """All that belongs to a user."""
    return await _account_page(request, session)


@for_session
async def post_end_access(request: web.Request, session: Session) -> web.StreamResponse:
    """End a session, or what an application may do."""
    given, mind = await sent_form(request), authority(request)
    grant_id = given.get("grant_id", "")
    await end(mind, session.user.user_id, grant_id[:100], None, "revoked-by-user")
    response = see_other("/account")
    if grant_id == session.grant_id:
        response = see_other("/")
        leave(request, response)
    return response


@for_session
async def post_end_others(request: web.Request, session: Session) -> web.StreamResponse:
    """End every session and every application's access but this session."""
    await sent_form(request)
    user_id = session.user.user_id
    command = RevokeGrants(
        subject_id=user_id, keep_grant_id=session.grant_id, reason="revoked-by-user"
    )
    await authority(request).ask(ACCESS, user_id, command, PAGES, GrantsRevoked)
    return see_other("/account")


@for_session
async def post_profile(request: web.Request, session: Session) -> web.StreamResponse:
    """Another name to be shown by, another e-mail address; the login stays."""
    given, mind = await sent_form(request), authority(request)
    name, email = given.get("display_name", "").strip(), given.get("email", "").strip()
    try:
        await change_profile(mind, session, name, email, given.get("password", ""))
    except Refused as error:
        said = sentence(error)
        return await _account_page(request, session, status=422, profile_error=said, given=given)
    return see_other("/account?done=profile#you")


@for_session
async def post_password(request: web.Request, session: Session) -> web.StreamResponse:
    """Another password."""
    given, mind = await sent_form(request), authority(request)
    try:
        await change_password(mind, session, given.get("password", ""), given.get("new", ""))
    except Refused as error:
        return await _account_page(request, session, status=422, password_error=sentence(error))
    return see_other("/account?done=password#password")


@for_session
async def post_application(request: web.Request, session: Session) -> web.StreamResponse:
    """Register an application; its secret is shown this once."""
    given, mind = await sent_form(request), authority(request)
    confidential = given.get("kind") != "public"
    secret = new_client_secret() if confidential else ""
    user_id, client_id = session.user.user_id, new_client_id()
    command = RegisterApplication(
        user_id=user_id,
        client_id=client_id,
        name=given.get("name", "").strip(),
        redirect_uris=given.get("redirect_uris", "").split(),
        confidential=confidential,
        secret_digest=digest_of(secret) if confidential else None,
    )
    try:
        await mind.ask(ACCOUNTS, user_id, command, PAGES, ApplicationRegistered)
    except Refused as error:
        said = sentence(error)
        return await _account_page(
            request, session, status=422, application_error=said, given=given
        )
    return await page(request, "secret", name=command.name, client_id=client_id, secret=secret)


@for_session
async def get_application(request: web.Request, session: Session) -> web.StreamResponse:
    """One of the user's applications."""
    found = await _own(request, session)
    return await page(request, "application", application=found)


@for_session
async def post_secret(request: web.Request, session: Session) -> web.StreamResponse:
    """Another secret for an application; the one before stops counting."""
    await sent_form(request)
    found = await _own(request, session)
    secret = new_client_secret()
    command = RotateApplicationSecret(
        user_id=found.user_id, client_id=found.client_id, secret_digest=digest_of(secret)
    )
    mind = authority(request)
    await mind.ask(ACCOUNTS, found.user_id, command, PAGES, ApplicationSecretRotated)
    return await page(request, "secret", name=found.name, client_id=found.client_id, secret=secret)


@for_session
async def post_delete_application(request: web.Request, session: Session) -> web.StreamResponse:
    """Delete an application: no token of it counts any more."""
    await sent_form(request)
    found = await _own(request, session)
    command = DeleteApplication(user_id=found.user_id, client_id=found.client_id)
    await authority(request).ask(ACCOUNTS, found.user_id, command, PAGES, ApplicationDeleted)
    return see_other("/account#applications")


@for_session
async def get_erase(request: web.Request, session: Session) -> web.StreamResponse:
    """What erasing does, before it is done."""
    return await page(request, "erase", error="")


@for_session
async def post_erase(request: web.Request, session: Session) -> web.StreamResponse:
    """Erase the user, who has typed their name and password for it."""
    given, mind = await sent_form(request), authority(request)
    try:
        if given.get("login", "").strip().lower() != session.user.login:
            raise Refused("wrong-login", "That is not your name.")
        await erase(mind, session, given.get("password", ""))
    except Refused as error:
        return await page(request, "erase", status=422, error=sentence(error))
    mind.checking.forget(session.grant_id)
    gone = see_other("/goodbye")
    leave(request, gone)
    return gone


@paged
async def get_goodbye(request: web.Request) -> web.StreamResponse:
    """What was erased."""
    return await page(request, "goodbye")


async def _account_page(
    request: web.Request, session: Session, *, status: int = 200, **shown: Any
) -> web.Response:
    mind, user_id = authority(request), session.user.user_id
    accesses, applications, sealed = await asyncio.gather(
        _accesses(request, session), _applications(mind, user_id), kept(mind, user_id)
    )
    blank: Parameters = {}
    values = {
        "email": email_of(sealed) if sealed else "",
        "applications": applications,
        "done": request.query.get("done", ""),
        "profile_error": "",
        "password_error": "",
        "application_error": "",
        "given": blank,
    }
    return await page(request, "account", status=status, accesses=accesses, **{**values, **shown})


async def _accesses(request: web.Request, session: Session) -> list[Access]:
    """Sessions and connected applications, this session first, then the last used."""
    mind = authority(request)
    rows, _ = await mind.views.scan(GRANTS_BY_SUBJECT, _MOST, within=session.user.user_id)
    listed = [typed(each, ListedGrantRow) for each in rows]
    found = await asyncio.gather(*(_access(mind, each, session) for each in listed))
    known = [each for each in found if each]
    if not any(each.here for each in known):  # it has just begun
        name = described(request.headers.get("User-Agent", ""))
        known.append(Access(session.grant_id, name, True, mind.clock.now(), False, []))
    return sorted(known, key=lambda each: (not each.here, -each.used_at))


async def _access(mind: Authority, listed: ListedGrantRow, session: Session) -> Access | None:
    """None for what has ended, or not begun: this view may be a moment behind."""
    grant = await row(mind.views, GRANTS, listed.grant_id, GrantRow)
    if grant is None or grant.state != "active":
        return None
    name = listed.description or "A browser"
    if grant.client_id != PAGES:
        connected = await row(mind.views, APPLICATIONS, grant.client_id, ApplicationRow)
        if connected is None:
            return None
        name = connected.name
    return Access(
        grant_id=listed.grant_id,
        name=name,
        here=listed.grant_id == session.grant_id,
        used_at=listed.used_at or listed.started_at,
        application=grant.client_id != PAGES,
        allowed=[text for scope in grant.scopes.split() if (text := description(scope))],
    )


async def _applications(mind: Authority, user_id: str) -> list[ApplicationRow]:
    rows, _ = await mind.views.scan(APPLICATIONS_BY_USER, _MOST, within=user_id)
    listed = [typed(each, ListedApplicationRow) for each in rows]
    listed.sort(key=lambda each: each.registered_at)
    found = await asyncio.gather(*(application(mind.views, each.client_id) for each in listed))
    return [each for each in found if each is not None]


async def _own(request: web.Request, session: Session) -> ApplicationRow:
    """The application of the path, if it is the user's. Raises NotFound."""
    found = await application(authority(request).views, request.match_info["client_id"])
    if found is None or found.user_id != session.user.user_id:
        raise NotFound(_NO_SUCH)
    return found
