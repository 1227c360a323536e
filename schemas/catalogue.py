"""The catalogue of topics for people (`docs/reference/topics.md`), with the graph of the flow."""

import itertools
import json
from collections.abc import Iterator
from typing import Any, Final

from schemas import sources
from schemas.provision import DEAD_LETTER_RETENTION_MS
from schemas.sources import Schema, Topic

_HEAD: Final = """\
<!-- Generated from schemas/ by `make generate`: do not edit. -->

# Topics

What is said on the log, by whom, to whom. Values are Avro in the Confluent frame (magic byte 0, \
4-byte schema id, record); keys are UTF-8 text. Provisioned by `millrace topics apply`; nothing \
else creates topics. The same in a form for programs: [asyncapi.yaml](asyncapi.yaml).
"""


def text() -> str:
    """The page as Markdown."""
    topics = list(sources.topics().values())
    parts = [
        _HEAD,
        _graph(topics),
        _overview(topics),
        _meta(),
        *(_section(topic) for topic in topics),
    ]
    return "\n".join(parts).rstrip() + "\n"


def _graph(topics: list[Topic]) -> str:
    lines = ["```mermaid", "flowchart LR"]
    roles = sorted({role for topic in topics for role in (*topic.writers, *topic.readers)})
    names = {role: f"role{number}" for number, role in enumerate(roles)}
    lines += [f'  {names[role]}["{role}"]' for role in roles]
    lines += [f"  {topic.name}[({topic.name})]" for topic in topics]
    for topic in topics:
        lines += [f"  {names[role]} --> {topic.name}" for role in topic.writers]
        lines += [f"  {topic.name} --> {names[role]}" for role in topic.readers]
    return "\n".join([*lines, "```", ""])


def _overview(topics: list[Topic]) -> str:
    rows = [
        f"| [{topic.name}](#{topic.name}) | {topic.purpose} | {', '.join(topic.writers)} "
        f"| {', '.join(topic.readers)} |"
        for topic in topics
    ]
    head = ["| topic | what it is for | written by | read by |", "|---|---|---|---|"]
    return "\n".join([*head, *rows, ""])


def _meta() -> str:
    meta = next(iter(sources.schemas().values()))["fields"][0]["type"]
    return "\n".join(["## Meta", "", f"`meta`: {meta['doc']}", "", *_fields(meta), ""])


def _section(topic: Topic) -> str:
    lines = [
        f"## {topic.name}",
        "",
        topic.purpose,
        "",
        f"- key: `{topic.key}`",
        f"- partitions: {topic.partitions}",
        f"- kept: {_duration(topic.retention_ms)}; cleanup `{topic.cleanup}`",
        f"- a message: at most {topic.max_message_bytes // 1024} KiB",
    ]
    if topic.max_compaction_lag_ms is not None:
        lag = _duration(topic.max_compaction_lag_ms)
        lines.append(f"- what a later record of its key replaces is gone: {lag} after it at most")
    if topic.dead_letters:
        kept = _duration(DEAD_LETTER_RETENTION_MS)
        lines.append(f"- dead letters: `{topic.dead_letter_topic}`, kept {kept}")
    records = itertools.chain.from_iterable(_record(topic, event) for event in topic.events)
    return "\n".join([*lines, "", *records])


def _record(topic: Topic, event: str) -> Iterator[str]:
    schema = sources.schemas()[event]
    yield from (f"### {schema['name']}", "", schema["doc"], "")
    yield from (f"`{event}`, schema id {sources.ids()[event]}.", "")
    if len(schema["fields"]) > 1:
        yield from (*_fields(schema), "")
    for path in sources.examples(topic.name, event):
        yield from ("<details><summary>Example</summary>", "", "```json")
        yield json.dumps(json.loads(path.read_text()), indent=2, ensure_ascii=False)
        yield from ("```", "", "</details>", "")


def _fields(schema: Schema) -> Iterator[str]:
    yield from ("| field | type | what it is |", "|---|---|---|")
    for field in schema["fields"]:
        if field["name"] != "meta":
            yield f"| `{field['name']}` | {_type(field['type'])} | {field['doc']} |"
            for part in _parts(field["type"]):
                kind = _type(part["type"])
                yield f"| `{field['name']}[].{part['name']}` | {kind} | {part['doc']} |"


def _parts(kind: Any) -> list[Any]:
    """The fields of what a list holds."""
    match kind:
        case {"type": "array", "items": {"type": "record", "fields": fields}}:
            return list(fields)
    return []


def _type(kind: Any) -> str:
    match kind:
        case ["null", other]:
            return f"{_type(other)}, or null"
        case {"logicalType": logical}:
            return str(logical)
        case {"type": "enum", "symbols": symbols}:
            return " · ".join(f"`{symbol}`" for symbol in symbols)
        case {"type": "array", "items": items}:
            return f"list of {_type(items)}"
        case {"type": "record", "name": name}:
            return f"`{name}`"
        case {"type": inner}:
            return _type(inner)
    return str(kind)


def _duration(milliseconds: int) -> str:
    if milliseconds < 0:
        return "for good"
    hours = milliseconds // 3_600_000
    if hours % 24:
        return f"{hours} h"
    return f"{hours // 24} days"
