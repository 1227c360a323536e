"""Gateways know each other's WebSocket sessions through Redis, and do without it."""

from api.eventsub.presence import KEPT_SECONDS, RedisPresence


async def test_a_session_is_known_until_it_is_gone(redis_url: str, unique: str) -> None:
    one, other = (RedisPresence(redis_url, prefix=unique) for _ in range(2))
    assert not await other.is_here("a")
    await one.here(["a", "b"])
    assert await other.is_here("a")
    assert 0 < await one._redis.ttl(one._key("a")) <= KEPT_SECONDS
    await other.gone("a")
    assert (await one.is_here("a"), await one.is_here("b")) == (False, True)
    await one.gone("b")
    await one.here([])
    for each in (one, other):
        await each.close()


async def test_without_redis_everybody_is_taken_at_their_word() -> None:
    presence = RedisPresence("redis://127.0.0.1:1/0")
    await presence.here(["a"])
    assert await presence.is_here("b")
    await presence.gone("a")
    await presence.close()
