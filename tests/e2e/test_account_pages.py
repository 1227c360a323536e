"""A person signs up, lets an application act for them, looks after the account, and leaves."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.looking import CONTRASTS, DESK, PHONE, photographed
from tests.e2e.serving import Serving, sign_up
from tests.functional.oauth_rig import PASSWORD, authorize


def new_application(page: Page, back: str) -> str:
    page.get_by_text("Register an application…").click()
    page.get_by_label("Its name").fill("Bot")
    page.get_by_label("Where users return to").fill(back)
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_text("Copy the secret now")).to_be_visible()
    return page.locator("code").first.inner_text()


def test_a_person_looks_after_their_account_by_keyboard(serving: Serving, page: Page) -> None:
    page.goto(f"{serving.url}/signup")
    expect(page.locator("input:focus")).to_be_visible()  # a busy browser focuses it a little later
    page.keyboard.type("river")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="My account")).to_be_visible()
    page.locator(".menu summary").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Studio", exact=True)).to_be_visible()
    for _ in range(4):
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Sign out", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(f"{serving.url}/")
    page.goto(f"{serving.url}/signin")
    expect(page.locator("input:focus")).to_be_visible()
    page.keyboard.type("river")
    page.keyboard.press("Tab")
    page.keyboard.type("not the password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("Name or password is wrong.")
    expect(page.get_by_label("Password")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="My account")).to_be_visible()


def test_consent_leads_back_to_the_application(serving: Serving, page: Page) -> None:
    """In a browser, which holds redirects after a form to the page's policy."""
    sign_up(page, serving.url)
    back = f"{serving.url.replace('127.0.0.1', 'localhost')}/goodbye"
    client_id = new_application(page, back)
    wish = {"client_id": client_id, "redirect_uri": back, "scope": "user:read:email chat:read"}
    for button, said in (("Allow", "code="), ("Do not allow", "error=access_denied")):
        page.goto(serving.url + authorize(**wish))
        expect(page.get_by_text("See your e-mail address")).to_be_visible()
        page.get_by_role("button", name=button, exact=True).click()
        page.wait_for_url(f"{back}?*")
        assert said in page.url
        assert "state=s1" in page.url


def test_erasing_needs_name_and_password(serving: Serving, page: Page) -> None:
    sign_up(page, serving.url)
    page.get_by_role("link", name="Erase me…").click()
    page.get_by_label("Type your name").fill("river")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Erase me for good").click()
    expect(page.get_by_role("heading", name="You are erased")).to_be_visible()
    page.goto(f"{serving.url}/account")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_overflows_and_text_is_legible(
    serving: Serving, browser: Browser, viewport: dict[str, int], scheme: str
) -> None:
    context = browser.new_context(viewport=viewport, color_scheme=scheme)
    page = context.new_page()
    for path in ("/signup", "/signin"):
        page.goto(serving.url + path)
        _look(page, f"{path.strip('/')}-{viewport['width']}-{scheme}", viewport, scheme)
    page.get_by_label("Name").fill("nobody")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    _look(page, f"wrong-{viewport['width']}-{scheme}", viewport, scheme)
    sign_up(page, serving.url, "a_name_of_twenty_five_cha")
    client_id = new_application(page, "https://app.example/back")
    _look(page, f"secret-{viewport['width']}-{scheme}", viewport, scheme)
    scopes = "user:read:email channel:manage:broadcast channel:read:stream_key"
    paths = {
        "consent": authorize(client_id=client_id, scope=scopes),
        "application": f"/account/applications/{client_id}",
        "erase": "/account/erase",
        "account": "/account",
        "notice": "/oauth2/authorize?client_id=nobody",
    }
    for name, path in paths.items():
        page.goto(serving.url + path)
        for summary in page.locator("main summary").all():
            summary.click()
        _look(page, f"{name}-{viewport['width']}-{scheme}", viewport, scheme)
    context.close()


def _look(page: Page, name: str, viewport: dict[str, int], scheme: str) -> None:
    photographed(page, name)
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], name
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    for selector in ("h1", "h2", ".quiet", ".link", ".button", ".hint", "label", "dt", ".notice"):
        found = page.locator(f"{selector}:visible")
        for ratio in found.evaluate_all(CONTRASTS):
            assert ratio >= 4.5, (name, selector, ratio)
    unnamed = page.locator("input:visible, textarea:visible, button:visible").evaluate_all(
        "nodes => nodes.filter((n) => !(n.labels?.length || n.ariaLabel || n.textContent.trim()))"
        ".map((n) => n.outerHTML)"
    )
    assert unnamed == [], name
