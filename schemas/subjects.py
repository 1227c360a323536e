"""The schemas as a registry has them: subjects by TopicRecordName, versions, ids."""

import json
from functools import cache
from pathlib import Path

import msgspec

from schemas import sources


class Subjects(msgspec.Struct, frozen=True):
    """What a schema registry knows of our files."""

    schemas: dict[int, str]
    """Avro text by id: today's and every released one."""
    versions: dict[str, list[int]]
    """Ids by subject (`<topic>-<Avro full name>`); the first is version 1."""


@cache
def subjects(root: Path = sources.ROOT) -> Subjects:
    """The subjects of the files."""
    schemas = sources.versions(root)
    return Subjects(
        schemas={number: json.dumps(schema) for number, schema in schemas.items()},
        versions={
            f"{topic.name}-{event}": [
                number for number, schema in schemas.items() if sources.full_name(schema) == event
            ]
            for topic in sources.topics(root).values()
            for event in topic.events
        },
    )
