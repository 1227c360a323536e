"""The studio: what its pages and their script are told, and what they change."""

import html
import re
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from infra.errors import Unavailable
from infra.names import id_of
from schemas import sources
from schemas.records.ingest import HealthMeasured, MeasurementEnded
from schemas.records.social import FollowChannel
from tests.functional.dispatcher import cost, ladder, rung
from tests.functional.oauth_rig import Browser, Rig, browsing, visiting

RIVER = id_of("river")


@pytest_asyncio.fixture
async def browser(rig: Rig) -> AsyncIterator[Browser]:
    async with browsing(rig) as found:
        await found.sign_up()
        yield found


async def told(browser: Browser) -> dict[str, Any]:
    response = await browser.client.get("/session/studio")
    assert response.status == 200, await response.text()
    found: dict[str, Any] = (await response.json())["data"]
    return found


async def marked(browser: Browser, description: str, **headers: str) -> tuple[int, Any]:
    session = await (await browser.client.get("/session")).json()
    response = await browser.client.post(
        "/session/markers",
        json={"description": description},
        headers={"Form-Token": session["user"]["form"]} | headers,
    )
    return response.status, await response.json()


def measured(**more: Any) -> HealthMeasured:
    (path,) = sources.examples("stream-health", HealthMeasured.FULL_NAME)
    names = {"channel_id": RIVER, "stream_id": "s1", "session_id": "s1"}
    return msgspec.convert(
        {**msgspec.json.decode(path.read_bytes()), **names, **more}, HealthMeasured
    )


async def test_who_is_not_signed_in_is_asked_to(rig: Rig) -> None:
    async with rig, visiting(rig) as browser:
        for path in ("/studio", "/studio/key"):
            response = await browser.get(path)
            assert response.headers["Location"].startswith("/signin?next=%2Fstudio")
        assert (await browser.client.get("/session/studio")).status == 403


async def test_a_stream_key_is_shown_once_and_replaced_after_a_word_of_warning(
    rig: Rig, browser: Browser
) -> None:
    await browser.get("/studio")
    assert "have no stream key yet" in browser.text
    await browser.get("/studio/key")
    assert "stops working" not in browser.text
    keys = []
    for _ in range(2):
        assert (await browser.send("/studio/key")).status == 200
        found = re.search(r'id="key">(live_[0-9a-f]{12}_[0-9a-f]{32})<', browser.text)
        assert found, browser.text
        keys.append(found[1])
        assert "rtmp://127.0.0.1/live" in browser.text
        await browser.get("/studio")
        assert found[1] not in browser.text
        assert "have no stream key yet" not in browser.text
        await browser.get("/studio/key")
        assert "stops working at once" in browser.text
    assert keys[0] != keys[1]
    row = await rig.views.get("stream-keys", keys[1].split("_")[1])
    assert row is not None
    assert row["channel_id"] == RIVER
    assert await rig.views.get("stream-keys", keys[0].split("_")[1]) is None


async def test_a_key_is_made_for_a_form_of_ours_only(rig: Rig, browser: Browser) -> None:
    await browser.get("/studio/key")
    response = await browser.send("/studio/key", form="")
    assert response.status == 403
    assert await rig.views.get("channel-stream-keys", RIVER) is None


async def test_the_channel_says_something_else_of_itself(rig: Rig, browser: Browser) -> None:
    await browser.get("/studio")
    response = await browser.send(
        "/studio", title=" Rapids  & <b> ", category="music", language="de", tags="#Water, Calm"
    )
    assert response.status == 200
    assert "Saved." in browser.text
    assert f'value="{html.escape("Rapids & <b>")}"' in browser.text
    row = await rig.views.get("channels-by-id", RIVER)
    assert row is not None
    assert (row["title"], row["category"], row["language"], row["tags"]) == (
        *("Rapids & <b>", "Music", "de"),
        "Water Calm",
    )


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("category", "Knitting under water", "Choose a category of the list, or none."),
        ("tags", "a-b", "A tag must be 1 to 25 letters and digits, without spaces."),
        ("title", "x" * 141, "Title may have 140 characters."),
        ("language", "xyz", "Language must be an ISO 639-1 code."),
    ],
)
async def test_what_breaks_a_rule_is_said_and_kept_in_the_form(
    browser: Browser, field: str, value: str, said: str
) -> None:
    await browser.get("/studio")
    response = await browser.send("/studio", **{"title": "T", field: value})
    assert response.status == 422
    assert said in browser.text
    if field != "language":
        assert f'value="{value}"' in browser.text


