"""Chat and its moderation page on a whole platform: two people, two browsers, the real edge."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.looking import DESK
from tests.e2e.whole import Platform, ffmpeg, plays, until
from tests.functional.oauth_rig import PASSWORD
from tests.recordings import FOLDER

pytestmark = [pytest.mark.alone, pytest.mark.timeout(300)]

AMY, BOB = "amy", "bob"
CLEO, DAN = "cleo", "dan"
CLOCK = FOLDER / "bbb_360p_10s.flv"
SECOND = 1000.0
"""Milliseconds within which everybody has what happened in a chat."""

BETWEEN = 12_000.0
"""Milliseconds between two messages: more than one step back."""
PAUSE = 1100.0
"""Milliseconds: a viewer says one thing a second."""


@pytest.fixture
def people(platform: Platform, browser: Browser) -> Iterator[Callable[[str], Page]]:
    """Pages of people who have just signed up, each in a browser of their own."""
    with ExitStack() as closing:

        def sits_down(login: str) -> Page:
            context = browser.new_context(viewport=DESK, color_scheme="light")
            closing.callback(context.close)
            page = context.new_page()
            page.on("pageerror", lambda error: pytest.fail(f"script error: {error}"))
            until(lambda: _signs_up(page, platform.gateway, login), bool, 90)
            return page

        yield sits_down


def _signs_up(page: Page, url: str, login: str) -> bool:
    """Whether it went well: a platform that has only just started may not decide in time."""
    for way, button in (("signup", "Sign up"), ("signin", "Sign in")):
        answer = page.goto(f"{url}/{way}")
        if answer is None or not answer.ok:
            return False
        page.get_by_label("Name").fill(login)
        page.get_by_label("Password").fill(PASSWORD)
        page.locator("main").get_by_role("button", name=button).click()
        page.wait_for_load_state()
        if page.get_by_role("heading", name="My account").is_visible():
            return True
    return False


def opened(page: Page, address: str) -> None:
    """A page with a chat on it, connected."""
    page.goto(address)
    expect(page.locator("#chat")).to_have_attribute("data-state", "here", timeout=30_000)


def say(page: Page, text: str) -> None:
    page.get_by_label("Message", exact=True).fill(text)
    page.keyboard.press("Enter")


def line(page: Page, text: str) -> Locator:
    return page.locator(".chat-line").filter(has_text=text)


def test_people_talk_and_one_of_them_moderates(
    platform: Platform, people: Callable[[str], Page]
) -> None:
    amy, bob = people(AMY), people(BOB)
    opened(amy, f"{platform.gateway}/moderation/{AMY}")
    opened(bob, f"{platform.gateway}/c/{AMY}")

    say(bob, "good evening")
    for page in (amy, bob):
        expect(line(page, "good evening")).to_be_visible(timeout=10_000)
    remove(amy, "good evening")
    for page in (amy, bob):
        expect(line(page, "good evening")).to_have_count(0, timeout=SECOND)
        expect(line(page, "message deleted")).to_have_count(1)

    waits_and_is_shown(amy, bob)
    is_voted_on(amy, bob)
    is_tried_on_what_was_said(amy)


def waits_and_is_shown(amy: Page, bob: Page) -> None:
    """AutoMod holds something back, and the moderator lets it through."""
    automod = amy.locator("#automod-form")
    automod.get_by_label("Insults and harassment").select_option("4")
    automod.get_by_role("button", name="Save").click()
    expect(automod.get_by_role("status")).to_have_text("Saved.", timeout=10_000)
    bob.wait_for_timeout(PAUSE)
    say(bob, "you are a stupid worthless idiot")
    expect(bob.locator("#chat-status")).to_contain_text("moderators decide", timeout=10_000)
    row = amy.locator("#held li").filter(has_text="worthless")
    expect(row).to_contain_text("AutoMod: insults")
    expect(line(bob, "worthless")).to_have_count(0)
    row.get_by_role("button", name="Show it").click()
    for page in (amy, bob):
        expect(line(page, "worthless")).to_be_visible(timeout=10_000)
    expect(bob.locator("#chat-status")).to_have_text("Your message was let through.")
    expect(row).to_have_count(0)
    expect(amy.locator("#log li").first).to_contain_text(f"{AMY} let through a message of {BOB}")


def is_voted_on(amy: Page, bob: Page) -> None:
    """A poll of the moderator: one vote a viewer, which everybody sees."""
    form = amy.locator("#poll-form")
    form.get_by_label("Question").fill("Which boat first?")
    form.get_by_label("Choices").fill("The red boat\nThe blue boat")
    form.get_by_role("button", name="Start the poll").click()
    bob.get_by_role("button", name="The red boat").click(timeout=10_000)
    for page in (amy, bob):
        red = page.get_by_role("region", name="Poll now").get_by_role("button", name="The red boat")
        expect(red).to_contain_text("1 vote", timeout=10_000)
    amy.get_by_role("button", name="End it", exact=True).click()
    result = bob.get_by_role("region", name="Poll now").get_by_role("status")
    expect(result).to_have_text("The red boat won.", timeout=10_000)
    expect(form).to_be_visible()


def is_tried_on_what_was_said(amy: Page) -> None:
    """Without AutoMod, the message that was held would have been sent at once."""
    amy.locator("#automod-form").get_by_label("Insults and harassment").select_option("0")
    form, report = amy.locator("#backtest-form"), amy.locator("#backtest")

    def tried() -> str:
        form.get_by_role("button", name="Try it").click()
        expect(form.get_by_role("status")).to_have_text("Done.", timeout=70_000)
        return report.inner_text()

    changed = "1 of 2 messages would have had another verdict."
    until(tried, lambda text: changed in text, 70)  # what is a second old is not looked at yet
    expect(report.locator("li")).to_contain_text("held (automod/toxicity) → sent: 1 message")
    expect(report.locator("li")).to_contain_text(f"{BOB}: you are a stupid worthless idiot")


def test_chat_is_shown_in_its_time(platform: Platform, people: Callable[[str], Page]) -> None:
    cleo, dan = people(CLEO), people(DAN)
    opened(cleo, f"{platform.gateway}/moderation/{CLEO}")
    with ffmpeg(CLOCK, f"{platform.rtmp}/{platform.channel(CLEO)}"):
        opened(dan, f"{platform.gateway}/c/{CLEO}")
        expect(dan.locator("#player")).to_have_attribute("data-state", "live", timeout=60_000)
        plays(dan)
        say(dan, "the first thing")
        expect(line(dan, "the first thing")).to_be_visible(timeout=10_000)
        dan.wait_for_timeout(BETWEEN)
        say(dan, "the second thing")
        expect(line(dan, "the second thing")).to_be_visible(timeout=10_000)
        is_rewound(dan)
    remove(cleo, "the first thing")
    is_over(cleo, dan, platform.gateway)


def is_rewound(page: Page) -> None:
    """Ten seconds ago the second thing was not said yet; it is, as soon as the picture is there."""
    chat = page.locator("#chat")
    page.get_by_role("button", name="Back 10 seconds").click()
    expect(chat.get_by_text("Chat as it was at")).to_be_visible(timeout=5_000)
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(line(page, "the first thing")).to_be_visible(timeout=15_000)
    expect(line(page, "the second thing")).to_have_count(0)
    expect(page.get_by_label("Message", exact=True)).to_be_hidden()
    page.get_by_role("button", name="Play", exact=True).click()
    expect(line(page, "the second thing")).to_be_visible(timeout=20_000)
    page.get_by_role("button", name="Back to live").click()
    expect(chat.get_by_text("Chat as it was at")).to_be_hidden()
    for text in ("the first thing", "the second thing"):
        expect(line(page, text)).to_be_visible()
    expect(page.get_by_label("Message", exact=True)).to_be_visible()
    plays(page)


def is_over(moderator: Page, page: Page, url: str) -> None:
    """The broadcast is listed and played, without what was taken out before, and meanwhile."""

    def listed() -> bool:
        page.goto(f"{url}/c/{CLEO}")
        page.locator("#followers").get_by_text("0 followers").wait_for()
        return page.locator("#past-list a").count() > 0

    until(listed, bool, 60)
    page.locator("#past-list a").first.click()
    expect(page.locator("#name")).to_have_text(CLEO)
    expect(page.locator("#chat").get_by_text("Chat as it was at")).to_be_visible(timeout=20_000)
    page.evaluate(
        "() => { const { video } = window.millrace; video.currentTime = video.duration - 2 }"
    )
    expect(line(page, "the second thing")).to_be_visible(timeout=15_000)
    expect(line(page, "the first thing")).to_have_count(0)
    remove(moderator, "the second thing")
    expect(line(page, "the second thing")).to_have_count(0, timeout=SECOND)


def remove(page: Page, text: str) -> None:
    """Delete a message, by the card of whoever said it."""
    line(page, text).locator(".who").click()
    card = page.get_by_role("dialog")
    card.get_by_role("button", name="Delete message").click()
    expect(card.get_by_text("Deleted.")).to_be_visible(timeout=10_000)
    page.keyboard.press("Escape")
