"""The page of a channel: follow it, see what was on before; and the header, which knows you."""

import pytest
from playwright.sync_api import Page, expect

from api.oauth2.sessions import FORM_SECONDS
from infra.names import id_of
from tests.e2e.looking import DESK, PHONE
from tests.e2e.serving import Serving, sign_up
from tests.functional.oauth_rig import PASSWORD


def test_following_leads_through_signing_in_and_back(serving: Serving, page: Page) -> None:
    serving.channel("brook", "Quiet piano", "Music", language="de", tags=["piano", "calm"])
    page.goto(f"{serving.url}/c/brook")
    for text in ("German", "piano", "calm", "0 followers"):
        expect(page.get_by_text(text, exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Music")).to_have_attribute("href", "/?category=Music")
    page.get_by_role("link", name="Follow").click()
    page.wait_for_url("**/signin?next=%2Fc%2Fbrook")
    page.get_by_role("link", name="Sign up").click()
    page.get_by_label("Name").fill("river")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    page.wait_for_url(f"{serving.url}/c/brook")
    button = page.get_by_role("button", name="Follow", exact=True)
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 follower", exact=True)).to_be_visible()
    expect(page.locator("#follow-said")).to_have_text("You follow brook.")
    expect(page.get_by_role("button", name="Unfollow")).to_be_focused()
    page.reload()
    expect(page.get_by_text("1 follower", exact=True)).to_be_visible()
    page.get_by_role("button", name="Unfollow").click()
    expect(page.get_by_text("0 followers")).to_be_visible()
    expect(button).to_be_visible()


def test_a_page_that_was_open_for_long_follows_all_the_same(serving: Serving, page: Page) -> None:
    serving.channel("brook")
    sign_up(page, serving.url)
    page.goto(f"{serving.url}/c/brook")
    button = page.get_by_role("button", name="Follow", exact=True)
    expect(button).to_be_visible()
    serving.rig.clock.advance(FORM_SECONDS + 1)
    button.click()
    expect(page.get_by_text("1 follower", exact=True)).to_be_visible()


def test_a_follow_that_does_not_work_says_why(serving: Serving, page: Page) -> None:
    serving.channel("brook")
    sign_up(page, serving.url)
    page.goto(f"{serving.url}/c/brook")
    button = page.get_by_role("button", name="Follow", exact=True)
    expect(button).to_be_visible()
    serving.rig.platform.away = True
    button.click()
    expect(page.get_by_role("alert")).to_contain_text("That did not work.")
    serving.rig.platform.away = False
    button.click()
    expect(page.get_by_role("button", name="Unfollow")).to_be_visible()
    expect(page.get_by_role("alert")).to_be_hidden()


def test_who_signs_out_elsewhere_is_asked_to_sign_in(serving: Serving, page: Page) -> None:
    serving.channel("brook")
    sign_up(page, serving.url)
    page.goto(f"{serving.url}/c/brook")
    button = page.get_by_role("button", name="Follow", exact=True)
    expect(button).to_be_visible()
    page.context.clear_cookies()
    button.click()
    expect(page.get_by_role("link", name="Follow")).to_be_visible()
    expect(page.get_by_role("link", name="Sign in", exact=True)).to_be_visible()


def test_earlier_streams_are_listed_page_by_page(serving: Serving, page: Page) -> None:
    serving.channel("brook")
    for number in range(12):
        serving.ended("brook", 60 * (number + 1))
    page.goto(f"{serving.url}/c/brook")
    lines = page.locator("#past-list li")
    expect(lines).to_have_count(10)
    expect(lines.first).to_contain_text("1:00:00")
    expect(lines.first).to_contain_text("Ended by the broadcaster")
    expect(lines.first.locator("time")).to_have_attribute("datetime", "2023-11-14T21:13:20.000Z")
    page.get_by_role("button", name="Show more").click()
    expect(lines).to_have_count(12)
    expect(page.get_by_role("button", name="Show more")).to_be_hidden()
    expect(page.locator("#message-text")).to_have_text("Last live a moment ago.")


def test_the_header_knows_who_is_there(serving: Serving, page: Page) -> None:
    page.goto(f"{serving.url}/?sort=name")
    sign_in = page.get_by_role("link", name="Sign in")
    expect(sign_in).to_have_attribute("href", "/signin?next=%2F%3Fsort%3Dname")
    sign_up(page, serving.url, "River")
    for path in ("/", "/c/river", "/account"):
        page.goto(serving.url + path)
        menu = page.locator("summary", has_text="Account of River")
        menu.focus()
        page.keyboard.press("Enter")
        for name, target in (("My channel", "/c/river"), ("Studio", "/studio")):
            link = page.get_by_role("navigation", name="Account").get_by_role("link", name=name)
            expect(link).to_have_attribute("href", target)
        expect(page.get_by_role("link", name="My account")).to_be_visible()
    page.goto(f"{serving.url}/c/river")
    expect(page.get_by_role("link", name="Open the studio")).to_be_visible()
    menu.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="My account")).to_be_hidden()
    expect(menu).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{serving.url}/")
    expect(page.get_by_role("link", name="Sign up")).to_be_visible()


@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
def test_nothing_overflows(serving: Serving, page: Page, viewport: dict[str, int]) -> None:
    long = {"title": "A title of many words " * 6, "tags": ["x" * 25] * 10}
    serving.channel("a_name_of_25_letters_0000", category="Science and Technology", **long)
    serving.channel("brook", category="Music", **long)
    for login in ("brook", "a_name_of_25_letters_0000"):
        serving.ended("brook", 120)
        serving.live(login)
    serving.run(serving.rig.platform.go_offline(id_of("brook"), "s-brook", 1))
    page.set_viewport_size({"width": viewport["width"], "height": viewport["height"]})
    sign_up(page, serving.url, "another_of_25_letters_000")
    for path in ("/", "/?q=a", "/c/brook", "/c/a_name_of_25_letters_0000", "/c/nobody"):
        page.goto(serving.url + path)
        expect(page.locator(".menu")).to_be_visible()
        page.locator("summary").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], path
