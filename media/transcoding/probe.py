"""Finds out what this machine can encode with, and how much."""

import asyncio
import sys
import time
from typing import Final

import msgspec
import structlog

from infra.errors import ConfigurationError
from media.transcoding import encoders
from media.transcoding.role import Abilities
from media.transcoding.trial import Speed

log = structlog.get_logger()

SHARE: Final = 0.7
"""Of what the machine can do at most; the rest is for harder pictures and for everything else."""
_PATIENCE: Final = {"encode": 30.0, "measure": 90.0}
"""Seconds for a trial: drivers hang. It takes two or five, and longer while all else starts."""


async def probe(capacity: int = 0) -> Abilities:
    """Try all encoders, and measure how much the best can do, unless `capacity` says so.

    Each trial is a process of its own with a time limit: drivers crash and hang.
    """
    found = [name for name in encoders.ORDER if await _trial("encode", name) is not None]
    if not found:
        raise ConfigurationError("no H.264 encoder works on this machine, not even libx264")
    said = await _trial("measure", found[0])
    if said is None:
        raise ConfigurationError(f"{found[0]} encodes a picture, but not a stream; see the log")
    speed = msgspec.json.decode(said, type=Speed)
    measured = int(speed.macroblocks * SHARE)
    log.info("encoders found", encoders=found, macroblocks=round(speed.macroblocks), share=SHARE)
    return Abilities(capacity or measured, max(1, round(speed.decoding * 1000)), found)


async def _trial(what: str, encoder: str) -> bytes | None:
    """What a trial printed; None if it failed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "media.transcoding.trial",
        what,
        encoder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    began = time.monotonic()
    try:
        said, complaint = await asyncio.wait_for(process.communicate(), _PATIENCE[what])
    except TimeoutError:
        process.kill()
        await process.wait()
        said, complaint = b"", b"it took too long"
    if process.returncode == 0:
        return said
    log.info(
        "not on this machine",
        trial=what,
        encoder=encoder,
        seconds=round(time.monotonic() - began, 1),
        why=complaint.decode(errors="replace").strip().rpartition("\n")[2],
    )
    return None
