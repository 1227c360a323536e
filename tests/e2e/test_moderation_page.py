"""Who moderates a chat: the held queue, the log, modes, AutoMod, terms, bans and the shield."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from infra.names import id_of
from schemas.records.chat import SendMessage
from tests.e2e.chatting import CHANNEL, CHANNEL_ID, FakeEdge, happened, said
from tests.e2e.looking import checked
from tests.e2e.serving import Serving, sign_up


@pytest.fixture
def moderating(serving: Serving, page: Page) -> FakeEdge:
    """The broadcaster's moderation page, open."""
    edge = FakeEdge(page, CHANNEL)
    edge.roles = ["broadcaster"]
    edge.recent = [said(0, "otter", "hello", badges=["vip/1"])]
    serving.channel("otter")
    sign_up(page, serving.url, CHANNEL)
    page.goto(f"{serving.url}/moderation/{CHANNEL}")
    expect(page.locator("#chat")).to_have_attribute("data-state", "here", timeout=10_000)
    return edge


def says(serving: Serving, text: str, login: str = "otter") -> None:
    """Somebody says something: the real rules decide, the real views know it."""
    command = SendMessage(
        channel_id=CHANNEL_ID,
        user_id=id_of(login),
        login=login,
        display_name=login,
        colour="",
        roles=[],
        subscribed_months=0,
        suspended=False,
        text=text,
        kind="text",
        announcement_colour="",
        reply_to="",
        reply_user_id="",
        reply_login="",
        reply_display_name="",
        reply_text="",
        thread_id="",
    )
    serving.run(serving.rig.platform.post("chat-commands", CHANNEL_ID, command))


def held(message_id: str, **more: Any) -> dict[str, Any]:
    """A message that waits, as the edge tells it."""
    fields = {
        "message_id": message_id,
        "user_id": id_of("otter"),
        "login": "otter",
        "display_name": "otter",
        "text": "something rude",
        "rule": "automod",
        "category": "toxicity",
        "level": 2,
        "held_until": 4_000_000_000_000_000,
    }
    return happened(9, "MessageHeld", **{**fields, **more})


def test_modes_automod_terms_and_the_shield(
    moderating: FakeEdge, serving: Serving, page: Page
) -> None:
    expect(page.get_by_text("Nothing waits.")).to_be_visible()
    checked(page, "moderation-new")
    modes = page.locator("#modes-form")
    modes.get_by_label("Slow mode").fill("10")
    modes.get_by_label("Who may speak").select_option("Followers")
    modes.get_by_label("how many minutes").fill("30")
    modes.get_by_label("Who may post links").select_option("Moderators")
    modes.get_by_label("Domains").fill("Example.org, wiki.example.net")
    modes.get_by_role("button", name="Save").click()
    expect(modes.get_by_role("status")).to_have_text("Saved.")
    expect(page.locator("#modes")).to_have_text(
        "Slow mode 10 s · Followers of 30 min only · Links by moderators only"
    )
    automod = page.locator("#automod-form")
    automod.get_by_label("Insults").select_option("3")
    automod.get_by_role("button", name="Save").click()
    expect(automod.get_by_role("status")).to_have_text("Saved.")
    term = page.get_by_label("A word or a phrase")
    term.fill("weed*")
    term.press("Enter")
    expect(page.locator("#terms li")).to_have_text("weed*Remove")
    page.reload()
    expect(modes.get_by_label("Domains")).to_have_value("example.org wiki.example.net")
    expect(automod.get_by_label("Insults")).to_have_value("3")
    expect(page.locator("#log")).to_contain_text("brook blocked the term")
    page.get_by_role("button", name="Remove: weed*").click()
    expect(page.get_by_text("None yet.")).to_be_visible()
    shield = page.get_by_role("switch", name="Shield mode")
    shield.click()
    expect(shield).to_have_attribute("aria-checked", "true")
    expect(page.locator("#said")).to_contain_text("Shield mode is on")
    checked(page, "moderation-shield")


