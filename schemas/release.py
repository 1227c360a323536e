"""Freezes what a release promises: `python -m schemas.release VERSION`."""

import re
import sys
from pathlib import Path

import msgspec

from infra.errors import ConfigurationError
from schemas import sources
from schemas.check import check
from schemas.sources import ReleasedTopic, Snapshot


def freeze(version: str, root: Path = sources.ROOT) -> Path:
    """Write `released/<version>.json`: every schema with its id, every topic's promises.

    Raises ConfigurationError if the version was released before or the files break a rule.
    """
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise ConfigurationError(f"version is {version!r}, must be like 1.2.3")
    path = root / "released" / f"{version}.json"
    if path.exists():
        raise ConfigurationError(f"{path.name} exists: a release never changes")
    if problems := check(root):
        raise ConfigurationError(f"{len(problems)} problems; run `millrace schemas check`")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(encoded(snapshot(version, root)))
    return path


def snapshot(version: str, root: Path = sources.ROOT) -> Snapshot:
    """What a release of the files as they are would promise."""
    schemas = sources.schemas(root)
    return Snapshot(
        version=version,
        schemas={number: schemas[name] for name, number in sources.ids(root).items()},
        topics={
            topic.name: ReleasedTopic(topic.partitions, topic.events)
            for topic in sources.topics(root).values()
        },
    )


def encoded(frozen: Snapshot) -> bytes:
    """The text of a snapshot's file."""
    return msgspec.json.format(msgspec.json.encode(frozen)) + b"\n"


if __name__ == "__main__":
    try:
        freeze(sys.argv[1] if len(sys.argv) == 2 else "")
    except ConfigurationError as error:
        sys.exit(str(error))
