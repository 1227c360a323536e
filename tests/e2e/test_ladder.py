"""Renditions in a real browser: a step from one to another does not show, whatever its cause."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from media.naming import AUDIO_ONLY
from tests.e2e import whole
from tests.e2e.axe import serious
from tests.e2e.conftest import Running
from tests.e2e.playing import (
    CURRENT,
    READER,
    STALLS,
    STAND_BACK,
    frames_advance,
    menu_item,
    until,
    watch,
)
from tests.e2e.stage import Stage, staged
from tests.e2e.transcoding import SIZES

pytestmark = pytest.mark.alone

ALL = tuple(SIZES)
FRAME = 1000 / 30
SEGMENT = 2000
SMALL: Final[ViewportSize] = {"width": 320, "height": 640}
"""In which a picture of 360 lines is much larger than its place."""
WITHIN = 2000
"""Milliseconds in which a page knows what can be played."""


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """For all tests: what they change they put right."""
    running = Running()
    with staged(running) as stage:
        yield stage
    running.stop()


@pytest.fixture(autouse=True)
def _reads_the_clock(page: Page) -> None:
    page.add_init_script(path=str(READER))


def follow(stage: Stage, page: Page) -> None:
    """Watch until the start is over."""
    watch(stage.running, page)
    frames_advance(page, 60)


def wish(page: Page, name: str | None) -> None:
    page.evaluate("name => millrace.player.wishFor(name)", name)


def plays(page: Page, name: str, seconds: float = 15) -> None:
    """Until a rendition is loaded, and then shown."""
    until(page, CURRENT, lambda current: current == name, seconds)
    width = 640 if name == "source" else SIZES[name][0]
    until(page, "() => document.querySelector('video').videoWidth", lambda shown: shown == width)


def frames(page: Page, since: int = 0) -> list[Any]:
    found: list[Any] = page.evaluate("since => glass.frames.slice(since)", since)
    return found


def worst_gap(page: Page, since: int) -> float:
    """Milliseconds that one frame was shown."""
    shown = [at for at, _, _ in frames(page, since)]
    return max(after - before for before, after in pairwise(shown))


def clock_behind_media(page: Page) -> float:
    """The clock in the picture less the player's, in milliseconds: the least of some frames, since
    a busy machine reads a frame late, never early."""
    return min(at - late - media * 1000 for at, late, media in frames(page, -25) if late)


def test_a_page_opened_before_any_ladder_hears_of_rungs_that_come_and_that_leave(
    running: Running, page: Page
) -> None:
    page.set_viewport_size(SMALL)
    asked: list[str] = []
    with staged(running) as stage:
        follow(stage, page)
        page.on("request", lambda request: asked.append(request.url.split("/")[-1]))
        page.get_by_role("button", name="Quality: Auto (360p30)").click()
        expect(menu_item(page, "360p30 as broadcast")).to_be_visible()
        expect(menu_item(page, "200p30")).to_be_hidden()
        stalls = page.evaluate(STALLS)
        stage.have("200p30")
        expect(menu_item(page, "200p30")).to_be_enabled(timeout=WITHIN)
        plays(page, "200p30", 10)
        frames_advance(page, 60)
        assert page.evaluate(STALLS) == stalls
        menu_item(page, "360p30 as broadcast").click()
        plays(page, "source")
        page.keyboard.press("q")
        stage.say(p200="refused")
        expect(menu_item(page, "200p30")).to_be_disabled(timeout=WITHIN)
    assert asked.count("index.m3u8?rungs=all") == 1


def test_steps_through_all_renditions_do_not_show(stage: Stage, page: Page) -> None:
    stage.have(*ALL)
    follow(stage, page)
    # It is not room enough for a step that breaks a segment.
    page.evaluate(STAND_BACK)
    frames_advance(page, 15)
    stalls, clocks = page.evaluate(STALLS), [clock_behind_media(page)]
    for name in ("200p30", "source", "160p30", "240p30", "source"):
        wish(page, name)
        plays(page, name)
        frames_advance(page, 30)
        clocks.append(clock_behind_media(page))
    assert page.evaluate(STALLS) == stalls
    assert max(clocks) - min(clocks) <= FRAME, clocks


def test_a_slow_connection_gets_a_smaller_picture_and_a_fast_one_the_larger_again(
    stage: Stage, page: Page
) -> None:
    stage.have("200p30", "160p30")
    follow(stage, page)
    assert page.evaluate(CURRENT) == "source"
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")

    def carry(bits: float) -> None:
        limits = {"offline": False, "latency": 0, "uploadThroughput": -1}
        rate = bits / 8 if bits else -1
        network.send("Network.emulateNetworkConditions", limits | {"downloadThroughput": rate})

    carry(480_000)
    plays(page, "160p30")
    frames_advance(page, 60)
    carry(0)
    plays(page, "source", 25)


def test_where_a_rendition_stops_in_mid_segment_playing_goes_on_and_it_comes_back(
    stage: Stage, page: Page
) -> None:
    stage.have("240p30", "160p30")
    follow(stage, page)
    wish(page, "240p30")
    plays(page, "240p30")
    frames_advance(page, 45)
    since = len(frames(page))
    whole.until(lambda: stage.open_parts("240p30"), lambda parts: parts == 8)
    stage.make()
    plays(page, "source")
    frames_advance(page, 60)
    assert worst_gap(page, since) < SEGMENT
    stage.make("240p30", "160p30")
    plays(page, "240p30", 25)
    frames_advance(page, 30)
    assert worst_gap(page, since) < SEGMENT


def test_a_rung_that_appears_can_be_chosen_at_once_and_one_that_goes_leaves_no_break(
    stage: Stage, page: Page
) -> None:
    stage.have("160p30")
    stage.say(p240="waiting", p200="refused", p160="granted")
    follow(stage, page)
    page.get_by_role("button", name="Quality: Auto (360p30)").click()
    expect(menu_item(page, "240p30")).to_be_disabled()
    stage.say(p240="granted", p200="refused", p160="granted")
    stage.make("240p30", "160p30")
    expect(menu_item(page, "240p30")).to_be_enabled(timeout=10_000)
    menu_item(page, "240p30").click()
    plays(page, "240p30")
    frames_advance(page, 30)
    stalls = page.evaluate(STALLS)
    stage.say(p240="going", p200="refused", p160="granted")
    frames_advance(page, 30)
    plays(page, "240p30", 25)  # to which it would not come back, had it left for that reason
    stage.say(p240="refused", p200="refused", p160="granted")
    until(page, CURRENT, lambda name: name != "240p30")
    frames_advance(page, 60)
    assert page.evaluate(STALLS) - stalls <= 1


def test_what_was_chosen_is_remembered_by_its_label(stage: Stage, page: Page) -> None:
    stage.have("200p30", "160p30")
    follow(stage, page)
    page.keyboard.press("q")
    menu_item(page, "200p30").click()
    plays(page, "200p30")
    page.reload()
    plays(page, "200p30")
    stage.make("160p30")
    until(page, CURRENT, lambda name: name != "200p30")
    page.reload()
    plays(page, "160p30")
    page.keyboard.press("q")
    menu_item(page, "Auto").click()
    page.reload()
    plays(page, "source")


def test_the_menu_goes_by_keys_and_for_everyone(stage: Stage, page: Page) -> None:
    stage.have("240p30", "160p30")
    stage.say(p240="granted", p200="waiting", p160="going")
    follow(stage, page)
    button = page.get_by_role("button", name="Quality: Auto")
    expect(button).to_have_accessible_name("Quality: Auto (360p30)")
    button.focus()
    page.keyboard.press("ArrowDown")
    auto = menu_item(page, "Auto")
    expect(auto).to_be_focused()
    expect(auto).to_have_attribute("aria-checked", "true")
    expect(menu_item(page, "200p30")).to_contain_text("The channel's tier")
    expect(menu_item(page, "360p30 as broadcast")).to_be_visible()
    page.keyboard.press("ArrowUp")
    expect(menu_item(page, "160p30 Goes in")).to_be_focused()
    page.keyboard.press("Escape")
    expect(button).to_be_focused()
    expect(page.get_by_role("menu")).to_be_hidden()
    page.keyboard.press("Enter")
    page.keyboard.press("End")
    page.keyboard.press("ArrowUp")
    expect(menu_item(page, "200p30 The channel")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menu"), "it cannot be chosen").to_be_visible()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.get_by_role("menu")).to_be_hidden()
    plays(page, "240p30")
    page.keyboard.press("q")
    for theme in ("light", "dark"):
        page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
        assert serious(page) == []


def test_the_sound_alone_can_be_chosen_and_left_again(stage: Stage, page: Page) -> None:
    stage.have("160p30", AUDIO_ONLY)
    follow(stage, page)
    page.keyboard.press("q")
    menu_item(page, "Audio only").click()
    expect(page.get_by_role("button", name="Quality: Audio only")).to_be_attached()
    until(page, "() => document.querySelector('video').currentTime", lambda now: now > 0)
    heard = "() => document.querySelector('video').webkitAudioDecodedByteCount"
    before = page.evaluate(heard)
    until(page, heard, lambda count: count > before + 10_000)
    assert page.evaluate("() => document.querySelector('video').videoWidth") == 0
    expect(page.locator("#player")).not_to_have_class("waiting")
    page.keyboard.press("q")
    menu_item(page, "as broadcast").click()
    plays(page, "source")
    frames_advance(page, 15)
