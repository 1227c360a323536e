"""Polls, predictions and raids on the pages: taking part, and starting and ending them."""

from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from infra.names import id_of
from schemas.records.engagement import EndPrediction, StartPoll, StartPrediction
from tests.e2e.chatting import CHANNEL, CHANNEL_ID, FakeEdge, happened, open_chat
from tests.e2e.looking import checked
from tests.e2e.serving import Serving, sign_up

BY = {"by_id": CHANNEL_ID, "by_login": CHANNEL, "by_role": "broadcaster"}
BOATS = ["The red boat", "The blue boat"]


@pytest.fixture
def edge(serving: Serving, page: Page) -> FakeEdge:
    """The edge of a viewer, river; nothing is open yet."""
    serving.channel(CHANNEL, "Quiet water", "Music")
    sign_up(page, serving.url, "river")
    return FakeEdge(page, "river")


def asks(serving: Serving, command: Any) -> None:
    serving.run(serving.rig.platform.post("engagement-commands", CHANNEL_ID, command))


def running(serving: Serving, page: Page, what: str) -> Any:
    """What the gateway says that runs."""
    answer = page.request.get(f"{serving.url}/v1/channels/{CHANNEL_ID}/engagement")
    return answer.json()["data"][what]


def poll(serving: Serving, page: Page, kind: str, votes: list[int], **more: Any) -> dict[str, Any]:
    """What the edge tells of the poll that runs."""
    known, now = running(serving, page, "poll"), serving.rig.clock.now()
    choices = [{**choice, "votes": n} for choice, n in zip(known["choices"], votes, strict=True)]
    about = {name: known[name] for name in ("poll_id", "title")}
    times = {"started_at": now, "ends_at": now + 90_000_000}
    return happened(sum(votes), kind, **about, choices=choices, **times, **more)


def raid(serving: Serving, offset: int, kind: str, name: str = "harbour") -> dict[str, Any]:
    """What the edge tells of a raid."""
    to = {"to_id": id_of(name), "to_login": name, "to_display_name": name.title()}
    goes_at = serving.rig.clock.now() + 30_000_000
    return happened(offset, kind, raid_id=f"raid-{name}", **to, viewers=318, goes_at=goes_at)


def test_a_poll_is_voted_in_once(serving: Serving, page: Page, edge: FakeEdge) -> None:
    asks(serving, StartPoll(channel_id=CHANNEL_ID, title="Which?", choices=BOATS, seconds=90, **BY))
    open_chat(page, serving.url)
    card = page.get_by_role("region", name="Poll now")
    expect(card).to_contain_text("Which?")
    expect(card.locator(".left")).to_contain_text(" left")
    red = card.get_by_role("button", name="The red boat")
    red.click()
    expect(card.get_by_role("status")).to_have_text("You have voted.")
    expect(red).to_have_attribute("aria-pressed", "true")
    edge.tell(poll(serving, page, "PollProgressed", [3, 1]))
    expect(red).to_contain_text("75 %")
    expect(red).to_contain_text("3 votes")
    checked(page, "poll")
    card.get_by_role("button", name="The blue boat").click(force=True)
    expect(card.get_by_role("status")).to_have_text("You have voted.")
    winners = [running(serving, page, "poll")["choices"][0]["id"]]
    over = {"winners": winners, "result": "completed", "ended_at": serving.rig.clock.now()}
    edge.tell(poll(serving, page, "PollEnded", [5, 2], **over))
    expect(card.get_by_role("status")).to_have_text("The red boat won.")
    checked(page, "poll-over")
    edge.tell(poll(serving, page, "PollEnded", [6, 2], **{**over, "result": "archived"}))
    expect(card).to_be_hidden()


def test_points_are_staked_and_paid(serving: Serving, page: Page, edge: FakeEdge) -> None:
    start = StartPrediction(
        channel_id=CHANNEL_ID, title="Does it rain?", outcomes=["Yes", "No"], seconds=90, **BY
    )
    asks(serving, start)
    open_chat(page, serving.url)
    card, points = page.get_by_role("region", name="Prediction now"), page.locator("#chat .points")
    expect(points).to_have_text("1,000 points")
    card.get_by_role("button", name="Predict").click()
    expect(card.get_by_role("alert")).to_have_text("Choose first what you foresee.")
    card.get_by_role("button", name="Yes").click()
    card.get_by_label("Points").fill("300")
    checked(page, "prediction")
    card.get_by_role("button", name="Predict").click()
    expect(card.get_by_role("status")).to_have_text("You have staked 300 points.")
    expect(points).to_have_text("700 points")
    card.get_by_label("Points").fill("200")
    card.get_by_role("button", name="Add").click()
    expect(card.get_by_role("status")).to_have_text("You have staked 500 points.")
    known = running(serving, page, "prediction")
    outcomes = [
        {**each, "points": n} for each, n in zip(known["outcomes"], (500, 1500), strict=True)
    ]
    now = serving.rig.clock.now()
    about = {"prediction_id": known["prediction_id"], "title": known["title"]}
    told = {**about, "outcomes": outcomes, "started_at": now, "locks_at": now + 90_000_000}
    edge.tell(happened(1, "PredictionProgressed", **told))
    expect(card.get_by_role("button", name="Yes")).to_contain_text(
        "500 points, \N{MULTIPLICATION SIGN}4.0"
    )
    edge.tell(happened(2, "PredictionLocked", **told, locked_at=now))
    expect(card.get_by_label("Points")).to_be_hidden()
    yes = outcomes[0]["id"]
    name = known["prediction_id"]
    end = EndPrediction(channel_id=CHANNEL_ID, prediction_id=name, winning_outcome_id=yes, **BY)
    asks(serving, end)
    over = {"result": "resolved", "winning_outcome_id": yes, "refunded": False, "ended_at": now}
    edge.tell(happened(3, "PredictionEnded", **told, **over, pool=2000, locked_at=now))
    expect(card.get_by_role("status")).to_contain_text("“Yes” came true. You ", timeout=10_000)
    expect(points).to_have_text("1,000 points")
    checked(page, "prediction-over")


