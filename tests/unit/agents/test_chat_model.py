"""Given how a chat stands, this command of a moderator yields these events."""

from typing import Any

import msgspec
import pytest

from agents.chat import moderation, settings
from agents.chat.limits import SECOND
from agents.chat.model import (
    calm,
    decide_delay,
    decide_removal,
    decide_review,
    decide_settings,
    decide_terms,
    decide_user,
    evolve_terms,
    expire,
)
from agents.chat.state import FOR_GOOD, SHIELDED, Held, Levels, Room, Settings, Standing, Term
from agents.chat.text import find_links, permitted
from schemas.records.chat import (
    AddBlockedTerm,
    BanUser,
    BlockedTermAdded,
    BlockedTermRemoved,
    ChangeAutomod,
    ChangeChatSettings,
    ChatCommandRefused,
    ChatSettingsChanged,
    ClearChat,
    ConfirmWarning,
    DeleteMessage,
    HeldMessageReviewed,
    MessageSent,
    RemoveBlockedTerm,
    ReportDelay,
    ReviewMessage,
    SetShieldMode,
    ShieldModeChanged,
    UnbanUser,
    UserBanned,
    UserWarned,
    WarningConfirmed,
    WarnUser,
)
from tests.unit.agents.test_chat_rules import NOW, SAID

BY: dict[str, Any] = {"by_id": "m", "by_login": "wanda", "by_role": "moderator"}
USER: dict[str, Any] = {"channel_id": "c", "user_id": "u", "login": "mallory"}
BAN = BanUser(**USER, roles=[], seconds=None, reason="spoilers", **BY)
CHANGE = ChangeChatSettings(channel_id="c", **BY)


def test_a_ban_lasts_until_it_is_taken_back() -> None:
    event = decide_user(Standing(), BAN, now=NOW)
    assert isinstance(event, UserBanned)
    assert event.until is None
    after = moderation.evolve(Standing(), event)
    assert after.shut_out(NOW + 10**15)
    again = decide_user(after, BAN, now=NOW)
    assert isinstance(again, ChatCommandRefused)
    assert again.reason == "already-banned"
    freed = decide_user(after, UnbanUser(**USER, **BY), now=NOW)
    assert moderation.evolve(after, freed) == Standing()


def test_a_timeout_ends_by_itself_and_may_be_changed() -> None:
    timeout = msgspec.structs.replace(BAN, seconds=600)
    event = decide_user(Standing(), timeout, now=NOW)
    assert isinstance(event, UserBanned)
    assert event.until == NOW + 600 * SECOND
    after = moderation.evolve(Standing(), event)
    assert after.shut_out(NOW + 599 * SECOND)
    assert not after.shut_out(NOW + 600 * SECOND)
    longer = decide_user(after, BAN, now=NOW)
    assert moderation.evolve(after, longer).until == FOR_GOOD


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"by_role": "viewer"}, "not-a-moderator"),
        ({"by_role": ""}, "not-a-moderator"),
        ({"user_id": "m"}, "self"),
        ({"roles": ["broadcaster"]}, "not-allowed"),
        ({"roles": ["moderator"]}, "not-allowed"),
        ({"roles": ["moderator"], "by_role": "broadcaster"}, ""),
        ({"seconds": 0}, "invalid-duration"),
        ({"seconds": 1_209_601}, "invalid-duration"),
        ({"reason": "x" * 501}, "invalid-reason"),
    ],
)
def test_who_may_ban_whom(changes: dict[str, Any], expected: str) -> None:
    event = decide_user(Standing(), msgspec.structs.replace(BAN, **changes), now=NOW)
    assert getattr(event, "reason", "") == (expected or BAN.reason)
    assert isinstance(event, ChatCommandRefused if expected else UserBanned)


