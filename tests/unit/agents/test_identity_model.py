"""Given these events, this command yields those events: the rules of channels and stream keys."""

import pytest

from agents.identity.model import Channel, Command, Event, decide, evolve
from schemas.records.identity import (
    ChannelRegistered,
    ChannelUpdated,
    CommandRefused,
    IssueStreamKey,
    RegisterChannel,
    StreamKeyIssued,
    StreamKeyRevoked,
)

DIGEST = "0" * 64


def register(name: str = "river", title: str = "t", category: str = "g") -> RegisterChannel:
    return RegisterChannel(channel_id="c", name=name, title=title, category=category)


def issue(key_id: str, digest: str = DIGEST) -> IssueStreamKey:
    return IssueStreamKey(channel_id="c", key_id=key_id, key_digest=digest)


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
    assert run(register(), register())[1] == []


def test_a_new_title_updates_the_channel():
    assert run(register(), register(title="new"))[1] == [
        ChannelUpdated(channel_id="c", name="river", title="new", category="g")
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
    assert run(register(), issue("one"), issue("one"))[1] == []
