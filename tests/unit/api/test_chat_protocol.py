"""What clients of the JSON protocol may say, who sees what, and how often one may ask."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.chat import messages
from api.chat.dialect import Event, Place, User, You
from api.chat.rates import Rate, Rates
from api.chat.recent import Recent, settled
from api.chat.saying import message
from api.chat.seeing import for_everybody, for_moderators, for_user
from infra.clock import ManualClock
from infra.errors import InvalidRecord
from schemas.records import chat
from schemas.records.chat import ChatCleared, MessageDeleted, UserBanned
from tests.unit.api.chat_memory import PLACE, sent

BY = {"by_id": "u9", "by_login": "mod"}


@given(
    st.text(max_size=300)
    | st.recursive(
        st.none() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["type", "text", "channel", "channel_id", "since", "token", "nonce"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    ).map(json.dumps)
)
def test_whatever_is_said_is_understood_or_refused(text: str):
    with contextlib.suppress(InvalidRecord):
        assert isinstance(messages.read(text), messages.Asked)


@pytest.mark.parametrize(
    "said",
    [
        '{"type":"say","channel_id":"c","text":""}',
        json.dumps({"type": "say", "channel_id": "c", "text": "x" * 2001}),
        json.dumps({"type": "say", "channel_id": "c", "text": "x", "nonce": "n" * 65}),
        json.dumps({"type": "hello", "token": "t" * 4097}),
        json.dumps({"type": "ping", "more": "x" * messages.LONGEST}),
        '{"type":"join","channel":"ada","since":-2}',
        '{"type":"join","channel":"ada","since":1e40}',
        '{"type":"shout"}',
        "[" * 5000,
        '{"type":"say","channel_id":"c","text":"\ud800"}',
    ],
)
def test_what_is_too_long_or_nonsense_is_refused(said: str):
    with pytest.raises(InvalidRecord):
        messages.read(said)


def test_a_message_has_its_own_kind_as_its_style():
    told = json.loads(messages.events(PLACE, [Event(7, 3, sent(1))]))
    [event] = told["events"]
    assert (event["kind"], event["style"], event["offset"]) == ("MessageSent", "text", 7)


def test_everybody_sees_neither_why_nor_by_whom():
    deleted = MessageDeleted(
        channel_id="c", message_id="m", user_id="u", login="l", text="secret", sent_at=1, **BY
    )
    banned = UserBanned(channel_id="c", user_id="u", login="l", reason="secret", **BY)
    for record in (deleted, banned, ChatCleared(channel_id="c", **BY), sent(1, approved_by="mod")):
        assert "secret" not in str(for_everybody(record))
        assert "mod" not in str(for_everybody(record))
        assert for_moderators(record) == record


def test_what_is_not_for_everybody_is_named_one_by_one():
    """A record that comes new is seen by nobody until somebody decides."""
    hidden = {
        name
        for name in vars(chat)
        if name not in OPEN and isinstance(getattr(chat, name), type) and name != "ClassVar"
    }
    assert {"MessageHeld", "MessageRejected", "UserWarned", "BlockedTermAdded"} <= hidden


OPEN = {
    *("MessageSent", "MessageDeleted", "ChatCleared", "UserBanned"),
    *("ChatSettingsChanged", "ShieldModeChanged"),
    *("PollStarted", "PollProgressed", "PollEnded", "PredictionStarted", "PredictionProgressed"),
    *("PredictionLocked", "PredictionEnded", "RaidStarted", "RaidCancelled", "RaidWent"),
    "RaidArrived",
}


def test_a_rejected_message_is_for_its_author():
    rejected = chat.MessageRejected(
        channel_id="c",
        message_id="m",
        user_id="u",
        login="l",
        text="secret",
        reason="r",
        detail="d",
        rules="chat-1",
    )
    assert for_everybody(rejected) is None
    assert for_user(rejected) == ("u", rejected)


def events(*numbers: int) -> list[Event]:
    return [Event(n, n, sent(n, "bob" if n % 2 else "cleo")) for n in numbers]


def test_the_last_fifty_stand_although_some_are_taken_back():
    recent = Recent()
    for event in events(*range(90)):
        recent.take(event)
    gone = MessageDeleted(
        channel_id="c", message_id="m89", user_id="u", login="bob", text="", sent_at=1, **BY
    )
    recent.take(Event(90, 90, gone))
    assert [event.offset for event in recent.events()] == list(range(39, 89))
    recent.take(Event(91, 91, ChatCleared(channel_id="c", **BY)))
    assert recent.events() == []


@given(st.lists(st.sampled_from(["say", "delete", "ban", "clear"]), max_size=60), st.randoms())
def test_what_is_settled_is_what_stands_one_by_one(kinds: list[str], random):
    happened: list[Event] = []
    for offset, kind in enumerate(kinds):
        user = "bob" if random.random() < 0.5 else "cleo"
        author = sent(0, user)
        record: Any = sent(offset, user)
        if kind == "delete":
            record = MessageDeleted(
                channel_id="c",
                message_id=f"m{random.randint(0, 60)}",
                user_id="u",
                login=user,
                text="",
                sent_at=1,
                **BY,
            )
        elif kind == "ban":
            record = UserBanned(channel_id="c", user_id=author.user_id, login=user, reason="", **BY)
        elif kind == "clear":
            record = ChatCleared(channel_id="c", **BY)
        happened.append(Event(offset, offset, record))
    recent = Recent()
    for event in happened:
        recent.take(event)
    standing = [each for each in settled(happened) if each.kind == "MessageSent"]
    assert recent.events() == standing[-50:]
    assert [e for e in settled(happened) if e.kind != "MessageSent"] == [
        e for e in happened if e.kind != "MessageSent"
    ]


def test_a_bucket_fills_again():
    clock = ManualClock()
    rates, rate = Rates(clock), Rate(2, 10)
    assert [rates.take(rate, "a") for _ in range(3)] == [0.0, 0.0, 5.0]
    assert rates.take(rate, "b") == 0.0
    clock.advance(5)
    assert rates.take(rate, "a") == 0.0
    assert rates.take(rate, "a") > 0


def test_an_answer_knows_its_thread():
    user, you = User("u1", "ada", "Ada", "#123456"), You(("vip",), 5, 0)
    first = message(PLACE, user, you, "/me waves", None)
    assert (first.kind, first.text, first.thread_id, first.roles) == (
        "action",
        "waves",
        "",
        ["vip"],
    )
    parent = sent(3, text="y" * 500)
    second = message(Place("c", "c"), user, you, "why", parent)
    assert (second.thread_id, second.reply_to, len(second.reply_text)) == ("m3", "m3", 200)
    third = message(Place("c", "c"), user, you, "so", sent(4, thread_id="m3"))
    assert (third.thread_id, third.reply_to) == ("m3", "m4")
