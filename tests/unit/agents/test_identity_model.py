"""Given these events, this command yields those events: the rules of channels and stream keys."""

import pytest

from agents.identity.model import MODERATORS, VIPS, Channel, Command, Event, decide, evolve
from schemas.records.identity import (
    AddModerator,
    AddVip,
    ChangeChannel,
    ChannelErased,
    ChannelRegistered,
    ChannelUpdated,
    CommandRefused,
    EraseChannel,
    IssueStreamKey,
    ModeratorAdded,
    ModeratorRemoved,
    OpenChannel,
    RegisterChannel,
    RemoveModerator,
    RemoveVip,
    StreamKeyIssued,
    StreamKeyRevoked,
    VipAdded,
    VipRemoved,
)

DIGEST = "0" * 64
ERASE = EraseChannel(channel_id="c")


def register(name: str = "river", title: str = "t", category: str = "g") -> RegisterChannel:
    return RegisterChannel(channel_id="c", name=name, title=title, category=category)


def issue(key_id: str, digest: str = DIGEST, sealed: str | None = None) -> IssueStreamKey:
    return IssueStreamKey(channel_id="c", key_id=key_id, key_digest=digest, sealed_key=sealed)


def change(**changes: object) -> ChangeChannel:
    return ChangeChannel(channel_id="c", **changes)


def add(user: str = "m") -> AddModerator:
    return AddModerator(channel_id="c", user_id=user)


def remove(user: str = "m") -> RemoveModerator:
    return RemoveModerator(channel_id="c", user_id=user)


def honour(user: str = "m") -> AddVip:
    return AddVip(channel_id="c", user_id=user)


def run(*commands: Command) -> tuple[Channel | None, list[Event]]:
    channel: Channel | None = None
    events: list[Event] = []
    for command in commands:
        events = decide(channel, command)
        for event in events:
            channel = evolve(channel, event)
    return channel, events


def test_a_channel_is_registered_once():
    assert run(register())[1] == [
        ChannelRegistered(channel_id="c", name="river", title="t", category="g")
    ]


def test_what_is_so_already_is_said_again():
    before, _ = run(register(title="t"), change(tags=["boats"]))
    after, events = run(register(title="t"), change(tags=["boats"]), register(title="t"))
    assert after == before
    assert events == [
        ChannelUpdated(
            channel_id="c", name="river", title="t", category="g", language="", tags=["boats"]
        )
    ]
    after, events = run(register(), issue("one"), issue("one"))
    assert after == run(register(), issue("one"))[0]
    assert events == [StreamKeyIssued(channel_id="c", key_id="one", key_digest=DIGEST)]


def test_a_new_title_updates_the_channel():
    assert run(register(), register(title="new"))[1] == [
        ChannelUpdated(
            channel_id="c", name="river", title="new", category="g", language="", tags=[]
        )
    ]


@pytest.mark.parametrize(
    ("commands", "reason"),
    [
        ((register(name="no spaces"),), "invalid-name"),
        ((register(name="ab"),), "invalid-name"),
        ((register(title="x" * 141),), "title-too-long"),
        ((register(), register(name="other")), "name-is-fixed"),
        ((issue("k"),), "unknown-channel"),
        ((register(), issue("k", "secret")), "invalid-key"),
        ((register(), issue("")), "invalid-key"),
        ((register(), issue("k", sealed="live_k_secret")), "not-sealed"),
        ((change(title="t"),), "unknown-channel"),
        ((register(), change(title="x" * 141)), "title-too-long"),
        ((register(), change(category="x" * 141)), "category-too-long"),
        ((register(), change(language="english")), "invalid-language"),
        ((register(), change(tags=["a"] * 11)), "too-many-tags"),
        ((register(), change(tags=["two words"])), "invalid-tag"),
        ((register(), change(tags=["x" * 26])), "invalid-tag"),
        ((register(), change(tags=["Boats", "boats"])), "repeated-tag"),
        ((register(), add("c")), "own-channel"),
        ((register(), add("")), "invalid-user-id"),
        ((register(), add("x" * 101)), "invalid-user-id"),
        ((register(), add(), add()), "already-moderator"),
        ((register(), remove()), "not-a-moderator"),
        ((register(), *(add(str(n)) for n in range(MODERATORS + 1))), "too-many-moderators"),
        ((register(), honour("c")), "own-channel"),
        ((register(), honour("")), "invalid-user-id"),
        ((register(), honour(), honour()), "already-vip"),
        ((register(), add(), honour()), "already-moderator"),
        ((register(), RemoveVip(channel_id="c", user_id="m")), "not-a-vip"),
        ((register(), *(honour(str(n)) for n in range(VIPS + 1))), "too-many-vips"),
        ((register(), ERASE, change(title="t")), "erased"),
        ((register(), ERASE, register()), "erased"),
        ((OpenChannel(channel_id="c", name="no spaces"),), "invalid-name"),
    ],
)
def test_a_broken_rule_is_named_and_changes_nothing(commands: tuple[Command, ...], reason: str):
    before, _ = run(*commands[:-1])
    after, events = run(*commands)
    assert [type(event) for event in events] == [CommandRefused]
    assert events[0].reason == reason
    assert after == before


