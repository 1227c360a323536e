"""What tests do with a broker that the product never does."""

from aiokafka.admin import AIOKafkaAdminClient

from schemas import provision


async def delete_topics(kafka: str, prefix: str) -> None:
    """Delete the topics whose names begin so."""
    names = [topic.name for topic in await provision.listing(kafka)]
    client = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await client.start()
    try:
        await client.delete_topics([name for name in names if name.startswith(prefix)])
    finally:
        await client.close()
