"""Clients hear who comes and goes, in batches, for as long as they are there."""

import asyncio
from collections.abc import Sequence

from api.chat.dialect import Place
from api.chat.irc.membership import MOST, Membership
from api.chat.presence import Present
from infra.errors import Unavailable
from tests.waiting import until

RIVER = Place("c-1", "river")


class Listening:
    def __init__(self) -> None:
        self.here = True
        self.heard: list[tuple[list[str], list[str]]] = []

    def is_in(self, channel_id: str) -> bool:
        return self.here and channel_id == RIVER.channel_id

    def told_of(self, place: Place, came_in: Sequence[str], went_out: Sequence[str]) -> None:
        assert place == RIVER
        self.heard.append((list(came_in), list(went_out)))


class Chat:
    """Who is there; None: Redis is away."""

    def __init__(self, *logins: str) -> None:
        self.logins: tuple[str, ...] | None = logins
        self.looks = 0

    async def here(self, channel_id: str) -> list[Present]:
        self.looks += 1
        if self.logins is None:
            raise Unavailable("Redis is away")
        return [Present(login, login, 0) for login in self.logins]

    async def looked(self, times: int = 2) -> None:
        """Until it was looked so often again."""
        wanted = self.looks + times
        await until(lambda: self.looks >= wanted, 5)


async def test_who_comes_and_goes_is_told_once() -> None:
    chat, listener = Chat("moss"), Listening()
    membership = Membership(chat.here, every=0.005)
    assert membership.enter(listener, RIVER) == frozenset()
    await chat.looked()
    chat.logins = ("brook", "lake")
    await chat.looked()
    chat.logins = None
    await chat.looked()
    chat.logins = ("lake",)
    await chat.looked()
    assert listener.heard == [(["moss"], []), (["brook", "lake"], ["moss"]), ([], ["brook"])]
    assert membership.enter(Listening(), RIVER) == {"lake"}


async def test_nobody_looks_where_nobody_listens_and_somebody_does_again() -> None:
    chat, listener = Chat("moss"), Listening()
    membership = Membership(chat.here, every=0.005)
    membership.enter(listener, RIVER)
    await chat.looked()
    listener.here = False
    await until(lambda: len(asyncio.all_tasks()) == 1, 5)
    second = Listening()
    membership.enter(second, RIVER)
    await chat.looked()
    assert second.heard == [(["moss"], [])]


async def test_of_a_crowd_nobody_is_told() -> None:
    chat, listener = Chat(*(f"user{number}" for number in range(MOST + 1))), Listening()
    Membership(chat.here, every=0.005).enter(listener, RIVER)
    await chat.looked()
    assert listener.heard == []
