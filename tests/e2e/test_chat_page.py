"""Chat beside the player: reading, writing, being turned down, going away and coming back."""

import pytest
from playwright.sync_api import Page, expect

from infra.names import id_of
from tests.e2e.chatting import CHANNEL, SETTINGS, START, FakeEdge, happened, open_chat, said
from tests.e2e.looking import PHONE, checked
from tests.e2e.serving import Serving, sign_up

AT_END = "() => document.querySelector('#chat .view').scrollTop > -2"


@pytest.fixture
def edge(serving: Serving, page: Page) -> FakeEdge:
    """The edge of who is signed in as river; nothing is open yet."""
    serving.channel(CHANNEL, "Quiet water", "Music")
    sign_up(page, serving.url, "river")
    return FakeEdge(page, "river")


def write(page: Page, text: str) -> None:
    page.get_by_label("Message", exact=True).fill(text)
    page.keyboard.press("Enter")


def test_what_is_said_is_shown_as_it_is_meant(serving: Serving, page: Page, edge: FakeEdge) -> None:
    edge.recent = [
        said(0, "otter", "MillWave hello", emotes=[{"id": "wave", "start": 0, "end": 7}]),
        said(1, "pike", "see https://example.org/a.", colour="#0000FF", badges=["vip/1"]),
        said(2, "amy", "javascript:alert(1) <b>no</b>"),
        said(3, "heron", "waves", style="action"),
        said(4, CHANNEL, "At eight", style="announcement", announcement_colour="green"),
        said(5, "otter", "@river yes", reply_to="m1", reply_login="pike", reply_text="see https"),
    ]
    edge.settings |= {"slow_seconds": 5, "followers_only_minutes": 10}
    open_chat(page, serving.url)
    lines = page.locator(".chat-line")
    expect(lines).to_have_count(6)
    expect(lines.nth(0).locator("img")).to_have_attribute("alt", "MillWave")
    link = lines.nth(1).get_by_role("link")
    expect(link).to_have_attribute("href", "https://example.org/a")
    expect(link).to_have_attribute("rel", "noopener nofollow ugc")
    expect(lines.nth(1).get_by_role("img", name="VIP")).to_be_visible()
    expect(lines.nth(2)).to_contain_text("javascript:alert(1) <b>no</b>")
    expect(lines.nth(2).get_by_role("link")).to_have_count(0)
    expect(lines.nth(3).locator(".said")).to_have_css("font-style", "italic")
    expect(lines.nth(5)).to_have_class("chat-line mention")
    expect(lines.nth(5).locator(".answered")).to_contain_text("pike")
    expect(page.locator(".modes")).to_have_text("Slow mode 5 s · Followers of 10 min only")
    assert page.evaluate(AT_END)
    checked(page, "chat")


def test_what_is_taken_back_vanishes(serving: Serving, page: Page, edge: FakeEdge) -> None:
    edge.recent = [said(n, ("otter", "pike")[n % 2], f"text {n}") for n in range(6)]
    open_chat(page, serving.url)
    expect(page.locator(".chat-line")).to_have_count(6)
    gone = page.get_by_text("message deleted")
    edge.tell(happened(6, "MessageDeleted", message_id="m1", user_id=id_of("pike"), login="pike"))
    expect(gone).to_have_count(1)
    expect(page.get_by_text("text 1", exact=True)).to_have_count(0)
    banned = {"user_id": id_of("otter"), "login": "otter", "until": None, "reason": ""}
    edge.tell(happened(7, "UserBanned", **banned))
    expect(gone).to_have_count(4)
    edge.tell(happened(8, "ChatCleared", by_id="", by_login=""), said(9, "amy", "a new start"))
    expect(gone).to_have_count(6)
    expect(page.get_by_text("The chat was cleared.")).to_be_visible()
    expect(page.get_by_text("a new start")).to_be_visible()


