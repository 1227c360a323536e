"""The pages say what a channel does, on a phone and on a desk, by eye, by ear and by key."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Running
from tests.e2e.looking import CONTRASTS, DESK, PHONE


@pytest.fixture
def page(browser: Browser) -> Page:
    context = browser.new_context(viewport=DESK, permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"script error: {error}"))
    yield page
    context.close()


def test_still_water_teaches_how_to_start(running: Running, page: Page) -> None:
    page.goto(running.url)
    expect(page.get_by_role("heading", name="Still water")).to_be_visible()
    address = f"rtmp://127.0.0.1:{running.rig.ports['rtmp']}/live"
    expect(page.locator("#rtmp")).to_have_text(address)
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == address


def test_channels_come_and_go_by_themselves(running: Running, page: Page) -> None:
    page.goto(running.url)
    expect(page.locator("#empty")).to_be_visible()
    running.rig.views.channel("c1", "millpond", "Rabbits <b>by</b> the river", "Nature")
    running.rig.views.live("c1", "s1")
    card = page.get_by_role("link", name="Rabbits <b>by</b> the river")
    expect(card).to_have_attribute("href", "/c/millpond")
    expect(card.locator(".badge")).to_have_text("Live")
    expect(page.locator("#count")).to_have_text("1 channel")
    running.rig.views.live("c1", "s1", state="interrupted", resume_until=1)
    expect(card.locator(".badge")).to_have_text("Interrupted")
    running.rig.views.remove("live-channels", "c1")
    expect(card).to_have_count(0)
    expect(page.locator("#empty")).to_be_visible()


def test_an_unreachable_platform_is_said_and_survived(running: Running, page: Page) -> None:
    page.goto(running.url)
    expect(page.locator("#empty")).to_be_visible()
    page.context.set_offline(True)
    expect(page.get_by_role("alert")).to_be_visible()
    page.context.set_offline(False)
    expect(page.get_by_role("alert")).to_be_hidden()


def test_the_watch_page_says_each_state(running: Running, page: Page) -> None:
    views, now = running.rig.views, running.rig.clock.now()
    title, text = page.locator("#message-title"), page.locator("#message-text")
    page.goto(f"{running.url}/c/millpond")
    expect(title).to_have_text("No such channel")
    views.channel("c1", "millpond", "Rabbits", "Nature")
    views.put(
        "stream-history",
        "1",
        stream_id="s0",
        channel_id="c1",
        state="ended",
        started_at=now - 11_000_000_000,
        ended_at=now - 7_300_000_000,
    )
    expect(title).to_have_text("Offline")
    expect(text).to_have_text("Last live 2 hours ago.")
    expect(page.get_by_role("heading", level=1)).to_have_text("Rabbits")
    expect(page.locator("#past-list li")).to_have_count(1)
    views.live("c1", "s1", picture=False, started_at=now)
    expect(title).to_have_text("Starting")
    views.live("c1", "s1", state="interrupted", resume_until=running.rig.clock.now() + 50_000_000)
    expect(title).to_have_text("The broadcaster lost connection")
    expect(text).to_contain_text("back within 0:4")
    views.remove("live-channels", "c1")
    expect(title).to_have_text("The stream has ended")
    expect(page.get_by_role("link", name="See who is live")).to_be_visible()


@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/c/millpond"])
def test_nothing_overflows_and_text_is_legible(
    running: Running, browser: Browser, viewport: dict[str, int], scheme: str, path: str
) -> None:
    running.rig.views.channel("c1", "millpond", "A title of many words " * 6, "Nature")
    running.rig.views.live("c1", "s1", state="interrupted", resume_until=1)
    context = browser.new_context(viewport=viewport, color_scheme=scheme)
    page = context.new_page()
    page.goto(running.url + path)
    expect(page.locator(".badge:visible")).to_have_text("Interrupted")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    for selector in ("h1", ".quiet:visible", ".name:visible", ".badge:visible"):
        for ratio in page.locator(selector).evaluate_all(CONTRASTS):
            assert ratio >= 4.5, (selector, ratio)
    context.close()


def test_the_choice_of_colours_is_kept(running: Running, page: Page) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(running.url)
    page.get_by_role("button", name="Switch to dark colours").click()
    page.goto(f"{running.url}/c/millpond")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_role("button", name="Switch to light colours")).to_be_visible()


def test_every_control_has_a_name_and_can_be_reached_by_key(running: Running, page: Page) -> None:
    running.rig.views.channel("c1", "millpond")
    for path in ("/", "/c/millpond"):
        page.goto(running.url + path)
        nameless = page.locator("button, a, input").evaluate_all(
            """(nodes) => nodes.filter((node) =>
                !(node.getAttribute("aria-label") || node.textContent.trim() ||
                  !node.checkVisibility())).map((node) => node.outerHTML)"""
        )
        assert nameless == []
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        page.keyboard.press("Tab")
        expect(page.locator(".brand")).to_be_focused()


def test_no_page_asks_anyone_but_the_gateway_and_the_origin(
    running: Running, browser: Browser
) -> None:
    asked: set[str] = set()
    context = browser.new_context()
    page = context.new_page()
    page.on("request", lambda request: asked.add("/".join(request.url.split("/")[:3])))
    running.rig.views.channel("c1", "millpond")
    running.rig.views.live("c1", "s1")
    for path in ("/", "/c/millpond"):
        page.goto(running.url + path)
        page.wait_for_timeout(500)
    origin = f"http://127.0.0.1:{running.rig.ports['origin']}"
    assert {address for address in asked if address.startswith("http")} <= {running.url, origin}
    context.close()
