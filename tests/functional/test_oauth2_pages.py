"""Pages: who signs in, who consents, and what nobody can make them do."""

import re
from typing import Any

import pytest

from api.oauth2.accounts import SIGN_INS_A_LOGIN
from api.oauth2.sessions import FORM_SECONDS, LASTS_SECONDS
from infra.errors import Unavailable
from infra.names import id_of
from schemas.records.accounts import RegisterUser
from schemas.records.identity import RegisterChannel
from tests.functional.oauth_rig import (
    PASSWORD,
    Browser,
    Rig,
    authorize,
    browsing,
    visiting,
)

PAGES = ["/account", "/account/erase", "/account/applications/x", authorize(client_id="x" * 30)]
FORMS = [
    "/signin",
    "/signup",
    "/signout",
    "/account/access/end",
    "/account/access/end-others",
    "/account/password",
    "/account/applications",
    "/account/applications/{client_id}/secret",
    "/account/applications/{client_id}/delete",
    "/account/erase",
    "/oauth2/authorize?client_id={client_id}&redirect_uri=https%3A%2F%2Fapp.example%2Fback"
    "&response_type=code",
]


async def signed_in(browser: Browser) -> bool:
    return (await browser.get("/account")).status == 200


async def test_signing_up_makes_a_user_a_channel_and_a_session(browser: Browser, rig: Rig) -> None:
    await browser.get("/signup")
    fields = {"login": "River", "password": PASSWORD, "email": "river@example.org"}
    response = await browser.send("/signup", **fields, next="/c/river")
    assert (response.status, response.headers["Location"]) == (303, "/c/river")
    assert await signed_in(browser)
    assert "river@example.org" in browser.text
    assert "this browser" in browser.text
    user = await rig.views.get("users", id_of("river"))
    assert user is not None
    assert (user["login"], user["display_name"]) == ("river", "River")
    assert await rig.views.get("channels", "river") is not None
    command = next(each for each in rig.platform.said if isinstance(each, RegisterUser))
    assert "river@example.org" not in repr(command)
    assert PASSWORD not in repr(rig.platform.said)
    assert "argon2" not in repr(rig.platform.said)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"login": "ab"}, "3 to 25 characters"),
        ({"login": "a b c"}, "3 to 25 characters"),
        ({"password": "short"}, "at least 8 characters"),
        ({"password": "x" * 257}, "at most 256 characters"),
        ({"email": "not an address"}, "not an e-mail address"),
        ({"login": "taken"}, "is taken"),
        ({"login": "demo"}, "only an operator"),
    ],
)
async def test_a_sign_up_that_does_not_work_says_why(
    browser: Browser, rig: Rig, fields: dict[str, str], said: str
) -> None:
    command = RegisterChannel(channel_id="c9", name="demo", title="", category="")
    await rig.platform.post("identity-commands", "c9", command)
    assert (await browser.sign_up("taken")).status == 303
    await browser.get("/account")
    await browser.send("/signout")
    await browser.get("/signup")
    response = await browser.send("/signup", **{"login": "river", "password": PASSWORD, **fields})
    assert response.status == 422
    assert said in browser.text
    assert 'role="alert"' in browser.text
    assert not await signed_in(browser)


async def test_a_wrong_password_and_nobody_are_answered_alike(browser: Browser) -> None:
    await browser.sign_up()
    await browser.get("/account")
    await browser.send("/signout")
    assert not await signed_in(browser)
    answers = []
    for login, password in (("river", "wrong password"), ("nobody", PASSWORD), ("x", PASSWORD)):
        response = await browser.sign_in(login, password)
        text = re.sub(r'value="[^"]*"', "", browser.text)
        answers.append((response.status, text, sorted(response.cookies)))
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0] == 422
    assert (await browser.sign_in()).status == 303
    assert await signed_in(browser)


async def test_signing_in_is_limited_per_address_and_per_login(redis_less: Rig) -> None:
    async with browsing(redis_less) as browser:
        await browser.get("/signin")
        statuses = [
            (await browser.send("/signin", login="river", password="x" * 9)).status
            for _ in range(SIGN_INS_A_LOGIN)
        ]
        assert statuses[0] == 422
        assert statuses[-1] == 429
        refused = await browser.send("/signin", login="river", password=PASSWORD)
        assert (refused.status, "Retry-After" in refused.headers) == (429, True)
        # One address has tried others' names by then; somebody else's name is not locked for long.
        redis_less.clock.advance(120)
        await browser.get("/signin")
        assert (await browser.send("/signin", login="river", password="x" * 9)).status == 422


