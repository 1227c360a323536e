"""Publishes at a fixed rate whether or not the server keeps up, and runs a server until told so."""

import asyncio
import json
import sys
import threading
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from benchmarks._fanout.messages import message, now

_TICK: Final = 0.002


class Settings(NamedTuple):
    """How a server is to run."""

    port: int
    channels: int
    window: float
    """Seconds between two writes to a channel."""
    packed: bool
    """Messages of one window share one WebSocket message, a line each."""

    @classmethod
    def given(cls) -> "Settings":
        """From the command line."""
        return cls(**json.loads(sys.argv[1]))


class Contender(Protocol):
    """A server that can be told to send."""

    pid: int
    """The process that does the work."""

    async def start(self) -> None:
        """Listen."""
        ...

    def publish(self, channel: int, payload: bytes) -> None:
        """Send to all who listen to a channel, now or within the window."""
        ...


class Windows:
    """Collects what is published: at once while quiet, else every so often. As ours does it."""

    def __init__(self, settings: Settings, write: Callable[[int, list[bytes]], None]) -> None:
        self._settings, self._write = settings, write
        self._waiting: list[list[bytes]] = [[] for _ in range(settings.channels)]
        self._quiet_at = [0.0] * settings.channels

    def publish(self, channel: int, payload: bytes) -> None:
        """Write it within the window."""
        waiting = self._waiting[channel]
        waiting.append(payload)
        if len(waiting) > 1:
            return
        loop = asyncio.get_running_loop()
        if loop.time() >= self._quiet_at[channel]:
            self._flush(loop, channel)
        else:
            loop.call_at(self._quiet_at[channel], self._flush, loop, channel)

    def _flush(self, loop: asyncio.AbstractEventLoop, channel: int) -> None:
        self._quiet_at[channel] = loop.time() + self._settings.window
        waiting = self._waiting[channel]
        self._waiting[channel] = []
        self._write(channel, [b"\n".join(waiting)] if self._settings.packed else waiting)


async def serve(contender: Contender, channels: int) -> None:
    """Start it, say so, and publish what standard input asks for until it ends."""
    await contender.start()
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    pace = Pace(contender.publish, channels)

    def listen() -> None:
        for line in sys.stdin:
            order = json.loads(line)
            loop.call_soon_threadsafe(pace.start, order["rate"], order["until"])
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=listen, daemon=True).start()
    print("ready", contender.pid, flush=True)
    await ended.wait()


class Pace:
    """Messages a second to each channel, in turns."""

    def __init__(self, publish: Callable[[int, bytes], None], channels: int) -> None:
        self._publish, self._channels = publish, channels
        self._rate = self._began = self._until = 0.0
        self._sent = 0

    def start(self, rate: float, until: float) -> None:
        """`rate`: messages a second to each channel."""
        self._rate, self._began, self._until, self._sent = rate * self._channels, now(), until, 0
        self.tick(asyncio.get_running_loop())

    def tick(self, loop: asyncio.AbstractEventLoop) -> None:
        """Publish what is due."""
        at = now()
        while (due := self._began + self._sent / self._rate) <= at:
            channel, number = self._sent % self._channels, self._sent
            self._publish(channel, message(channel, number, due))
            self._sent += 1
        if at < self._until:
            loop.call_later(_TICK, self.tick, loop)
