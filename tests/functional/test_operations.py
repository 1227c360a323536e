"""The operations page: for operators only, what it shows, and room that is reserved on it."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from infra.names import id_of
from schemas.records.transcode import ReserveCapacity, WorkerJoined
from tests.functional.dispatcher import Dispatched, cost, ladder, pool, rung
from tests.functional.oauth_rig import Browser, Rig, browsing

RIVER = id_of("river")
RESERVING = "/operations/reservations"


@pytest.fixture
def platform() -> Dispatched:
    return Dispatched()


@pytest_asyncio.fixture
async def browser(platform: Dispatched) -> AsyncIterator[Browser]:
    rig = Rig(platform=platform)
    async with browsing(rig) as found:
        await found.sign_up()
        await rig.grant_role("river", "operator")
        yield found


async def reserve(browser: Browser, **more: str) -> int:
    hidden = re.search(r'name="reservation_id" value="([^"]*)"', browser.text)
    given = {"channel": "River", "begins": "2030-01-01T20:00", "hours": "3", "picture": "1080p60"}
    given |= {"reservation_id": hidden[1] if hidden else "x"}
    return (await browser.send(RESERVING, **{**given, **more})).status


async def test_it_is_for_operators() -> None:
    async with browsing(Rig()) as browser:
        for path in ("/operations",):
            response = await browser.get(path)
            assert response.headers["Location"] == "/signin?next=%2Foperations"
        await browser.sign_up()
        await browser.get("/studio")
        assert "/operations" not in browser.text
        assert (await browser.get("/operations")).status == 403
        for path in (RESERVING, f"{RESERVING}/cancel"):
            assert (await browser.send(path)).status == 403


async def test_an_operator_finds_it_and_is_told_that_nothing_makes_renditions(
    browser: Browser,
) -> None:
    await browser.get("/studio")
    assert 'href="/operations"' in browser.text
    assert (await browser.get("/operations")).status == 200
    assert "Nothing makes renditions yet" in browser.text


async def test_it_shows_the_pool_its_workers_who_waits_and_what_it_costs(
    platform: Dispatched, browser: Browser
) -> None:
    await platform.tell("pool-events", pool())
    joined = WorkerJoined(
        pool="default", worker_id="w1", name="rack-7", capacity=9, encoders=["h264_nvenc"]
    )
    await platform.tell("pool-events", joined)
    said = ladder(
        rung("480p30", "waiting", "no_capacity"),
        rung("160p30", "granted", "tier"),
        channel_id=RIVER,
    )
    await platform.tell("transcode-events", said)
    await platform.tell("stream-costs", cost("s1", "160p30", 6.0))
    await browser.get("/operations")
    text = re.sub(r"[ \n]+", " ", re.sub(r"<[^>]+>", " ", browser.text))
    for shown in (
        "Used 40 % 400\u202f000",
        "Guaranteed 25 % 250\u202f000",
        "Reserved 12 % 120\u202f000",
        "Renditions made 7 of 9",
        "rack-7 h264_nvenc",
        "1 stream · capacity 9",
        "river affiliate 1 of 2",
        "6.0 s for a minute of a stream",
        "Of 1 stream on air",
    ):
        assert shown in text, (shown, text)
    assert 'width="40.0"' in browser.text
    assert "Silent" not in text
    platform.clock.advance(31)
    await browser.get("/operations")
    assert "Silent" in browser.text


async def test_room_is_reserved_and_given_up(platform: Dispatched, browser: Browser) -> None:
    await platform.tell("pool-events", pool())
    await browser.get("/operations")
    assert await reserve(browser) == 303
    await browser.get("/operations?done=reserved")
    assert "Room is reserved." in browser.text
    assert "2030-01-01 20:00 to 2030-01-01 23:00 UTC" in browser.text
    asked = [each for each in platform.said if isinstance(each, ReserveCapacity)]
    assert (asked[0].channel_id, asked[0].width, asked[0].frame_rate) == (RIVER, 1920, 60.0)
    wish = {"reservation_id": asked[0].reservation_id}
    done = await browser.send(f"{RESERVING}/cancel", **wish)
    assert (done.status, done.headers["Location"]) == (303, "/operations?done=cancelled")
    await browser.get("/operations?done=cancelled")
    assert "The reservation was given up." in browser.text
    assert "2030-01-01 20:00 to" not in browser.text
    assert (await browser.send(f"{RESERVING}/cancel", **wish)).status == 422


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("channel", "nobody", "There is no channel of this name."),
        ("begins", "soon", "Say when it begins."),
        ("begins", "2020-01-01T20:00", "The event would be over already."),
        ("hours", "0", "It may last 1 to 72 hours."),
        ("hours", "-3", "It may last 1 to 72 hours."),
        ("picture", "9p", "Choose one of the pictures."),
        ("reservation_id", "a b", "Reservation: must be an id."),
    ],
)
async def test_what_cannot_be_reserved_is_said_and_kept_in_the_form(
    platform: Dispatched, browser: Browser, field: str, value: str, said: str
) -> None:
    await browser.get("/operations")
    assert await reserve(browser, **{field: value}) == 422
    assert said in browser.text
    if field == "channel":
        assert 'value="nobody"' in browser.text
    assert not any(isinstance(each, ReserveCapacity) for each in platform.said)


async def test_a_form_of_another_page_reserves_nothing(
    platform: Dispatched, browser: Browser
) -> None:
    await browser.get("/operations")
    assert await reserve(browser, form="") == 403
    assert not any(isinstance(each, ReserveCapacity) for each in platform.said)
