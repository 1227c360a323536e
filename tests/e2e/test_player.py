"""The player on a real picture: it starts, follows, is heard, and comes back."""

import re
from collections import Counter

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Running
from tests.e2e.playing import LIVE_WITHIN, READER, frames_advance, published, until, watch

pytestmark = pytest.mark.alone


@pytest.fixture(autouse=True)
def _reads_the_clock(page: Page) -> None:
    page.add_init_script(path=str(READER))


def test_the_picture_is_shown_and_heard_close_to_its_making(running: Running, page: Page) -> None:
    with published(running):
        watch(running, page)
        heard = "() => document.querySelector('video').webkitAudioDecodedByteCount"
        until(page, heard, lambda count: count > 0)
        latencies = "() => glass.frames.slice(-30).map((frame) => frame[1]).filter(Boolean)"
        read = until(page, latencies, lambda values: len(values) > 15 and max(values) < 2500)
        assert min(read) > 0
        # Three clocks agree: the one in the picture, the playlist's dates, the text on the page.
        until(
            page,
            "() => Math.abs(millrace.player.latency * 1000 - glass.frames.at(-1)[1])",
            lambda difference: difference < 400,
        )
        expect(page.locator("#latency")).to_contain_text("behind")
        expect(page.locator("#quality")).to_have_text("720p30")
        assert page.evaluate("() => glass.misread") == 0


def test_who_pauses_falls_behind_and_can_go_live_again(running: Running, page: Page) -> None:
    with published(running):
        watch(running, page)
        page.keyboard.press("k")
        edge = page.get_by_role("button", name="Go live")
        expect(edge).to_be_visible()
        expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
        page.wait_for_timeout(2500)
        page.keyboard.press("k")
        frames_advance(page, 15)
        behind = page.evaluate("() => glass.frames.at(-1)[1]")
        assert behind > 2500, "what was paused is played, not skipped"
        expect(edge).to_be_visible()
        page.keyboard.press("l")
        expect(edge).to_be_hidden()
        until(page, "() => glass.frames.at(-1)[1]", lambda latency: 0 < latency < behind - 1000)


def test_keys_mute_and_show_figures(running: Running, page: Page) -> None:
    with published(running):
        watch(running, page)
        page.keyboard.press("m")
        assert page.evaluate("() => document.querySelector('video').muted")
        page.keyboard.press("m")
        assert not page.evaluate("() => document.querySelector('video').muted")
        page.keyboard.press("i")
        expect(page.locator('[data-stat="resolution"]')).to_have_text("1280 × 720")  # noqa: RUF001
        expect(page.locator('[data-stat="bitrate"]')).to_contain_text("bit/s")


def test_a_publisher_who_comes_back_goes_on_in_the_same_page(running: Running, page: Page) -> None:
    running.rig.grace = 40
    with published(running):
        watch(running, page)
    expect(page.locator("#message-title")).to_have_text(
        "The broadcaster lost connection", timeout=15_000
    )
    expect(page.locator("#message-text")).to_contain_text("back within 0:")
    with published(running):
        expect(page.locator("#player")).to_have_attribute("data-state", "live", timeout=LIVE_WITHIN)
        frames_advance(page)
        recent = "() => glass.frames.slice(-10).map((frame) => frame[1])"
        until(page, recent, lambda values: all(value and value < 4000 for value in values))


def test_after_the_end_the_next_stream_starts_by_itself(running: Running, page: Page) -> None:
    with published(running):
        watch(running, page)
    expect(page.locator("#message-title")).to_have_text("The stream has ended", timeout=15_000)
    with published(running):
        expect(page.locator("#player")).to_have_attribute("data-state", "live", timeout=LIVE_WITHIN)
        frames_advance(page)


def test_the_browse_page_shows_a_fresh_picture(running: Running, page: Page) -> None:
    with published(running):
        page.goto(running.url)
        card = page.get_by_role("link", name="A live test picture")
        expect(card).to_be_visible(timeout=15_000)
        until(
            page,
            "() => document.querySelector('.frame img')?.naturalWidth ?? 0",
            lambda width: width > 100,
        )


def test_the_first_picture_takes_few_requests_and_none_twice(running: Running, page: Page) -> None:
    with published(running):
        watch(running, page)  # by now the stream has a segment
        page.goto("about:blank")  # which asks for nothing more
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        watch(running, page)
    first_part = next(n for n, url in enumerate(asked) if url.endswith(".m4s"))
    pages = [url for url in asked[:first_part] if url.startswith(running.url)]
    # The page, its style, its three scripts, its icon.
    assert len(set(pages)) <= 6, pages
    origin = [url for url in asked if not url.startswith(running.url)]
    media = [url for url in origin[:4] if re.search(r"\.(m3u8|mp4|m4s)(\?rungs=all)?$", url)]
    assert media == origin[:4]
    # What was asked for before the player was there is not asked for again.
    assert [url for url, count in Counter(origin).items() if count > 1] == []
    # The rest of the page waits for the picture.
    expect(page.get_by_text("0 followers")).to_be_visible()
    rest = "() => performance.getEntriesByName(`${location.origin}/static/channel.js`)[0].startTime"
    first_frame = "() => glass.frames[0][0] - performance.timeOrigin"
    assert page.evaluate(rest) >= page.evaluate(first_frame)


def test_after_every_dry_buffer_it_plays_on_with_little_media(running: Running, page: Page) -> None:
    page.add_init_script(HOLD)
    with published(running):
        watch(running, page)
        frames_advance(page, 120)  # the start is over
        for _ in range(5):
            stalls = page.evaluate("() => millrace.player.stalls")
            page.evaluate("() => hold(millrace.player.stats.buffer * 1000 + 400)")
            until(page, "() => millrace.player.stalls", lambda count, old=stalls: count > old)
            frames_advance(page, 60)
        resumed_with = page.evaluate("() => resumedWith")
    # Left alone, Chromium waits for 0.4, 0.8, 1.6 and 3 seconds.
    assert max(resumed_with) < 1.4, resumed_with


HOLD = """
let held = Promise.resolve();
window.hold = (milliseconds) => held = new Promise((go) => setTimeout(go, milliseconds));
const send = XMLHttpRequest.prototype.send;
XMLHttpRequest.prototype.send = function () { held.then(() => send.call(this)); };
window.resumedWith = []; // seconds of media there when playing went on after a dry buffer
addEventListener("DOMContentLoaded", () => {
  const video = document.querySelector("video");
  let dry = false;
  video.addEventListener("waiting", () => dry ||= !video.seeking);
  video.addEventListener("playing", () => {
    const ahead = video.buffered.end(video.buffered.length - 1) - video.currentTime;
    if (dry) resumedWith.push(ahead);
    dry = false;
  });
});
"""


def test_without_leave_to_sound_it_plays_silently_and_offers_sound(
    running: Running, page: Page
) -> None:
    page.add_init_script(NO_SOUND)
    with published(running):
        watch(running, page)
        button = page.get_by_role("button", name="Turn on sound")
        expect(button).to_be_visible()
        button.click()
        expect(button).to_be_hidden()
        assert not page.evaluate("() => document.querySelector('video').muted")


# The browser's own rule does not show here: looking into a page counts as the visitor's doing.
NO_SOUND = """
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () {
  if (this.muted) return play.call(this);
  this.pause();
  return Promise.reject(new DOMException("no gesture yet", "NotAllowedError"));
};
addEventListener("DOMContentLoaded", () => document.querySelector("video").autoplay = false);
"""