def test_a_raid_takes_along_who_does_not_stay(serving: Serving, page: Page, edge: FakeEdge) -> None:
    serving.channel("harbour")
    open_chat(page, serving.url)
    edge.tell(raid(serving, 1, "RaidStarted", "mill"))
    banner = page.get_by_role("region", name="Raid now")
    expect(banner).to_contain_text("Raid to Mill")
    expect(banner.locator(".left")).to_contain_text(" s")
    checked(page, "raid")
    banner.get_by_role("button", name="Stay here").click()
    expect(banner).to_contain_text("The raid to Mill goes without you.")
    edge.tell(raid(serving, 2, "RaidWent", "mill"))
    expect(banner).to_be_hidden()
    came = {"from_id": id_of("otter"), "from_login": "otter", "from_display_name": "Otter"}
    edge.tell(happened(3, "RaidArrived", raid_id="r", **came, viewers=1))
    expect(page.get_by_text("Otter came along with 1 viewer.")).to_be_visible()
    assert page.url.endswith(f"/c/{CHANNEL}")
    edge.tell(raid(serving, 4, "RaidStarted"))
    edge.tell(raid(serving, 5, "RaidCancelled"))
    expect(banner).to_be_hidden()
    edge.tell(raid(serving, 6, "RaidStarted"))
    expect(banner.get_by_role("button", name="Stay here")).to_be_visible()
    edge.tell(raid(serving, 7, "RaidWent"))
    page.wait_for_url("**/c/harbour")


def test_an_answer_that_comes_late_does_not_undo_what_happened_meanwhile(
    serving: Serving, page: Page, edge: FakeEdge
) -> None:
    asked: list[Route] = []
    page.route(f"**/v1/channels/{CHANNEL_ID}/engagement", lambda route: asked.append(route))
    with page.expect_request("**/engagement"):
        open_chat(page, serving.url)
    edge.tell(raid(serving, 1, "RaidStarted"))
    banner = page.get_by_role("region", name="Raid now")
    expect(banner).to_be_visible()
    with page.expect_response("**/engagement/me"):
        asked[0].continue_()
    expect(banner.get_by_role("button", name="Stay here")).to_be_visible()


def test_who_moderates_starts_and_ends_them(serving: Serving, page: Page) -> None:
    edge = FakeEdge(page, CHANNEL)
    edge.roles = ["broadcaster"]
    sign_up(page, serving.url, CHANNEL)
    page.goto(f"{serving.url}/moderation/{CHANNEL}")
    expect(page.locator("#chat")).to_have_attribute("data-state", "here", timeout=10_000)
    form = page.locator("#poll-form")
    form.get_by_label("Question").fill("Which boat first?")
    form.get_by_label("Choices").fill("\n".join([*BOATS, ""]))
    form.get_by_role("button", name="Start the poll").click()
    expect(page.locator("#poll-runs")).to_contain_text("Which boat first?")
    expect(form).to_be_hidden()
    expect(page.get_by_role("region", name="Poll now")).to_contain_text("The red boat")
    page.locator("#prediction-form").get_by_label("What is to be foreseen").fill("Does it rain?")
    page.locator("#prediction-form").get_by_label("Outcomes").fill("Yes\nNo")
    page.get_by_role("button", name="Start the prediction").click()
    checked(page, "moderation-together")
    page.get_by_role("button", name="End it", exact=True).click()
    expect(form).to_be_visible()
    expect(page.get_by_role("region", name="Poll now")).to_contain_text("Nobody voted.")
    page.get_by_role("button", name="No more points").click()
    page.get_by_role("button", name="Yes came true").click()
    expect(page.locator("#prediction-form")).to_be_visible()
    assert running(serving, page, "prediction")["status"] == "resolved"
    page.get_by_label("Take your viewers to the channel").fill("nobody")
    page.get_by_role("button", name="Call the raid").click()
    expect(page.locator("#raid-said")).to_contain_text("That did not work:")
