"""How often somebody may ask: token buckets in the Redis that all gateways share."""

import asyncio
import ipaddress
import math
from collections import OrderedDict
from functools import lru_cache
from typing import Final, NamedTuple

import structlog
from aiohttp import web
from prometheus_client import Counter, Gauge

from api.access import Principal
from api.edge import CLOCK
from api.errors import TooMany
from api.proxies import proxies
from infra.clock import Clock, SystemClock
from infra.errors import Unavailable
from infra.redis_link import RedisLink, RedisRefused

log = structlog.get_logger()

WAIT_SECONDS: Final = 0.25
"""For Redis. Without it, buckets are this process's own for RETRY_SECONDS, and smaller."""
RETRY_SECONDS: Final = 1.0
LOCAL_SHARE: Final = 4
"""A local bucket is this much smaller: other gateways have theirs."""
LOCAL_NAMES: Final = 10_000
_MOST_NAMES: Final = 500
"""Buckets of one call to Redis."""
AHEAD_SECONDS: Final = 1.0
"""How long tokens that were taken ahead count; then they are lost."""
AHEAD_SHARE: Final = 40
"""At most this part of a bucket is taken ahead: who asks many gateways loses no more at each."""

_REFUSED = Counter("millrace_gateway_limited_total", "Requests over a limit.", ["kind"])
_LOCAL = Gauge("millrace_gateway_limits_local", "1 while limits are kept without Redis.")

# KEYS: buckets. ARGV: for each, capacity, tokens a second, how many are asked for.
# Returns for each: granted, left. A bucket is "tokens at", and forgotten once it is full again.
_TAKE: Final = """
local time = redis.call("TIME")
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local answer = {}
for i, key in ipairs(KEYS) do
  local most, rate = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1])
  local kept = redis.call("HMGET", key, "tokens", "at")
  local tokens = tonumber(kept[1]) or most
  tokens = math.min(most, tokens + math.max(0, now - (tonumber(kept[2]) or now)) * rate)
  local granted = math.min(tonumber(ARGV[3 * i]), math.floor(tokens))
  redis.call("HSET", key, "tokens", tostring(tokens - granted), "at", string.format("%.6f", now))
  redis.call("PEXPIRE", key, math.ceil(most / rate * 1000))
  answer[#answer + 1] = granted
  answer[#answer + 1] = math.floor(tokens - granted)
end
return answer
"""


class Taken(NamedTuple):
    """What asking for one token gave."""

    granted: bool
    left: int


class _Ahead:
    """Tokens that were taken before they were asked for."""

    __slots__ = ("left", "size", "tokens", "until")

    def __init__(self) -> None:
        self.tokens = self.size = self.left = 0
        """How many there are, were taken last, and were left in the bucket."""
        self.until = 0.0


class Limit(NamedTuple):
    """So many requests a minute, of which all may come at once."""

    kind: str
    minute: int


