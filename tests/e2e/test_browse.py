"""Browsing: by category, in an order, by name; by pointer and by key; the address says it all."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from infra.names import id_of
from tests.e2e.serving import Serving

SUBJECTS = {"rapids": "Chess", "brook": "Music", "river": "Chess", "ripple": "Chess"}


@pytest.fixture(scope="module")
def busy() -> Iterator[Serving]:
    """Rapids went on air first, then brook, then river; ripple never did."""
    with Serving() as serving:
        for login, category in SUBJECTS.items():
            serving.channel(login, f"At the {login}", category)
        for minutes, login in ((30, "rapids"), (20, "brook"), (10, "river")):
            serving.live(login, minutes)
        yield serving


def shown(page: Page, *names: str) -> None:
    expect(page.locator(".card .name")).to_have_text(list(names))


def test_an_order_and_a_category_are_an_address(busy: Serving, page: Page) -> None:
    page.goto(busy.url)
    shown(page, "river", "brook", "rapids")
    page.get_by_label("Sort").select_option("Longest on air")
    shown(page, "rapids", "brook", "river")
    page.get_by_role("link", name="Chess 2").click()
    shown(page, "rapids", "river")
    assert page.url == f"{busy.url}/?category=Chess&sort=oldest"
    expect(page.get_by_role("heading", level=1)).to_have_text("Chess")
    expect(page).to_have_title("Chess · Millrace")
    expect(page.get_by_role("link", name="Chess 2")).to_have_attribute("aria-current", "page")
    expect(page.locator("#count")).to_have_text("2 channels")
    page.reload()
    shown(page, "rapids", "river")
    expect(page.get_by_label("Sort")).to_have_value("oldest")
    page.go_back()
    shown(page, "rapids", "brook", "river")
    page.go_back()
    shown(page, "river", "brook", "rapids")
    assert page.url == f"{busy.url}/"
    page.go_forward()
    page.go_forward()
    shown(page, "rapids", "river")


def test_a_category_without_anybody_says_so(busy: Serving, page: Page) -> None:
    page.goto(busy.url)
    page.get_by_role("button", name="All categories").click()
    page.get_by_role("link", name="Poker").click()
    expect(page.get_by_text("Nobody is live in Poker.")).to_be_visible()
    expect(page.locator("#empty")).to_be_hidden()
    page.get_by_role("button", name="Fewer").click()
    expect(page.get_by_role("link", name="Poker")).to_be_visible()  # it is where one is
    expect(page.get_by_role("link", name="Art", exact=True)).to_have_count(0)
    page.get_by_role("link", name="Show all").click()
    shown(page, "river", "brook", "rapids")
    page.goto(f"{busy.url}/?category=Knitting&sort=nonsense")
    expect(page.get_by_text("Nobody is live in Knitting.")).to_be_visible()


def test_search_suggests_while_one_types(busy: Serving, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(busy.url)
    shown(page, "river", "brook", "rapids")
    page.keyboard.press("/")
    field = page.get_by_role("combobox", name="Search")
    expect(field).to_be_focused()
    expect(field).to_have_value("")
    page.keyboard.type("ri", delay=20)
    options = page.get_by_role("listbox", name="Suggestions").get_by_role("option")
    expect(options).to_have_count(3)
    expect(options.nth(0)).to_contain_text("river")
    expect(options.nth(0)).to_contain_text("Live")
    expect(options.nth(1)).to_contain_text("ripple")
    expect(options.nth(1)).to_contain_text("Offline")
    expect(options.nth(2)).to_have_text("Elden RingCategory")
    expect(page.locator("#search [role=status]")).to_have_text("3 suggestions.")
    assert len([url for url in asked if "/v1/search" in url]) == 1
    expect(field).to_have_attribute("aria-expanded", "true")
    assert field.get_attribute("aria-activedescendant") is None
    page.keyboard.press("ArrowDown")
    expect(options.nth(0)).to_have_attribute("aria-selected", "true")
    expect(field).to_have_attribute("aria-activedescendant", "suggestion-0")
    page.keyboard.press("ArrowUp")
    assert field.get_attribute("aria-activedescendant") is None
    page.keyboard.press("ArrowUp")
    expect(field).to_have_attribute("aria-activedescendant", "suggestion-2")
    page.keyboard.press("Escape")
    expect(options).to_have_count(0)
    expect(field).to_have_attribute("aria-expanded", "false")
    expect(field).to_have_value("ri")
    page.keyboard.press("Escape")
    expect(field).to_have_value("")
    page.keyboard.type("che")
    expect(options).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/?category=Chess")
    shown(page, "river", "rapids")
    page.keyboard.type("rip")
    expect(options).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{busy.url}/c/ripple")


def test_a_text_that_is_sent_finds_channels_live_or_not(busy: Serving, page: Page) -> None:
    page.goto(busy.url)
    field = page.get_by_role("combobox", name="Search")
    field.fill("ri")
    page.keyboard.press("Enter")
    page.wait_for_url("**/?q=ri")
    shown(page, "ripple", "river")
    expect(page.locator(".card .badge")).to_have_text(["Offline", "Live"])
    expect(page.get_by_role("heading", level=1)).to_have_text("Channels named “ri…”")
    field.fill("zzz")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No channel's name begins like that.")).to_be_visible()
    page.go_back()
    shown(page, "ripple", "river")
    field.fill("")
    page.keyboard.press("Enter")
    shown(page, "river", "brook", "rapids")


def test_a_search_that_cannot_be_reached_says_so(busy: Serving, page: Page) -> None:
    page.goto(busy.url)
    shown(page, "river", "brook", "rapids")
    page.context.set_offline(True)
    page.get_by_role("combobox", name="Search").fill("zz")
    expect(page.locator("#search [role=status]")).to_have_text("The search cannot be reached.")


def test_more_than_a_page_is_shown_when_asked_for(serving: Serving, page: Page) -> None:
    for number in range(30):
        channel = id_of(f"many{number:02}")
        serving.channel(f"many{number:02}")
        started_at = serving.rig.clock.now() - number
        serving.run(serving.rig.platform.go_live(channel, f"s{number}", started_at))
    page.goto(f"{serving.url}/?sort=name")
    expect(page.locator(".card")).to_have_count(24)
    expect(page.locator("#count")).to_have_text("24+ channels")
    page.get_by_role("button", name="Show more").click()
    expect(page.locator(".card")).to_have_count(30)
    expect(page.locator("#count")).to_have_text("30 channels")
    expect(page.get_by_role("button", name="Show more")).to_be_hidden()
