"""Reads the reviewed files: `avro/**/*.v1.avsc`, `topics/*.yaml`, `ids.lock`."""

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

    @property
    def dead_letter_topic(self) -> str:
        """Where a message that cannot be handled goes, with its reason and origin."""
        return f"{self.name}-dlq"


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
        first = schema["fields"][0]
        if first["name"] != "meta" or first["type"] != "millrace.Meta":
            raise ConfigurationError(
                f"{path}: the first field must be `meta` of type millrace.Meta"
            )
        first["type"] = meta
        found[f"{schema['namespace']}.{schema['name']}"] = schema
    return found


@cache
def ids(root: Path = ROOT) -> dict[str, int]:
    """Schema id by Avro full name, from `ids.lock`: assigned once, never reused."""
    locked: dict[str, int] = json.loads((root / "ids.lock").read_text())
    return locked
