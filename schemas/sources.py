"""Reads the reviewed files: `avro/**/*.v1.avsc`, `topics/*.yaml`, `ids.lock`, `released/*.json`."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import yaml

from infra.errors import ConfigurationError

ROOT = Path(__file__).parent
Schema = dict[str, Any]


class Topic(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A topic as its YAML file describes it."""

    name: str
    purpose: str
    writers: list[str]
    readers: list[str]
    key: str
    events: list[str]
    partitions: int
    retention_ms: int
    """-1 keeps for good."""
    cleanup: str
    max_message_bytes: int
    dead_letters: bool
    """Whether `<name>-dlq` exists beside it."""
    max_compaction_lag_ms: int | None = None
    """How long what a later record of its key replaces may stay; only where it must go for sure."""

    @property
    def context(self) -> str:
        """The first word of the name."""
        return self.name.partition("-")[0]

    @property
    def dead_letter_topic(self) -> str:
        """Where a message that cannot be handled goes, with its reason and origin."""
        return f"{self.name}-dlq"


class ReleasedTopic(msgspec.Struct, frozen=True):
    """What a release promised of a topic."""

    partitions: int
    events: list[str]


class Snapshot(msgspec.Struct, frozen=True):
    """What a release froze (`released/<version>.json`)."""

    version: str
    schemas: dict[int, Schema]
    """By id; an id stands for exactly this schema for ever."""
    topics: dict[str, ReleasedTopic]


@cache
def topics(root: Path = ROOT) -> dict[str, Topic]:
    """Every topic by name."""
    found = {}
    for path in sorted((root / "topics").glob("*.yaml")):
        try:
            topic = msgspec.convert(yaml.safe_load(path.read_text()), Topic)
        except (msgspec.ValidationError, yaml.YAMLError) as error:
            raise ConfigurationError(f"{path}: {error}") from error
        if topic.name != path.stem:
            raise ConfigurationError(f"{path}: name is {topic.name!r}, must equal the file's name")
        found[topic.name] = topic
    return found


@cache
def schemas(root: Path = ROOT) -> dict[str, Schema]:
    """Every record schema by Avro full name, with `millrace.Meta` written out inside."""
    meta = json.loads((root / "avro" / "Meta.v1.avsc").read_text())
    found = {}
    for path in sorted((root / "avro").glob("*/*.v1.avsc")):
        schema = json.loads(path.read_text())
        name = full_name(schema)
        expected = f"millrace.{path.parent.name}.{path.name.removesuffix('.v1.avsc')}"
        if name != expected:
            raise ConfigurationError(f"{path}: the record is {name}, must be {expected}")
        first = schema["fields"][0]
        if first["name"] != "meta" or first["type"] != "millrace.Meta":
            raise ConfigurationError(
                f"{path}: the first field must be `meta` of type millrace.Meta"
            )
        first["type"] = meta
        found[name] = schema
    return found


def full_name(schema: Schema) -> str:
    """The Avro full name of a record schema."""
    return f"{schema['namespace']}.{schema['name']}"


def plain(schema: Any) -> Any:
    """The same schema without logical types: the bytes on the wire are the same."""
    if isinstance(schema, dict):
        return {key: plain(value) for key, value in schema.items() if key != "logicalType"}
    if isinstance(schema, list):
        return [plain(item) for item in schema]
    return schema


@cache
def ids(root: Path = ROOT) -> dict[str, int]:
    """Schema id by Avro full name, from `ids.lock`: assigned once, never reused."""
    locked: dict[str, int] = json.loads((root / "ids.lock").read_text())
    return locked


@cache
def released(root: Path = ROOT) -> list[Snapshot]:
    """What the releases froze, oldest first."""
    found = [
        msgspec.json.decode(path.read_bytes(), type=Snapshot)
        for path in (root / "released").glob("*.json")
    ]
    return sorted(found, key=lambda snapshot: [int(n) for n in snapshot.version.split(".")])


@cache
def versions(root: Path = ROOT) -> dict[int, Schema]:
    """Every schema that was ever released or is in force, by id, in order of id."""
    found = {number: schemas(root)[name] for name, number in ids(root).items()}
    for snapshot in released(root):
        found |= snapshot.schemas
    return dict(sorted(found.items()))


def examples(topic: str, event: str, root: Path = ROOT) -> list[Path]:
    """The example files of a record in a topic."""
    return sorted((root / "examples" / topic / event.rpartition(".")[2]).glob("*.json"))


def partitions(topic: str) -> int:
    """The partition count of a topic or of a dead-letter topic."""
    return _topic(topic.removesuffix("-dlq")).partitions


def dead_letter_topic(topic: str) -> str | None:
    """Where a topic's messages go that cannot be handled; None if it has no such place."""
    found = _topic(topic)
    return found.dead_letter_topic if found.dead_letters else None


def _topic(name: str) -> Topic:
    if name not in topics():
        raise ConfigurationError(f"there is no topic {name}; it needs schemas/topics/{name}.yaml")
    return topics()[name]
