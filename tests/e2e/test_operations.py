"""An operator looks at what makes renditions, and reserves room for an event to come."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from infra.names import id_of
from schemas.records.transcode import WorkerJoined
from tests.e2e.looking import checked
from tests.e2e.serving import Serving, sign_up
from tests.functional.dispatcher import Dispatched, cost, ladder, pool, rung


@pytest.fixture
def serving() -> Iterator[Serving]:
    with Serving(Dispatched()) as found:
        yield found


async def fill(serving: Serving) -> None:
    """Two workers; river has some of its ladder, brook none."""
    platform = serving.rig.platform
    for number, encoders in enumerate((["h264_nvenc", "libx264"], ["libx264"])):
        joined = WorkerJoined(
            pool="default",
            worker_id=f"w{number}",
            name=f"rack-{number}",
            capacity=500_000,
            encoders=encoders,
        )
        await platform.tell("pool-events", joined)
    await platform.tell("pool-events", pool())
    some = ladder(
        rung("720p30", "waiting", "no_capacity"),
        rung("160p30", "granted", "tier"),
        channel_id=id_of("river"),
        worker_id="w0",
    )
    none = ladder(
        *(rung(name, "waiting", "no_capacity") for name in ("720p30", "480p30", "160p30")),
        stream_id="s2",
        channel_id=id_of("brook"),
        worker_id="",
    )
    for each in (some, none):
        await platform.tell("transcode-events", each)
    await platform.tell("stream-costs", cost("s1", "160p30", 6.0, gpu_seconds=1.5))


def test_an_operator_looks_after_transcoders(serving: Serving, page: Page) -> None:
    sign_up(page, serving.url)
    serving.channel("brook")
    serving.run(serving.rig.grant_role("river", "operator"))
    page.goto(f"{serving.url}/studio")
    page.locator(".menu summary").click()
    page.get_by_role("link", name="Operations").click()
    expect(page.get_by_text("Nothing makes renditions yet")).to_be_visible()
    checked(page, "operations-new")

    serving.run(fill(serving))
    expect(page.get_by_text("7 of 9")).to_be_visible(timeout=15_000)  # without a reload
    expect(page.locator("[data-live=waiting] li").first).to_contain_text("brook")

    page.get_by_label("Channel").fill("River")
    page.get_by_label("Begins").fill("2030-01-01T20:00")
    page.get_by_role("button", name="Reserve").click()
    expect(page.get_by_text("Room is reserved.")).to_be_visible()
    checked(page, "operations-busy")
    page.get_by_role("button", name="Give up the reservation for river").click()
    expect(page.get_by_text("The reservation was given up.")).to_be_visible()

    serving.rig.clock.advance(60)
    expect(page.locator("[data-live=pools]")).to_contain_text("Silent", timeout=15_000)
    checked(page, "operations-silent")
    page.route("**/operations", lambda route: route.abort())
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached", timeout=15_000)
