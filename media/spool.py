"""The spool: what publishers sent, on disk before anyone acts on it, one FLV file a session.

A spool is only ever appended to, by one `write` a batch, so a killed process leaves whole tags and
at most one cut tag at the end, which readers leave out.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import msgspec

from infra.clock import Clock
from infra.errors import NotFound, Refused
from media import flv
from media.flv import Tag

_SESSION: Final = re.compile(r"[0-9a-f]{32}")
_BLOCK: Final = 256 << 10
_BATCH: Final = 300
"""Tags of one `writev`: three buffers each, below the system's limit of 1024."""


class SpoolWriter:
    """The open spool of one session."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o640)
        self.size = os.write(self._file, flv.FILE_HEADER)
        self.ended = False
        self._grown: asyncio.Future[None] | None = None

    def append(self, tags: list[Tag]) -> int:
        """Hand the tags to the operating system. Returns the spool's size.

        Raises OSError, for example when the disk is full.
        """
        for at in range(0, len(tags), _BATCH):
            buffers: list[bytes] = []
            for tag in tags[at : at + _BATCH]:
                buffers += (flv.tag_header(tag), tag.data, flv.tag_trailer(tag))
            expected = sum(map(len, buffers))
            written = os.writev(self._file, buffers)
            if written < expected:
                rest = memoryview(b"".join(buffers))[written:]
                while rest:
                    rest = rest[os.write(self._file, rest) :]
            self.size += expected
        self._wake()
        return self.size

    def close(self) -> None:
        """No more will come."""
        if not self.ended:
            self.ended = True
            os.close(self._file)
            self._wake()

    async def grown(self) -> None:
        """Wait until the spool is longer, or ended."""
        if self._grown is None:
            self._grown = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._grown)

    def _wake(self) -> None:
        waiting, self._grown = self._grown, None
        if waiting is not None:
            waiting.set_result(None)


class SpoolState(msgspec.Struct, frozen=True):
    """How far a spool has come."""

    size: int
    """Bytes up to the end of its last whole tag."""
    live: bool
    """Whether it still grows."""


class Spool:
    """The spools of one ingest process, in one folder."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._live: dict[str, SpoolWriter] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, session_id: str) -> Path:
        """Where the spool of a session is. Raises Refused if it is not a session's id."""
        if not _SESSION.fullmatch(session_id):
            raise Refused("invalid-session-id", "a session id is 32 lower-case hex digits")
        return self._folder / f"{session_id}.flv"

    def open(self, session_id: str) -> SpoolWriter:
        """Begin the spool of a new session."""
        writer = SpoolWriter(self.path(session_id))
        self._live[session_id] = writer
        return writer

    def close(self, session_id: str) -> None:
        """End the spool of a session."""
        writer = self._live.pop(session_id, None)
        if writer is not None:
            writer.close()

    def state(self, session_id: str) -> SpoolState:
        """How far a spool has come. Raises NotFound."""
        writer = self._live.get(session_id)
        if writer is not None:
            return SpoolState(writer.size, True)
        try:
            return SpoolState(whole_size(self.path(session_id)), False)
        except FileNotFoundError:
            raise NotFound(f"no spool of session {session_id}; it may have been deleted") from None

    async def read(self, session_id: str, begin: int, end: int | None) -> AsyncIterator[bytes]:
        """The bytes from `begin` to `end`; without an end, until the session's, as it grows.

        Holds one block in memory. Raises NotFound.
        """
        state = self.state(session_id)
        writer = self._live.get(session_id)
        file = os.open(self.path(session_id), os.O_RDONLY)
        try:
            while True:
                size = writer.size if writer is not None else state.size
                until = size if end is None else min(end, size)
                if begin < until:
                    block = await asyncio.to_thread(
                        os.pread, file, min(_BLOCK, until - begin), begin
                    )
                    begin += len(block)
                    yield block
                elif writer is None or writer.ended or (end is not None and begin >= end):
                    return
                else:
                    await writer.grown()
        finally:
            os.close(file)

    def prune(self, max_age: float, max_bytes: int) -> list[str]:
        """Delete ended spools older than `max_age` seconds, then the oldest above `max_bytes`.

        Returns the sessions whose spools are gone.
        """
        spools = []
        total = 0
        for path in self._folder.glob("*.flv"):
            about = path.stat()
            total += about.st_size
            if path.stem not in self._live:
                spools.append((about.st_mtime, about.st_size, path))
        gone = []
        oldest = self._clock.now() / 1e6 - max_age
        for changed, size, path in sorted(spools):
            if changed >= oldest and total <= max_bytes:
                break
            path.unlink(missing_ok=True)
            total -= size
            gone.append(path.stem)
        return gone


def whole_size(path: Path) -> int:
    """Bytes of a spool up to the end of its last whole tag. Raises FileNotFoundError."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        position = len(flv.FILE_HEADER)
        if size < position:
            return 0
        while True:
            file.seek(position)
            header = file.read(flv.TAG_HEADER)
            if len(header) < flv.TAG_HEADER or position + flv.tag_end(header) > size:
                return position
            position += flv.tag_end(header)
