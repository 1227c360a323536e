"""Makes the topics of a broker be what `topics/*.yaml` says, and never less than they were."""

from collections.abc import Iterable, Mapping
from typing import Final, Literal

import msgspec

from infra.errors import ConfigurationError
from infra.kafka import min_insync_replicas
from schemas import sources
from schemas.kafka_topics import BrokerTopic, topic_admin

DEAD_LETTER_RETENTION_MS: Final = 30 * 24 * 3600 * 1000
DEAD_LETTER_HEADROOM: Final = 16_384
"""Bytes that a dead letter may be larger than the message in it: reason and origin in headers."""
_FOR_GOOD: Final = -1
_JOURNAL: Final = "-journal"

Kind = Literal["create", "grow", "configure", "refused", "note"]


class Change(msgspec.Struct, frozen=True):
    """A difference between a broker and the files.

    `create`, `grow` and `configure` are what `apply` does; it stops at `refused`, and leaves alone
    what a `note` tells of.
    """

    kind: Kind
    topic: str
    text: str
    """What will happen, or why it will not, for people."""


def wanted(topics: Iterable[sources.Topic], replication_factor: int = 1) -> dict[str, BrokerTopic]:
    """The topics that should exist by name, dead-letter topics included."""
    plans = []
    for topic in topics:
        plans.append(_plan(topic, replication_factor))
        if topic.dead_letters:
            plans.append(_dead_letters(topic, replication_factor))
    return {plan.name: plan for plan in plans}


def compare(want: Mapping[str, BrokerTopic], have: Mapping[str, BrokerTopic]) -> list[Change]:
    """What differs, in order of topic; unknown topics last."""
    changes: list[Change] = []
    for name, topic in sorted(want.items()):
        if name in have:
            changes += _compare(topic, have[name])
        else:
            changes.append(Change("create", name, f"{topic.partitions} partitions, {_say(topic)}"))
    unknown = sorted(name for name in have.keys() - want.keys() if not name.endswith(_JOURNAL))
    return changes + [Change("note", name, "in no topic file; left alone") for name in unknown]


async def diff(
    bootstrap: str,
    replication_factor: int = 1,
    *,
    topics: Mapping[str, sources.Topic] | None = None,
) -> list[Change]:
    """What `apply` would do to a broker. Raises Unavailable."""
    want = wanted((topics or sources.topics()).values(), replication_factor)
    async with topic_admin(bootstrap) as admin:
        return compare(want, await admin.topics())


async def apply(
    bootstrap: str,
    replication_factor: int = 1,
    *,
    topics: Mapping[str, sources.Topic] | None = None,
) -> list[Change]:
    """Create, grow and configure topics; returns what was done.

    `topics` are those of the files unless given. Raises ConfigurationError, before anything is
    changed, if a topic would hold less than it does now: fewer partitions, a shorter retention, or
    compaction of what was kept. Raises Unavailable.
    """
    want = wanted((topics or sources.topics()).values(), replication_factor)
    async with topic_admin(bootstrap) as admin:
        have = await admin.topics()
        changes = compare(want, have)
        refused = [
            f"{change.topic}: {change.text}" for change in changes if change.kind == "refused"
        ]
        if refused:
            raise ConfigurationError("nothing was changed. " + "; ".join(refused))
        todo = {
            kind: [change.topic for change in changes if change.kind == kind]
            for kind in ("create", "grow", "configure")
        }
        await admin.create(want[name] for name in todo["create"])
        await admin.grow({name: want[name].partitions for name in todo["grow"]})
        await admin.configure(
            {name: have[name].own_configs | want[name].configs for name in todo["configure"]}
        )
    return [change for change in changes if change.kind in todo]


async def listing(bootstrap: str) -> list[BrokerTopic]:
    """The topics of a broker by name, without its internal ones. Raises Unavailable."""
    async with topic_admin(bootstrap) as admin:
        return [topic for _, topic in sorted((await admin.topics()).items())]


def _plan(topic: sources.Topic, replicas: int) -> BrokerTopic:
    return BrokerTopic(
        name=topic.name,
        partitions=topic.partitions,
        replicas=replicas,
        configs=_configs(topic.retention_ms, topic.cleanup, topic.max_message_bytes, replicas)
        | _compaction(topic),
    )


def _compaction(topic: sources.Topic) -> dict[str, str]:
    if topic.max_compaction_lag_ms is None:
        return {}
    return {"max.compaction.lag.ms": str(topic.max_compaction_lag_ms)}


def _dead_letters(topic: sources.Topic, replicas: int) -> BrokerTopic:
    size = topic.max_message_bytes + DEAD_LETTER_HEADROOM
    return BrokerTopic(
        name=topic.dead_letter_topic,
        partitions=topic.partitions,
        replicas=replicas,
        configs=_configs(DEAD_LETTER_RETENTION_MS, "delete", size, replicas),
    )


def _configs(retention_ms: int, cleanup: str, size: int, replicas: int) -> dict[str, str]:
    return {
        "retention.ms": str(retention_ms),
        "cleanup.policy": cleanup,
        "max.message.bytes": str(size),
        "min.insync.replicas": str(min_insync_replicas(replicas)),
    }


def _compare(want: BrokerTopic, have: BrokerTopic) -> list[Change]:
    changes = [Change("refused", want.name, text) for text in _losses(want, have)]
    if want.partitions > have.partitions:
        text = f"from {have.partitions} to {want.partitions} partitions: keys move"
        changes.append(Change("grow", want.name, text))
    differences = [
        f"{key} from {have.configs.get(key)} to {value}"
        for key, value in want.configs.items()
        if have.configs.get(key) != value
    ]
    if differences:
        changes.append(Change("configure", want.name, ", ".join(differences)))
    if want.replicas != have.replicas:
        text = f"{have.replicas} replicas, not {want.replicas}: reassign with Kafka's own tool"
        changes.append(Change("note", want.name, text))
    return changes


def _losses(want: BrokerTopic, have: BrokerTopic) -> list[str]:
    losses = []
    if want.partitions < have.partitions:
        losses.append(f"partitions cannot shrink from {have.partitions} to {want.partitions}")
    retention, before = _retention(want), _retention(have)
    if retention != _FOR_GOOD and (before == _FOR_GOOD or retention < before):
        losses.append(f"retention.ms may not shrink from {before} to {retention}")
    if _compacts(want) and not _compacts(have):
        losses.append("compaction would drop messages that are kept now")
    return losses


def _retention(topic: BrokerTopic) -> int:
    if "delete" not in topic.configs["cleanup.policy"]:
        return _FOR_GOOD
    return int(topic.configs["retention.ms"])


def _compacts(topic: BrokerTopic) -> bool:
    return "compact" in topic.configs["cleanup.policy"]


def _say(topic: BrokerTopic) -> str:
    retention = _retention(topic)
    kept = "kept for good" if retention == _FOR_GOOD else f"kept {retention / 3_600_000:g} h"
    return f"{kept}, cleanup {topic.configs['cleanup.policy']}"
