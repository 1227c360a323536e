"""Processes that make renditions: one a stream, so that a video that kills one costs no other."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final, Protocol

from infra.errors import InvalidRecord
from media.transcoding.messages import (
    ToChild,
    ToParent,
    framed,
    read_body,
    to_parent,
)

_ARGUMENTS: Final = (sys.executable, "-m", "media.transcoding.child")
_ENDING: Final = 5.0
"""Seconds for a process to end by itself before it is killed."""


class Child(Protocol):
    """A process that makes one stream's renditions."""

    def tell(self, message: ToChild) -> None:
        """Queue a message."""
        ...

    def messages(self) -> AsyncIterator[ToParent]:
        """What it says, until it ends."""
        ...

    def kill(self) -> None:
        """End it now."""
        ...

    async def ended(self) -> str:
        """Wait until it has ended, and say how; it is killed if it takes too long."""
        ...


class Process:
    """A child on this machine. It ends when its pipe does: with its parent at the latest."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._input, self._output = process.stdin, process.stdout

    @classmethod
    async def start(cls) -> "Process":
        """Start one; it waits for `Begin` with everything loaded."""
        pipe = asyncio.subprocess.PIPE
        return cls(await asyncio.create_subprocess_exec(*_ARGUMENTS, stdin=pipe, stdout=pipe))

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.returncode is None

    def tell(self, message: ToChild) -> None:
        """Queue a message; what a process that is gone would have got is lost."""
        if not self._input.is_closing():
            self._input.write(framed(message))

    async def messages(self) -> AsyncIterator[ToParent]:
        """What it says, until it ends or says what cannot be read."""
        with suppress(ConnectionError, InvalidRecord):
            while (body := await read_body(self._output)) is not None:
                yield to_parent(body)

    def kill(self) -> None:
        """End it now."""
        with suppress(ProcessLookupError):
            self._process.kill()

    async def ended(self) -> str:
        """Wait until it has ended, and say how."""
        self._input.close()
        try:
            code = await asyncio.wait_for(self._process.wait(), _ENDING)
        except TimeoutError:
            self.kill()
            await self._process.wait()
            return f"did not end within {_ENDING:g} s"
        return f"ended by signal {-code}" if code < 0 else f"ended with code {code}"


class Nursery:
    """Starts children, one ahead: the next stream, or the next try, begins at once."""

    def __init__(self) -> None:
        self._spare: asyncio.Task[Process] | None = None

    def prepare(self) -> None:
        """Have one ready."""
        if self._spare is None:
            self._spare = asyncio.create_task(Process.start())

    async def child(self) -> Process:
        """A child that has not been given anything."""
        spare, self._spare = self._spare, None
        found = await spare if spare is not None else None
        if found is None or not found.running:
            found = await Process.start()
        self.prepare()
        return found

    async def close(self) -> None:
        """End the one that waits."""
        if self._spare is not None:
            spare = await self._spare
            spare.kill()
            await spare.ended()
