"""The end of a session's spool that grows."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from media import flv
from media.flv import Tag
from media.spool.files import SpoolFile
from media.spool.head import Head

FILE_BYTES: Final = 16 << 20
"""Bytes after which a file ends at the next key frame, twice as many at the latest."""
_CODED: Final = b"\x01"
"""Second byte of coded H.264 and AAC frames: nearly all tags, and never parameters."""
_BATCH: Final = 300
"""Tags of one `writev`: three buffers each, below the system's limit of 1024."""


class SpoolWriter:
    """Appends to the spool of one session, by one `writev` a batch.

    So a killed process leaves whole tags and at most one cut tag at the end.
    """

    def __init__(
        self, session_id: str, folder: Path, file_bytes: int, rolled: Callable[[], None]
    ) -> None:
        self.size = 0
        """Length of the log."""
        self.ended = False
        self.file = SpoolFile(session_id, 0, 0, folder)
        """The file that grows."""
        self._file_bytes, self._rolled = file_bytes, rolled
        self._head = Head()
        self._descriptor = -1
        self._grown: asyncio.Future[None] | None = None

    def start(self) -> None:
        """Begin the first file. Raises OSError."""
        self.file.path.parent.mkdir()
        self._descriptor = self._create(self.file)
        _write_all(self._descriptor, [flv.FILE_HEADER])
        self.size = len(flv.FILE_HEADER)

    def append(self, tags: list[Tag]) -> int:
        """Hand the tags to the operating system. Returns the length of the log.

        Raises OSError, for example when the disk is full; `close` is all that is left then.
        """
        if self.size - self.file.begin >= self._file_bytes:
            border = self._border(tags)
            if border is not None:
                self._write(tags[:border])
                self._roll(tags[border].timestamp)
                tags = tags[border:]
        self._write(tags)
        waiting, self._grown = self._grown, None
        if waiting is not None:
            waiting.set_result(None)
        return self.size

    def close(self) -> None:
        """No more will come."""
        if not self.ended:
            self.ended = True
            if self._descriptor >= 0:
                os.close(self._descriptor)
            if self._grown is not None:
                self._grown.set_result(None)

    async def grown(self) -> None:
        """Wait until the log is longer, or ended."""
        if self._grown is None:
            self._grown = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._grown)

    def _border(self, tags: list[Tag]) -> int | None:
        """Which of the tags begins a new file, now that this one is large; None if none does."""
        if self.size - self.file.begin >= 2 * self._file_bytes or not self._head.has_video:
            return 0
        return next((at for at, tag in enumerate(tags) if flv.begins_group(tag)), None)

    def _roll(self, timestamp: int) -> None:
        head = self._head.at(timestamp)
        following = SpoolFile(self.file.session_id, self.size, len(head), self.file.folder)
        descriptor = self._create(following)
        os.close(self._descriptor)
        self.file, self._descriptor = following, descriptor
        _write_all(descriptor, [head])
        self._rolled()

    def _create(self, file: SpoolFile) -> int:
        return os.open(file.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o640)

    def _write(self, tags: list[Tag]) -> None:
        for at in range(0, len(tags), _BATCH):
            buffers: list[bytes] = []
            for tag in tags[at : at + _BATCH]:
                if tag.data[1:2] != _CODED:
                    self._head.see(tag)
                buffers += (flv.tag_header(tag), tag.data, flv.tag_trailer(tag))
            self.size += _write_all(self._descriptor, buffers)


def _write_all(descriptor: int, buffers: list[bytes]) -> int:
    """Write the buffers by one call, or by more if the system takes less. Returns their size."""
    expected = sum(map(len, buffers))
    written = os.writev(descriptor, buffers)
    if written < expected:
        rest = memoryview(b"".join(buffers))[written:]
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    return expected
