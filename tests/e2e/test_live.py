"""From a publisher to a real browser, through every role and the real servers."""

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.obs import obs_publishing
from tests.e2e.serving import sign_up
from tests.e2e.whole import Platform, ffmpeg, heard, plays, until
from tests.recordings import FOLDER, PLAYABLE

pytestmark = [pytest.mark.alone, pytest.mark.timeout(180)]

STARTS_WITHIN = 30_000
SILENT = {"noaudio_bpyramid_800x640.mp4", "traffic_12_5fps_8s.mp4"}
CLOCK = FOLDER / "bbb_360p_10s.flv"


def get(platform: Platform, path: str) -> Any:
    with urllib.request.urlopen(f"{platform.gateway}{path}", timeout=10) as answer:
        return json.load(answer)["data"]


def stream_of(platform: Platform, channel: str) -> Any:
    return get(platform, f"/v1/channels/{channel}")["stream"]


def watch(platform: Platform, page: Page, channel: str) -> None:
    page.goto(f"{platform.gateway}/c/{channel}")
    player = page.locator("#player")
    expect(player).to_have_attribute("data-state", "live", timeout=STARTS_WITHIN)


@pytest.mark.parametrize("recording", PLAYABLE)
def test_a_recording_that_ffmpeg_publishes_is_seen_and_heard(
    platform: Platform, page: Page, recording: str
):
    channel = recording.split(".")[0].lower()[:20]
    key = platform.channel(channel)
    with ffmpeg(FOLDER / recording, f"{platform.rtmp}/{key}"):
        watch(platform, page, channel)
        plays(page)
        if recording not in SILENT:
            until(lambda: heard(page), lambda size: size > 0)
        assert channel in [each["name"] for each in get(platform, "/v1/channels")]


def test_what_pyav_publishes_is_seen(platform: Platform, page: Page):
    with platform.publishing(CLOCK, "pyav"):
        until(lambda: [c for c in get(platform, "/v1/channels") if c["name"] == "pyav"], bool)
        watch(platform, page, "pyav")
        plays(page)


def test_what_obs_publishes_is_seen(platform: Platform, page: Page, tmp_path: Path):
    key = platform.channel("obs")
    with obs_publishing(tmp_path, platform.rtmp, key):
        until(lambda: [c for c in get(platform, "/v1/channels") if c["name"] == "obs"], bool, 60)
        watch(platform, page, "obs")
        plays(page)
        assert stream_of(platform, "obs")["picture"]["width"] == 640


def test_a_publisher_who_comes_back_in_time_continues_the_stream(platform: Platform, page: Page):
    url = f"{platform.rtmp}/{platform.channel('returns')}"
    with ffmpeg(CLOCK, url):
        watch(platform, page, "returns")
        plays(page)
        before = stream_of(platform, "returns")
    player = page.locator("#player")
    expect(player).to_have_attribute("data-state", "interrupted", timeout=15_000)
    with ffmpeg(CLOCK, url):
        expect(player).to_have_attribute("data-state", "live", timeout=STARTS_WITHIN)
        plays(page)
        after = stream_of(platform, "returns")
        assert after["stream_id"] == before["stream_id"]
        playlist = f"{platform.origin}/live/{after['stream_id']}/source.m3u8"
        with urllib.request.urlopen(playlist, timeout=10) as answer:
            assert "#EXT-X-DISCONTINUITY\n" in answer.read().decode()
    expect(player).to_have_attribute("data-state", "ended", timeout=40_000)
    ended = get(platform, f"/v1/streams/{before['stream_id']}")
    assert ended["state"] == "ended"
    assert ended["interruptions"] == 2


def test_a_broadcaster_sees_in_the_studio_how_it_arrives(platform: Platform, page: Page):
    """CLOCK has 25 frames a second, 287 kbit/s of video, and key frames up to 3 s apart."""
    sign_up(page, platform.gateway, "kayak")
    page.goto(f"{platform.gateway}/studio/key")
    page.get_by_role("button", name="Make it").click()
    key = page.locator("#key").inner_text()
    page.goto(f"{platform.gateway}/studio")
    expect(page.locator("#state")).to_have_text("Offline")
    with ffmpeg(CLOCK, f"{platform.rtmp}/{key}"):
        expect(page.locator("#state")).to_have_text("Live", timeout=STARTS_WITHIN)
        rate = page.locator("[data-figure=rate]")
        expect(rate).to_contain_text("25.0 /s", timeout=STARTS_WITHIN)
        expect(page.locator("[data-figure=video]")).to_contain_text("H.264")
        expect(page.locator("#advice")).to_contain_text("Key frames are", timeout=STARTS_WITHIN)
        page.get_by_label("What happens").fill("The big wave")
        page.get_by_role("button", name="Mark this moment").click()
        expect(page.locator("#marked")).to_contain_text("Marked at 0:")
    expect(page.locator("#state")).to_have_text("Interrupted", timeout=STARTS_WITHIN)
    expect(rate.locator("dd").first).not_to_contain_text("/s")
    page.reload()
    expect(page.locator("#marker-list")).to_contain_text("The big wave")


def test_a_wrong_key_and_a_second_publisher_are_refused_and_disturb_nobody(
    platform: Platform, page: Page
):
    key = platform.channel("guarded")
    with ffmpeg(CLOCK, f"{platform.rtmp}/{key}"):
        watch(platform, page, "guarded")
        for url in (f"{platform.rtmp}/{key}", f"{platform.rtmp}/live_aaaaaaaaaaaa_{'b' * 48}"):
            with ffmpeg(CLOCK, url) as refused:
                assert refused.wait(20) != 0
        plays(page)


def test_roles_on_the_way_may_be_killed_and_the_picture_comes_back(platform: Platform, page: Page):
    with platform.publishing(CLOCK, "survivor"):
        until(lambda: [c for c in get(platform, "/v1/channels") if c["name"] == "survivor"], bool)
        watch(platform, page, "survivor")
        plays(page)
        before = stream_of(platform, "survivor")
        for role in (
            *("origin", "worker-broadcast", "worker-identity", "views-redis", "views-cassandra"),
            *("clock", "gateway", "ingest"),
        ):
            platform.process(role).kill()
            plays(page, frames=40, seconds=60)
        assert stream_of(platform, "survivor")["stream_id"] == before["stream_id"]


def test_every_view_is_what_the_log_says(platform: Platform):
    """Last, after all that the tests above did to the platform."""
    platform.prove()