def test_held_messages_are_decided_and_come_by_themselves(
    moderating: FakeEdge, serving: Serving, page: Page
) -> None:
    automod = page.locator("#automod-form")
    automod.get_by_label("Insults").select_option("4")
    automod.get_by_role("button", name="Save").click()
    expect(automod.get_by_role("status")).to_have_text("Saved.")
    says(serving, "hold this one")
    page.reload()
    row = page.locator("#held li")
    expect(row).to_contain_text("hold this one")
    expect(row).to_contain_text("AutoMod: insults")
    expect(page).to_have_title("(1) Moderation of brook · Millrace")
    moderating.tell(held("m9"))
    expect(row).to_have_count(2)
    checked(page, "moderation-held")
    page.get_by_role("button", name="Show it: message of otter").first.click()
    expect(row).to_have_count(1)
    reviewed = {"message_id": "m9", "login": "otter", "outcome": "denied", "by_login": "wanda"}
    moderating.tell(happened(10, "HeldMessageReviewed", user_id=id_of("otter"), **reviewed))
    expect(row).to_have_count(0)
    expect(page.locator("#log li").first).to_contain_text("wanda turned down a message of otter")


def test_who_is_shut_out_is_listed_and_let_in_again(
    moderating: FakeEdge, serving: Serving, page: Page
) -> None:
    says(serving, "what a fine day")
    page.locator(".chat-line .who", has_text="otter").click()
    card = page.get_by_role("dialog", name="About otter")
    expect(card).to_contain_text("Does not follow")
    card.get_by_text("What they said").click()
    expect(card.locator("li")).to_contain_text("what a fine day")
    card.get_by_label("Reason").fill("too loud")
    card.get_by_role("button", name="Timeout 10 min").click()
    expect(card).to_contain_text("Timed out for 10 min.")
    expect(card).to_contain_text("timed out until")
    card.get_by_role("button", name="Warn").click()
    expect(card).to_contain_text("Warned.")
    checked(page, "moderation-card")
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    page.reload()
    expect(page.locator("#bans li")).to_contain_text("too loud")
    expect(page.locator("#log")).to_contain_text("brook timed out for 10 min otter")
    page.get_by_role("button", name="Let in again: otter").click()
    expect(page.locator("#bans li")).to_have_count(0)


def test_other_rules_are_tried_on_what_was_said(
    moderating: FakeEdge, serving: Serving, page: Page
) -> None:
    asked: list[dict[str, Any]] = []
    caught = {"removed_stopped": 3, "stood_stopped": 0, "precision": 1.0, "recall": 0.3}
    counts = {"sent": 1200, "held": 0, "rejected": 34, "rules": {"links": 34}}
    example = {"login": "otter", "text": "hello hello"}
    result = {
        "messages": 1234,
        "changed": 90,
        "before": counts,
        "after": {**counts, "sent": 1110, "rejected": 124},
        "agreement": {"removed": 10, "stood": 900, "before": caught, "after": caught},
        "changes": [
            {
                "before": {"outcome": "sent", "rule": ""},
                "after": {"outcome": "rejected", "rule": "slow-mode"},
                "messages": 90,
                "examples": [example],
            }
        ],
    }

    def answer(route: Any) -> None:
        asked.append(route.request.post_data_json)
        route.fulfill(json={"data": result})

    page.route("**/chat/backtests", answer)
    page.locator("#modes-form").get_by_label("Slow mode").fill("20")
    page.get_by_role("button", name="Try it").click()
    shown = page.locator("#backtest")
    expect(shown).to_contain_text("90 of 1,234 messages would have had another verdict.")
    expect(shown).to_contain_text("sent → turned down (slow-mode): 90 messages")
    expect(shown).to_contain_text("otter: hello hello")
    assert asked[0]["rules"]["settings"]["slow_seconds"] == 20
    assert asked[0]["rules"]["automod"]["toxicity"] == 0
    checked(page, "moderation-backtest")


def test_who_does_not_moderate_is_told_so(serving: Serving, page: Page) -> None:
    serving.channel(CHANNEL)
    page.goto(f"{serving.url}/moderation/{CHANNEL}")
    expect(page.get_by_role("alert")).to_contain_text("Sign in to moderate.")
    sign_up(page, serving.url, "otter")
    page.goto(f"{serving.url}/moderation/{CHANNEL}")
    expect(page.get_by_role("alert")).to_have_text("You do not moderate this channel.")
    expect(page.locator("#tools")).to_be_hidden()
    page.goto(f"{serving.url}/moderation/nobody_here")
    expect(page.get_by_role("alert")).to_contain_text("There is no channel")
