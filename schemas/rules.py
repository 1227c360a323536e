"""The rules that topic and schema files obey; `millrace schemas check` names each one broken."""

import io
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import fastavro
import msgspec

from schemas import sources
from schemas.sources import Schema, Topic

TICK: Final = "millrace.clock.Tick"
"""The one record that stands in many topics and belongs to no key."""
RETENTIONS_MS: Final = frozenset({3_600_000, 86_400_000, 604_800_000, 2_592_000_000, -1})
"""An hour, a day, a week, 30 days, for good."""
CLEANUPS: Final = frozenset({"delete", "compact", "compact,delete"})
MAX_MESSAGE_BYTES: Final = 1 << 20
"""What Kafka clients send in one request unless told otherwise."""

_TOPIC_NAME = re.compile(r"[a-z]+(-[a-z]+)+")
_FIELD_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_IRREGULAR = (
    "Begun",
    "Cast",
    "Given",
    "Held",
    "Left",
    "Lost",
    "Made",
    "Paid",
    "Sent",
    "Set",
    "Went",
    "Won",
)


class Problem(msgspec.Struct, frozen=True):
    """A broken rule: which, in what topic or record, and what to change."""

    rule: str
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.where or 'schemas'}: {self.text} ({self.rule})"


def broken(root: Path = sources.ROOT) -> list[Problem]:
    """Every broken rule. Raises ConfigurationError if a file cannot be read at all."""
    topics, schemas = sources.topics(root), sources.schemas(root)
    return [
        *itertools.chain.from_iterable(_topic(topic, schemas) for topic in topics.values()),
        *_contexts(topics),
        *_orphans(topics, schemas),
        *_namesakes(schemas),
        *itertools.chain.from_iterable(_record(schema) for schema in schemas.values()),
        *_examples(root, topics, schemas),
    ]


def _topic(topic: Topic, schemas: dict[str, Schema]) -> Iterator[Problem]:
    def problem(rule: str, text: str) -> Problem:
        return Problem(rule, topic.name, text)

    if not _TOPIC_NAME.fullmatch(topic.name) or topic.name.endswith(("-dlq", "-journal")):
        yield problem("topic-name", "must be kebab-case, not ending in -dlq or -journal")
    if topic.retention_ms not in RETENTIONS_MS:
        yield problem("retention", f"{topic.retention_ms} is not one of {sorted(RETENTIONS_MS)}")
    if topic.cleanup not in CLEANUPS:
        yield problem("cleanup", f"{topic.cleanup!r} is not one of {sorted(CLEANUPS)}")
    if topic.max_compaction_lag_ms is not None and "compact" not in topic.cleanup:
        yield problem("cleanup", "max_compaction_lag_ms is for topics that are compacted")
    if not 1024 <= topic.max_message_bytes <= MAX_MESSAGE_BYTES:
        yield problem("message-size", f"must be from 1024 to {MAX_MESSAGE_BYTES} bytes")
    if topic.dead_letters != any(_dead_letters(reader) for reader in topic.readers):
        yield problem(
            "dead-letters", "needed if a worker, the views or transcoders read it, and only then"
        )
    for event in topic.events:
        if event not in schemas:
            yield problem("unknown-event", f"there is no schema {event}")
        elif event != TICK:
            yield from _placed(topic, schemas[event])


def _dead_letters(reader: str) -> bool:
    return reader.startswith("worker ") or reader in ("views", "transcoder")


def _placed(topic: Topic, schema: Schema) -> Iterator[Problem]:
    """A record in a topic: its tense, and the field that the topic is keyed by."""
    name = schema["name"]
    if topic.name.endswith("-commands") == _is_past(name):
        says = "imperative" if topic.name.endswith("-commands") else "in the past tense"
        yield Problem("tense", topic.name, f"{name} must be {says}")
    types = {field["name"]: field["type"] for field in schema["fields"]}
    if types.get(topic.key) not in ("string", ["null", "string"]):
        yield Problem("key-field", topic.name, f"{name} needs a string field {topic.key}")


def _is_past(name: str) -> bool:
    return name.endswith(("ed", *_IRREGULAR))


def _contexts(topics: dict[str, Topic]) -> Iterator[Problem]:
    by_context = itertools.groupby(
        sorted(topics.values(), key=lambda topic: topic.context), lambda topic: topic.context
    )
    for context, group in by_context:
        counts = {topic.name: topic.partitions for topic in group}
        if len(set(counts.values())) > 1:
            yield Problem("partitions", context, f"topics of a context must agree: {counts}")


def _orphans(topics: dict[str, Topic], schemas: dict[str, Schema]) -> Iterator[Problem]:
    said = {event for topic in topics.values() for event in topic.events}
    for name in schemas.keys() - said:
        yield Problem("orphan-schema", name, "is in no topic's events")


def _namesakes(schemas: dict[str, Schema]) -> Iterator[Problem]:
    """Readers of the log ask for records by the short name, whatever the context."""
    known: dict[str, str] = {}
    for name in sorted(schemas):
        other = known.setdefault(name.rpartition(".")[2], name)
        if other != name:
            yield Problem("short-name", name, f"{other} has that short name")


def _record(schema: Schema, within: str = "") -> Iterator[Problem]:
    name = within or sources.full_name(schema)
    if not schema.get("doc"):
        yield Problem("documented", name, "needs a doc")
    for field in schema["fields"]:
        where = f"{name}.{field['name']}"
        if not _FIELD_NAME.fullmatch(field["name"]):
            yield Problem("field-name", where, "must be snake_case")
        if not field.get("doc"):
            yield Problem("documented", where, "needs a doc, with its unit")
        yield from _types(where, field["type"])


def _types(where: str, kind: Any) -> Iterator[Problem]:
    match kind:
        case list():
            for each in kind:
                yield from _types(where, each)
        case {"type": "record"}:
            yield from _record(kind, f"{where}[]" if "namespace" not in kind else "")
        case {"type": "array", "items": items}:
            yield from _types(where, items)
        case {"type": "enum"} if kind.get("default") not in kind["symbols"]:
            yield Problem("enum-default", where, "an enum grows only if it has a default")


def _examples(
    root: Path, topics: dict[str, Topic], schemas: dict[str, Schema]
) -> Iterator[Problem]:
    folder = root / "examples"
    wanted = {
        folder / topic.name / event.rpartition(".")[2]: schemas[event]
        for topic in topics.values()
        for event in topic.events
        if event in schemas
    }
    for path, schema in wanted.items():
        files = sorted(path.glob("*.json"))
        if not files:
            yield Problem("example", _short(path), "needs an example, 1.json")
        for file in files:
            yield from _example(file, schema)
    for path in {file.parent for file in folder.rglob("*.json")} - wanted.keys():
        yield Problem("orphan-example", _short(path), "is of no record in a topic")


def _example(path: Path, schema: Schema) -> Iterator[Problem]:
    try:
        fastavro.schemaless_writer(
            io.BytesIO(),
            fastavro.parse_schema(sources.plain(schema)),
            json.loads(path.read_text()),
            strict_allow_default=True,
        )
    except (TypeError, ValueError, AttributeError) as error:
        yield Problem("example", f"{_short(path.parent)}/{path.name}", str(error))


def _short(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