def test_a_warning_stands_until_it_is_confirmed() -> None:
    warn = WarnUser(**USER, roles=[], reason="be kind", **BY)
    event = decide_user(Standing(), warn, now=NOW)
    assert isinstance(event, UserWarned)
    after = moderation.evolve(Standing(), event)
    assert after.warning == "be kind"
    confirm = ConfirmWarning(channel_id="c", user_id="u")
    confirmed = decide_user(after, confirm, now=NOW)
    assert confirmed == WarningConfirmed(channel_id="c", user_id="u")
    assert moderation.evolve(after, confirmed) == Standing()
    assert isinstance(decide_user(Standing(), confirm, now=NOW), ChatCommandRefused)


def test_settings_change_where_they_are_named() -> None:
    room = Room(settings=Settings(slow_seconds=5, emote_only=True))
    (event,) = _told(decide_settings(room, msgspec.structs.replace(CHANGE, slow_seconds=30)))
    assert isinstance(event, ChatSettingsChanged)
    assert (event.slow_seconds, event.emote_only, event.cause) == (30, True, "moderator")
    assert settings.evolve(room, event).settings == Settings(slow_seconds=30, emote_only=True)


@pytest.mark.parametrize(
    "changes",
    [
        {"slow_seconds": 121},
        {"slow_seconds": -1},
        {"followers_only_minutes": 129_601},
        {"links": "friends"},
        {"chat_delay_seconds": 3},
        {"permitted_domains": ["https://example.org"]},
        {"permitted_domains": ["example.org"] * 101},
        {"permitted_domains": ["localhost"]},
        {"permitted_domains": ["a_b.example.org"]},
    ],
)
def test_settings_that_cannot_be(changes: dict[str, Any]) -> None:
    refused = decide_settings(Room(), msgspec.structs.replace(CHANGE, **changes))
    assert isinstance(refused, ChatCommandRefused)
    assert next(iter(changes)) in refused.detail


def test_domains_are_kept_as_links_have_them() -> None:
    """Given domains as people write them, those are permitted to which links with them lead."""
    written = ["Example.ORG.", "b\xfccher.example", "\uff45xample.com", "example.org"]
    change = msgspec.structs.replace(CHANGE, permitted_domains=written)
    (event,) = _told(decide_settings(Room(), change))
    assert isinstance(event, ChatSettingsChanged)
    assert event.permitted_domains == ["example.org", "xn--bcher-kva.example", "example.com"]
    for link in find_links("see https://b\xfccher.example/x and EXAMPLE.org/y"):
        assert permitted(link.domain, event.permitted_domains)


def test_a_shield_brings_its_own_settings_and_takes_them_away() -> None:
    room = Room(settings=Settings(slow_seconds=3), levels=Levels(toxicity=1))
    on = SetShieldMode(channel_id="c", active=True, **BY)
    told = _told(decide_settings(room, on))
    assert isinstance(told[0], ShieldModeChanged)
    for event in told:
        room = settings.evolve(room, event)
    assert room.in_force == SHIELDED
    assert room.levels_in_force.toxicity == 4
    for event in _told(decide_settings(room, msgspec.structs.replace(CHANGE, slow_seconds=90))):
        room = settings.evolve(room, event)
    assert room.in_force.slow_seconds == 90
    for event in _told(decide_settings(room, msgspec.structs.replace(on, active=False))):
        room = settings.evolve(room, event)
    assert (room.in_force.slow_seconds, room.levels_in_force.toxicity) == (3, 1)
    assert room.shield_settings.slow_seconds == 90


def test_levels_of_automod() -> None:
    change = ChangeAutomod(channel_id="c", sexual=4, **BY)
    (event,) = _told(decide_settings(Room(levels=Levels(toxicity=2)), change))
    assert settings.evolve(Room(), event).levels == Levels(toxicity=2, sexual=4)
    wrong = decide_settings(Room(), msgspec.structs.replace(change, spam=5))
    assert isinstance(wrong, ChatCommandRefused)


