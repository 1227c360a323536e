"""Whoever is in a channel is told everything once and in order, whatever goes away meanwhile."""

import asyncio
import random

import pytest

from api.chat.asking import Join, Part, Say
from api.chat.audience import REMEMBERED
from api.chat.slices import SLICE
from infra.names import id_of
from schemas.records.chat import ChatSettingsChanged, HeldMessageReviewed, MessageDeleted
from tests.unit.api.chat_memory import (
    PLACE,
    MemoryClient,
    MemoryLink,
    OffsetsDialect,
    a_desk,
    a_session,
    entry,
    sent,
)
from tests.waiting import until

BY = {"by_id": id_of("ada"), "by_login": "ada"}


class World:
    """One channel, written to with offsets that skip: others share the partition."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.link = MemoryLink()
        self.desk = a_desk(self.link)
        self.offset = -1
        self.offsets: list[int] = []
        self.healing = asyncio.create_task(self.desk.channels.run())

    def write(self, most: int = 5) -> None:
        batch = []
        for _ in range(self.random.randint(1, most)):
            self.offset += self.random.randint(1, 3)
            batch.append(entry(self.offset, sent(self.offset)))
            self.offsets.append(self.offset)
        self.link.add(PLACE.channel_id, batch)

    async def join(self, client: MemoryClient, since: int | None = None) -> None:
        session = a_session(self.desk, client)
        session.take(Join("ada", since))
        for _ in range(5):  # soon enough for what is written to be on its way
            await asyncio.sleep(0)
        await until(lambda: client.joins, 5)

    async def rejoin(self, client: MemoryClient) -> None:
        """Another connection goes on where one was that broke, perhaps at an edge ahead of us."""
        client.session.end()
        client.flowing, client.is_slow, client.buffered = True, False, 0
        client.joins.clear()
        if self.random.random() < 0.5:
            client.offsets = self.expected(client)
        await self.join(client, client.offsets[-1] if client.offsets else client.since)

    def expected(self, client: MemoryClient) -> list[int]:
        return [each for each in self.offsets if each > client.since]


@pytest.mark.parametrize("seed", range(15))
async def test_nothing_is_missing_or_repeated(seed: int):
    world = World(seed)
    clients: list[MemoryClient] = []
    for _ in range(world.random.randint(0, 30)):
        world.write()
    for _ in range(200):
        match world.random.randint(0, 14):
            case 0 if len(clients) < 8 and not world.link.is_away:
                client = MemoryClient(room=world.random.choice([40, 400, 10**9]))
                since = world.random.choice([None, *world.offsets[-30:]])
                await world.join(client, since)
                client.since = client.joins[0].offset if since is None else since
                clients.append(client)
            case 1 if clients:
                world.random.choice(clients).is_slow = True
            case 2 if clients:
                client = world.random.choice(clients)
                client.is_slow = False
                client.take_all()
            case 3:
                world.link.is_away = not world.link.is_away
                world.link.cut()
            case 4 if clients and not world.link.is_away:
                await world.rejoin(world.random.choice(clients))
            case 5 | 6 | 7:
                await asyncio.sleep(world.random.choice([0, 0.02, 0.03]))
            case _:
                world.write()
    world.link.is_away = False
    world.link.cut()
    for client in clients:
        client.is_slow = False
        client.take_all()

    def all_there() -> bool:
        for client in clients:
            client.take_all()
        return all(client.offsets[-1:] == world.expected(client)[-1:] for client in clients)

    await until(all_there, 5)
    for client in clients:
        assert client.offsets == world.expected(client)
        assert client.gaps == []
    world.healing.cancel()


async def test_who_is_slow_while_redis_is_away_is_told_all_once_it_is_back():
    world, slow, quick = World(1), MemoryClient(room=400), MemoryClient()
    await world.join(slow)
    await world.join(quick)
    slow.is_slow = True
    world.link.add(PLACE.channel_id, [entry(n, sent(n)) for n in range(600)])
    await until(lambda: not slow.flowing, 5)
    world.link.is_away = True
    world.link.cut()
    slow.is_slow = False
    slow.take_all()
    await until(lambda: world.link.refused > 2, 5)
    world.link.is_away = False
    await until(lambda: len(slow.offsets) == 600, 5)
    assert slow.offsets == quick.offsets == list(range(600))
    assert slow.gaps == []
    world.healing.cancel()


async def test_who_comes_back_slowly_is_told_no_more_than_a_slice_ahead():
    world = World(1)
    room = world.desk.buffer
    client = MemoryClient(room=room)
    world.link.add(PLACE.channel_id, [entry(n, sent(n)) for n in range(3000)])
    client.is_slow = True
    session = a_session(world.desk, client)
    session.take(Join("ada", 0))
    most = 0
    while client.offsets[-1:] != [2999]:
        await until(lambda: client.buffered > room or client.offsets[-1:] == [2999], 5)
        most = max(most, client.buffered)
        client.take_all()
    assert client.offsets == list(range(1, 3000))
    assert room < most <= room + REMEMBERED * len(b"2999 ")
    world.healing.cancel()


async def test_what_many_missed_is_read_and_encoded_once_for_all_of_them():
    world = World(1)
    world.link.add(PLACE.channel_id, [entry(n, sent(n)) for n in range(2000)])
    calls = 0

    class Counted(OffsetsDialect):
        def events(self, place, events):
            nonlocal calls
            calls += 1
            return super().events(place, events)

    clients = [MemoryClient(Counted()) for _ in range(40)]
    for client in clients:
        a_session(world.desk, client).take(Join("ada", 99))
    await until(lambda: all(client.offsets[-1:] == [1999] for client in clients), 20)
    assert all(client.offsets == list(range(100, 2000)) for client in clients)
    slices = (2000 - 100) / SLICE
    assert world.link.asked["XRANGE"] <= slices
    assert calls <= slices + len(clients)
    world.healing.cancel()


async def test_what_the_stream_lacks_is_a_gap():
    world, client = World(1), MemoryClient()
    world.write()
    await world.join(client)
    world.link.is_away = True
    world.link.cut()
    for _ in range(20):
        world.write()
    key = next(iter(world.link.streams))
    del world.link.streams[key][:40]
    last = client.joins[0].offset
    world.link.is_away = False
    await until(lambda: client.gaps, 5)
    assert client.gaps == [last]
    kept = [offset for offset, _, _ in world.link.streams[key]]
    await until(lambda: client.offsets == kept, 5)
    world.healing.cancel()


async def test_who_was_told_more_elsewhere_waits_for_the_others():
    """An edge whose Redis has lost everything, and gets it again from the log."""
    world, client = World(1), MemoryClient()
    await world.join(client, since=20)
    assert client.joins[0].offset == 20
    world.link.add(PLACE.channel_id, [entry(n, sent(n)) for n in range(10, 30)])
    world.link.add(PLACE.channel_id, [entry(30, sent(30))])
    await until(lambda: client.offsets[-1:] == [30], 5)
    assert client.offsets == list(range(21, 31))
    assert client.gaps == []
    world.healing.cancel()


async def test_who_does_not_hear_themselves_hears_all_others():
    world, client = World(1), MemoryClient(OffsetsDialect(echoes=False))
    await world.join(client)
    session = client.session
    session.user = await world.desk.facts.user((await world.desk.doorman.admit("bob")).principal)
    own = [entry(n, sent(n), session.session_id if n % 2 else "") for n in range(10)]
    world.link.add(PLACE.channel_id, own)
    await until(lambda: client.offsets[-1:] == [8], 5)
    assert client.offsets == [0, 2, 4, 6, 8]
    verdicts = [each.message_id for each in client.notices if hasattr(each, "outcome")]
    assert verdicts == ["m1", "m3", "m5", "m7", "m9"]
    world.healing.cancel()


async def test_a_delayed_chat_is_late_for_all_but_moderators_and_lacks_what_was_deleted():
    world = World(1)
    viewer, owner = MemoryClient(), MemoryClient()
    await world.join(viewer)
    session = a_session(world.desk, owner)
    session.user = await world.desk.facts.user((await world.desk.doorman.admit("ada")).principal)
    session.take(Join("ada"))
    await until(lambda: owner.joins, 5)
    settings = ChatSettingsChanged(
        channel_id=PLACE.channel_id,
        slow_seconds=0,
        followers_only_minutes=-1,
        subscribers_only=False,
        emote_only=False,
        unique_chat=False,
        links="everybody",
        permitted_domains=[],
        chat_delay_seconds=1,
        cause="moderator",
        **BY,
    )
    gone = MessageDeleted(
        channel_id=PLACE.channel_id,
        message_id="m2",
        user_id=id_of("bob"),
        login="bob",
        text="",
        sent_at=2,
        **BY,
    )
    world.link.add(PLACE.channel_id, [entry(0, sent(0)), entry(1, settings), entry(2, sent(2))])
    world.link.add(PLACE.channel_id, [entry(3, sent(3)), entry(4, gone)])
    await until(lambda: owner.offsets == [0, 1, 2, 3, 4], 5)
    assert viewer.offsets == []
    late = MemoryClient()
    await world.join(late)
    assert late.joins[0].events == []
    await until(lambda: viewer.offsets == [0, 1, 3, 4], 5)
    await until(lambda: late.offsets == [0, 1, 3, 4], 5)
    world.healing.cancel()


async def test_what_is_for_one_user_does_not_move_their_place():
    world, client = World(1), MemoryClient()
    session = a_session(world.desk, client)
    session.user = await world.desk.facts.user((await world.desk.doorman.admit("bob")).principal)
    world.link.add(PLACE.channel_id, [entry(5, sent(5))])
    session.take(Join("ada"))
    await until(lambda: client.joins, 5)
    denied = HeldMessageReviewed(
        channel_id=PLACE.channel_id,
        message_id="m1",
        user_id=id_of("bob"),
        login="bob",
        outcome="denied",
        **BY,
    )
    world.link.add(PLACE.channel_id, [entry(9, denied)])
    await until(lambda: client.told, 5)
    assert client.offsets == [5], "the place that it is in, not that of what others did not hear"
    world.healing.cancel()


async def test_who_asks_for_too_much_is_told_so():
    world, client = World(1), MemoryClient()
    session = a_session(world.desk, client)
    for _ in range(30):
        session.take(Join("ada"))
    for _ in range(100):
        session.take(Part(PLACE.channel_id))
    session.take(Say(PLACE.channel_id, "x", nonce="n"))
    await until(lambda: session._working is None, 5)
    reasons = [each.reason for each in client.notices if hasattr(each, "reason")]
    assert reasons.count("too-many-requests") == 10 + 31
    assert len(client.joins) == 20
    world.healing.cancel()


async def test_who_comes_back_before_others_have_what_they_had_is_not_told_it_again():
    world, slow, back = World(1), MemoryClient(), MemoryClient()
    await world.join(slow)
    world.link.add(PLACE.channel_id, [entry(0, sent(0))])
    world.link.add(PLACE.channel_id, [entry(1, sent(1))])
    assert slow.offsets == [0], "the second waits for its window"
    session = a_session(world.desk, back)
    session.take(Join("ada", 1))
    await asyncio.sleep(0)
    assert back.joins
    world.link.add(PLACE.channel_id, [entry(2, sent(2))])
    await until(lambda: slow.offsets == [0, 1, 2] and back.offsets, 5)
    assert back.offsets == [2]
    world.healing.cancel()
