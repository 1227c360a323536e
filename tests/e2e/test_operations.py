"""An operator looks at what makes renditions, and reserves room for an event to come."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from infra.names import id_of
from schemas.records.transcode import WorkerJoined
from tests.e2e.axe import serious
from tests.e2e.serving import Serving, sign_up
from tests.e2e.test_pages import DESK
from tests.e2e.test_studio import LOOKS
from tests.functional.dispatcher import Dispatched, cost, ladder, pool, rung

SHOTS = os.environ.get("MILLRACE_TEST_SCREENSHOTS", "")


@pytest.fixture
def serving() -> Iterator[Serving]:
    with Serving(Dispatched()) as found:
        yield found


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport=DESK, color_scheme="light")
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"script error: {error}"))
    page.on("console", lambda said: pytest.fail(said.text) if "Policy" in said.text else None)
    yield page
    context.close()


def checked(page: Page, name: str) -> None:
    """Nothing overflows, and axe-core finds nothing serious, on a phone and a desk."""
    for viewport, scheme in LOOKS:
        page.set_viewport_size(viewport)  # type: ignore[arg-type]
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.wait_for_function("s => document.documentElement.dataset.theme === s", arg=scheme)
        if SHOTS:
            path = Path(SHOTS) / f"operations-{name}-{viewport['width']}-{scheme}.png"
            page.screenshot(path=str(path), full_page=True)
        assert serious(page) == [], (name, viewport, scheme)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= viewport["width"], (name, width)
    page.set_viewport_size(DESK)  # type: ignore[arg-type]


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
    checked(page, "new")

    serving.run(fill(serving))
    expect(page.get_by_text("7 of 9")).to_be_visible(timeout=15_000)  # without a reload
    expect(page.locator("[data-live=waiting] li").first).to_contain_text("brook")

    page.get_by_label("Channel").fill("River")
    page.get_by_label("Begins").fill("2030-01-01T20:00")
    page.get_by_role("button", name="Reserve").click()
    expect(page.get_by_text("Room is reserved.")).to_be_visible()
    checked(page, "busy")
    page.get_by_role("button", name="Give up the reservation for river").click()
    expect(page.get_by_text("The reservation was given up.")).to_be_visible()

    serving.rig.clock.advance(60)
    expect(page.locator("[data-live=pools]")).to_contain_text("Silent", timeout=15_000)
    checked(page, "silent")
    page.route("**/operations", lambda route: route.abort())
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached", timeout=15_000)
