"""The spools of one ingest process: begin and end them, read them, delete what is old."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from infra.clock import Clock
from infra.errors import NotFound, Refused
from media.flv import FILE_HEADER, Tag, TagReader
from media.spool.files import SpoolFile, files_of, head_at
from media.spool.retention import Kept, Retention, expired
from media.spool.writer import FILE_BYTES, SpoolWriter

_SESSION: Final = re.compile(r"[0-9a-f]{32}")
_BLOCK: Final = 256 << 10


class Gone(NotFound):
    """What was asked for was deleted; the log now begins at `first`."""

    def __init__(self, first: int) -> None:
        super().__init__(f"the spool begins at offset {first}; what came before was deleted")
        self.first = first


class SpoolState(msgspec.Struct, frozen=True):
    """What there is of a spool."""

    first: int
    """Offset of the first byte that is still there; a tag begins here."""
    size: int
    """Offset of the end of the last whole tag."""
    live: bool
    """Whether it still grows."""


class _Ended(msgspec.Struct, frozen=True):
    """The end of a spool that does not grow."""

    file: SpoolFile
    size: int
    ended: bool = True

    async def grown(self) -> None:
        """It does not."""


class Spool:
    """The spools in one folder."""

    def __init__(self, folder: Path, clock: Clock, *, file_bytes: int = FILE_BYTES) -> None:
        self._folder, self._clock, self._file_bytes = folder, clock, file_bytes
        self._live: dict[str, SpoolWriter] = {}
        self.rolled = asyncio.Event()
        """Set when a file was completed: time to `prune`."""
        folder.mkdir(parents=True, exist_ok=True)

    # -- writing ---------------------------------------------------------------------------------

    def open(self, session_id: str) -> SpoolWriter:
        """Begin the spool of a new session. Raises OSError."""
        writer = SpoolWriter(_checked(session_id), self._folder, self._file_bytes, self.rolled.set)
        self._live[session_id] = writer  # before there is a file that `prune` could find
        try:
            writer.start()
        except OSError:
            self.close(session_id)
            raise
        return writer

    def close(self, session_id: str) -> None:
        """End the spool of a session."""
        writer = self._live.pop(session_id, None)
        if writer is not None:
            writer.close()

    # -- reading ---------------------------------------------------------------------------------

    def files(self, session_id: str) -> list[SpoolFile]:
        """The files of a spool, in order. Raises NotFound, Refused if it is not a session's id."""
        files = files_of(self._folder, _checked(session_id))
        if not files:
            raise NotFound(f"no spool of session {session_id}; it may have been deleted")
        return files

    def state(self, session_id: str) -> SpoolState:
        """What there is of a spool. Raises as `files`."""
        files = self.files(session_id)
        writer = self._live.get(session_id)
        size = files[-1].whole_end() if writer is None else writer.size
        return SpoolState(files[0].begin, size, writer is not None)

    async def head(self, session_id: str, offset: int) -> bytes:
        """What a decoder needs that begins at an offset: FLV header, metadata, codec parameters.

        Nothing at offset 0, where the log has it itself. Raises NotFound, Gone, and Refused where
        no tag begins.
        """
        file = self._holding(session_id, offset)
        try:
            return await asyncio.to_thread(head_at, file, offset)
        except FileNotFoundError:
            raise Gone(self.state(session_id).first) from None

    async def read(self, session_id: str, begin: int, end: int | None) -> AsyncIterator[bytes]:
        """The log from `begin` to `end`; without an end, until the session's, as it grows.

        Holds one block in memory. Raises NotFound, and Gone, also on the way, if what comes next
        was deleted; a file that it has begun it reads to its end.
        """
        files = self.files(session_id)
        tail = self._live.get(session_id) or _Ended(files[-1], files[-1].whole_end())
        while (end is None or begin < end) and not (tail.ended and begin >= tail.size):
            async for block in self._read_file(self._holding(session_id, begin), begin, end, tail):
                begin += len(block)
                yield block

    async def tags(
        self, session_id: str, begin: int, end: int, after: int | None
    ) -> AsyncIterator[tuple[list[Tag], int]]:
        """The tags from `begin` to `end`, in lists, each with the offset where it ends.

        `after` is the time in milliseconds of the media before. Raises as `read`.
        """
        reader = TagReader(after)
        begin = max(begin, len(FILE_HEADER))
        async for block in self.read(session_id, begin, end):
            begin += len(block)
            tags = reader.feed(block)
            if tags:
                yield tags, begin - reader.held

    async def _read_file(
        self, file: SpoolFile, begin: int, end: int | None, tail: SpoolWriter | _Ended
    ) -> AsyncIterator[bytes]:
        """The log from `begin` to `end`, or as far as the file goes."""
        try:
            descriptor = os.open(file.path, os.O_RDONLY)
        except FileNotFoundError:
            raise Gone(self.state(file.session_id).first) from None
        try:
            while True:
                complete = file.begin < tail.file.begin
                size = file.end_of(os.fstat(descriptor).st_size) if complete else tail.size
                until = size if end is None else min(end, size)
                if begin < until:
                    at = file.head + begin - file.begin
                    length = min(_BLOCK, until - begin)
                    block = await asyncio.to_thread(os.pread, descriptor, length, at)
                    if not block:
                        raise NotFound(f"the spool was cut at offset {begin}")
                    begin += len(block)
                    yield block
                elif complete or tail.ended or begin == end:
                    return
                else:
                    await tail.grown()
        finally:
            os.close(descriptor)

    def _holding(self, session_id: str, offset: int) -> SpoolFile:
        """The file that an offset is in. Raises NotFound, Gone."""
        files = self.files(session_id)
        if offset < files[0].begin:
            raise Gone(files[0].begin)
        return next(file for file in reversed(files) if file.begin <= offset)

    # -- retention -------------------------------------------------------------------------------

    def prune(self, retention: Retention) -> list[SpoolFile]:
        """Delete files by age and size, the oldest first. Returns them. May run in a thread."""
        sessions = [entry for entry in os.listdir(self._folder) if _SESSION.fullmatch(entry)]
        files = [file for name in sessions for file in files_of(self._folder, name)]
        # Looked at after the files: one that is begun in between is not among them.
        growing = {name: writer.file.begin for name, writer in self._live.copy().items()}
        kept = []
        for file in files:
            about = file.path.stat()
            open_ = file.begin >= growing.get(file.session_id, file.begin + 1)
            kept.append(Kept(file, about.st_size, about.st_mtime, open_))
        gone = expired(kept, retention, self._clock.now() / 1e6)
        for file in gone:
            file.path.unlink()
        for name in sessions:
            if name not in self._live:
                with suppress(OSError):  # it still holds something
                    os.rmdir(self._folder / name)
        return gone


def _checked(session_id: str) -> str:
    """The id, which names a folder. Raises Refused."""
    if not _SESSION.fullmatch(session_id):
        raise Refused("invalid-session-id", "a session id is 32 lower-case hex digits")
    return session_id
