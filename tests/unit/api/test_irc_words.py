"""What happens in a chat, in lines of IRC, as clients that were written for Twitch read them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.chat.dialect import ChatSettings, Event, Place, User, You
from api.chat.irc.dialect import IrcDialect
from api.chat.irc.lines import Line, read, write
from api.chat.irc.words import names, room_state, said_of, user_state
from infra.record import Record
from schemas.records.chat import (
    ChatCleared,
    ChatSettingsChanged,
    EmoteRange,
    MessageDeleted,
    MessageSent,
    UserBanned,
    UserWarned,
)

PLACE = Place("c-1", "river")
AT = 1_700_000_000_123_456
BY: dict[str, Any] = {"by_id": "u-9", "by_login": "moss"}


def message(**more: object) -> MessageSent:
    fields = {
        "channel_id": "c-1",
        "message_id": "m-1",
        "user_id": "u-2",
        "login": "brook",
        "display_name": "Brook",
        "colour": "#1E90FF",
        "badges": ["moderator/1", "subscriber/12"],
        "text": "Kappa hello Kappa",
        "kind": "text",
        "announcement_colour": "",
        "emotes": [],
        "reply_to": "",
        "reply_user_id": "",
        "reply_login": "",
        "reply_display_name": "",
        "reply_text": "",
        "thread_id": "",
        "approved_by": "",
        "rules": "chat-1",
    }
    return MessageSent(**(fields | more))  # type: ignore[arg-type]


def changed(**more: object) -> ChatSettingsChanged:
    fields = {
        "channel_id": "c-1",
        "slow_seconds": 0,
        "followers_only_minutes": -1,
        "subscribers_only": False,
        "emote_only": False,
        "unique_chat": False,
        "links": "everybody",
        "permitted_domains": [],
        "chat_delay_seconds": 0,
        "cause": "moderator",
    }
    return ChatSettingsChanged(**(fields | BY | more))  # type: ignore[arg-type]


def told(record: Record, before: ChatSettings | None = None) -> list[str]:
    return [write(line) for line in said_of(PLACE, Event(7, AT, record, before))]


def test_a_message() -> None:
    emotes = [
        EmoteRange(id="25", start=0, end=4),
        EmoteRange(id="9", start=6, end=10),
        EmoteRange(id="25", start=12, end=16),
    ]
    assert told(message(emotes=emotes)) == [
        "@badge-info=subscriber/12;badges=moderator/1,subscriber/12;color=#1E90FF;"
        "display-name=Brook;emotes=25:0-4,12-16/9:6-10;first-msg=0;id=m-1;mod=1;room-id=c-1;"
        "subscriber=1;tmi-sent-ts=1700000000123;turbo=0;user-id=u-2;user-type=mod"
        " :brook!brook@brook.tmi.twitch.tv PRIVMSG #river :Kappa hello Kappa"
    ]


def test_an_answer_and_an_action() -> None:
    (line,) = said_of(
        PLACE,
        Event(
            7,
            AT,
            message(
                kind="action",
                text="nods",
                reply_to="m-0",
                reply_user_id="u-3",
                reply_login="lake",
                reply_display_name="Lake",
                reply_text="is it; deep?",
                thread_id="m-0",
            ),
        ),
    )
    assert line.text == "\x01ACTION nods\x01"
    assert {key: value for key, value in line.tags.items() if key.startswith("reply")} == {
        "reply-parent-display-name": "Lake",
        "reply-parent-msg-body": "is it; deep?",
        "reply-parent-msg-id": "m-0",
        "reply-parent-user-id": "u-3",
        "reply-parent-user-login": "lake",
        "reply-thread-parent-msg-id": "m-0",
        "reply-thread-parent-user-login": "lake",
    }


def test_an_announcement() -> None:
    (line,) = said_of(PLACE, Event(7, AT, message(kind="announcement", announcement_colour="blue")))
    assert (line.command, line.source, line.text) == (
        *("USERNOTICE", "tmi.twitch.tv", "Kappa hello Kappa"),
    )
    assert (line.tags["msg-id"], line.tags["msg-param-color"]) == ("announcement", "BLUE")


@pytest.mark.parametrize(
    ("record", "line"),
    [
        (
            UserBanned(channel_id="c-1", user_id="u-2", login="brook", reason="", **BY),
            "@room-id=c-1;target-user-id=u-2;tmi-sent-ts=1700000000123"
            " :tmi.twitch.tv CLEARCHAT #river :brook",
        ),
        (
            UserBanned(
                *(), channel_id="c-1", user_id="u-2", login="brook", reason="", **BY,
                until=AT + 59_400_000,
            ),
            "@ban-duration=60;room-id=c-1;target-user-id=u-2;tmi-sent-ts=1700000000123"
            " :tmi.twitch.tv CLEARCHAT #river :brook",
        ),
        (
            ChatCleared(channel_id="c-1", **BY),
            "@room-id=c-1;tmi-sent-ts=1700000000123 :tmi.twitch.tv CLEARCHAT #river",
        ),
        (
            MessageDeleted(
                channel_id="c-1", message_id="m-1", sent_at=AT, user_id="u-2", login="brook",
                text="rude", **BY,
            ),
            "@login=brook;room-id=;target-msg-id=m-1;tmi-sent-ts=1700000000123"
            " :tmi.twitch.tv CLEARMSG #river :rude",
        ),
    ],
)  # fmt: skip
def test_what_moderators_do(record: Record, line: str) -> None:
    assert told(record) == [line]


def test_only_what_changes_is_told() -> None:
    lines = told(changed(slow_seconds=30, followers_only_minutes=0), ChatSettings())
    assert lines == [
        "@followers-only=0;room-id=c-1 :tmi.twitch.tv ROOMSTATE #river",
        "@msg-id=followers_on_zero :tmi.twitch.tv NOTICE #river"
        " :This room is now in followers-only mode.",
        "@room-id=c-1;slow=30 :tmi.twitch.tv ROOMSTATE #river",
        "@msg-id=slow_on :tmi.twitch.tv NOTICE #river"
        " :This room is now in slow mode: one message every 30 seconds.",
    ]
    off = told(changed(), ChatSettings(slow_seconds=30, subscribers_only=True))
    codes = [read(line).tags["msg-id"] for line in off if "NOTICE" in line]
    assert codes == ["slow_off", "subs_off"]
    assert told(changed(links="nobody"), ChatSettings()) == []
    assert told(changed(slow_seconds=30)) == [
        write(room_state(PLACE, ChatSettings(slow_seconds=30)))
    ]


def test_what_irc_has_no_words_for_is_not_told() -> None:
    record = UserWarned(channel_id="c-1", user_id="u-2", login="brook", reason="rude", **BY)
    assert told(record) == []


def test_what_somebody_is() -> None:
    user = User("u-2", "brook", "Wide Brook", "#1E90FF")
    line = user_state(PLACE, user, You(("moderator", "vip", "subscriber"), None, 14))
    assert write(line) == (
        "@badge-info=subscriber/14;badges=moderator/1,vip/1,subscriber/12;color=#1E90FF;"
        "display-name=Wide\\sBrook;emote-sets=0;mod=1;subscriber=1;turbo=0;user-type=mod;vip=1"
        " :tmi.twitch.tv USERSTATE #river"
    )


def test_names_go_into_as_many_lines_as_they_need() -> None:
    logins = ["x" * 25] * 40
    lines = names(Place("c-1", "y" * 25), "z" * 25, logins)
    assert [line.command for line in lines] == ["353", "353", "353", "366"]
    assert [name for line in lines[:-1] for name in (line.text or "").split()] == logins
    assert all(len(write(line)) <= 510 for line in lines)


def test_capabilities_leave_lines_and_tags_out() -> None:
    lines = [*said_of(PLACE, Event(7, AT, message())), *names(PLACE, "moss", ["moss"])]
    lines += said_of(PLACE, Event(8, AT, ChatCleared(channel_id="c-1", **BY)))
    plain = IrcDialect(frames=False).encode(lines).decode()
    assert [read(line).command for line in plain.split("\r\n") if line] == ["PRIVMSG", "353", "366"]
    assert plain.startswith(":brook!")
    everything = IrcDialect(frames=False, tags=True, commands=True).encode(lines).decode()
    assert everything.startswith("@badge-info")
    assert everything.endswith("CLEARCHAT #river\r\n")


ANYTHING = st.text(max_size=60)


@given(ANYTHING, ANYTHING, ANYTHING, st.booleans())
def test_nobody_says_a_line_that_is_not_theirs(
    text: str, name: str, answered: str, is_announced: bool
) -> None:
    record = message(
        text=text,
        display_name=name,
        reply_to="m-0",
        reply_text=answered,
        kind="announcement" if is_announced else "action",
    )
    dialect = IrcDialect(frames=False, tags=True, commands=True)
    written = dialect.events(PLACE, [Event(7, AT, record)])
    assert written.count(b"\r\n") == written.count(b"\n") == written.count(b"\r") == 1
    line: Line = read(written.decode().removesuffix("\r\n"))
    assert line.params == ("#river",)


@given(st.lists(ANYTHING, max_size=4))
def test_several_events_are_what_each_of_them_is(texts: list[str]) -> None:
    events = [Event(n, AT, message(text=text)) for n, text in enumerate(texts)]
    for frames in (False, True):
        dialect = IrcDialect(frames=frames, tags=True, commands=True)
        each = b"".join(dialect.events(PLACE, [event]) for event in events)
        assert dialect.events(PLACE, events) == each
