"""Fetches the servers' jars from Maven Central, once, and again when a version changes."""

import asyncio
import fcntl
import hashlib
import re
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.errors import ConfigurationError, Unavailable
from infra.local.layout import Layout

POM: Final = Path(__file__).parent / "pom.xml"
SERVERS: Final = ("kafka", "cassandra")
EXPECTED_BYTES: Final = 135_000_000
"""About what a machine without a Maven cache downloads, for the progress bar."""
INSTALL: Final = "apt-get install -y --no-install-recommends maven"

_DOWNLOADED: Final = re.compile(r"Downloaded from \S+: \S*/(\S+) \(([\d.]+) ([kMG]?B)")
_UNITS: Final = {"B": 1, "kB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}


@dataclass(frozen=True)
class Downloaded:
    """A file that has arrived."""

    name: str
    size: int
    """Bytes, rounded as Maven says them."""


def missing(layout: Layout) -> bool:
    """Whether the jars are not there, or are those of other versions."""
    stamp = layout.lib / "complete"
    return not stamp.exists() or stamp.read_text() != _fingerprint()


async def fetch(layout: Layout, arrived: Callable[[Downloaded], None]) -> None:
    """Fetch the jars if they are missing, calling `arrived` for each file.

    Raises ConfigurationError without Maven and Unavailable when a download fails.
    """
    with _alone(layout.downloads):
        if not missing(layout):
            return
        maven = shutil.which("mvn")
        if maven is None:
            raise ConfigurationError(f"Maven is missing; it fetches Kafka and Cassandra: {INSTALL}")
        fresh = layout.downloads / "lib.new"
        shutil.rmtree(fresh, ignore_errors=True)
        await _run_maven(maven, fresh, arrived)
        (fresh / "complete").write_text(_fingerprint())
        for old in (layout.lib, layout.archives):
            shutil.rmtree(old, ignore_errors=True)
        fresh.rename(layout.lib)
        layout.archives.mkdir()


async def _run_maven(maven: str, into: Path, arrived: Callable[[Downloaded], None]) -> None:
    process = await asyncio.create_subprocess_exec(
        *("setpriv", "--pdeathsig", "KILL", maven, "-B", "-f", POM, "generate-resources"),
        f"-Dservers.lib={into}",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    errors: list[str] = []
    try:
        async for line in _lines(process.stdout):
            if found := _DOWNLOADED.search(line):
                arrived(Downloaded(found[1], int(float(found[2]) * _UNITS[found[3]])))
            elif line.startswith("[ERROR]") and len(errors) < 3:
                errors.append(line.removeprefix("[ERROR] "))
        code = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
    if code != 0:
        raise Unavailable(f"Maven could not fetch the servers: {' '.join(errors) or 'no reason'}")


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    async for line in stream:
        yield line.decode(errors="replace").strip()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep a second process from fetching into the same folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for pom in (POM, *(POM.parent / server / "pom.xml" for server in SERVERS)):
        digest.update(pom.read_bytes())
    return digest.hexdigest()
