"""`/session`: what the pages' scripts learn and do for whoever is signed in, and nobody else."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from api.oauth2.sessions import FORM_SECONDS
from infra.names import id_of
from tests.functional.oauth_rig import Browser, Rig, browsing

FOLLOWS = f"/session/follows/{id_of('brook')}"
COUNT = f"/v1/channels/{id_of('brook')}/followers"


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[Rig]:
    async with Rig() as found:
        await found.platform.sign_up("brook")
        yield found


@pytest_asyncio.fixture
async def browser(rig: Rig) -> AsyncIterator[Browser]:
    async with browsing(rig) as found:
        yield found


async def told(browser: Browser, path: str) -> Any:
    return await (await browser.get(path)).json()


async def form_of(browser: Browser) -> dict[str, str]:
    """The header that a page of ours sends along."""
    return {"Form-Token": (await told(browser, "/session"))["user"]["form"]}


async def test_nobody_is_signed_in_at_first(browser: Browser) -> None:
    response = await browser.get("/session")
    assert await response.json() == {"user": None}
    assert response.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in response.headers
    assert "Access-Control-Allow-Origin" not in response.headers


async def test_a_page_learns_who_is_signed_in(browser: Browser) -> None:
    await browser.sign_up("River")
    user = (await told(browser, "/session"))["user"]
    assert (user["user_id"], user["login"], user["display_name"]) == (
        id_of("river"),
        "river",
        "River",
    )
    browser.form = user["form"]
    assert (await browser.send("/signout")).status == 303, "a form of ours may carry it, too"
    assert await told(browser, "/session") == {"user": None}


async def test_following_from_a_page_is_following(browser: Browser, rig: Rig) -> None:
    await browser.sign_up()
    assert not (await told(browser, FOLLOWS))["data"]["follows"]
    form = await form_of(browser)
    for _ in range(2):
        response = await browser.client.put(FOLLOWS, headers=form)
        followed = (await response.json())["data"]
        assert (response.status, followed["follows"], followed["followers"]) == (200, True, 1)
    assert (await told(browser, FOLLOWS))["data"]["followed_at"] == followed["followed_at"]
    assert (await told(browser, COUNT))["data"]["followers"] == 1
    response = await browser.client.delete(FOLLOWS, headers=form)
    followed = (await response.json())["data"]
    assert (response.status, followed["follows"], followed["followers"]) == (200, False, 0)
    assert not (await told(browser, FOLLOWS))["data"]["follows"]


async def test_following_what_is_not_there_is_a_problem(browser: Browser) -> None:
    await browser.sign_up()
    form = await form_of(browser)
    response = await browser.client.put("/session/follows/nothing", headers=form)
    assert (response.status, response.content_type) == (404, "application/problem+json")
    own = await browser.client.put(f"/session/follows/{id_of('river')}", headers=form)
    assert own.status == 422, "the rules are those of the API"


@pytest.mark.parametrize("how", ["none", "another's", "old", "cross-site", "foreign", "visitor"])
async def test_what_no_page_of_ours_sent_changes_nothing(
    browser: Browser, rig: Rig, how: str
) -> None:
    await browser.sign_up()
    headers = await form_of(browser)
    if how == "none":
        headers = {}
    elif how == "another's":
        async with browsing(rig) as other:
            await other.sign_up("another")
            headers = await form_of(other)
    elif how == "old":
        rig.clock.advance(FORM_SECONDS + 1)
    elif how == "cross-site":
        headers["Sec-Fetch-Site"] = "same-site"
    elif how == "foreign":
        headers["Origin"] = "https://evil.example"
    else:
        browser.form = headers["Form-Token"]
        await browser.send("/signout")
        await browser.get("/signin")
        headers = {"Form-Token": browser.form}
    before = len(rig.platform.said)
    for method in ("PUT", "DELETE"):
        response = await browser.client.request(method, FOLLOWS, headers=headers)
        assert response.status == 403
    assert len(rig.platform.said) == before


async def test_whether_you_follow_is_told_to_nobody_else(browser: Browser) -> None:
    assert (await browser.get(FOLLOWS)).status == 403


async def test_a_token_is_no_session(browser: Browser) -> None:
    await browser.sign_up()
    (cookie,) = browser.client.session.cookie_jar
    browser.client.session.cookie_jar.clear()
    headers = {"Authorization": f"Bearer {cookie.value}"}
    assert await (await browser.client.get("/session", headers=headers)).json() == {"user": None}
