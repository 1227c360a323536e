"""A stream of a rig, and the rungs that a test has made of it."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e import whole
from tests.e2e.conftest import Running
from tests.e2e.playing import published
from tests.e2e.transcoding import SIZES, Transcoder


class Stage:
    """A stream with its rungs."""

    def __init__(self, running: Running) -> None:
        self.running = running

        async def transcoder() -> Transcoder:
            return Transcoder(running.rig)

        self.transcoder = running.run(transcoder)

    def make(self, *names: str) -> None:
        self.running.run(self.transcoder.make, *names)

    def say(self, **states: str) -> None:
        async def say() -> None:
            await self.transcoder.say(**states)

        self.running.run(say)

    def playable(self) -> set[str]:
        stream = self.running.rig.streams.get(self.transcoder.stream_id)
        return {live.rendition.name for live in stream.playable()} if stream else set()

    def have(self, *names: str) -> None:
        """Make these rungs, and wait until they can be played."""
        self.make(*names)
        states = {f"p{name[:3]}": "granted" for name in names if name in SIZES}
        self.say(**states)
        whole.until(self.playable, set(names).issubset)

    def open_parts(self, name: str) -> int:
        live = self.running.rig.streams.live(self.transcoder.stream_id, name)
        return len(live.rendition.open_parts) if live else 0


@contextmanager
def staged(running: Running) -> Iterator[Stage]:
    """The test picture on the channel `clock`, of which no rung is made yet."""
    stage = Stage(running)
    with published(running, "clock", "--height", "360", "--gop", "2", "--seconds", "240"):
        whole.until(lambda: stage.transcoder.stream_id, bool)
        yield stage
    stage.transcoder.close()