def test_terms_come_once_and_go() -> None:
    add = AddBlockedTerm(channel_id="c", text=" spoiler* ", **BY)
    added = decide_terms((), add, "t1")
    assert isinstance(added, BlockedTermAdded)
    terms = evolve_terms((), added)
    assert terms == (Term("t1", "spoiler*"),)
    again = decide_terms(terms, add, "t2")
    assert isinstance(again, BlockedTermAdded)
    assert again.term_id == "t1"
    removed = decide_terms(terms, RemoveBlockedTerm(channel_id="c", term_id="t1", **BY), "t3")
    assert isinstance(removed, BlockedTermRemoved)
    assert evolve_terms(terms, removed) == ()
    full = tuple(Term(str(n), f"term{n}") for n in range(500))
    assert isinstance(decide_terms(full, add, "t4"), ChatCommandRefused)
    assert isinstance(
        decide_terms((), msgspec.structs.replace(add, text="***"), "t"), ChatCommandRefused
    )


def test_a_message_is_deleted_for_the_audit() -> None:
    delete = DeleteMessage(**USER, message_id="m1", sent_at=NOW, roles=[], text="a spoiler", **BY)
    event = decide_removal(delete)
    assert getattr(event, "text", "") == "a spoiler"
    other = msgspec.structs.replace(delete, roles=["moderator"])
    assert isinstance(decide_removal(other), ChatCommandRefused)
    own = msgspec.structs.replace(other, user_id="m")
    assert not isinstance(decide_removal(own), ChatCommandRefused)
    clear = ClearChat(channel_id="c", **(BY | {"by_role": ""}))
    assert isinstance(decide_removal(clear), ChatCommandRefused)


def test_a_held_message_is_approved_denied_or_expires() -> None:
    waiting = Held(SAID, "hello there", "chat-1 strict-1", NOW + 300 * SECOND)
    review = ReviewMessage(channel_id="c", message_id="m1", approve=True, **BY)
    told = decide_review(waiting, review, {})
    assert isinstance(told, list)
    assert [type(each) for each in told] == [HeldMessageReviewed, MessageSent]
    assert isinstance(told[1], MessageSent)
    assert (told[1].approved_by, told[1].message_id, told[1].rules) == (
        "wanda",
        "m1",
        "chat-1 strict-1",
    )
    denied = decide_review(waiting, msgspec.structs.replace(review, approve=False), {})
    assert isinstance(denied, list)
    assert [each.outcome for each in denied if isinstance(each, HeldMessageReviewed)] == ["denied"]
    assert isinstance(decide_review(None, review, {}), ChatCommandRefused)
    assert expire(waiting, "m1", now=waiting.until - 1) is None
    expired = expire(waiting, "m1", now=waiting.until)
    assert expired is not None
    assert (expired.outcome, expired.by_id) == ("expired", "")


def test_slow_mode_comes_with_a_storm_and_goes_with_it() -> None:
    report = ReportDelay(channel_id="c", delay_ms=2_500, messages=500)
    assert decide_delay(Room(), msgspec.structs.replace(report, delay_ms=1_999)) is None
    assert decide_delay(Room(), msgspec.structs.replace(report, messages=19)) is None
    event = decide_delay(Room(), report)
    assert event is not None
    assert (event.slow_seconds, event.cause) == (5, "storm")
    room = settings.evolve(Room(), event)
    assert decide_delay(room, report) is None
    assert calm(room, "c", NOW, now=NOW + 29 * SECOND) is None
    over = calm(room, "c", NOW, now=NOW + 30 * SECOND)
    assert over is not None
    assert settings.evolve(room, over) == Room()


def test_a_moderator_who_sets_something_ends_the_storms_slow_mode() -> None:
    (event,) = _told(
        decide_settings(Room(stormy=True), msgspec.structs.replace(CHANGE, emote_only=True))
    )
    assert settings.evolve(Room(stormy=True), event) == Room(settings=Settings(emote_only=True))


def _told(found: Any) -> list[Any]:
    assert isinstance(found, list)
    return found
