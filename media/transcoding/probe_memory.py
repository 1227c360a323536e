"""Remembers what a probe found, so that a worker that starts again is there at once."""

import hashlib
from pathlib import Path
from typing import Final

import av
import msgspec
import structlog

from infra.clock import Clock
from media.encoding.probe import Abilities, probe

log = structlog.get_logger()

FRESH: Final = 86_400.0
"""Seconds for which a probe is believed: drivers and neighbours change."""


class _Remembered(msgspec.Struct, frozen=True):
    by: str
    at: int
    abilities: Abilities


async def remembered_probe(file: Path, capacity: int, clock: Clock) -> Abilities:
    """What was found here within a day with the same libraries, else what a probe finds now.

    Raises ConfigurationError.
    """
    by, known = _libraries(), _read(file)
    age = (clock.now() - known.at) / 1e6 if known else FRESH
    if known is not None and known.by == by and 0 <= age < FRESH:
        log.info("as probed before", hours=round(age / 3600, 1), encoders=known.abilities.encoders)
        abilities = known.abilities
    else:
        abilities = await probe()
        _write(file, _Remembered(by, clock.now(), abilities))
    return msgspec.structs.replace(abilities, capacity=capacity) if capacity else abilities


def _read(file: Path) -> _Remembered | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Remembered)
    except (OSError, msgspec.MsgspecError):
        return None


def _write(file: Path, remembered: _Remembered) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.encode(remembered))


def _libraries() -> str:
    said = repr((av.__version__, sorted(av.library_versions.items())))
    return hashlib.blake2b(said.encode(), digest_size=8).hexdigest()