@pytest.fixture
def redis_less() -> Rig:
    return Rig(limited=True)


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_asks_who_is_there_first(browser: Browser, path: str, rig: Rig) -> None:
    response = await browser.get(path)
    if path.startswith("/oauth2"):
        assert response.status == 400, "no such application: nobody is sent anywhere"
        return
    assert response.status == 303
    assert response.headers["Location"].startswith("/signin?next=%2Faccount")


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("how", ["nothing", "another's", "old", "cross-site", "foreign origin"])
async def test_a_form_from_elsewhere_changes_nothing(
    browser: Browser, rig: Rig, path: str, how: str
) -> None:
    await browser.sign_up()
    client_id, _ = await browser.new_application()
    if path in ("/signin", "/signup"):
        await browser.get("/account")
        await browser.send("/signout")
        await browser.get(path)
    else:
        await browser.get("/account")
    path, headers, before = path.replace("{client_id}", client_id), {}, len(rig.platform.said)
    if how == "nothing":
        browser.form = ""
    elif how == "another's":
        async with visiting(rig) as other:
            await other.sign_up("another")
            await other.get("/account")
            browser.form, before = other.form, len(rig.platform.said)
    elif how == "old":
        rig.clock.advance(FORM_SECONDS + 1)
    elif how == "cross-site":
        headers = {"Sec-Fetch-Site": "cross-site"}
    else:
        headers = {"Origin": "https://evil.example"}
    given = {"login": "river", "password": PASSWORD, "decision": "allow", "name": "x"}
    response = await browser.send(path, headers=headers, **given)
    assert response.status == 403, browser.text
    assert "Set-Cookie" not in response.headers
    assert len(rig.platform.said) == before


async def test_a_session_is_made_anew_and_cannot_be_planted(browser: Browser, rig: Rig) -> None:
    """Session fixation: nothing that was in the browser before becomes a session."""
    await browser.sign_up()
    jar = browser.client.session.cookie_jar
    first = {cookie.key: cookie.value for cookie in jar}
    assert list(first) == ["millrace-session"]
    await browser.get("/account")
    await browser.send("/signout")
    jar.update_cookies({"millrace-session": first["millrace-session"]})
    assert not await signed_in(browser), "what was signed out stays so"
    jar.update_cookies({"millrace-session": "planted", "millrace-visitor": "p" * 30})
    assert not await signed_in(browser)
    await browser.sign_in()
    after = {cookie.key: cookie.value for cookie in jar}
    assert after["millrace-session"] not in ("planted", first["millrace-session"])


async def test_a_session_ends_by_itself(browser: Browser, rig: Rig) -> None:
    await browser.sign_up()
    rig.clock.advance(LASTS_SECONDS + 1)
    assert not await signed_in(browser)


async def test_a_session_is_no_token_and_a_token_no_session(browser: Browser) -> None:
    await browser.sign_up()
    (cookie,) = browser.client.session.cookie_jar
    headers = {"Authorization": f"Bearer {cookie.value}"}
    assert (await browser.client.get("/test/me", headers=headers)).status == 401


@pytest.mark.parametrize(("url", "secure"), [("http://m.test", False), ("https://m.test", True)])
async def test_cookies_are_for_our_pages_only(url: str, secure: bool) -> None:
    async with browsing(Rig(url)) as browser:
        response = await browser.get("/signin")
        (cookie,) = response.headers.getall("Set-Cookie")
        name = "__Host-millrace-visitor" if secure else "millrace-visitor"
        assert cookie.startswith(f"{name}=")
        for flag in ("HttpOnly", "SameSite=Lax", "Path=/", *(["Secure"] if secure else [])):
            assert flag in cookie
        assert "Domain" not in cookie


@pytest.mark.parametrize("path", ["/signin", "/signup", "/account", "/nowhere-for-sure"])
async def test_pages_are_kept_and_framed_by_nobody(browser: Browser, path: str) -> None:
    await browser.sign_up()
    response = await browser.client.get(path, allow_redirects=False)
    if response.status == 200:
        policy = response.headers["Content-Security-Policy"]
        for part in ("default-src 'none'", "form-action 'self'", "frame-ancestors 'none'"):
            assert part in policy
        assert "unsafe" not in policy
        assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "evil.example",
        "/é",
        "",
    ],
)
async def test_signing_in_leads_nowhere_else(browser: Browser, elsewhere: str) -> None:
    await browser.sign_up()
    await browser.get("/account")
    await browser.send("/signout")
    await browser.get("/signin", params={"next": elsewhere})
    response = await browser.send("/signin", login="river", password=PASSWORD, next=elsewhere)
    assert (response.status, response.headers["Location"]) == (303, "/")
    again = await browser.get("/signin", params={"next": elsewhere})
    assert again.headers["Location"] == "/"


@pytest.mark.parametrize("path", ["/signin", "/account", "/oauth2/authorize?client_id=x"])
async def test_a_page_says_that_a_server_is_away(browser: Browser, rig: Rig, path: str) -> None:
    await browser.sign_up()
    rig.platform.store.failure = Unavailable("Redis is away")
    response = await browser.get(path)
    assert (response.status, "Retry-After" in response.headers) == (503, True)
    assert "Redis" not in browser.text


async def test_what_people_write_is_never_markup(browser: Browser, rig: Rig) -> None:
    await browser.sign_up()
    nasty: dict[str, Any] = {"name": '"><script>x()</script>', "redirect_uris": "</textarea>"}
    await browser.get("/account")
    await browser.send("/account/applications", **nasty)
    assert "<script>x()" not in browser.text
    assert browser.text.count("</textarea>") == 1
