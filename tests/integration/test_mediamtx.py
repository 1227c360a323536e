"""Publishers by SRT and WHIP get through MediaMTX, set up as the guide says, to our RTMP port.

Collected only where the environment variable MEDIAMTX names the program (`conftest.py`).
"""

import asyncio
import os
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright

from infra.local.ports import free_ports
from schemas.records.ingest import HealthMeasured, PublishProgressed, PublishStarted, PublishStopped
from tests.integration.ingest_fakes import Rig, key_of, running

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "publish-with-srt-or-whip.md"
CHROMIUM = "/usr/bin/chromium"
RIVER = "0123456789ab"
"""A channel, and the name of its key."""
WHIP = """async ([url, rate]) => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [640, 360];
  const paper = canvas.getContext("2d");
  let frame = 0;
  setInterval(() => {
    paper.fillStyle = `hsl(${(frame++ * 5) % 360} 80% 50%)`;
    paper.fillRect(0, 0, 640, 360);
  }, 1000 / rate);
  const audio = new AudioContext();
  const tone = audio.createOscillator();
  const sound = audio.createMediaStreamDestination();
  tone.connect(sound);
  tone.start();
  const peer = new RTCPeerConnection();
  const sendonly = { direction: "sendonly" };
  const video = peer.addTransceiver(canvas.captureStream(rate).getVideoTracks()[0], sendonly);
  const codecs = RTCRtpSender.getCapabilities("video").codecs;
  video.setCodecPreferences(codecs.filter(({ mimeType }) => mimeType === "video/H264"));
  peer.addTransceiver(sound.stream.getAudioTracks()[0], sendonly);
  const gathered = new Promise((done) => {
    peer.onicegatheringstatechange = () => peer.iceGatheringState === "complete" && done();
  });
  await peer.setLocalDescription(await peer.createOffer());
  await gathered;
  const headers = { "Content-Type": "application/sdp" };
  const answer = await fetch(url, { method: "POST", headers, body: peer.localDescription.sdp });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  await peer.setRemoteDescription({ type: "answer", sdp: await answer.text() });
  window.leave = async () => {
    await fetch(new URL(answer.headers.get("Location"), url), { method: "DELETE" });
    peer.close();
  };
}"""


@asynccontextmanager
async def mediamtx(folder: Path, rtmp_port: int) -> AsyncIterator[tuple[int, int]]:
    """MediaMTX as the guide sets it up; the ports of SRT and of WHIP."""
    rtsp, srt, whip, udp = free_ports(4)
    (text,) = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.S)
    for old, new in (
        ("127.0.0.1:8554", f"127.0.0.1:{rtsp}"),
        (" :8890", f" 127.0.0.1:{srt}"),
        (" :8889", f" 127.0.0.1:{whip}"),
        (" :8189", f" 127.0.0.1:{udp}"),
        ("rtmp://127.0.0.1:1935/", f"rtmp://127.0.0.1:{rtmp_port}/"),
    ):
        assert old in text
        text = text.replace(old, new)
    settings = folder / "mediamtx.yml"
    settings.write_text(text)
    async with process(os.environ["MEDIAMTX"], str(settings)) as child:
        async with asyncio.timeout(10):
            while not await listens(whip):
                assert child.returncode is None, "MediaMTX does not take the configuration"
                await asyncio.sleep(0.05)
        yield srt, whip


@asynccontextmanager
async def process(*command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    child = await asyncio.create_subprocess_exec(*command, stdin=subprocess.DEVNULL)
    try:
        yield child
    finally:
        with suppress(ProcessLookupError):
            child.terminate()
        await child.wait()


async def listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


@asynccontextmanager
async def publishing(way: str, ports: tuple[int, int], key: str) -> AsyncIterator[None]:
    """A publisher by SRT or by WHIP."""
    srt, whip = ports
    if way == "srt":
        url = f"srt://127.0.0.1:{srt}?streamid=publish:srt/{key}&pkt_size=1316"
        picture = ("-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30")
        sound = ("-f", "lavfi", "-i", "sine=sample_rate=48000", "-c:a", "aac")
        encoded = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "60", "-bf", "0")
        command = ("ffmpeg", "-v", "error", "-re", *picture, *sound, *encoded, "-f", "mpegts", url)
        async with process(*command):
            yield
        return
    async with browsing(f"http://127.0.0.1:{whip}/") as page:
        await page.evaluate(WHIP, [f"http://127.0.0.1:{whip}/whip/{key}/whip", 30])
        yield
        await page.evaluate("leave()")


@asynccontextmanager
async def browsing(url: str) -> AsyncIterator[Page]:
    """A page of MediaMTX's own, so that it may be sent to."""
    arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page = await browser.new_page()
        await page.goto(url)
        yield page
        await browser.close()


@pytest.mark.parametrize("way", ["srt", "whip"])
async def test_a_publisher_gets_through(tmp_path: Path, way: str) -> None:
    async with AsyncExitStack() as open_:
        rig: Rig = await open_.enter_async_context(running(tmp_path / "spool"))
        ports = await open_.enter_async_context(mediamtx(tmp_path, rig.port))
        async with publishing(way, ports, key_of(RIVER)):
            (started,) = await rig.platform.wait_for(PublishStarted)
            assert started.channel_id == RIVER
            await rig.platform.wait_for(PublishProgressed, 2)
            measured = (await rig.platform.wait_for(HealthMeasured, 3))[-1]
        assert (measured.width, measured.height) == (640, 360)
        assert measured.video_codec.startswith("avc1.")
        assert measured.audio_codec == "mp4a.40.2"
        assert measured.frame_rate > 5  # browsers leave frames out on a busy machine
        (stopped,) = await rig.platform.wait_for(PublishStopped)
        assert stopped.reason == "publisher_left"
        segments = rig.segments[RIVER]
        assert len(segments.tags) > 100


async def test_who_has_no_key_does_not(tmp_path: Path) -> None:
    """Neither a path that is no key, nor a key that is not known."""
    async with running(tmp_path / "spool") as rig, mediamtx(tmp_path, rig.port) as ports:
        async with browsing(f"http://127.0.0.1:{ports[1]}/") as page:
            for path in ("whip/river", "river", f"whip/{key_of(RIVER)}x"):
                url = f"http://127.0.0.1:{ports[1]}/{path}/whip"
                with pytest.raises(Exception, match=r"40\d"):
                    await page.evaluate(WHIP, [url, 30])
        assert rig.platform.events == []