def test_a_new_key_takes_the_place_of_the_old_one():
    assert run(register(), issue("one"))[1] == [
        StreamKeyIssued(channel_id="c", key_id="one", key_digest=DIGEST)
    ]
    assert run(register(), issue("one"), issue("two"))[1] == [
        StreamKeyRevoked(channel_id="c", key_id="one"),
        StreamKeyIssued(channel_id="c", key_id="two", key_digest=DIGEST),
    ]


def test_a_users_channel_is_opened_once_and_stays_as_it_is():
    opened = OpenChannel(channel_id="c", name="river")
    assert run(opened)[1] == [
        ChannelRegistered(channel_id="c", name="river", title="", category="")
    ]
    before, _ = run(register(title="t"))
    after, events = run(register(title="t"), opened)
    assert after == before
    assert [type(event) for event in events] == [ChannelUpdated]


def test_what_is_not_named_in_a_change_stays():
    changes = change(language="en", tags=["boats", "Größe1"]), change(title="new")
    assert run(register(), *changes)[1] == [
        ChannelUpdated(
            channel_id="c",
            name="river",
            title="new",
            category="g",
            language="en",
            tags=["boats", "Größe1"],
        )
    ]
    (cleared,) = run(register(), *changes, change(language="", tags=[]))[1]
    assert (cleared.language, cleared.tags, cleared.title) == ("", [], "new")


def test_an_update_of_the_first_release_keeps_language_and_tags():
    channel, _ = run(register(), change(language="en", tags=["boats"]))
    old = ChannelUpdated(channel_id="c", name="river", title="x", category="y")
    after = evolve(channel, old)
    assert after is not None
    assert (after.title, after.language, after.tags) == ("x", "en", ("boats",))


def test_moderators_come_and_go():
    assert run(register(), add())[1] == [ModeratorAdded(channel_id="c", user_id="m")]
    assert run(register(), add(), remove())[1] == [ModeratorRemoved(channel_id="c", user_id="m")]
    assert run(register(), add(), remove(), add())[1] == [
        ModeratorAdded(channel_id="c", user_id="m")
    ]


def test_a_vip_who_becomes_a_moderator_is_a_vip_no_longer():
    assert run(register(), honour())[1] == [VipAdded(channel_id="c", user_id="m")]
    channel, events = run(register(), honour(), add())
    assert events == [
        VipRemoved(channel_id="c", user_id="m"),
        ModeratorAdded(channel_id="c", user_id="m"),
    ]
    assert channel is not None
    assert (channel.vips, channel.moderators) == ((), ("m",))


def test_an_erased_channel_leaves_its_name_only():
    channel, events = run(register(), issue("k"), add(), honour("v"), ERASE)
    assert events == [
        StreamKeyRevoked(channel_id="c", key_id="k"),
        ModeratorRemoved(channel_id="c", user_id="m"),
        VipRemoved(channel_id="c", user_id="v"),
        ChannelErased(channel_id="c", name="river"),
    ]
    assert channel == Channel(name="river", title="", category="", erased=True)