def test_who_reads_is_not_disturbed(serving: Serving, page: Page, edge: FakeEdge) -> None:
    edge.recent = [said(n, "otter", f"text {n}") for n in range(50)]
    open_chat(page, serving.url)
    expect(page.get_by_text("text 49", exact=True)).to_be_visible()
    view = page.locator("#chat .view")
    view.hover()
    page.mouse.wheel(0, -400)
    more = page.get_by_role("button", name="Paused")
    expect(more).to_be_visible()
    before = view.evaluate("each => each.scrollTop")
    edge.tell(*(said(n, "pike", f"text {n}") for n in range(50, 53)))
    count = page.get_by_role("button", name="3 new messages")
    expect(count).to_be_visible()
    expect(page.locator(".chat-line")).to_have_count(50)
    assert view.evaluate("each => each.scrollTop") == before
    checked(page, "chat-paused")
    count.click()
    expect(page.get_by_text("text 52", exact=True)).to_be_visible()
    expect(count).to_be_hidden()
    edge.tell(*(said(n, "pike", f"text {n}") for n in range(53, 303)))
    expect(page.get_by_text("text 302", exact=True)).to_be_visible()
    expect(page.locator(".chat-line")).to_have_count(200)
    assert page.evaluate(AT_END)


def test_a_message_is_sent_held_or_turned_down(
    serving: Serving, page: Page, edge: FakeEdge
) -> None:
    edge.settings["slow_seconds"] = 3
    open_chat(page, serving.url)
    field, status = page.get_by_label("Message", exact=True), page.locator("#chat-status")
    edge.answer = lambda message: [edge.verdict("rejected", reason="links", detail="no links")]
    write(page, "see example.org")
    expect(status).to_have_text("Not sent: no links.")
    expect(field).to_have_value("see example.org")
    edge.answer = lambda message: [edge.verdict("held", reason="automod")]
    write(page, "something rude")
    expect(status).to_contain_text("moderators decide")
    expect(field).to_have_value("")
    expect(page.locator("#chat-why")).to_contain_text("You may say something again in")
    reviewed = {"message_id": "mine", "user_id": id_of("river"), "login": "river"}
    edge.tell(happened(1, "HeldMessageReviewed", **reviewed, outcome="approved"))
    expect(status).to_have_text("Your message was let through.")
    write(page, "too early")
    assert [each["text"] for each in edge.heard if each["type"] == "say"][-1] == "something rude"
    expect(page.locator("#chat-why")).to_be_hidden(timeout=5000)
    edge.answer = lambda message: [edge.verdict("sent")]
    page.keyboard.press("Enter")
    expect(field).to_have_value("")
    assert edge.heard[-1]["text"] == "too early"
    expect(status).to_be_hidden()


def test_texts_have_500_code_points(serving: Serving, page: Page, edge: FakeEdge) -> None:
    open_chat(page, serving.url)
    write(page, "🐟" * 501)
    expect(page.locator(".counter")).to_have_text("501 of 500")
    expect(page.get_by_role("button", name="Send")).to_have_attribute("aria-disabled", "true")
    assert not [each for each in edge.heard if each["type"] == "say"]
    checked(page, "chat-long")
    write(page, "🐟" * 500)
    page.wait_for_function("() => document.querySelector('#chat-text').value === ''")
    assert edge.heard[-1]["text"] == "🐟" * 500


def test_answering_and_emotes(serving: Serving, page: Page, edge: FakeEdge) -> None:
    edge.recent = [said(0, "otter", "what a day")]
    open_chat(page, serving.url)
    page.locator("#chat .view").focus()
    page.keyboard.press("ArrowUp")
    expect(page.locator(".chat-line").last).to_be_focused()
    page.keyboard.press("Enter")
    card = page.get_by_role("dialog", name="About otter")
    expect(card).to_be_focused()
    expect(card.get_by_role("button", name="Ban")).to_have_count(0)
    checked(page, "chat-card")
    card.get_by_role("button", name="Answer").click()
    expect(page.get_by_text("Answer to otter: what a day")).to_be_visible()
    expect(page.get_by_label("Message", exact=True)).to_be_focused()
    page.get_by_role("button", name="Emotes").click()
    checked(page, "chat-emotes")
    page.get_by_role("button", name="MillFish").click()
    expect(page.get_by_label("Message", exact=True)).to_have_value("MillFish ")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('#chat-text').value === ''")
    assert (edge.heard[-1]["text"], edge.heard[-1]["reply_to"]) == ("MillFish", "m0")
    expect(page.get_by_text("Answer to otter")).to_be_hidden()
    expect(page.get_by_role("button", name="Paused")).to_be_hidden()


