"""A broadcaster in the studio: gets a key, goes live, sees what is not well, marks a moment."""

from typing import Any

from playwright.sync_api import Page, expect

from infra.names import id_of
from schemas.records.media import RenditionOpened
from schemas.records.social import FollowChannel
from tests.e2e.looking import checked
from tests.e2e.serving import Serving, sign_up
from tests.functional.dispatcher import cost, ladder, rung
from tests.functional.test_studio import measured

RIVER = id_of("river")
LATE = "What you send arrives up to 1.6 s late: your connection to us stalls."


async def go_live(serving: Serving) -> None:
    await serving.rig.platform.publish(RIVER, "s1")
    opened = RenditionOpened(
        stream_id="s1",
        session_id="s1",
        rendition="source",
        init_object="live/s1/s1/source/init.mp4",
        codecs="avc1.64002A,mp4a.40.2",
        width=1920,
        height=1080,
        frame_rate=60.0,
        channels=2,
        part_target=0.333,
        first_media_sequence=0,
    )
    await serving.rig.platform.tell("media-segments", opened)
    serving.rig.clock.advance(252)


async def measure(serving: Serving, **more: Any) -> None:
    await serving.rig.platform.tell("stream-health", measured(**more))


async def transcode(serving: Serving) -> None:
    """A ladder with a rung of each state."""
    until = serving.rig.clock.now() + 28_000_000
    said = ladder(
        rung("720p30", "waiting", "no_capacity"),
        rung("480p30", "going", "preempted", until),
        rung("360p30", "granted", "tier"),
        rung("160p30", "refused", "encoder_failed"),
        channel_id=RIVER,
    )
    platform = serving.rig.platform
    await platform.tell("transcode-events", said)
    await platform.tell("stream-costs", cost("s1", "360p30", 14.2, gpu_seconds=1.5))
    await platform.tell("stream-costs", cost("s1", "audio_only", 0.3))


GOOD: dict[str, Any] = {
    "frame_rate": 59.98,
    "frames_missing": 0,
    "late": 0.03,
    "hole": 0.017,
    "warnings": [],
    "details": [],
}


def test_a_broadcaster_finds_their_way(serving: Serving, page: Page) -> None:
    sign_up(page, serving.url)
    page.get_by_role("link", name="studio").first.click()
    expect(page.get_by_role("heading", name="Studio")).to_be_visible()
    checked(page, "studio-new")

    page.get_by_role("link", name="Make a stream key").click()
    page.get_by_role("button", name="Make it").click()
    expect(page.locator("#key")).to_contain_text("live_")
    checked(page, "studio-key")
    page.get_by_role("link", name="Back to the studio").click()

    page.get_by_label("Title").fill("Down the rapids")
    page.get_by_label("Category").fill("Travel and Outdoors")
    page.get_by_label("Language").select_option("English")
    page.get_by_label("Tags").fill("Water Kayak")
    page.get_by_role("button", name="Save").press("Enter")
    expect(page.get_by_text("Saved.")).to_be_visible()
    for number in range(12):
        follower = serving.run(serving.rig.platform.sign_up(f"brook{number:02}"))
        serving.rig.clock.advance(60)
        follow = FollowChannel(channel_id=RIVER, user_id=follower)
        serving.run(serving.rig.platform.post("social-commands", RIVER, follow))
    page.goto(f"{serving.url}/studio")
    expect(page.locator("#state")).to_have_text("Offline")
    expect(page.get_by_role("button", name="Mark this moment")).to_be_hidden()
    checked(page, "studio-offline")

    serving.run(go_live(serving))
    serving.run(measure(serving, **GOOD))
    expect(page.locator("#state")).to_have_text("Live")
    expect(page.get_by_text("All is well")).to_be_visible()
    expect(page.locator("[data-figure=video] dd").first).to_have_text("6.0 Mbit/s")
    expect(page.locator("[data-figure=rate]")).to_contain_text("60.0 /s")
    page.get_by_label("What happens").fill("The big wave")
    page.keyboard.press("Enter")
    expect(page.locator("#marked")).to_have_text("Marked at 4:12.")
    expect(page.locator("#marker-list")).to_contain_text("The big wave")

    serving.run(measure(serving, warnings=["late"], details=[LATE]))
    advice = page.locator("#advice")
    expect(advice).to_contain_text(LATE)
    expect(page.locator("[data-figure=arrival]")).to_have_class("bad")
    expect(page.locator("#said")).to_contain_text(LATE)
    serving.run(transcode(serving))
    renditions = page.locator("#renditions")
    expect(renditions.locator("tbody tr")).to_have_count(5)
    expect(renditions.get_by_role("row", name="720p30")).to_contain_text("All machines")
    expect(renditions.get_by_role("row", name="480p30")).to_contain_text("Goes in 0:2")
    expect(renditions.get_by_role("row", name="360p30")).to_contain_text("14.2 s + 1.5 s GPU")
    expect(renditions).to_contain_text("Affiliate · made by w1")
    checked(page, "studio-live")

    serving.rig.clock.advance(60)  # the ingest is gone, and nobody says so
    expect(page.locator("[data-figure=video] dd").first).not_to_contain_text("bit")
    expect(advice).to_be_hidden()
    page.route("**/session/studio", lambda route: route.abort())
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    checked(page, "studio-away")
