"""Which files of the spools are kept no longer."""

from collections import defaultdict

import msgspec

from media.spool.files import SpoolFile


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """How much is kept, of sessions that run and of those that ended. The file that a session
    writes is always kept.
    """

    max_age: float
    """Seconds since a file was last written."""
    max_session_bytes: int
    """Bytes of one session."""
    max_bytes: int
    """Bytes of all sessions."""


class Kept(msgspec.Struct, frozen=True):
    """A file as it lies there."""

    file: SpoolFile
    size: int
    written_at: float
    """Seconds since 1970-01-01T00:00:00Z."""
    growing: bool


def expired(kept: list[Kept], retention: Retention, now: float) -> list[SpoolFile]:
    """The files to delete: of each session the oldest first, so that no hole comes to be."""
    sessions: dict[str, list[Kept]] = defaultdict(list)
    for each in sorted(kept, key=lambda each: each.file):
        sessions[each.file.session_id].append(each)
    gone: list[Kept] = []
    left: list[tuple[float, SpoolFile, Kept]] = []
    for files in sessions.values():
        total, written_at = sum(each.size for each in files), 0.0
        for each in files:
            if each.growing:
                break
            written_at = max(written_at, each.written_at)
            too_old = written_at < now - retention.max_age
            if total > retention.max_session_bytes or too_old:
                gone.append(each)
                total -= each.size
            else:
                left.append((written_at, each.file, each))
    total = sum(each.size for each in kept) - sum(each.size for each in gone)
    for _, _, each in sorted(left):
        if total <= retention.max_bytes:
            break
        gone.append(each)
        total -= each.size
    return [each.file for each in gone]
