"""Who is in a channel's chat, as far as edges know: in Redis, and gone by itself."""

from typing import Final, NamedTuple

from infra.clock import Clock
from infra.redis_link import RedisLink, Word
from schemas.chat_stream import here_key

SAY_SECONDS: Final = 30.0
"""Between two times that an edge says who is there."""
KEPT_SECONDS: Final = 90
"""For how long somebody counts as there of whom no edge spoke."""
_AT_ONCE: Final = 2_000
MOST: Final = 5_000
"""Users of one channel that are told of, those seen last first."""


class Present(NamedTuple):
    """Somebody who is in a chat, signed in."""

    user_id: str
    login: str
    seen_at: int
    """Microseconds since 1970."""


class Presence:
    """Sets of users by channel."""

    def __init__(self, link: RedisLink, clock: Clock, *, prefix: str = "millrace") -> None:
        self._link = link
        self._clock = clock
        self._prefix = prefix
        self._changed: dict[tuple[str, str], bool] = {}

    def came(self, channel_id: str, user_id: str, login: str) -> None:
        """Somebody is there: said with the next `say`."""
        self._changed[channel_id, f"{user_id} {login}"] = True

    def went(self, channel_id: str, user_id: str, login: str) -> None:
        """Somebody left. An edge where they still are says so again soon."""
        self._changed[channel_id, f"{user_id} {login}"] = False

    async def say(self) -> None:
        """Tell others who came and went since the last time. Raises Unavailable."""
        changed, self._changed = self._changed, {}
        now = self._clock.now()
        commands: list[tuple[Word, ...]] = []
        for (channel_id, user), is_there in changed.items():
            key = here_key(channel_id, self._prefix)
            commands.append(("ZADD", key, now, user) if is_there else ("ZREM", key, user))
        for channel_id in {channel_id for channel_id, _ in changed}:
            key = here_key(channel_id, self._prefix)
            commands += [
                ("ZREMRANGEBYSCORE", key, "-inf", now - KEPT_SECONDS * 1_000_000),
                ("EXPIRE", key, KEPT_SECONDS),
            ]
        for start in range(0, len(commands), _AT_ONCE):
            await self._link.ask_all(commands[start : start + _AT_ONCE])

    async def here(self, channel_id: str) -> list[Present]:
        """Who is in a channel, those seen last first, at most 5000. Raises Unavailable."""
        since = self._clock.now() - KEPT_SECONDS * 1_000_000
        found = await self._link.ask(
            *("ZRANGE", here_key(channel_id, self._prefix), "+inf", since),
            *("BYSCORE", "REV", "LIMIT", 0, MOST, "WITHSCORES"),
        )
        return [_present(member, score) for member, score in found]


def _present(member: bytes, score: float) -> Present:
    user_id, _, login = member.decode().partition(" ")
    return Present(user_id, login, int(score))
