"""Chat from the log to its clients, over real Kafka and Redis: in order, without gap or repeat."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from redis.asyncio import Redis

from api.chat.slices import SLICE
from infra.names import id_of
from schemas.chat_stream import KEPT, key_of
from schemas.records.chat import ChatCleared, MessageDeleted, MessageRejected, UserBanned
from tests.integration.chat_rig import Rig, RunningEdge, sent
from tests.integration.relay import Relay
from tests.waiting import until

BY = {"by_id": id_of("dan"), "by_login": "dan"}


@pytest.fixture
async def rig(kafka: str, redis_url: str, unique: str) -> AsyncIterator[Rig]:
    async with Rig(kafka, redis_url, unique) as found:
        yield found


@pytest.fixture
async def edge(rig: Rig) -> AsyncIterator[RunningEdge]:
    async with rig.fanout(), rig.edge() as found:
        yield found


def numbered(count: int, first: int = 0) -> list[str]:
    return [f"message {number}" for number in range(first, first + count)]


async def test_all_hear_a_channel_in_one_order_and_others_do_not(rig: Rig, edge: RunningEdge):
    viewers = [await edge.joins("ada") for _ in range(3)]
    elsewhere = await edge.joins("bob")
    for text in numbered(200):
        await rig.say(sent("ada", text))
    await rig.say(sent("bob", "over here"))
    for viewer in viewers:
        assert await viewer.texts(200) == numbered(200)
        offsets = [each["offset"] for each in viewer.events]
        assert offsets == sorted(set(offsets))
    assert await elsewhere.texts(1) == ["over here"]


async def test_who_comes_in_sees_the_last_fifty_without_what_was_taken_back(
    rig: Rig, edge: RunningEdge
):
    first = await edge.joins("ada")
    messages = [sent("ada", text) for text in numbered(60)]
    for message in messages:
        await rig.say(message)
    gone = messages[30]
    await rig.say(
        MessageDeleted(
            channel_id=gone.channel_id,
            message_id=gone.message_id,
            user_id=gone.user_id,
            login=gone.login,
            text=gone.text,
            sent_at=1,
            **BY,
        )
    )
    await rig.say(sent("ada", "rude", "bob"))
    await rig.say(
        UserBanned(channel_id=id_of("ada"), user_id=id_of("bob"), login="bob", reason="rude", **BY)
    )
    await rig.say(sent("ada", "the end"))
    await first.texts(62)
    second = await edge.joins("ada")
    expected = [text for text in numbered(60) if text != gone.text] + ["the end"]
    assert second.said() == expected[-50:]
    assert second.offset == first.offset
    bans = [each for each in first.events if each["kind"] == "UserBanned"]
    assert [(each["reason"], each["by_login"]) for each in bans] == [("", "")]


async def test_who_comes_back_goes_on_where_they_were(rig: Rig, edge: RunningEdge):
    staying, leaving = await edge.joins("ada"), await edge.joins("ada")
    await rig.say(sent("ada", "before"))
    await leaving.texts(1)
    await leaving.leave()
    for text in numbered(300):
        await rig.say(sent("ada", text))
    await staying.texts(301)
    back = await edge.visit()
    await back.say("join", channel="ada", since=leaving.offset)
    joined = await back.hears("joined")
    assert joined["resumed"] is True
    await rig.say(sent("ada", "after"))
    assert await back.texts(301) == [*numbered(300), "after"]
    assert back.offset == (await _until_offset(staying, 302))


async def _until_offset(viewer, count: int) -> int:
    await viewer.texts(count)
    return viewer.offset


async def test_who_was_away_for_too_long_is_told_that_something_is_missing(rig: Rig):
    async with rig.fanout(kept_seconds=0.01), rig.edge() as edge:
        staying = await edge.joins("ada")
        for text in numbered(900):
            await rig.say(sent("ada", text))
        await staying.texts(900)
        await rig.say(sent("ada", "one more"))
        await staying.texts(901)
        back = await edge.visit()
        await back.say("join", channel="ada", since=3)
        assert (await back.hears("gap"))["from"] == 3
        assert (await back.hears("joined"))["resumed"] is False
        assert back.said() == [*numbered(49, 851), "one more"]


async def test_who_was_away_for_thousands_of_messages_is_told_all_of_them_in_slices(
    rig: Rig, edge: RunningEdge
):
    first = await edge.joins("ada")
    await rig.say_all([sent("ada", text) for text in numbered(3000)])
    await first.texts(3000)
    back = await edge.visit()
    await back.say("join", channel="ada", since=first.events[0]["offset"])
    joined = await back.hears("joined")
    assert joined["resumed"] is True
    assert len(joined["messages"]) == SLICE
    await rig.say(sent("ada", "the end"))
    assert await back.texts(3000) == [*numbered(2999, 1), "the end"]
    offsets = [each["offset"] for each in back.events]
    assert offsets == sorted(set(offsets))
    assert joined["offset"] == offsets[SLICE - 1]


async def test_a_storm_is_kept_until_it_is_long_over(rig: Rig):
    redis = Redis.from_url(rig.redis)
    key = key_of(id_of("ada"), rig.prefix)

    async def is_short() -> bool:
        return KEPT <= await redis.xlen(key) <= 2 * KEPT

    async with rig.fanout(kept_seconds=3.0), rig.edge() as edge:
        viewer = await edge.joins("ada")
        await rig.say_all([sent("ada", text) for text in numbered(1500)])
        await viewer.texts(1500)
        assert await redis.xlen(key) == 1500
        await until(is_short)
    await redis.aclose()


async def test_what_is_said_comes_back_as_a_verdict_and_to_all(rig: Rig, edge: RunningEdge):
    rig.views.put("follows", (id_of("ada"), id_of("bob")), followed_at=17)
    bob, listener = await edge.joins("ada", "bob"), await edge.joins("ada")
    await bob.say("say", channel_id=id_of("ada"), text="hello", nonce="n1")
    verdict = await bob.hears("verdict")
    assert (verdict["outcome"], verdict["nonce"]) == ("sent", "n1")
    assert await listener.texts(1) == ["hello"]
    assert listener.events[0]["message_id"] == verdict["message_id"]
    [command] = rig.agent.commands
    assert (command.roles, command.followed_at, command.login) == ([], 17, "bob")
    await bob.say("say", channel_id=id_of("ada"), text="/me waves", reply_to=verdict["message_id"])
    assert (await bob.hears("verdict"))["outcome"] == "sent"
    waves = rig.agent.commands[-1]
    assert (waves.kind, waves.text, waves.reply_text) == ("action", "waves", "hello")
    assert waves.reply_user_id == id_of("bob")


async def test_what_was_said_long_ago_is_answered_as_the_history_has_it(
    rig: Rig, edge: RunningEdge
):
    ada, dan = id_of("ada"), id_of("dan")
    for number, channel, deleted_at in ((1, ada, None), (2, ada, 7), (3, id_of("bob"), None)):
        key = (channel, number, f"old{number}")
        row = {"channel_id": channel, "sent_at": number, "message_id": key[2], "user_id": dan}
        rig.views.put("chat-messages", key[2], channel_id=channel, sent_at=number)
        rig.views.put("chat-history", key, **row, text="long ago", deleted_at=deleted_at)
    bob = await edge.joins("ada", "bob")
    await bob.say("say", channel_id=ada, text="still", reply_to="old1")
    assert (await bob.hears("verdict"))["outcome"] == "sent"
    [command] = rig.agent.commands
    assert (command.reply_user_id, command.reply_text) == (dan, "long ago")
    for gone in ("old2", "old3", "nothing"):
        await bob.say("say", channel_id=ada, text="still", reply_to=gone)
        assert (await bob.hears("error"))["reason"] == "not-found"


async def test_what_was_rejected_is_for_its_author_and_moderators_only(rig: Rig, edge: RunningEdge):
    rig.views.put("moderators", (id_of("ada"), id_of("cleo")), since=1)
    rig.agent.verdict = lambda said, message_id: MessageRejected(
        channel_id=said.channel_id,
        message_id=message_id,
        user_id=said.user_id,
        login=said.login,
        text=said.text,
        reason="blocked-term",
        detail="not here",
        rules="chat-1",
    )
    bob, cleo = await edge.joins("ada", "bob"), await edge.joins("ada", "cleo")
    listener = await edge.joins("ada")
    await bob.say("say", channel_id=id_of("ada"), text="a secret", nonce="n")
    verdict = await bob.hears("verdict")
    assert (verdict["outcome"], verdict["reason"], verdict["nonce"]) == (
        "rejected",
        "blocked-term",
        "n",
    )
    await rig.say(sent("ada", "the end"))
    assert await listener.texts(1) == ["the end"]
    await cleo.texts(1)
    await bob.texts(1)
    assert [each["kind"] for each in cleo.events] == ["MessageRejected", "MessageSent"]
    for viewer in (bob, listener):
        assert "a secret" not in str(viewer.events)


async def test_only_who_may_says_something(rig: Rig, edge: RunningEdge):
    ada = {"channel_id": id_of("ada"), "text": "x", "nonce": "n"}
    anonymous = await edge.joins("ada")
    await anonymous.say("say", **ada)
    assert (await anonymous.hears("error"))["reason"] == "not-signed-in"
    reader = await edge.joins("ada", "bob~")
    await reader.say("say", **ada)
    assert (await reader.hears("error"))["reason"] == "missing-scope"
    outside = await edge.visit("bob")
    await outside.say("say", **ada)
    assert (await outside.hears("error"))["reason"] == "not-joined"
    stranger = await edge.visit()
    await stranger.say("hello", token="~")
    assert (await stranger.hears("error"))["reason"] == "invalid-token"
    await stranger.say("join", channel="nobody_here")
    assert (await stranger.hears("error"))["reason"] == "not-found"
    await stranger.socket.send_str('{"type":"join"}')
    assert (await stranger.hears("error"))["reason"] == "invalid-message"
    rig.agent.is_away = True
    bob = await edge.joins("ada", "bob")
    await bob.say("say", **ada)
    away = await bob.hears("error")
    assert (away["reason"], away["nonce"]) == ("unavailable", "n")


async def test_redis_goes_away_and_comes_back_and_nothing_is_missing(rig: Rig):
    relay = Relay(rig.redis)
    async with relay.serving() as url, rig.fanout(), rig.edge(url) as edge:
        viewer = await edge.joins("ada")
        for round_ in range(5):
            for text in numbered(20, 40 * round_):
                await rig.say(sent("ada", text))
            relay.cut()
            for text in numbered(20, 40 * round_ + 20):
                await rig.say(sent("ada", text))
        assert await viewer.texts(200) == numbered(200)
        assert not [each for each in viewer.heard if each["type"] == "gap"]


async def test_a_long_silence_of_redis_is_said(rig: Rig):
    relay = Relay(rig.redis)
    async with AsyncExitStack() as line, rig.fanout():
        url = await line.enter_async_context(relay.serving())
        async with rig.edge(url) as edge:
            viewer = await edge.joins("ada")
            await line.aclose()
            assert (await viewer.hears("error"))["reason"] == "chat-away"


async def test_a_fanout_that_dies_goes_on_without_gap_or_repeat(rig: Rig):
    async with rig.edge() as edge:
        viewer = await edge.joins("ada")
        for round_ in range(3):
            async with rig.fanout():
                for text in numbered(50, 100 * round_):
                    await rig.say(sent("ada", text))
                await viewer.texts(100 * round_ + 50)
            for text in numbered(50, 100 * round_ + 50):
                await rig.say(sent("ada", text))
        async with rig.fanout():
            assert await viewer.texts(300) == numbered(300)


async def test_a_redis_that_lost_everything_has_the_last_messages_again(rig: Rig):
    relay = Relay(rig.redis)
    redis = Redis.from_url(rig.redis)
    async with relay.serving() as url, rig.fanout(url), rig.edge() as edge:
        viewer = await edge.joins("ada")
        for text in numbered(70):
            await rig.say(sent("ada", text))
        await viewer.texts(70)
        await redis.delete(key_of(id_of("ada"), rig.prefix))
        relay.cut()
        await rig.say(sent("ada", "one more"))
        assert await viewer.texts(71) == [*numbered(70), "one more"]
        async with rig.edge() as other:
            late = await other.joins("ada")
            assert late.said() == [*numbered(49, 21), "one more"]
    await redis.aclose()


async def test_a_slow_client_misses_nothing(rig: Rig):
    from api.chat.sockets import Limits

    async with rig.fanout(), rig.edge(limits=Limits(buffer=4_000)) as edge:
        quick, slow = await edge.joins("ada"), await edge.joins("ada")
        slow.socket._response.connection.transport.pause_reading()
        padding = "x" * 3000
        for text in numbered(1500):
            await rig.say(sent("ada", f"{text} {padding}"))
        await quick.texts(1500, 60)
        slow.socket._response.connection.transport.resume_reading()
        await rig.say(sent("ada", "the end"))
        async with asyncio.timeout(30):
            while "the end" not in slow.said():
                slow._news.clear()
                await slow._news.wait()
        assert not [each for each in slow.heard if each["type"] == "gap"]
        offsets = [each["offset"] for each in slow.events]
        assert offsets == sorted(set(offsets))
        assert slow.said() == quick.said()


async def test_an_edge_that_stops_sends_its_clients_away(rig: Rig):
    async with rig.fanout(), rig.edge() as edge:
        viewer = await edge.joins("ada")
    assert "after_ms" in await viewer.hears("reconnect")
    assert (await viewer.hears("closed"))["code"] == 1012


async def test_who_is_here_is_known_elsewhere(rig: Rig, edge: RunningEdge):
    presence = edge.edge.desk.presence

    async def here() -> set[str]:
        return {each.login for each in await presence.here(id_of("ada"))}

    bob = await edge.joins("ada", "bob")
    await edge.joins("ada")
    await until(lambda: _is(here, {"bob"}))
    await bob.leave()
    await until(lambda: _is(here, set()))


async def _is(here, expected: set[str]) -> bool:
    return await here() == expected


async def test_access_that_is_ended_ends_the_connection(rig: Rig, edge: RunningEdge):
    bob = await edge.joins("ada", "bob")
    rig.tokens.ended.add("bob")
    [session] = [each for each in edge.edge._sessions if each.user]
    await session.look_again()
    assert (await bob.hears("error"))["reason"] == "access-ended"
    assert (await bob.hears("closed"))["code"] == 4001


async def test_a_cleared_chat_is_empty(rig: Rig, edge: RunningEdge):
    first = await edge.joins("ada")
    await rig.say(sent("ada", "one"))
    await rig.say(ChatCleared(channel_id=id_of("ada"), **BY))
    await rig.say(sent("ada", "two"))
    await first.texts(2)
    assert (await edge.joins("ada")).said() == ["two"]


async def test_a_repeat_on_the_log_and_bytes_that_are_no_event_are_told_once_and_never(
    rig: Rig, edge: RunningEdge
):
    viewer = await edge.joins("ada")
    key = id_of("ada").encode()
    kafka = rig._producer._kafka
    value = None
    await rig.say(sent("ada", "once"))
    from infra.record import Meta
    from schemas.registry import registry

    meta = Meta(event_id="e1", occurred_at=1, producer="chat/chat-commands/0", sequence=7)
    value = registry().encode(meta, sent("ada", "twice"))
    assert kafka is not None
    for each in (value, b"nothing", value):
        await kafka.send_and_wait(rig.topic, each, key, partition=_partition(key))
    await rig.say(sent("ada", "the end"))
    assert await viewer.texts(3) == ["once", "twice", "the end"]
    assert [record.value for record in rig.dead] == [b"nothing"]


def _partition(key: bytes) -> int:
    from infra.kafka import partition_of

    return partition_of(key, 2)
