"""What provisioning decides to do, without a broker."""

import msgspec
import pytest

from schemas import provision, sources
from schemas.kafka_topics import BrokerTopic
from schemas.provision import Change

TOPIC = sources.Topic(
    name="chat-commands",
    purpose="What is asked of chats.",
    writers=["gateway"],
    readers=["worker chat"],
    key="channel_id",
    events=[],
    partitions=4,
    retention_ms=604_800_000,
    cleanup="delete",
    max_message_bytes=262_144,
    dead_letters=False,
)
WANT = provision.wanted([TOPIC])["chat-commands"]


def have(partitions: int = 4, replicas: int = 1, **configs: str) -> dict[str, BrokerTopic]:
    named = {key.replace("_", "."): value for key, value in configs.items()}
    return {
        "chat-commands": BrokerTopic(
            name="chat-commands",
            partitions=partitions,
            replicas=replicas,
            configs=WANT.configs | named,
        )
    }


def test_a_topic_like_its_file_needs_nothing() -> None:
    assert provision.compare({"chat-commands": WANT}, have()) == []


def test_a_missing_topic_is_created() -> None:
    changes = provision.compare({"chat-commands": WANT}, {})
    assert changes == [
        Change("create", "chat-commands", "4 partitions, kept 168 h, cleanup delete")
    ]


@pytest.mark.parametrize(
    ("broker", "text"),
    [
        (have(partitions=6), "partitions cannot shrink from 6 to 4"),
        (have(retention_ms="604800001"), "retention.ms may not shrink from 604800001 to 604800000"),
        (have(retention_ms="-1"), "retention.ms may not shrink from -1 to 604800000"),
        (have(cleanup_policy="compact"), "retention.ms may not shrink from -1 to 604800000"),
    ],
)
def test_a_loss_is_refused(broker: dict[str, BrokerTopic], text: str) -> None:
    changes = provision.compare({"chat-commands": WANT}, broker)
    assert Change("refused", "chat-commands", text) in changes


def test_compaction_of_what_was_kept_is_refused() -> None:
    compacted = provision.wanted([msgspec.structs.replace(TOPIC, cleanup="compact")])
    changes = provision.compare(compacted, have(retention_ms="-1"))
    texts = [change.text for change in changes if change.kind == "refused"]
    assert texts == ["compaction would drop messages that are kept now"]


def test_a_longer_retention_and_more_partitions_are_applied() -> None:
    changes = provision.compare(
        {"chat-commands": WANT}, have(partitions=2, retention_ms="1000", max_message_bytes="9")
    )
    assert changes == [
        Change("grow", "chat-commands", "from 2 to 4 partitions: keys move"),
        Change(
            "configure",
            "chat-commands",
            "retention.ms from 1000 to 604800000, max.message.bytes from 9 to 262144",
        ),
    ]


def test_unknown_topics_are_told_but_journals_are_not() -> None:
    broker = have() | {
        name: msgspec.structs.replace(WANT, name=name) for name in ("stray", "broadcast-journal")
    }
    assert provision.compare({"chat-commands": WANT}, broker) == [
        Change("note", "stray", "in no topic file; left alone")
    ]


def test_dead_letters_have_room_for_their_headers() -> None:
    topics = provision.wanted([msgspec.structs.replace(TOPIC, dead_letters=True)], 3)
    letters = topics["chat-commands-dlq"]
    assert letters.partitions == 4
    assert letters.replicas == 3
    assert letters.configs == {
        "retention.ms": str(30 * 24 * 3600 * 1000),
        "cleanup.policy": "delete",
        "max.message.bytes": str(262_144 + 16_384),
        "min.insync.replicas": "2",
    }


@pytest.mark.parametrize(("replicas", "in_sync"), [(1, "1"), (2, "1"), (3, "2"), (5, "2")])
def test_writes_go_on_while_one_replica_is_away(replicas: int, in_sync: str) -> None:
    plan = provision.wanted([TOPIC], replicas)["chat-commands"]
    assert plan.configs["min.insync.replicas"] == in_sync


def test_another_number_of_replicas_is_only_told() -> None:
    changes = provision.compare({"chat-commands": WANT}, have(replicas=3))
    assert [change.kind for change in changes] == ["note"]
