"""No page has a serious issue in the eyes of axe-core, in light or dark."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.axe import serious
from tests.e2e.conftest import Running
from tests.e2e.serving import Serving, sign_up
from tests.functional.oauth_rig import authorize


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(color_scheme=request.param, reduced_motion="reduce")
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def busy() -> Iterator[Serving]:
    """River is live, brook was."""
    with Serving() as serving:
        serving.channel("river", "At the river", "Chess", language="en", tags=["chess", "calm"])
        serving.channel("brook", "At the brook", "Music")
        serving.live("river")
        for number in range(11):
            serving.ended("brook", 60 * (number + 1))
        yield serving


def test_the_checker_sees_what_is_wrong(page: Page) -> None:
    page.set_content("<html lang='en'><title>x</title><main><h1>x</h1><img src=''></main></html>")
    assert [issue.split(":")[0] for issue in serious(page)] == ["image-alt"]


def test_browsing_an_empty_platform(serving: Serving, page: Page) -> None:
    page.goto(serving.url)
    expect(page.locator("#empty")).to_be_visible()
    assert serious(page) == []


def test_browsing_and_searching(busy: Serving, page: Page) -> None:
    page.goto(busy.url)
    expect(page.locator(".card")).to_be_visible()
    expect(page.get_by_role("link", name="Sign up")).to_be_visible()
    page.get_by_role("button", name="All categories").click()
    assert serious(page) == []
    page.get_by_role("combobox", name="Search").fill("r")
    suggestions = page.get_by_role("listbox", name="Suggestions")
    expect(suggestions.get_by_role("option").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    assert serious(page) == []
    for address in ("/?q=r", "/?category=Poker"):
        page.goto(busy.url + address)
        expect(page.locator(".card, #none").first).to_be_visible()
        assert serious(page) == []


@pytest.mark.parametrize(("name", "state"), [("brook", "offline"), ("nobody", "unknown")])
def test_the_page_of_a_channel(busy: Serving, page: Page, name: str, state: str) -> None:
    page.goto(f"{busy.url}/c/{name}")
    expect(page.locator("#player")).to_have_attribute("data-state", state)
    expect(page.get_by_role("link", name="Sign up")).to_be_visible()
    if name == "brook":
        expect(page.locator("#past-more")).to_be_visible()
    assert serious(page) == []


@pytest.mark.parametrize("state", ["live", "interrupted"])
def test_watching(running: Running, page: Page, state: str) -> None:
    running.rig.views.channel("c1", "millpond", "Rabbits", "Nature")
    running.rig.views.live("c1", "s1", state=state, resume_until=1)
    page.goto(f"{running.url}/c/millpond")
    expect(page.locator("#player")).to_have_attribute("data-state", state)
    expect(page.get_by_text("0 followers")).to_be_visible(timeout=10_000)
    page.keyboard.press("i")
    assert serious(page) == []


def test_accounts(serving: Serving, page: Page) -> None:
    page.goto(f"{serving.url}/signin")
    page.get_by_label("Name").fill("nobody")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert serious(page) == []
    page.goto(f"{serving.url}/signup")
    assert serious(page) == []
    sign_up(page, serving.url)
    page.get_by_text("Register an application…").click()
    page.locator(".menu summary").click()
    assert serious(page) == []
    page.get_by_label("Its name").fill("Bot")
    page.get_by_label("Where users return to").fill("https://app.example/back")
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_text("Copy the secret now")).to_be_visible()
    assert serious(page) == []
    client_id = page.locator("code").first.inner_text()
    wish = authorize(client_id=client_id, scope="user:read:email chat:read")
    for path in (wish, f"/account/applications/{client_id}", "/account/erase", "/goodbye"):
        page.goto(serving.url + path)
        for summary in page.locator("main summary").all():
            summary.click()
        assert serious(page) == [], path


@pytest.mark.parametrize("path", ["/oauth2/authorize?client_id=nobody", "/docs"])
def test_notices_and_the_reference(busy: Serving, page: Page, path: str) -> None:
    page.goto(busy.url + path)
    if path == "/docs":
        page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
    assert serious(page) == []
