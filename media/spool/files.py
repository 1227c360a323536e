"""The files of a session's spool: `<first offset>-<bytes before its share of the log>.flv`."""

import os
import re
from pathlib import Path
from typing import Final

import msgspec

from infra.errors import Refused
from media import flv
from media.flv import Tag, Unwrapper
from media.spool.head import Head

_NAME: Final = re.compile(r"(\d{20})-(\d{1,10})\.flv")


class SpoolFile(msgspec.Struct, frozen=True, order=True):
    """A file and its share of the session's log."""

    session_id: str
    begin: int
    """Offset of its first byte of the log."""
    head: int
    """Bytes before that."""
    folder: Path

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.folder / self.session_id / f"{self.begin:020d}-{self.head}.flv"

    def end_of(self, size: int) -> int:
        """The offset of its end if it has so many bytes."""
        return self.begin + max(0, size - self.head)

    def whole_end(self) -> int:
        """The offset up to which it holds whole tags. Raises FileNotFoundError."""
        return self.end_of(whole_size(self.path))


def files_of(folder: Path, session_id: str) -> list[SpoolFile]:
    """The files of a session, in order; none if it has no spool."""
    try:
        names = os.listdir(folder / session_id)
    except (FileNotFoundError, NotADirectoryError):
        return []
    found = [_NAME.fullmatch(name) for name in names]
    return sorted(
        SpoolFile(session_id, int(name[1]), int(name[2]), folder) for name in found if name
    )


def whole_size(path: Path) -> int:
    """Bytes of an FLV file up to the end of its last whole tag. Raises FileNotFoundError."""
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


def head_at(file: SpoolFile, offset: int) -> bytes:
    """What a decoder needs that begins at an offset of the file.

    Nothing at 0, where the log has it itself. Raises Refused where no tag begins, and
    FileNotFoundError.
    """
    if offset == 0:
        return b""
    head, time = Head(), Unwrapper()
    until = file.head + offset - file.begin
    position, at = len(flv.FILE_HEADER), 0
    with file.path.open("rb") as source:
        while position < until:
            source.seek(position)
            start = source.read(flv.TAG_HEADER + 16)
            if len(start) < flv.TAG_HEADER:
                break
            tag = flv.parse_tag(start, time)
            if flv.is_sequence_header(tag) or flv.is_metadata(tag):
                source.seek(position + flv.TAG_HEADER)
                body = source.read(flv.tag_end(start) - flv.TAG_HEADER - flv.TAG_TRAILER)
                head.see(Tag(tag.kind, tag.timestamp, body))
            position, at = position + flv.tag_end(start), tag.timestamp
    if position != until:
        raise Refused("invalid-offset", f"no tag begins at offset {offset}")
    return head.at(at)
