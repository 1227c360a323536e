"""Finds out what this machine can encode with, and how much."""

import asyncio
import sys
import time
from typing import Final

import msgspec
import structlog

from infra.errors import ConfigurationError
from media.encoding import encoders
from media.encoding.trial import Speed

log = structlog.get_logger()

SHARE: Final = 0.7
"""Of what the machine can do at most; the rest is for harder pictures and for everything else."""
DEVICES: Final = ("cuda", "qsv", "vaapi")
"""Where pictures may be decoded, as FFmpeg names it."""
PAYS: Final = 0.5
"""Share of the processor's time that decoding on a device may take, with the way back."""
_PATIENCE: Final = {"encode": 30.0, "decode": 30.0, "measure": 90.0}
"""Seconds for a trial: drivers hang. It takes two or five, and longer while all else starts."""


class Abilities(msgspec.Struct, frozen=True):
    """What the machine can do, as probed; see `ReportWorker`."""

    capacity: int
    decoding: int
    encoders: list[str]
    decoder: str = ""
    """Device that decodes at less than half the processor's time; empty: the processor decodes."""


async def probe() -> Abilities:
    """Try all encoders and decoders, and measure how much the best can do.

    Each trial is a process of its own with a time limit: drivers crash and hang. Raises
    ConfigurationError.
    """
    tried = await asyncio.gather(*(_trial("encode", name) for name in encoders.ORDER))
    found = [name for name, said in zip(encoders.ORDER, tried, strict=True) if said is not None]
    if not found:
        raise ConfigurationError("no H.264 encoder works on this machine, not even libx264")
    decoder = await _decoder()
    said = await _trial("measure", found[0], decoder)
    if said is None:
        raise ConfigurationError(f"{found[0]} encodes a picture, but not a stream; see the log")
    speed = msgspec.json.decode(said, type=Speed)
    log.info(
        "probed",
        encoders=found,
        decoder=decoder or "processor",
        macroblocks=round(speed.macroblocks),
        share=SHARE,
    )
    thousandths = max(1, round(speed.decoding * 1000))
    return Abilities(int(speed.macroblocks * SHARE), thousandths, found, decoder)


async def _decoder() -> str:
    """The device whose decoding leaves the processor most free, if one does; else nothing."""
    names = ("", *DEVICES)
    tried = await asyncio.gather(*(_trial("decode", name) for name in names))
    said = zip(names, tried, strict=True)
    cost = {name: msgspec.json.decode(each, type=float) for name, each in said if each}
    best = min(cost, key=lambda name: cost[name], default="")
    return best if best and cost[best] < PAYS * cost.get("", 0.0) else ""


async def _trial(what: str, *arguments: str) -> bytes | None:
    """What a trial printed; None if it failed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "media.encoding.trial",
        what,
        *arguments,
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
        of=arguments,
        seconds=round(time.monotonic() - began, 1),
        why=complaint.decode(errors="replace").strip().rpartition("\n")[2],
    )
    return None
