"""Pages of an account: what is listed, ended, changed and erased."""

import re

import pytest

from tests.functional.oauth_rig import (
    BACK,
    PASSWORD,
    Browser,
    Rig,
    visiting,
)


async def signed_in(browser: Browser) -> bool:
    return (await browser.get("/account")).status == 200


async def test_sessions_and_applications_are_listed_and_ended(browser: Browser, rig: Rig) -> None:
    await browser.sign_up()
    client_id, _ = await browser.new_application("Bot")
    async with visiting(rig) as phone:
        agent = {"User-Agent": "Mozilla/5.0 (iPhone) Safari/604.1"}
        phone.client.session.headers.update(agent)
        await phone.sign_in()
        await browser.get("/account")
        assert "Safari on iPhone" in browser.text
        grants = re.findall(r'name="grant_id" value="([^"]*)"', browser.text)
        assert len(grants) == 2
        await browser.send("/account/access/end", grant_id=grants[1])
        assert not await signed_in(phone)
        await phone.sign_in()
        await browser.get("/account")
        await browser.send("/account/access/end-others")
        assert not await signed_in(phone)
    assert await signed_in(browser)
    assert client_id in browser.text


async def test_nobody_ends_or_sees_what_is_anothers(browser: Browser, rig: Rig) -> None:
    await browser.sign_up()
    client_id, secret = await browser.new_application()
    await browser.get("/account")
    (grant,) = re.findall(r'name="grant_id" value="([^"]*)"', browser.text)
    async with visiting(rig) as other:
        await other.sign_up("another")
        await other.get("/account")
        await other.send("/account/access/end", grant_id=grant)
        for path in ("", "/secret", "/delete"):
            address = f"/account/applications/{client_id}{path}"
            get = path == ""
            response = await (other.get(address) if get else other.send(address))
            assert response.status == 404
            await other.get("/account")
    assert await signed_in(browser)
    assert secret


async def test_another_password_ends_the_other_sessions(browser: Browser, rig: Rig) -> None:
    await browser.sign_up()
    async with visiting(rig) as other:
        await other.sign_in()
        await browser.get("/account")
        wrong = await browser.send("/account/password", password="wrong one", new="n" * 12)
        assert (wrong.status, "The password is wrong" in browser.text) == (422, True)
        short = await browser.send("/account/password", password=PASSWORD, new="n")
        assert (short.status, "at least 8" in browser.text) == (422, True)
        done = await browser.send("/account/password", password=PASSWORD, new="n" * 12)
        assert done.status == 303
        assert await signed_in(browser)
        assert not await signed_in(other)
        assert (await other.sign_in()).status == 422
        assert (await other.sign_in(password="n" * 12)).status == 303


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": ""}, "1 to 100 characters"),
        ({"redirect_uris": "http://app.example/"}, "must be https"),
        ({"redirect_uris": "https://a.example/#x"}, "must be https"),
        ({"redirect_uris": " ".join(f"https://a.example/{n}" for n in range(11))}, "10 redirect"),
    ],
)
async def test_an_application_that_breaks_a_rule_is_told_so(
    browser: Browser, fields: dict[str, str], said: str
) -> None:
    await browser.sign_up()
    await browser.get("/account")
    given = {"name": "Bot", "redirect_uris": BACK, "kind": "confidential", **fields}
    response = await browser.send("/account/applications", **given)
    assert response.status == 422
    assert said in browser.text
    assert "client secret" not in browser.text.lower()


async def test_erasing_asks_twice_and_leaves_nothing(browser: Browser, rig: Rig) -> None:
    await browser.sign_up()
    client_id, _ = await browser.new_application()
    await browser.get("/account/erase")
    assert "cannot be taken back" in browser.text
    wishes: list[dict[str, str]] = [
        {"login": "", "password": PASSWORD},
        {"login": "someone", "password": PASSWORD},
        {"login": "river", "password": "wrong one"},
    ]
    for wish in wishes:
        assert (await browser.send("/account/erase", **wish)).status == 422
    done = await browser.send("/account/erase", login="river", password=PASSWORD)
    assert (done.status, done.headers["Location"]) == (303, "/goodbye")
    assert (await browser.get("/goodbye")).status == 200
    assert not await signed_in(browser)
    for view in ("users", "credentials", "applications", "channels", "user-keys", "grants"):
        assert (await rig.views.scan(view, 10))[0] == [], view
    assert (await browser.sign_in()).status == 422
    await browser.get("/signup")
    again = await browser.send("/signup", login="river", password=PASSWORD)
    assert again.status == 422, "the name is not given out again"
    assert client_id


async def test_name_and_email_change_and_the_login_stays(browser: Browser, rig: Rig) -> None:
    await browser.sign_up()
    async with visiting(rig) as other:
        await other.sign_in()
        await browser.get("/account")

        async def change(name: str, email: str, password: str = "") -> int:
            given = {"display_name": name, "email": email, "password": password}
            return (await browser.send("/account/profile", **given)).status

        assert await change("River Song", "") == 303
        await browser.get("/account?done=profile")
        assert "River Song <span" in browser.text
        assert "That is changed." in browser.text
        assert (
            await change("River Song", "r@example.org", "wrong one"),
            browser.text.count("r@"),
        ) == (
            422,
            1,
        )
        assert "The password is wrong" in browser.text
        assert await change("River Song", "r@example.org", PASSWORD) == 303
        await browser.get("/account")
        assert "<dd>r@example.org</dd>" in browser.text
        assert not any(b"r@example.org" in asked for asked in rig.platform.asked)
        assert await change("x" * 26, "r@example.org") == 422
        assert await change("River Song", "no address", PASSWORD) == 422
        assert await change("River Song", "", PASSWORD) == 303
        await browser.get("/account")
        assert "r@example.org" not in browser.text
        assert await signed_in(other)
        assert (await other.sign_in("river")).status == 303
