"""The servers that tests and the local stack stand on: they answer, and they keep what they got."""

from urllib.parse import urlsplit

from infra.local import probes


async def test_each_server_answers_its_own_probe(
    kafka: str, redis_url: str, cassandra: str
) -> None:
    host, _, port = kafka.rpartition(":")
    node, _, node_port = cassandra.rpartition(":")
    redis = urlsplit(redis_url)
    assert redis.hostname
    assert redis.port
    assert await probes.kafka_answers(host, int(port))
    assert await probes.redis_answers(redis.hostname, redis.port)
    assert await probes.cassandra_answers(node, int(node_port))
    assert not await probes.kafka_answers(redis.hostname, redis.port)
    assert not await probes.cassandra_answers(redis.hostname, redis.port)
    assert not await probes.redis_answers(node, int(node_port))
