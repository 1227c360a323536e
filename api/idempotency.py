"""What was asked under an `Idempotency-Key`, for a day, in the Redis that all gateways share."""

import hashlib
import re
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Literal, Protocol

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from api.errors import Unprocessable
from infra.clock import Clock, SystemClock
from infra.errors import InvalidRecord, Unavailable

KEPT_SECONDS: Final = 86_400
LEASE_SECONDS: Final = 45
"""A request that has not said after so long what became of it counts as lost. It is more than a
producer tries for (`EventProducer`: 30 s), so nothing of it can reach the log later."""

_NAMESPACE: Final = uuid.UUID("5a0c9f64-8f0e-5d0e-9c66-6f2f4a7e9d10")
_KEY = re.compile(r"[\x21-\x7e]{1,255}")

State = Literal["new", "sending", "stale", "sent", "done", "other"]
"""`new`: nobody asked before. `sending`: somebody does at this moment. `stale`: somebody did, and
died. `sent`: it is on the log. `done`: there is an answer. `other`: it was used for something else.
"""


class Asked(msgspec.Struct, frozen=True):
    """What is known of a request."""

    state: State
    since: int = 0
    """When it was asked first, in microseconds."""
    answer: bytes = b""
    owner: str = ""


class Memory(Protocol):
    """Remembers requests. Every method raises Unavailable."""

    async def begin(self, identity: str, fingerprint: str, owner: str) -> Asked:
        """Remember a request, or tell what is known of it; a stale one is the caller's now."""
        ...

    async def sent(self, identity: str) -> None:
        """It is on the log."""
        ...

    async def done(self, identity: str, answer: bytes) -> None:
        """This is the answer."""
        ...

    async def forget(self, identity: str) -> None:
        """Nothing was done."""
        ...

    async def look(self, identity: str) -> Asked | None:
        """What is known of a request."""
        ...


def checked_key(given: Sequence[str]) -> str | None:
    """The `Idempotency-Key` of a request, or None. Raises InvalidRecord."""
    if not given:
        return None
    if len(given) > 1 or not _KEY.fullmatch(given[0]):
        raise InvalidRecord("Idempotency-Key: must be 1 to 255 visible ASCII characters, once")
    return given[0]


def identity_of(owner: str, key: str) -> str:
    """The id that a key stands for: the owner's, so that nobody else can guess or spoil it."""
    return str(uuid.uuid5(_NAMESPACE, f"{owner}\n{key}"))


def fingerprint_of(*parts: bytes) -> str:
    """A digest of what is asked."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def spent() -> Unprocessable:
    """The error for a key that was used for something else."""
    return Unprocessable(
        "this Idempotency-Key was used for another request", code="idempotency-key-reused"
    )


_BEGIN: Final = """
local known = redis.call("HMGET", KEYS[1], "fingerprint", "state", "touched", "since", "answer")
if not known[1] then
  redis.call("HSET", KEYS[1], "fingerprint", ARGV[1], "state", "sending", "owner", ARGV[2],
    "since", ARGV[3], "touched", ARGV[3])
  redis.call("EXPIRE", KEYS[1], ARGV[5])
  return {"new", ARGV[3], ""}
end
if known[1] ~= ARGV[1] then return {"other", known[4], ""} end
if known[2] == "sending" and tonumber(known[3]) < tonumber(ARGV[4]) then
  redis.call("HSET", KEYS[1], "touched", ARGV[3])
  return {"stale", known[4], ""}
end
return {known[2], known[4], known[5] or ""}
"""


class RedisMemory:
    """Keeps a hash a request under `<prefix>:asked:<identity>`."""

    def __init__(self, url: str, *, prefix: str = "millrace", clock: Clock | None = None) -> None:
        self._redis: Any = Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1)
        self._begin = self._redis.register_script(_BEGIN)
        self._prefix = prefix
        self._clock = clock or SystemClock()

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def begin(self, identity: str, fingerprint: str, owner: str) -> Asked:
        """Remember a request, or tell what is known of it."""
        now = self._clock.now()
        stale = now - LEASE_SECONDS * 1_000_000
        async with _away():
            state, since, answer = await self._begin(
                keys=[self._key(identity)], args=[fingerprint, owner, now, stale, KEPT_SECONDS]
            )
        return Asked(state.decode(), int(since), answer)

    async def sent(self, identity: str) -> None:
        """It is on the log."""
        async with _away():
            await self._redis.hset(self._key(identity), "state", "sent")

    async def done(self, identity: str, answer: bytes) -> None:
        """This is the answer."""
        async with _away():
            await self._redis.hset(self._key(identity), mapping={"state": "done", "answer": answer})

    async def forget(self, identity: str) -> None:
        """Nothing was done."""
        async with _away():
            await self._redis.unlink(self._key(identity))

    async def look(self, identity: str) -> Asked | None:
        """What is known of a request."""
        async with _away():
            found = await self._redis.hgetall(self._key(identity))
        if not found:
            return None
        return Asked(
            found[b"state"].decode(),
            int(found[b"since"]),
            found.get(b"answer", b""),
            found[b"owner"].decode(),
        )

    def _key(self, identity: str) -> str:
        return f"{self._prefix}:asked:{identity}"


@asynccontextmanager
async def _away() -> AsyncIterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise Unavailable(f"Redis: {error!r}") from error
