"""Finds out what this machine can encode with, and how much."""

import asyncio
import sys
import time
from typing import Final

import structlog

from media.transcoding import encoders
from media.transcoding.role import Abilities

log = structlog.get_logger()

_PATIENCE: Final = 20.0
"""Seconds for a trial: a driver may hang."""


async def probe(capacity: int = 0) -> Abilities:
    """Try all encoders, and measure how much the best can do, unless `capacity` says so.

    Each trial is a process of its own with a time limit: drivers crash and hang.
    """
    found = [name for name in encoders.ORDER if await _trial("encode", name) is not None]
    return Abilities(capacity or 100_000, 150, found)


async def _trial(*what: str) -> bytes | None:
    """What a trial printed; None if it failed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "media.transcoding.trial",
        *what,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    began = time.monotonic()
    try:
        said, complaint = await asyncio.wait_for(process.communicate(), _PATIENCE)
    except TimeoutError:
        process.kill()
        await process.wait()
        said, complaint = b"", b"it took too long"
    if process.returncode == 0:
        return said
    log.info(
        "not on this machine",
        trial=what,
        seconds=round(time.monotonic() - began, 1),
        why=complaint.decode(errors="replace").strip().rpartition("\n")[2],
    )
    return None
