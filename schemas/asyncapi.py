"""The AsyncAPI 3.0 document of the log (https://www.asyncapi.com/docs/reference/specification/v3.0.0)."""

import json
from typing import Any, Final

import yaml

from schemas import sources
from schemas.provision import wanted
from schemas.sources import Schema, Topic

AVRO: Final = "application/vnd.apache.avro+json;version=1.9.0"
_BINDING: Final = "0.5.0"

Document = dict[str, Any]


def text() -> str:
    """The document as YAML."""
    head = "# Generated from schemas/ by `make generate`: do not edit.\n"
    return head + yaml.dump(
        document(), Dumper=_Plain, sort_keys=False, width=100, allow_unicode=True
    )


def document() -> Document:
    """The document: a channel a topic, an operation for each role that writes or reads it."""
    topics = sources.topics()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Millrace",
            "version": _version(),
            "description": "Every topic of the log and every record on it. Values are "
            "Confluent-framed Avro (magic 0, 4-byte schema id, record); "
            "subjects are `<topic>-<record>`.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/vnd.confluent.avro",
        "servers": {
            "local": {
                "host": "127.0.0.1:9092",
                "protocol": "kafka",
                "description": "The broker that `make run` starts.",
            }
        },
        "channels": {topic.name: _channel(topic) for topic in topics.values()},
        "operations": {
            name: operation for topic in topics.values() for name, operation in _operations(topic)
        },
        "components": {
            "messages": {
                f"{topic.name}.{_short(event)}": _message(topic, event)
                for topic in topics.values()
                for event in topic.events
            },
            "schemas": {
                name: {"schemaFormat": AVRO, "schema": schema}
                for name, schema in sources.schemas().items()
            },
            "messageTraits": {"headers": {"headers": _HEADERS}},
        },
    }


_HEADERS: Final = {
    "type": "object",
    "properties": {
        "traceparent": {
            "type": "string",
            "description": "W3C Trace Context; its trace id follows meta.correlation_id.",
            "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
        },
        "origin": {
            "type": "string",
            "description": "On outputs of agents: source topic/partition/offset/n.",
        },
    },
}


class _Plain(yaml.SafeDumper):
    """YAML without anchors: they would stand for what merely happens to be equal."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _version() -> str:
    released = sources.released()
    return released[-1].version if released else "0.0.0"


def _channel(topic: Topic) -> Document:
    plan = wanted([topic])[topic.name]
    return {
        "address": topic.name,
        "summary": topic.purpose,
        "messages": {
            _short(event): {"$ref": f"#/components/messages/{topic.name}.{_short(event)}"}
            for event in topic.events
        },
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": {
                    "cleanup.policy": topic.cleanup.split(","),
                    "retention.ms": int(plan.configs["retention.ms"]),
                    "max.message.bytes": int(plan.configs["max.message.bytes"]),
                },
                "bindingVersion": _BINDING,
            }
        },
    }


def _operations(topic: Topic) -> list[tuple[str, Document]]:
    ways = [
        *(("send", role) for role in topic.writers),
        *(("receive", role) for role in topic.readers),
    ]
    return [
        (
            f"{_identifier(role)}-{action}-{topic.name}",
            {
                "action": action,
                "channel": {"$ref": f"#/channels/{topic.name}"},
                "tags": [{"name": role}],
            },
        )
        for action, role in ways
    ]


def _message(topic: Topic, event: str) -> Document:
    schema = sources.schemas()[event]
    return {
        "name": event,
        "title": _short(event),
        "summary": schema["doc"],
        "traits": [{"$ref": "#/components/messageTraits/headers"}],
        "payload": {"$ref": f"#/components/schemas/{event}"},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": _key(topic, schema)},
                "schemaIdLocation": "payload",
                "schemaIdPayloadEncoding": "confluent",
                "schemaLookupStrategy": "TopicRecordNameStrategy",
                "bindingVersion": _BINDING,
            }
        },
        "examples": [
            {"name": path.stem, "payload": json.loads(path.read_text())}
            for path in sources.examples(topic.name, event)
        ],
    }


def _key(topic: Topic, schema: Schema) -> str:
    if any(field["name"] == topic.key for field in schema["fields"]):
        return f"UTF-8 of {topic.key}"
    return "Empty: written into every partition"


def _short(event: str) -> str:
    return event.rpartition(".")[2]


def _identifier(role: str) -> str:
    words = "".join(letter if letter.isalnum() else " " for letter in role).split()
    return "-".join(words)
