"""What the topics of a broker are, and the few ways in which provisioning changes them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from infra.errors import Unavailable

CONFIGS: Final = ("retention.ms", "cleanup.policy", "max.message.bytes", "min.insync.replicas")
"""The configurations that the topic files decide; all others of a topic are left alone."""
OPTIONAL_CONFIGS: Final = ("max.compaction.lag.ms",)
"""Those that only some topic files decide."""

_SET_ON_TOPIC: Final = 1
"""`config_source` of a value set on the topic itself (KIP-226)."""
_LOOKS: Final = 600
_BETWEEN_LOOKS: Final = 0.05


class BrokerTopic(msgspec.Struct, frozen=True):
    """A topic as a broker has it, or as it should be."""

    name: str
    partitions: int
    replicas: int
    configs: dict[str, str]
    """In force for CONFIGS, whoever set them."""
    own_configs: dict[str, str] = {}
    """Set on the topic itself. The protocol replaces them as a whole, so they are handed back."""


class TopicAdmin:
    """A connection that reads and changes topics. Made by `topic_admin`."""

    def __init__(self, client: AIOKafkaAdminClient) -> None:
        self._client = client

    async def topics(self) -> dict[str, BrokerTopic]:
        """Every topic by name, without the broker's internal ones."""
        found = {
            topic["topic"]: topic["partitions"]
            for topic in await self._client.describe_topics()
            if not topic["is_internal"] and not topic["error_code"]
        }
        configs = await self._configs(found)
        return {
            name: BrokerTopic(
                name=name,
                partitions=len(partitions),
                replicas=min((len(each["replicas"]) for each in partitions), default=0),
                configs={
                    key: value
                    for key, (value, source) in configs[name].items()
                    if key in CONFIGS or (key in OPTIONAL_CONFIGS and source == _SET_ON_TOPIC)
                },
                own_configs={
                    key: value
                    for key, (value, source) in configs[name].items()
                    if source == _SET_ON_TOPIC
                },
            )
            for name, partitions in found.items()
            if name in configs
        }

    async def create(self, topics: Iterable[BrokerTopic]) -> None:
        """Create topics, and wait until each partition has a leader."""
        wanted = {topic.name: topic for topic in topics}
        if not wanted:
            return
        answer = await self._client.create_topics(
            [
                NewTopic(topic.name, topic.partitions, topic.replicas, topic_configs=topic.configs)
                for topic in wanted.values()
            ]
        )
        for name, code, message in (error[:3] for error in answer.topic_errors):
            if code:
                raise Unavailable(f"Kafka did not create {name}: {message or for_code(code)}")
        await self._wait_for({name: topic.partitions for name, topic in wanted.items()})

    async def grow(self, partitions: dict[str, int]) -> None:
        """Raise the number of partitions of topics, and wait until each has a leader."""
        if not partitions:
            return
        await self._client.create_partitions(
            {name: NewPartitions(total_count=count) for name, count in partitions.items()}
        )
        await self._wait_for(partitions)

    async def configure(self, configs: dict[str, dict[str, str]]) -> None:
        """Replace the configurations set on topics, and wait until the broker shows them."""
        if not configs:
            return
        answers = await self._client.alter_configs(
            [
                ConfigResource(ConfigResourceType.TOPIC, name, configs=values)
                for name, values in configs.items()
            ]
        )
        for answer in answers:
            for code, message, _, name in answer.resources:
                if code:
                    raise Unavailable(f"Kafka did not configure {name}: {message}")

        async def seen() -> bool:
            found = await self._configs(configs)
            return all(
                found.get(name, {}).get(key, ("",))[0] == value
                for name, values in configs.items()
                for key, value in values.items()
            )

        # A broker answers from what it has heard of; another change must not undo this one.
        await _until(seen, f"does not show the configuration of {', '.join(configs)}")

    async def _configs(self, names: Iterable[str]) -> dict[str, dict[str, tuple[str, int]]]:
        answers = await self._client.describe_configs(
            [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        )
        found = {}
        for answer in answers:
            for resource in answer.to_object()["resources"]:
                if not resource["error_code"]:  # else deleted since it was listed
                    found[resource["resource_name"]] = {
                        entry["config_names"]: (entry["config_value"], entry["config_source"])
                        for entry in resource["config_entries"]
                    }
        return found

    async def _wait_for(self, partitions: dict[str, int]) -> None:
        async def led() -> bool:
            return self._led(await self._client.describe_topics(list(partitions)), partitions)

        await _until(led, f"gave no leader to {', '.join(partitions)}")

    @staticmethod
    def _led(found: list[dict[str, Any]], partitions: dict[str, int]) -> bool:
        led = {
            topic["topic"]: sum(each["leader"] >= 0 for each in topic["partitions"])
            for topic in found
        }
        return all(led.get(name, 0) >= count for name, count in partitions.items())


async def _until(true: Callable[[], Awaitable[bool]], otherwise: str) -> None:
    for _ in range(_LOOKS):
        if await true():
            return
        await asyncio.sleep(_BETWEEN_LOOKS)
    raise Unavailable(f"Kafka {otherwise} within {_LOOKS * _BETWEEN_LOOKS:.0f} s")


@asynccontextmanager
async def topic_admin(bootstrap: str) -> AsyncIterator[TopicAdmin]:
    """A connection to the brokers, host:port, comma-separated. Raises Unavailable."""
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await client.start()
        yield TopicAdmin(client)
    except (KafkaError, OSError) as error:
        raise Unavailable(f"Kafka at {bootstrap}: {error}") from error
    finally:
        await client.close()
