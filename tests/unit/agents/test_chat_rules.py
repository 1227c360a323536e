"""Given what a chat knows, this message is said, held or rejected, and this rule says why."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from agents.chat.limits import LIMITS, SECOND
from agents.chat.model import Verdict, decide_message
from agents.chat.recent import ChannelRecent, Mark, Said, Text, UserRecent
from agents.chat.saying import Saying
from agents.chat.state import FOR_GOOD, Levels, Room, Settings, Standing
from agents.chat.text import Terms, fingerprint
from schemas.records.chat import EmoteRange, MessageHeld, MessageRejected, MessageSent, SendMessage

NOW = 1_700_000_000 * SECOND
SAID = SendMessage(
    channel_id="c",
    user_id="u",
    login="mallory",
    display_name="Mallory",
    colour="#1E90FF",
    roles=[],
    followed_at=None,
    subscribed_months=0,
    suspended=False,
    text="hello there",
    kind="text",
    announcement_colour="",
    reply_to="",
    reply_user_id="",
    reply_login="",
    reply_display_name="",
    reply_text="",
    thread_id="",
)


def recently(*seconds: float, print_: int = 1) -> UserRecent:
    """What somebody said so many seconds ago."""
    return UserRecent(tuple(Said(NOW - int(s * SECOND), Mark(print_, ())) for s in seconds))


class Strict:
    """Takes every text for an insult."""

    version = "strict-1"

    def held(self, text: str, levels: dict[str, int]) -> tuple[str, int] | None:
        return ("toxicity", 3) if levels["toxicity"] >= 3 else None


def saying(
    text: str = "hello there", *, said: dict[str, Any] | None = None, **known: Any
) -> Saying:
    settings = {
        name: known.pop(name) for name in list(known) if name in Settings.__dataclass_fields__
    }
    defaults: dict[str, Any] = {
        "room": Room(settings=Settings(**settings)),
        "standing": Standing(),
        "lately": UserRecent(),
        "round": ChannelRecent(),
        "now": NOW,
        "terms": Terms.compile([]),
        "emotes": {"Jump": "e1"},
        "said_at": lambda _: 0,
    }
    command = msgspec.structs.replace(SAID, text=text, **(said or {}))
    return Saying(command=command, **(defaults | known))


def verdict(text: str = "hello there", **known: Any) -> Verdict:
    return decide_message(saying(text, **known), "m1")


def reason(text: str = "hello there", **known: Any) -> str:
    """Why a message is rejected; empty if it is said."""
    found = verdict(text, **known)
    if isinstance(found, MessageRejected):
        return found.reason
    assert isinstance(found, MessageSent)
    return ""


def test_a_message_is_said_with_badges_and_emotes() -> None:
    said = {"roles": ["subscriber", "vip"], "subscribed_months": 7}
    found = verdict("  nice   Jump!  Jump ", said=said)
    assert isinstance(found, MessageSent)
    assert found.text == "nice Jump! Jump"
    assert found.badges == ["vip/1", "subscriber/6"]
    assert EmoteRange(id="e1", start=11, end=14) in found.emotes
    assert found.message_id == "m1"
    assert found.rules == "chat-2"


@pytest.mark.parametrize(
    ("known", "expected", "retry"),
    [
        ({"standing": Standing(until=FOR_GOOD)}, "banned", None),
        ({"standing": Standing(until=NOW + 90 * SECOND)}, "timed-out", 90),
        ({"standing": Standing(until=NOW)}, "", None),
        ({"standing": Standing(warning="be kind")}, "warned", None),
        ({"said": {"suspended": True}}, "suspended", None),
        ({"slow_seconds": 30, "lately": recently(10)}, "slow-mode", 20),
        ({"slow_seconds": 30, "lately": recently(30)}, "", None),
        ({"followers_only_minutes": 0}, "followers-only", None),
        ({"followers_only_minutes": 0, "said": {"followed_at": NOW - 1}}, "", None),
        (
            {"followers_only_minutes": 10, "said": {"followed_at": NOW - 540 * SECOND}},
            "followers-only",
            60,
        ),
        ({"subscribers_only": True}, "subscribers-only", None),
        ({"subscribers_only": True, "said": {"roles": ["subscriber"]}}, "", None),
        ({"emote_only": True}, "emote-only", None),
        ({"unique_chat": True, "said_at": lambda _: NOW - 3599 * SECOND}, "unique-chat", None),
        ({"unique_chat": True, "said_at": lambda _: NOW - 3600 * SECOND}, "", None),
        ({"lately": recently(0.5)}, "rate", 1),
        ({"lately": recently(9, 8, 6, 4, 2)}, "rate", 1),
        ({"lately": recently(10, 8, 6, 4, 2)}, "", None),
        ({"terms": Terms.compile(["hell*"])}, "blocked-term", None),
    ],
)
def test_rules(known: dict[str, Any], expected: str, retry: int | None) -> None:
    found = verdict(**known)
    assert reason(**known) == expected
    assert getattr(found, "retry_after_seconds", None) == retry


def test_the_rules_come_in_order() -> None:
    both = {"standing": Standing(until=FOR_GOOD), "said": {"suspended": True}}
    assert reason(**both) == "banned"
    assert reason(subscribers_only=True, emote_only=True) == "subscribers-only"


@pytest.mark.parametrize("role", ["broadcaster", "moderator", "staff"])
def test_who_moderates_is_bound_by_no_mode_and_no_rate(role: str) -> None:
    known = {
        "slow_seconds": 30,
        "subscribers_only": True,
        "emote_only": True,
        "unique_chat": True,
        "followers_only_minutes": 10,
        "links": "nobody",
        "said_at": lambda _: NOW - 1,
        "lately": recently(4, 3, 2, 1, 0.5, print_=fingerprint("hello")),
        "terms": Terms.compile(["hello"]),
    }
    assert reason("hello https://example.org", said={"roles": [role]}, **known) == ""
    assert reason(said={"roles": ["vip"]}, **known) == "unique-chat"


def test_who_moderates_is_bound_by_a_ban() -> None:
    assert reason(said={"roles": ["moderator"]}, standing=Standing(until=FOR_GOOD)) == "banned"


def test_links() -> None:
    text = "see https://clips.example.org/x"
    assert reason(text) == ""
    assert reason(text, links="moderators") == "links"
    assert reason(text, links="moderators", said={"roles": ["vip"]}) == ""
    assert reason(text, links="nobody", said={"roles": ["vip"]}) == "links"
    assert reason(text, links="nobody", permitted_domains=("example.org",)) == ""


def test_the_same_again_and_again() -> None:
    same = fingerprint("hello there")
    four = recently(20, 15, 10, 5, print_=same)
    found = verdict("HELLO  there", lately=four)
    assert isinstance(found, MessageRejected)
    assert (found.reason, found.retry_after_seconds) == ("repeated", 30)
    assert reason("something else", lately=four) == ""
    assert reason(lately=UserRecent(four.said[1:])) == ""


def test_many_say_the_same_long_text() -> None:
    long = "please all of you go and vote for this channel at the place that I name now"
    mark = saying(long).mark
    some = tuple((NOW - SECOND, user) for user in range(LIMITS.flood_users - 1))
    flooded = ChannelRecent((Text(mark, some),))
    assert reason(long, round=flooded) == "flood"
    assert reason("gg", round=flooded) == ""
    one, other = (
        "such was where the is boss else raid chat",
        "such was where no wp left one key again",
    )
    others = ChannelRecent((Text(saying(one).mark, some),))
    assert saying(one).mark.sketch[:3] == saying(other).mark.sketch[:3]
    assert reason(other, round=others) == ""
    assert reason(long, round=ChannelRecent((Text(mark, some[1:]),))) == ""


@pytest.mark.parametrize("text", ["", " \t ", "\u200b\u200b", "x" * 501])
def test_what_cannot_be_shown(text: str) -> None:
    assert reason(text).startswith("message-")


def test_automod_holds_what_the_levels_say() -> None:
    room = Room(levels=Levels(toxicity=3))
    found = verdict(judge=Strict(), room=room)
    assert isinstance(found, MessageHeld)
    assert (found.category, found.level, found.rules) == ("toxicity", 3, "chat-2 strict-1")
    assert found.held_until == NOW + 300 * SECOND
    assert isinstance(verdict(judge=Strict(), room=replace(room, levels=Levels(2))), MessageSent)
    assert isinstance(verdict(judge=Strict()), MessageSent)
    moderator = {"roles": ["moderator"]}
    assert isinstance(verdict(judge=Strict(), room=room, said=moderator), MessageSent)


def test_a_storm_slows_down_and_a_slower_mode_stays() -> None:
    assert reason(room=Room(stormy=True), lately=recently(4)) == "slow-mode"
    slower = Room(settings=Settings(slow_seconds=60), stormy=True)
    assert slower.in_force.slow_seconds == 60