class Limits:
    """Takes tokens. Those asked for at the same moment go in one call.

    For who asks often, a few are taken ahead, more each time: then most requests need no call. No
    more is ever granted than the buckets hold.
    """

    def __init__(
        self,
        url: str,
        *,
        token: int = 800,
        address: int = 3000,
        prefix: str = "millrace",
        clock: Clock | None = None,
    ) -> None:
        self.token = Limit("token", token)
        self.address = Limit("address", address)
        self._link = RedisLink(url)
        self._digest = ""
        self._prefix = prefix
        self._clock = clock or SystemClock()
        self._asked: dict[tuple[Limit, str], list[asyncio.Future[Taken]]] = {}
        self._flushing: asyncio.Task[None] | None = None
        self._own: OrderedDict[tuple[Limit, str], tuple[float, float]] = OrderedDict()
        self._own_until = 0.0
        self._ahead: OrderedDict[tuple[Limit, str], _Ahead] = OrderedDict()
        self.calls = 0

    async def close(self) -> None:
        """Close the connections."""
        await self._link.close()

    async def take(self, limit: Limit, name: str) -> Taken:
        """Take one token from a bucket."""
        now = self._clock.monotonic()
        ahead = self._ahead.get((limit, name))
        if ahead is not None and ahead.tokens and now < ahead.until:
            ahead.tokens -= 1
            return Taken(True, ahead.left + ahead.tokens)
        if now < self._own_until:
            return self._from_own(limit, name)
        future: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()
        self._asked.setdefault((limit, name), []).append(future)
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        return await future

    async def _flush(self) -> None:
        while self._asked:
            names = list(self._asked)[:_MOST_NAMES]
            asked = {name: self._asked.pop(name) for name in names}
            ahead = [self._wanted_ahead(*name) for name in names]
            try:
                answer = await self._call(asked, ahead)
            except (Unavailable, TimeoutError) as error:
                self._fall_back(error)
                for key, futures in asked.items():
                    for future in futures:
                        if not future.done():
                            future.set_result(self._from_own(*key))
                continue
            _LOCAL.set(0)
            for index, futures in enumerate(asked.values()):
                granted, left = answer[2 * index], answer[2 * index + 1]
                spare = max(0, granted - len(futures))
                self._keep_ahead(names[index], ahead[index], spare, left)
                for number, future in enumerate(futures):
                    if not future.done():
                        future.set_result(Taken(number < granted, left + spare))

    def _wanted_ahead(self, limit: Limit, name: str) -> int:
        """How many to take ahead: twice what was used up just now, none for who asks seldom."""
        ahead = self._ahead.get((limit, name))
        if ahead is None or self._clock.monotonic() >= ahead.until:
            return 0
        return min(2 * ahead.size or 1, limit.minute // AHEAD_SHARE)

    def _keep_ahead(self, name: tuple[Limit, str], size: int, tokens: int, left: int) -> None:
        ahead = self._ahead.pop(name, None) or _Ahead()
        ahead.size, ahead.tokens, ahead.left = size, tokens, left
        ahead.until = self._clock.monotonic() + AHEAD_SECONDS
        self._ahead[name] = ahead
        if len(self._ahead) > LOCAL_NAMES:
            self._ahead.popitem(last=False)

    async def _call(
        self, asked: dict[tuple[Limit, str], list[asyncio.Future[Taken]]], ahead: list[int]
    ) -> list[int]:
        keys = [f"{self._prefix}:limit:{limit.kind}:{name}" for limit, name in asked]
        arguments: list[float] = []
        for (limit, _), futures, more in zip(asked, asked.values(), ahead, strict=True):
            arguments += [limit.minute, limit.minute / 60, len(futures) + more]
        self.calls += 1
        async with asyncio.timeout(WAIT_SECONDS):
            return await self._run(len(keys), *keys, *arguments)

    async def _run(self, *words: str | float) -> list[int]:
        if self._digest:
            try:
                return await self._evaluated(words)
            except RedisRefused as refused:
                if refused.code != "NOSCRIPT":
                    raise
        self._digest = (await self._link.ask("SCRIPT", "LOAD", _TAKE)).decode()
        return await self._evaluated(words)

    async def _evaluated(self, words: tuple[str | float, ...]) -> list[int]:
        found: list[int] = await self._link.ask("EVALSHA", self._digest, *words)
        return found

    def _fall_back(self, error: Exception) -> None:
        if self._clock.monotonic() - self._own_until > RETRY_SECONDS:
            log.warning("limits are kept without Redis", error=repr(error))
        self._own_until = self._clock.monotonic() + RETRY_SECONDS
        _LOCAL.set(1)

    def _from_own(self, limit: Limit, name: str) -> Taken:
        most, now = max(1.0, limit.minute / LOCAL_SHARE), self._clock.monotonic()
        tokens, at = self._own.pop((limit, name), (most, now))
        tokens = min(most, tokens + (now - at) * most / 60)
        granted = tokens >= 1
        self._own[limit, name] = (tokens - granted, now)
        if len(self._own) > LOCAL_NAMES:
            self._own.popitem(last=False)
        return Taken(granted, int(tokens - granted))


LIMITS: web.AppKey[Limits] = web.AppKey("limits", Limits)
_HEADERS: web.RequestKey[dict[str, str]] = web.RequestKey("limit-headers", dict)
_FREE: Final = ("/static/", "/healthz", "/metrics")


async def charge(request: web.Request, principal: Principal | None) -> None:
    """Count a request for who asks, or for the address. Raises TooMany."""
    request[_HEADERS] = {}
    limits = request.app.get(LIMITS)
    if limits is None or request.path.startswith(_FREE):
        return
    if principal is not None:
        limit, name = limits.token, principal.name
    else:
        limit, name = limits.address, network(proxies(request).address(request))
    taken = await limits.take(limit, name)
    seconds = (limit.minute - taken.left) / (limit.minute / 60)
    request[_HEADERS] = {
        "Ratelimit-Limit": str(limit.minute),
        "Ratelimit-Remaining": str(taken.left),
        "Ratelimit-Reset": str(request.app[CLOCK].now() // 1_000_000 + math.ceil(seconds)),
    }
    if not taken.granted:
        _REFUSED.labels(limit.kind).inc()
        raise TooMany(f"at most {limit.minute} requests a minute", math.ceil(60 / limit.minute))


async def spend(request: web.Request, kind: str, minute: int, name: str) -> None:
    """Count one use of at most so many a minute under a name. Raises TooMany."""
    if (limits := request.app.get(LIMITS)) is None:
        return
    taken = await limits.take(Limit(kind, minute), name)
    if not taken.granted:
        _REFUSED.labels(kind).inc()
        raise TooMany(f"at most {minute} a minute", math.ceil(60 / minute))


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal handler: the headers that the Helix dialect has for limits."""
    response.headers.update(headers_of_limits(request))


def headers_of_limits(request: web.Request) -> dict[str, str]:
    """What whoever asks is told of their limit."""
    found: dict[str, str] = request.get(_HEADERS, {})
    return found


@lru_cache(4096)
def network(address: str) -> str:
    """Whom an address stands for: an IPv6 host has 2**64 of them."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        return str(found.ipv4_mapped)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found, 64), strict=False).network_address)
    return str(found)
