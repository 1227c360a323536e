"""Follows as the identity worker decides them, and how an erasure undoes them."""

import asyncio
from functools import partial

import pytest

from agents.social.model import UNDONE_AT_ONCE
from infra.names import id_of
from infra.streaming.testing import Delivered, TestWorker
from schemas.records.accounts import EraseUser, RegisterUser
from schemas.records.clock import Tick
from schemas.records.social import (
    ChannelFollowed,
    ChannelUnfollowed,
    FollowChannel,
    FollowConfirmed,
    ForgetFollower,
    NoteFollow,
    UnfollowChannel,
)
from tests.functional.workers import identity_app

USER = id_of("river")


async def settle(worker: TestWorker, outputs: list[Delivered]) -> list[Delivered]:
    """What came of outputs, and of what came of them, and so on; theirs included."""
    every = list(outputs)
    for output in every:
        if output.topic in worker.app.agents_by_source:
            every += await worker.relay(output)
    return every


async def follow(worker: TestWorker, channel: str, user: str) -> list[Delivered]:
    command = FollowChannel(channel_id=channel, user_id=user)
    return await settle(worker, await worker.put("social-commands", channel, command))


def events(outputs: list[Delivered], topic: str) -> list[object]:
    return [output.event for output in outputs if output.topic == topic]


async def test_a_follow_is_counted_once_and_noted_under_its_user() -> None:
    async with TestWorker(identity_app) as worker:
        first = await follow(worker, "c", "u")
        assert [type(event) for event in events(first, "social-events")] == [ChannelFollowed]
        assert events(first, "follower-commands") == [
            NoteFollow(user_id="u", channel_id="c", follows=True)
        ]
        assert [each.key for each in first if each.topic == "follower-commands"] == ["u"]
        (again,) = await follow(worker, "c", "u")
        assert isinstance(again.event, FollowConfirmed)
        assert again.event.followers == 1
        assert again.event.followed_at == first[0].event.followed_at
        second = await follow(worker, "c", "v")
        assert second[0].event.followers == 2
        assert worker.rows("followers-by-channel") == {"c": 2}
        assert worker.rows("follow-by-channel-and-user").keys() == {"c|u", "c|v"}


async def test_unfollowing_leaves_no_row_but_the_count() -> None:
    async with TestWorker(identity_app) as worker:
        await follow(worker, "c", "u")
        asked = UnfollowChannel(channel_id="c", user_id="u")
        every = await settle(worker, await worker.put("social-commands", "c", asked))
        assert [type(event) for event in events(every, "social-events")] == [ChannelUnfollowed]
        assert worker.rows("follow-by-channel-and-user") == {}
        assert worker.rows("followers-by-channel") == {"c": 0}
        assert worker.rows("followed-by-user-and-slot") == {}


async def test_a_worker_that_starts_again_counts_on() -> None:
    async with TestWorker(identity_app) as first:
        for user in ("u", "v"):
            await follow(first, "c", user)
    async with TestWorker(identity_app, first.log) as second:
        put = partial(second.put, "social-commands", "c", producer="after")
        (again,) = await put(FollowChannel(channel_id="c", user_id="u"))
        assert isinstance(again.event, FollowConfirmed)
        (third,) = await put(FollowChannel(channel_id="c", user_id="w"))
        assert third.event.followers == 3


async def test_what_an_erased_user_followed_is_undone() -> None:
    channels = [f"c{number}" for number in range(40)]
    async with TestWorker(identity_app) as worker:
        key = f"{USER}.{'0' * 16}"
        await worker.put(
            "account-commands",
            USER,
            RegisterUser(
                user_id=USER,
                login="river",
                display_name="River",
                key_id=key,
                sealed_password=f"s1.{key}.AAAA",
                channel_exists=False,
            ),
        )
        for channel in channels:
            await follow(worker, channel, USER)
            await follow(worker, channel, "v")
        erased = await worker.put("account-commands", USER, EraseUser(user_id=USER))
        every = await settle(worker, erased)
        assert events(every, "follower-commands").count(ForgetFollower(user_id=USER)) == 1
        undone = [each for each in events(every, "social-events") if each.user_id == USER]
        assert {each.channel_id for each in undone} == set(channels)
        assert {type(each) for each in undone} == {ChannelUnfollowed}
        assert worker.rows("followers-by-channel") == dict.fromkeys(channels, 1)
        assert not [row for row in worker.rows("follow-by-channel-and-user") if USER in row]
        assert not [row for row in worker.rows("followed-by-user-and-slot") if USER in row]


async def test_a_follow_that_was_under_way_while_its_user_was_erased_is_undone() -> None:
    async with TestWorker(identity_app) as worker:
        accepted = await worker.put(
            "social-commands", "c", FollowChannel(channel_id="c", user_id=USER)
        )
        await worker.put("follower-commands", USER, ForgetFollower(user_id=USER))
        await settle(worker, accepted)
        assert worker.rows("followers-by-channel") == {"c": 0}


async def test_many_follows_are_undone_some_at_a_time() -> None:
    async with TestWorker(identity_app) as worker:
        for number in range(UNDONE_AT_ONCE + 100):
            said = NoteFollow(user_id=USER, channel_id=f"c{number}", follows=True)
            await worker.put("follower-commands", USER, said)
        first = await worker.put("follower-commands", USER, ForgetFollower(user_id=USER))
        some = len(events(first, "social-commands"))
        assert UNDONE_AT_ONCE <= some < UNDONE_AT_ONCE + 100
        assert events(first, "follower-commands") == [ForgetFollower(user_id=USER)]
        every = await settle(worker, first)
        assert len(events(every, "social-commands")) == UNDONE_AT_ONCE + 100
        assert worker.rows("followed-by-user-and-slot") == {}


async def test_ticks_say_nothing() -> None:
    async with TestWorker(identity_app) as worker:
        for topic in ("social-commands", "follower-commands"):
            assert await worker.put(topic, "", Tick(), partition=0) == []


@pytest.mark.parametrize(
    ("topic", "event"),
    [
        ("social-commands", FollowChannel(channel_id="c", user_id="u")),
        ("follower-commands", NoteFollow(user_id="u", channel_id="c", follows=True)),
        ("follower-commands", ForgetFollower(user_id="u")),
    ],
)
async def test_a_command_under_another_key_is_a_dead_letter(topic: str, event: object) -> None:
    async with TestWorker(identity_app) as worker:
        (letter,) = await worker.put(topic, "somebody-else", event)
        assert letter.topic == f"{topic}-dlq"
        assert b"must be the key" in letter.headers["error"]


async def test_a_storm_on_one_channel_bends_no_count() -> None:
    async with TestWorker(identity_app) as worker:
        for number in range(3_000):
            command = FollowChannel(channel_id="c", user_id=f"u{number % 2_000}")
            (answer,) = await worker.put("social-commands", "c", command)
            assert answer.event.followers == min(number + 1, 2_000)
            await asyncio.sleep(0)
        assert worker.rows("followers-by-channel") == {"c": 2_000}
        assert max(len(str(row)) for row in worker.rows("follow-by-channel-and-user").values()) < 32
