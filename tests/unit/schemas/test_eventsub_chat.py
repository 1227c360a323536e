"""What subscribers are told of chats."""

from typing import Any

import msgspec

from infra.record import Meta
from schemas import sources
from schemas.eventsub import BY_EVENT, KINDS
from schemas.records.chat import ChatCleared, EmoteRange, MessageSent, UserBanned

META = Meta(
    event_id="e", occurred_at=1_700_000_000_000_000, producer="chat/chat-commands/1", sequence=1
)
SENT = MessageSent(
    channel_id="c",
    message_id="m",
    user_id="u",
    login="mallory",
    display_name="Mallory",
    colour="#1E90FF",
    badges=["moderator/1", "subscriber/6"],
    text="nice Jump all",
    kind="text",
    announcement_colour="",
    emotes=[EmoteRange(id="e1", start=5, end=8)],
    reply_to="",
    reply_user_id="",
    reply_login="",
    reply_display_name="",
    reply_text="",
    thread_id="",
    approved_by="",
    rules="chat-1",
)


def told(event: Any) -> dict[str, Any]:
    """What is told, by type."""
    found = {kind.name: kind.told(event, META) for kind in BY_EVENT[type(event)]}
    return {name: each for name, each in found.items() if each is not None}


def test_a_message_is_told_whole_and_in_pieces() -> None:
    (message,) = told(SENT).values()
    assert message["message"]["text"] == "nice Jump all"
    assert [(each["type"], each["text"]) for each in message["message"]["fragments"]] == [
        ("text", "nice "),
        ("emote", "Jump"),
        ("text", " all"),
    ]
    assert message["badges"][1] == {"set_id": "subscriber", "id": "6", "info": ""}
    assert message["reply"] is None


def test_a_reply_names_its_parent() -> None:
    reply = msgspec.structs.replace(SENT, reply_to="m0", reply_text="how?", thread_id="m0")
    assert told(reply)["channel.chat.message"]["reply"]["parent_message_body"] == "how?"


def test_an_announcement_is_a_notification_and_no_message() -> None:
    said = msgspec.structs.replace(SENT, kind="announcement", announcement_colour="purple")
    found = told(said)
    assert found.keys() == {"channel.chat.notification"}
    assert found["channel.chat.notification"]["announcement"] == {"color": "PURPLE"}


def test_a_timeout_is_told_as_a_ban_and_as_an_act() -> None:
    until = META.occurred_at + 600_000_000
    ban = UserBanned(
        channel_id="c",
        user_id="u",
        login="mallory",
        until=until,
        reason="spoilers",
        by_id="m",
        by_login="wanda",
    )
    found = told(ban)
    assert found["channel.ban"]["ends_at"] == "2023-11-14T22:23:20.000000Z"
    assert found["channel.ban"]["is_permanent"] is False
    assert found["channel.moderate"]["action"] == "timeout"
    assert found["channel.moderate"]["timeout"]["reason"] == "spoilers"
    assert found["channel.moderate"]["ban"] is None


def test_what_no_moderator_did_is_no_act() -> None:
    cleared = ChatCleared(channel_id="c", by_id="", by_login="")
    assert told(cleared).keys() == {"channel.chat.clear"}


def test_every_event_that_is_told_of_is_on_its_topic() -> None:
    for kind in KINDS:
        assert kind.event.FULL_NAME in sources.topics()[kind.topic].events
        assert "worker eventsub" in sources.topics()[kind.topic].readers