def test_a_warning_is_read_first(serving: Serving, page: Page, edge: FakeEdge) -> None:
    confirmed: list[str] = []

    def confirm(route: object) -> None:
        confirmed.append("yes")
        route.fulfill(json={"data": {}})  # type: ignore[attr-defined]

    page.route("**/chat/warnings/confirm", confirm)
    open_chat(page, serving.url)
    warned = {"user_id": id_of("river"), "login": "river", "reason": "Be kind to pike."}
    edge.tell(happened(1, "UserWarned", **warned))
    expect(page.get_by_role("alert")).to_contain_text("Be kind to pike.")
    write(page, "hello")
    assert not [each for each in edge.heard if each["type"] == "say"]
    checked(page, "chat-warned")
    page.get_by_role("button", name="I have read this").click()
    expect(page.get_by_text("Be kind to pike.")).to_be_hidden()
    assert confirmed == ["yes"]
    page.get_by_label("Message", exact=True).press("Enter")
    page.wait_for_function("() => document.querySelector('#chat-text').value === ''")


def test_who_is_shut_out_sees_for_how_long(serving: Serving, page: Page, edge: FakeEdge) -> None:
    open_chat(page, serving.url)
    until = int(page.evaluate("Date.now()")) * 1000 + 90_000_000
    timed_out = {"user_id": id_of("river"), "login": "river", "until": until, "reason": ""}
    edge.tell(happened(1, "UserBanned", **timed_out))
    expect(page.locator("#chat-why")).to_contain_text("You are timed out: 1:")
    edge.tell(happened(2, "UserBanned", **{**timed_out, "until": None}))
    expect(page.locator("#chat-why")).to_have_text("You are banned from this chat.")


def test_a_storm_says_so(serving: Serving, page: Page, edge: FakeEdge) -> None:
    open_chat(page, serving.url)
    slow = {**SETTINGS, "slow_seconds": 30, "cause": "storm", "by_id": "", "by_login": ""}
    edge.tell(happened(1, "ChatSettingsChanged", **slow))
    expect(page.locator(".modes")).to_have_text("Slow mode 30 s, by itself")
    expect(page.locator(".chat-line.note")).to_contain_text("slow mode came by itself")


def test_it_comes_back_by_itself_where_it_was(serving: Serving, page: Page, edge: FakeEdge) -> None:
    edge.recent = [said(0, "otter", "before")]
    open_chat(page, serving.url)
    write(page, "did this arrive?")
    edge.away = True
    edge.close()
    expect(page.locator("#chat")).to_have_attribute("data-state", "away", timeout=10_000)
    expect(page.locator("#chat .state")).to_contain_text("Chat is not reachable.")
    expect(page.get_by_text("before")).to_be_visible()
    checked(page, "chat-away")
    edge.away = False
    edge.recent += [said(1, "pike", "meanwhile")]
    page.evaluate("() => window.dispatchEvent(new Event('online'))")
    expect(page.get_by_text("meanwhile")).to_be_visible(timeout=10_000)
    assert edge.joins()[-1]["since"] == 0
    expect(page.locator(".chat-line")).to_have_count(2)
    expect(page.locator("#chat-status")).to_contain_text("may not have arrived", timeout=10_000)
    expect(page.get_by_label("Message", exact=True)).to_have_value("did this arrive?")


