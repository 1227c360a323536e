"""What a release promised, later files keep: schemas FULL_TRANSITIVE, ids, topics."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from avro.schema import parse

from schemas import sources
from schemas.rules import Problem
from schemas.sources import Schema, Snapshot


def broken(root: Path = sources.ROOT) -> list[Problem]:
    """Every promise of a release that the files of today break."""
    found = list(_ids(root))
    for snapshot in sources.released(root):
        found += _schemas(snapshot, sources.schemas(root))
        found += _topics(snapshot, root)
    return found


def _schemas(snapshot: Snapshot, today: dict[str, Schema]) -> Iterator[Problem]:
    for old in snapshot.schemas.values():
        name = sources.full_name(old)
        new = today.get(name)
        if new is None:
            yield Problem("removed-schema", name, f"was released in {snapshot.version}")
            continue
        for reader, writer, says in (
            (new, old, f"cannot read what {snapshot.version} wrote"),
            (old, new, f"{snapshot.version} cannot read what is written now"),
        ):
            if wrong := _unreadable(reader, writer):
                yield Problem("compatibility", name, f"{says}: {wrong}")
        if _logical(old) != _logical(new):
            yield Problem("logical-type", name, f"changed since {snapshot.version}")


def _unreadable(reader: Schema, writer: Schema) -> str:
    """Why a reader with one schema cannot read what was written with another; empty if it can."""
    checker = ReaderWriterCompatibilityChecker()
    result = checker.get_compatibility(parse(json.dumps(reader)), parse(json.dumps(writer)))
    if result.compatibility is SchemaCompatibilityType.compatible:
        return ""
    kinds = " ".join(sorted({kind.name for kind in result.incompatibilities}))
    return f"{kinds} {' '.join(sorted(result.locations))}: {' '.join(sorted(result.messages))}"


def _logical(kind: Any, path: str = "") -> dict[str, str]:
    """Logical types by path. They change what bytes mean, which Avro's own rules do not look at."""
    match kind:
        case {"logicalType": str(name)}:
            return {path: name}
        case {"type": "record", "fields": fields}:
            return {
                where: name
                for field in fields
                for where, name in _logical(field["type"], f"{path}.{field['name']}").items()
            }
        case {"type": "array", "items": items}:
            return _logical(items, f"{path}[]")
        case list():
            return {where: name for each in kind for where, name in _logical(each, path).items()}
    return {}


def _ids(root: Path) -> Iterator[Problem]:
    """An id stands for one schema for ever; a schema that changed since a release has a new id."""
    meaning: dict[int, Schema] = {}
    for snapshot in sources.released(root):
        for number, schema in snapshot.schemas.items():
            if meaning.setdefault(number, schema) != schema:
                yield Problem("id", str(number), f"means another schema in {snapshot.version}")
    locked, today = sources.ids(root), sources.schemas(root)
    for name in today.keys() - locked.keys():
        yield Problem("id", name, "has no id; run `make generate`")
    for name in locked.keys() - today.keys():
        yield Problem("id", name, "has an id but no schema")
    for name, number in locked.items():
        if name in today and meaning.setdefault(number, today[name]) != today[name]:
            other = sources.full_name(meaning[number])
            yield Problem("id", name, f"{number} stands for another schema, of {other}")


def _topics(snapshot: Snapshot, root: Path) -> Iterator[Problem]:
    today = sources.topics(root)
    for name, old in snapshot.topics.items():
        new = today.get(name)
        if new is None:
            yield Problem("removed-topic", name, f"was released in {snapshot.version}")
            continue
        if new.partitions < old.partitions:
            text = f"fell from {old.partitions} in {snapshot.version} to {new.partitions}"
            yield Problem("fewer-partitions", name, text)
        for event in sorted(set(old.events) - set(new.events)):
            yield Problem("removed-event", name, f"{event} was released in {snapshot.version}")