async def test_the_script_is_told_how_the_broadcast_is_doing(rig: Rig, browser: Browser) -> None:
    assert await told(browser) == {
        **dict.fromkeys(("stream_id", "started_at", "resume_until", "figures", "ladder", "costs")),
        "state": "offline",
        "advice": [],
    }
    await rig.platform.publish(RIVER, "s1")
    assert (await told(browser))["state"] == "starting"
    await rig.platform.tell(
        "stream-health", measured(late=1.6, warnings=["late"], details=["It stalls."])
    )
    found = await told(browser)
    assert found["figures"]["late"] == 1.6
    assert found["figures"]["video_bitrate"] == 5987120
    assert found["advice"] == [{"code": "late", "detail": "It stalls."}]


async def test_figures_that_are_old_or_of_another_stream_are_not_told(
    rig: Rig, browser: Browser
) -> None:
    """As after the ingest was killed."""
    await rig.platform.publish(RIVER, "s1")
    await rig.platform.tell("stream-health", measured(stream_id="s0"))
    assert (await told(browser))["figures"] is None
    await rig.platform.tell("stream-health", measured())
    assert (await told(browser))["figures"] is not None
    rig.clock.advance(9)
    found = await told(browser)
    assert (found["figures"], found["advice"]) == (None, [])
    await rig.platform.tell("stream-health", measured())
    over = MeasurementEnded(channel_id=RIVER, stream_id="s1", session_id="s1")
    await rig.platform.tell("stream-health", over)
    assert (await told(browser))["figures"] is None


async def test_a_moment_is_marked_and_listed(rig: Rig, browser: Browser) -> None:
    status, said = await marked(browser, "Too early")
    assert (status, said["status"]) == (404, 404)
    await rig.platform.publish(RIVER, "s1")
    rig.clock.advance(252)
    status, said = await marked(browser, " A  <goal> ")
    assert status == 200
    assert (said["data"]["position_seconds"], said["data"]["description"]) == (252, "A <goal>")
    assert (await marked(browser, "x" * 141))[0] == 400
    assert (await marked(browser, "Not ours", Origin="https://evil.example"))[0] == 403
    await browser.get("/studio")
    assert "<b>4:12</b><span>A &lt;goal&gt;</span>" in browser.text
    assert browser.text.count('<li id="marker-') == 1


async def test_followers_stand_there_newest_first_and_page_by_page(
    rig: Rig, browser: Browser
) -> None:
    for number in range(12):
        login = f"brook{number:02}"
        user = await rig.platform.sign_up(login)
        rig.clock.advance(1)
        command = FollowChannel(channel_id=RIVER, user_id=user)
        await rig.platform.post("social-commands", RIVER, command)
    await browser.get("/studio")
    assert '<span class="pill">12</span>' in browser.text
    assert re.findall(r'href="/c/(brook\d\d)"', browser.text) == [
        f"brook{number:02}" for number in range(11, 1, -1)
    ]
    older = re.search(r'href="(/studio\?followers=[^"#]*)', browser.text)
    assert older
    await browser.get(html.unescape(older[1]))
    assert re.findall(r'href="/c/(brook\d\d)"', browser.text) == ["brook01", "brook00"]


async def test_the_page_stays_while_lists_cannot_be_reached(
    rig: Rig, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any, **__: Any) -> Any:
        raise Unavailable("Cassandra is away")

    monkeypatch.setattr(rig.views, "scan", away)
    assert (await browser.get("/studio")).status == 200
    assert "Who follows you cannot be reached" in browser.text
    assert "The markers cannot be reached" in browser.text


async def test_the_script_is_told_of_renditions_and_what_they_cost(
    rig: Rig, browser: Browser
) -> None:
    assert (await told(browser))["ladder"] is None
    await rig.platform.publish(RIVER, "s1")
    assert (await told(browser))["ladder"]["state"] == "undecided"
    await rig.platform.tell("transcode-events", ladder(rung("160p30", "granted", "tier")))
    await rig.platform.tell("stream-costs", cost("s1", "160p30", 6.0))
    found = await told(browser)
    assert [(each["name"], each["state"]) for each in found["ladder"]["rungs"]] == [
        ("160p30", "granted")
    ]
    assert found["costs"]["cpu_seconds_per_minute"] == 6.0
