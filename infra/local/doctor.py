"""Looks at the machine before the stack does: what is missing, taken or too small."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, Literal

import msgspec
import psutil

from infra.errors import ConfigurationError
from infra.local import downloads, java
from infra.local.layout import Layout
from infra.local.ports import holders

MEMORY: Final = 4 << 30
"""Bytes that everything together may take."""
DISK: Final = 2 << 30
"""Bytes of downloads and of some hours of video."""
_APT: Final = "apt-get install -y --no-install-recommends"

Verdict = Literal["well", "warning", "broken"]


class Finding(msgspec.Struct, frozen=True):
    """What was looked at, how it is, and what to type if it is not well."""

    subject: str
    verdict: Verdict
    text: str
    remedy: str = ""


def examine(layout: Layout, ports: Mapping[str, int], ours: Iterable[int] = ()) -> list[Finding]:
    """Everything that the stack needs of this machine.

    `ports` are the settings' names and the ports in them; `ours` are pids of a stack that runs,
    which may hold them.
    """
    return [
        _python(),
        _java(),
        _program("redis-server", "redis-server", "keeps the views that change all the time"),
        _redis_version(),
        _maven(layout),
        _program("setpriv", "util-linux", "ends all processes when their parent is killed"),
        _folder(layout),
        _disk(layout),
        _memory(bool(set(ours))),
        *_ports(ports, set(ours)),
    ]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < (3, 11) or sys.version_info >= (3, 13):
        return Finding(
            "Python", "broken", f"{version}; 3.11 or 3.12 is needed", f"{_APT} python3.11"
        )
    return Finding("Python", "well", version)


def _java() -> Finding:
    try:
        return Finding("Java", "well", str(java.find_java()))
    except ConfigurationError as error:
        return Finding("Java", "broken", str(error).removesuffix(f": {java.INSTALL}"), java.INSTALL)


def _program(name: str, package: str, purpose: str) -> Finding:
    found = shutil.which(name)
    if found is None:
        return Finding(name, "broken", f"is missing; it {purpose}", f"{_APT} {package}")
    return Finding(name, "well", found)


def _redis_version() -> Finding:
    """Functions and sharded pub/sub came with Redis 7."""
    server = shutil.which("redis-server")
    if server is None:
        return Finding("Redis version", "broken", "unknown", f"{_APT} redis-server")
    said = subprocess.run([server, "--version"], capture_output=True, text=True, timeout=10).stdout
    version = next((word[2:] for word in said.split() if word.startswith("v=")), "")
    if not version or int(version.split(".")[0]) < 7:
        return Finding("Redis version", "broken", f"{version or 'unknown'}; 7 or later is needed")
    return Finding("Redis version", "well", version)


def _maven(layout: Layout) -> Finding:
    if not downloads.missing(layout):
        return Finding("Kafka and Cassandra", "well", f"are in {layout.lib}")
    if shutil.which("mvn"):
        return Finding("Kafka and Cassandra", "well", "will be downloaded (120 MB)")
    text = "are not downloaded, and Maven, which does that, is missing"
    return Finding("Kafka and Cassandra", "broken", text, downloads.INSTALL)


def _folder(layout: Layout) -> Finding:
    folder = _nearest(layout.data)
    try:
        with tempfile.TemporaryFile(dir=folder):  # root may do it all, except where nobody may
            pass
    except OSError as error:
        return Finding(
            "Data folder",
            "broken",
            f"{layout.data}: {folder} cannot be written ({error.strerror})",
            "export MILLRACE_DATA=~/.millrace",
        )
    return Finding("Data folder", "well", str(layout.data))


def _disk(layout: Layout) -> Finding:
    free = shutil.disk_usage(_nearest(layout.data)).free
    text = f"{free / 2**30:.1f} GiB free"
    if free < DISK:
        return Finding(
            "Disk",
            "broken",
            f"{text}; {DISK / 2**30:.0f} GiB are needed",
            "make room, or export MILLRACE_DATA=FOLDER on a larger disk",
        )
    return Finding("Disk", "well", text)


def _memory(running: bool) -> Finding:
    free = psutil.virtual_memory().available
    text = f"{free / 2**30:.1f} GiB free"
    if free < MEMORY and not running:
        return Finding(
            "Memory",
            "warning",
            f"{text}; everything together takes up to {MEMORY / 2**30:.0f} GiB",
            "close something, or: millrace up --servers-only",
        )
    return Finding("Memory", "well", text)


def _ports(ports: Mapping[str, int], ours: set[int]) -> list[Finding]:
    findings = []
    settings = {port: setting for setting, port in ports.items()}
    for found in holders(settings):
        if found.pid in ours:
            continue
        stop = f"kill {found.pid}, or " if found.pid else ""
        remedy = f"{stop}export {settings[found.port]}=ANOTHER"
        findings.append(Finding(f"Port {found.port}", "broken", str(found), remedy))
    return findings or [Finding("Ports", "well", f"{len(ports)} ports are free or ours")]


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())
