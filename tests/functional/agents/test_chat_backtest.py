"""Other rules over what a worker decided: the same change nothing, others what they should."""

import asyncio
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.chat.backtest import Changes
from agents.chat.backtest.report import SENT
from infra.errors import InvalidRecord
from schemas.chat_backtest import Verdict
from schemas.records.chat import (
    AddBlockedTerm,
    BanUser,
    ChangeAutomod,
    ChangeChatSettings,
    DeleteMessage,
    MessageSent,
    ReviewMessage,
)
from schemas.sources import full_name, versions
from tests.functional.agents.chats_on_the_log import (
    BY,
    CHANNEL,
    LONG,
    NEIGHBOUR,
    decide,
    id_of,
    said,
    some_commands,
)

SLOW = Changes.read({"settings": {"slow_seconds": 30}})


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    count=st.integers(1, 200),
    cuts=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_the_same_rules_change_nothing(seed: int, count: int, cuts: tuple[float, float]) -> None:
    log = asyncio.run(decide(some_commands(seed, count)))
    start, end = sorted(round(cut * count) for cut in cuts)
    report = log.back_test(start, end)
    assert report.changes == []
    assert report.before == report.after
    assert report.undecided == 0


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Any of these fields, or none."""
    return st.fixed_dictionaries({}, optional=fields)


TERMS = st.lists(
    st.sampled_from(["spoiler*", "nice play", "hello", "*vote*", "f o o", "place"]), max_size=3
)
TRIED = st.fixed_dictionaries(
    {
        "settings": some(
            slow_seconds=st.sampled_from([0, 5, 60]),
            followers_only_minutes=st.sampled_from([-1, 0, 1440]),
            subscribers_only=st.booleans(),
            emote_only=st.booleans(),
            unique_chat=st.booleans(),
            links=st.sampled_from(["everybody", "moderators", "nobody"]),
            permitted_domains=st.sampled_from([[], ["example.com"]]),
        ),
        "automod": some(toxicity=st.sampled_from([0, 1, 4]), spam=st.sampled_from([0, 2])),
        "terms": some(add=TERMS, remove=TERMS),
        "limits": some(
            pause_seconds=st.sampled_from([0, 1, 5]),
            burst=st.integers(1, 8),
            window_seconds=st.sampled_from([5, 30, 120]),
            repeats=st.integers(1, 4),
            short_repeats=st.integers(1, 6),
            flood_users=st.integers(1, 4),
        ),
    }
)


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    cuts=st.tuples(st.floats(0, 0.5), st.floats(0.7, 1)),
    tried=TRIED,
    before=st.sampled_from(["", "", "chat-1 test-1", "chat-2 test-2", "chat-2"]),
)
def test_what_is_taken_from_the_log_comes_out_as_if_all_rules_were_asked(
    seed: int, cuts: tuple[float, float], tried: Any, before: str
) -> None:
    """Given any history, of which other versions of the rules may have decided a part."""
    log = asyncio.run(decide(some_commands(seed, 300)))
    if before:
        log.let_pass_by(before, random.Random(seed))
    start, end = (round(cut * 300) for cut in cuts)
    changes = Changes.read(tried)
    found = log.back_test(start, end, changes, trusting=True)
    assert found == log.back_test(start, end, changes)


def test_the_rules_of_a_verdict_are_the_last_that_it_says() -> None:
    """By which a back-test knows, undecoded, whether the rules have changed since."""
    schemas = [each for each in versions().values() if full_name(each) == MessageSent.FULL_NAME]
    assert {each["fields"][-1]["name"] for each in schemas} == {"rules"}


async def test_all_rules_are_met_by_chance() -> None:
    """So that the test above has something to say."""
    log = await decide(some_commands(seed=3, count=4000))
    report = log.back_test(0, 4000)
    assert report.changed == 0
    assert report.before.rules.keys() >= {
        *("banned", "timed-out", "suspended", "warned", "slow-mode", "followers-only"),
        *("subscribers-only", "emote-only", "unique-chat", "rate", "message-empty"),
        *("blocked-term", "links", "automod/toxicity"),
    }


async def test_what_was_said_before_the_window_counts() -> None:
    log = await decide([(0, said("one")), (20, said("two")), (45, said("three"))])
    report = log.back_test(1, 3, SLOW)
    assert (report.messages, report.changed) == (2, 1)
    (change,) = report.changes
    assert (change.before, change.after) == (SENT, Verdict("rejected", "slow-mode"))
    assert (change.messages, change.users) == (1, 1)
    assert [(each.text, each.rules_then) for each in change.examples] == [("two", "chat-2 test-1")]
    # "two" was not said then, so that "three" comes 45 seconds after "one".
    assert (report.before.sent, report.after.sent) == (2, 1)


async def test_only_the_channel_counts() -> None:
    log = await decide([(0, said("a", channel=NEIGHBOUR)), (1, said("b")), (2, said("c"))])
    assert log.back_test(0, 3, SLOW).messages == 2


@pytest.mark.parametrize(
    ("changes", "text", "rule"),
    [
        ({"terms": {"add": ["bad wo*"]}}, "bad words", "blocked-term"),
        ({"settings": {"links": "nobody"}}, "see www.example.com/x", "links"),
        ({"settings": {"emote_only": True}}, "words", "emote-only"),
        ({"automod": {"toxicity": 1}}, "hold this", "automod/toxicity"),
        ({"limits": {"pause_seconds": 7}}, "again", "rate"),
        ({"limits": {"repeats": 2, "window_seconds": 60}}, LONG, "repeated"),
        ({"limits": {"burst": 1, "burst_seconds": 9}}, "again", "rate"),
    ],
)
async def test_what_is_changed_holds(changes: Any, text: str, rule: str) -> None:
    log = await decide([(0, said(text)), (6, said(text))])
    report = log.back_test(0, 2, Changes.read(changes))
    assert rule in report.after.rules
    assert report.before.rules == {}


async def test_a_burst_may_be_larger_than_what_is_remembered_otherwise() -> None:
    log = await decide([(n * 1.1, said(f"number {n}")) for n in range(8)])
    assert log.back_test(0, 8).before.rules == {"rate": 3}
    report = log.back_test(0, 8, Changes.read({"limits": {"burst": 8}}))
    assert report.after.rules == {}


async def test_terms_and_modes_of_then_are_taken_away() -> None:
    log = await decide(
        [
            (0, AddBlockedTerm(channel_id=CHANNEL, text="spoiler", **BY)),
            (1, ChangeChatSettings(channel_id=CHANNEL, emote_only=True, **BY)),
            (2, said("spoiler")),
        ]
    )
    open_ = {"settings": {"emote_only": False}}
    report = log.back_test(2, 3, Changes.read(open_))
    assert report.after.rules == {"blocked-term": 1}
    gone = {**open_, "terms": {"remove": ["spoiler", "other"]}}
    report = log.back_test(2, 3, Changes.read(gone))
    assert (report.after.rules, report.unknown_terms) == ({}, ["other"])


async def test_agreement_with_moderators() -> None:
    user: dict[str, Any] = {"channel_id": CHANNEL, "login": "mallory", "roles": []}
    log = await decide(
        [
            (0, said("vile words", "u0")),
            (1, said("vile thing", "u1")),
            (2, said("kind words", "u2")),
            (3, said("vile but fine", "u3")),
            (4, said("another vile word", "u4")),
            (5, said("hm", "u5")),
            (9, DeleteMessage(**user, message_id=id_of(0), sent_at=0, user_id="u0", text="", **BY)),
            (10, BanUser(**user, user_id="u1", seconds=60, reason="", **BY)),
            (11, BanUser(**user, user_id="u5", seconds=None, reason="", **BY)),
            (305, BanUser(**user, user_id="u4", seconds=None, reason="", **BY)),
        ]
    )
    report = log.back_test(0, 10, Changes.read({"terms": {"add": ["vile"]}}))
    found = report.agreement
    assert (found.removed, found.stood, found.unjudged) == (3, 3, 0)
    assert (found.before.removed_stopped, found.before.precision, found.before.recall) == (
        0,
        None,
        0,
    )
    assert (found.after.removed_stopped, found.after.stood_stopped) == (2, 2)
    assert (found.after.precision, found.after.recall) == (0.5, 2 / 3)
    fates = {each.text: each.fate for each in log.back_test(0, 6, VILE).changes[0].examples}
    assert set(fates.values()) <= {"deleted", "timed out", "stood"}


VILE = Changes.read({"terms": {"add": ["vile"]}})


async def test_held_messages_agree_by_how_they_were_reviewed() -> None:
    reviews = [
        (20 + n, ReviewMessage(channel_id=CHANNEL, message_id=id_of(n), approve=n == 1, **BY))
        for n in (1, 2)
    ]
    holds = [(n, said(f"hold this {n}", f"u{n}")) for n in (1, 2, 3)]
    strict = ChangeAutomod(channel_id=CHANNEL, toxicity=1, **BY)
    log = await decide([(0, strict), *holds, *reviews, (400, said("later"))])
    found = log.back_test(0, 7, Changes.read({"automod": {"toxicity": 0}})).agreement
    assert (found.removed, found.stood, found.unjudged) == (1, 2, 1)
    assert (found.before.removed_stopped, found.before.stood_stopped) == (1, 1)
    assert (found.after.removed_stopped, found.after.stood_stopped) == (0, 0)


async def test_messages_about_which_nothing_was_decided_are_counted() -> None:
    log = await decide([(0, said("one")), (5, said("two"))])
    log.events.pop()
    report = log.back_test(0, 2)
    assert (report.messages, report.undecided) == (1, 1)


async def test_events_that_were_written_twice_count_once() -> None:
    log = await decide([(0, said("one")), (5, said("two"))])
    log.events = [*log.events, *log.events]
    assert log.back_test(0, 2).messages == 2


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ({"setings": {}}, "unknown field `setings`"),
        ({"settings": {"slow": 3}}, r"unknown field `slow` - at `\$.settings`"),
        ({"settings": {"slow_seconds": 121}}, "slow_seconds must be 0 to 120"),
        ({"settings": {"links": "some"}}, "links must be one of"),
        ({"automod": {"spam": 5}}, r"<= 4 - at `\$.automod.spam`"),
        ({"automod": {"model": "../x"}}, r"at `\$.automod.model`"),
        ({"terms": {"add": ["*"]}}, "terms.add"),
        ({"limits": {"burst": 0}}, r">= 1 - at `\$.limits.burst`"),
    ],
)
def test_what_is_wrong_with_changes_is_named(said: Any, wrong: str) -> None:
    with pytest.raises(InvalidRecord, match=wrong):
        Changes.read(said)
