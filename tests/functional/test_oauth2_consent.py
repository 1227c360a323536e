"""Pages: what an application is allowed, and by whom."""

import pytest

from tests.functional.oauth_rig import (
    BACK,
    PASSWORD,
    Browser,
    Rig,
    authorize,
    returned,
)


async def test_consent_comes_after_signing_in_and_says_what_is_asked(
    browser: Browser, rig: Rig
) -> None:
    await browser.sign_up()
    client_id, _ = await browser.new_application("<b>Bot</b>")
    await browser.get("/account")
    await browser.send("/signout")
    path = authorize(client_id=client_id, scope="user:read:email", state="a b&c")
    response = await browser.get(path)
    assert response.status == 303
    await browser.get(response.headers["Location"])
    fields = {"login": "river", "password": PASSWORD, "next": path}
    signed = await browser.send("/signin", **fields)
    assert signed.headers["Location"] == path
    shown = await browser.get(path)
    assert shown.status == 200
    assert "form-action 'self' https://app.example;" in shown.headers["Content-Security-Policy"]
    assert "See your e-mail address" in browser.text
    assert "&lt;b&gt;Bot&lt;/b&gt;" in browser.text
    assert "app.example" in browser.text
    said = returned(await browser.send(path, decision="allow"))
    assert said["state"] == "a b&c"
    assert said["iss"] == rig.authority.url
    assert said["scope"] == "user:read:email"
    assert said["code"]


async def test_no_is_no(browser: Browser) -> None:
    await browser.sign_up()
    client_id, _ = await browser.new_application()
    for decision in ("deny", "", "maybe"):
        said = await browser.allow(decision, client_id=client_id)
        assert (said["error"], said["state"], "code" in said) == ("access_denied", "s1", False)


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "nobody"},
        {"client_id": ""},
        {"redirect_uri": ""},
        {"redirect_uri": f"{BACK}/more"},
        {"redirect_uri": f"{BACK}?x=1"},
        {"redirect_uri": "https://app.example.evil.example/back"},
        {"redirect_uri": "https://APP.example/back"},
        {"redirect_uri": "https://evil.example/back"},
        {"redirect_uri": "https://app.example@evil.example/back"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": f"{BACK} https://evil.example/"},
        {"redirect_uri": "*"},
    ],
)
async def test_nobody_is_sent_to_an_address_that_was_not_registered(
    browser: Browser, change: dict[str, str]
) -> None:
    await browser.sign_up()
    client_id, _ = await browser.new_application()
    path = authorize(**{"client_id": client_id, **change})
    shown = await browser.get(path)
    assert (shown.status, "Location" in shown.headers) == (400, False)
    await browser.get("/account")
    sent = await browser.send(path, decision="allow")
    assert (sent.status, "Location" in sent.headers) == (400, False)


async def test_a_parameter_that_stands_twice_sends_nobody_anywhere(browser: Browser) -> None:
    await browser.sign_up()
    client_id, _ = await browser.new_application()
    shown = await browser.get(f"{authorize(client_id=client_id)}&redirect_uri=https://evil.example")
    assert shown.status == 400


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": ""}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"scope": "no:such"}, "invalid_scope"),
        ({"scope": "events:read:broadcast-events"}, "invalid_scope"),
        ({"code_challenge": "x" * 43}, "invalid_request"),
        ({"code_challenge": "x" * 43, "code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short", "code_challenge_method": "S256"}, "invalid_request"),
        ({"code_challenge_method": "S256"}, "invalid_request"),
        ({"state": "s" * 2001}, "invalid_request"),
    ],
)
async def test_what_is_asked_wrongly_goes_back_to_the_application(
    browser: Browser, change: dict[str, str], error: str
) -> None:
    await browser.sign_up()
    client_id, _ = await browser.new_application()
    said = await browser.allow(**{"client_id": client_id, **change})
    assert said["error"] == error
    assert said["state"]
    assert "code" not in said


async def test_a_public_application_cannot_do_without_pkce(browser: Browser) -> None:
    await browser.sign_up()
    client_id, _ = await browser.new_application(kind="public")
    assert (await browser.allow(client_id=client_id))["error"] == "invalid_request"