def test_who_is_not_signed_in_reads(serving: Serving, page: Page) -> None:
    serving.channel(CHANNEL)
    edge = FakeEdge(page)
    edge.recent = [said(0, "otter", "hello")]
    open_chat(page, serving.url)
    link = page.get_by_role("link", name="Sign in to chat")
    expect(link).to_have_attribute("href", f"/signin?next=%2Fc%2F{CHANNEL}")
    expect(page.get_by_label("Message", exact=True)).to_be_hidden()
    edge.tell(said(1, "pike", "and you?"))
    expect(page.get_by_text("and you?")).to_be_visible()
    checked(page, "chat-anonymous")


def test_the_ticket_and_the_policy_are_of_the_platform(serving: Serving, page: Page) -> None:
    serving.channel(CHANNEL)
    sign_up(page, serving.url, "river")
    page.goto(f"{serving.url}/c/{CHANNEL}")
    ticket = page.evaluate("fetch('/session/chat/ticket').then((answer) => answer.json())")["data"]
    assert ticket["url"] == "ws://127.0.0.1:8083/chat"
    assert ticket["token"]
    page.context.clear_cookies()
    ticket = page.evaluate("fetch('/session/chat/ticket').then((answer) => answer.json())")["data"]
    assert ticket["token"] == ""


def test_it_is_closed_and_stays_so(serving: Serving, page: Page, edge: FakeEdge) -> None:
    open_chat(page, serving.url)
    page.get_by_role("button", name="Hide chat").click()
    expect(page.get_by_label("Message", exact=True)).to_be_hidden()
    checked(page, "chat-closed")
    page.reload()
    show = page.get_by_role("button", name="Show chat")
    expect(show).to_be_visible()
    expect(page.get_by_label("Message", exact=True)).to_be_hidden()
    show.click()
    expect(page.get_by_label("Message", exact=True)).to_be_visible()


def test_a_phone_has_the_field_in_reach(serving: Serving, page: Page, edge: FakeEdge) -> None:
    page.set_viewport_size(PHONE)
    open_chat(page, serving.url)
    box = page.get_by_label("Message", exact=True).bounding_box()
    player = page.locator("#player").bounding_box()
    assert box
    assert player
    assert player["y"] + player["height"] <= box["y"]
    assert box["y"] + box["height"] <= PHONE["height"]
    page.get_by_role("button", name="Times").click()
    edge.tell(said(1, "pike", "hello"))
    expect(page.locator(".chat-line time")).to_be_visible()
    assert page.locator(".chat-line time").get_attribute("datetime", timeout=1000) == (
        "2025-11-22T00:06:41.000Z"
    ), START


def test_a_fast_chat_stays_smooth_and_small(serving: Serving, page: Page, edge: FakeEdge) -> None:
    """100 messages a second for ten seconds: what the page keeps is bounded, and what it costs."""
    open_chat(page, serving.url)
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})

    def spent() -> float:
        metrics = devtools.send("Performance.getMetrics")["metrics"]
        return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))

    page.evaluate(
        """() => { window.most = 0; setInterval(() => {
          window.most = Math.max(window.most, document.querySelectorAll('#chat .lines *').length);
        }, 20); }"""
    )
    before, most_said = spent(), 1000
    for first in range(0, most_said, 5):
        more = {"badges": ["vip/1"], "emotes": [{"id": "wave", "start": 0, "end": 7}]}
        edge.tell(
            *(said(n, f"user{n % 50}", f"MillWave {n}", **more) for n in range(first, first + 5))
        )
        page.wait_for_timeout(50)
    edge.tell(said(most_said, "otter", "@river the last of them"))  # shown, whatever is left out
    expect(page.get_by_text("the last of them").first).to_be_visible()
    expect(page.locator(".chat-line")).to_have_count(200)
    assert page.evaluate("window.most") <= 200 * 12, "of a line's elements, 200 lines"
    assert spent() - before < 5, "seconds of the page's thread, in ten"
    page.locator("#chat .view").hover()
    page.mouse.wheel(0, -400)
    expect(page.get_by_role("button", name="Paused")).to_be_visible()
    edge.tell(*(said(n, "otter", f"late {n}") for n in range(most_said + 1, most_said + 1500)))
    expect(page.get_by_role("button", name="new messages")).to_be_visible()
    expect(page.locator(".chat-line")).to_have_count(200)
