"""`millrace publish` against an RTMP server that we did not write: ffmpeg, listening."""

import itertools
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from infra.errors import ConfigurationError, Unavailable
from infra.local.ports import free_ports
from millrace.demo import CLIP
from millrace.publish import Pusher, check


@pytest.fixture
def short_clip(tmp_path: Path) -> Path:
    """The first 4 seconds of the bundled clip."""
    path = tmp_path / "short.mp4"
    ffmpeg("-t", "4", "-i", str(CLIP), "-c", "copy", str(path))
    return path


class Listener:
    """ffmpeg as an RTMP server that writes what it gets, for a number of seconds, to a file."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self.url = f"rtmp://127.0.0.1:{free_ports(1)[0]}/live/key"
        self.file = folder / "received.mkv"
        self.process = subprocess.Popen(
            [
                *("ffmpeg", "-v", "info", "-listen", "1", "-i", self.url, "-t", str(seconds)),
                *("-c", "copy", str(self.file)),
            ],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def times(self, kind: str) -> list[float]:
        """Decoding times of the packets of a kind, in seconds."""
        with av.open(str(self.file)) as received:
            stream = next(each for each in received.streams if each.type == kind)
            return [
                float(packet.dts * packet.time_base)
                for packet in received.demux(stream)
                if packet.dts is not None
            ]


def ffmpeg(*arguments: str) -> None:
    subprocess.run(["ffmpeg", "-v", "error", *arguments], check=True, stdin=subprocess.DEVNULL)


@pytest.fixture
def listening(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Listener]:
    listener = Listener(tmp_path, request.param)
    yield listener
    listener.process.kill()
    listener.process.communicate()


def push(pusher: Pusher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("millrace.publish.signal.signal", lambda *_: None)
    pusher.run()


@pytest.mark.parametrize("listening", [60.0], indirect=True)
def test_a_recording_goes_out_once_unchanged_and_in_its_own_time(
    short_clip: Path, listening: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = time.monotonic()
    _when_listening(listening, lambda: push(pusher(short_clip, listening, loop=False), monkeypatch))
    took = time.monotonic() - began
    listening.process.wait(10)
    assert 3.5 < took < 9
    assert len(listening.times("video")) == 96
    assert len(listening.times("audio")) == pytest.approx(4 * 48000 / 1024, abs=3)


@pytest.mark.parametrize("listening", [7.0], indirect=True)
def test_a_loop_goes_on_in_time_without_a_jump(
    short_clip: Path, listening: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    looping = pusher(short_clip, listening, loop=True)
    thread = threading.Thread(
        target=lambda: _when_listening(listening, lambda: push(looping, monkeypatch))
    )
    thread.start()
    listening.process.wait(30)
    looping.stop()
    thread.join(15)
    times = listening.times("video")
    steps = [after - before for before, after in itertools.pairwise(times)]
    assert len(times) > 140
    assert max(steps) < 0.1
    assert min(steps) > 0


def pusher(file: Path, listener: Listener, *, loop: bool) -> Pusher:
    return Pusher(file, listener.url, loop=loop, say=lambda _: None)


def _when_listening(listener: Listener, act: object) -> None:
    """ffmpeg says nothing when it listens: try until it takes the connection."""
    deadline = time.monotonic() + 10
    while True:
        try:
            act()  # type: ignore[operator]
            return
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def test_nobody_there_is_said_without_the_key(
    short_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"rtmp://127.0.0.1:{free_ports(1)[0]}/live/live_a_secret"
    with pytest.raises(Unavailable) as cut:
        push(Pusher(short_clip, url, loop=False, say=lambda _: None), monkeypatch)
    assert "secret" not in str(cut.value)


def test_a_file_that_rtmp_cannot_carry_is_refused_with_the_remedy(tmp_path: Path) -> None:
    other = tmp_path / "other.webm"
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x64:d=0.2", "-c:v", "libvpx", str(other))
    with pytest.raises(ConfigurationError, match=r"video is vp8; .*ffmpeg -i .*libx264"):
        check(other)
    with pytest.raises(ConfigurationError, match="cannot be read as a recording"):
        check(Path(__file__))
