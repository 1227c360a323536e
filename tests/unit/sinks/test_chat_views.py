"""What the views of chats show."""

from typing import Any, Final

import msgspec
import pytest

from api.commands import uuid7
from schemas.records.accounts import ProfileChanged
from schemas.records.chat import (
    AutomodChanged,
    BlockedTermAdded,
    BlockedTermRemoved,
    ChatCleared,
    ChatCommandRefused,
    ChatSettingsChanged,
    EmoteRange,
    HeldMessageReviewed,
    MessageDeleted,
    MessageHeld,
    MessageRejected,
    MessageSent,
    ShieldModeChanged,
    UserBanned,
    UserUnbanned,
    UserWarned,
    WarningConfirmed,
)
from schemas.records.identity import ModeratorAdded, VipAdded, VipRemoved
from sinks.views import VIEWS
from sinks.views.chat_history import HOUR
from tests.unit.sinks.test_views import shown

SENDER: Final[dict[str, Any]] = {
    "channel_id": "c",
    "user_id": "u",
    "login": "uma",
}
SENT = MessageSent(
    **SENDER,
    message_id="m",
    display_name="Uma",
    colour="",
    badges=["vip/1"],
    text="hello Kappa",
    kind="text",
    announcement_colour="",
    emotes=[EmoteRange(id="25", start=6, end=10)],
    reply_to="",
    reply_user_id="",
    reply_login="",
    reply_display_name="",
    reply_text="",
    thread_id="",
    approved_by="",
    rules="chat-1",
)
BY: Final[dict[str, Any]] = {"by_id": "w", "by_login": "wanda"}
DELETED = MessageDeleted(**SENDER, message_id="m", sent_at=0, text="hello Kappa", **BY)
BANNED = UserBanned(**SENDER, until=None, reason="rude", **BY)
TIMED_OUT = UserBanned(**SENDER, until=99, reason="spam", **BY)
UNBANNED = UserUnbanned(**SENDER, **BY)
WARNED = UserWarned(**SENDER, reason="caps", **BY)
CONFIRMED = WarningConfirmed(channel_id="c", user_id="u")
CLEARED = ChatCleared(channel_id="c", **BY)
HELD = MessageHeld(
    **SENDER,
    message_id="m",
    display_name="Uma",
    colour="",
    text="you goat",
    kind="text",
    announcement_colour="",
    rule="automod",
    category="toxicity",
    level=3,
    held_until=300,
    rules="chat-1",
)
APPROVED = HeldMessageReviewed(**SENDER, message_id="m", outcome="approved", **BY)
SETTINGS = ChatSettingsChanged(
    channel_id="c",
    slow_seconds=30,
    followers_only_minutes=-1,
    subscribers_only=False,
    emote_only=True,
    unique_chat=False,
    links="moderators",
    permitted_domains=["example.org", "example.com"],
    chat_delay_seconds=0,
    cause="moderator",
    **BY,
)
LEVELS = AutomodChanged(
    channel_id="c", toxicity=1, identity_hate=2, sexual=3, aggression=4, spam=0, **BY
)
SHIELDED = ShieldModeChanged(channel_id="c", active=True, **BY)
TERM = BlockedTermAdded(channel_id="c", term_id="t", text="goat*", **BY)
NO_TERM = BlockedTermRemoved(channel_id="c", term_id="t", text="goat*", **BY)
REJECTED = MessageRejected(
    **SENDER, message_id="n", text="x", reason="slow-mode", detail="", rules="chat-1"
)
REFUSED = ChatCommandRefused(channel_id="c", command="x", reason="unknown", detail="")


def test_the_history_has_what_was_said_and_no_empty_columns() -> None:
    (row,) = shown("chat-history", SENT, REJECTED, REFUSED).values()
    assert row == {
        "user_id": "u",
        "login": "uma",
        "display_name": "Uma",
        "text": "hello Kappa",
        "kind": "text",
        "badges": '["vip/1"]',
        "emotes": '[{"id":"25","start":6,"end":10}]',
    }


def test_a_deleted_message_stays_and_says_who_deleted_it() -> None:
    found = shown("chat-history", SENT, DELETED)
    row = found["c", 0, "m"]
    assert (row["text"], row["deleted_at"], row["deleted_by"]) == ("hello Kappa", 1, "wanda")


def test_an_hour_of_a_channel_lies_together() -> None:
    part_of = VIEWS["chat-history"].part_of
    assert part_of is not None
    assert part_of(("c", HOUR - 1, "m")) == 0
    assert part_of(("c", HOUR, "m")) == 1


def test_a_message_is_found_once_it_is_held_and_has_a_time_once_it_is_sent() -> None:
    assert shown("chat-messages", HELD) == {("m",): {"channel_id": "c"}}
    assert shown("chat-messages", HELD, SENT) == {("m",): {"channel_id": "c", "sent_at": 1}}


def test_an_id_that_says_when_its_message_was_sent_needs_no_row() -> None:
    made = msgspec.structs.replace(SENT, message_id=str(uuid7(0)))
    long_before = msgspec.structs.replace(SENT, message_id=str(uuid7(1_000)))
    assert shown("chat-messages", made) == {}
    assert shown("chat-messages", long_before) == {
        (long_before.message_id,): {"channel_id": "c", "sent_at": 0}
    }


def test_the_last_purge_counts_and_coming_back_takes_none_away() -> None:
    assert shown("chat-purges", BANNED, UNBANNED, TIMED_OUT, CLEARED) == {
        ("c", "u"): {"at": 2},
        ("c", "*"): {"at": 3},
    }


def test_a_user_has_messages_and_measures_in_the_order_in_which_they_were() -> None:
    found = shown("chat-user-history", SENT, DELETED, WARNED, TIMED_OUT, BANNED, UNBANNED)
    kinds = [(key[:2], row["kind"]) for key, row in found.items()]
    assert kinds == [
        (("c/u", 0), "message"),
        (("c/u", 2), "warning"),
        (("c/u", 3), "timeout"),
        (("c/u", 4), "ban"),
        (("c/u", 5), "unban"),
    ]
    assert found["c/u", 0, "m"]["deleted_by"] == "wanda"
    assert found["c/u", 3, "3"]["until"] == 99


def test_a_ban_for_good_follows_a_timeout() -> None:
    assert shown("chat-bans", TIMED_OUT)["c", "u"]["until"] == 99
    (row,) = shown("chat-bans", TIMED_OUT, BANNED).values()
    assert (row["reason"], row.get("until"), row["at"]) == ("rude", None, 1)
    assert shown("chat-bans", BANNED, UNBANNED) == {}


def test_a_warning_is_there_until_it_is_confirmed() -> None:
    assert shown("chat-warnings", WARNED)["c", "u"]["reason"] == "caps"
    assert shown("chat-warnings", WARNED, CONFIRMED) == {}


def test_settings_levels_and_shield_share_a_row() -> None:
    (row,) = shown("chat-settings", SETTINGS, LEVELS, SHIELDED).values()
    assert row["slow_seconds"] == 30
    assert row["permitted_domains"] == "example.org example.com"
    assert (row["toxicity"], row["spam"]) == (1, 0)
    assert (row["shield"], row["shield_at"], row["shield_by_login"]) == (True, 2, "wanda")


def test_a_term_is_there_until_it_is_removed() -> None:
    assert shown("blocked-terms", TERM)["c", "t"]["text"] == "goat*"
    assert shown("blocked-terms", TERM, NO_TERM) == {}


def test_a_held_message_waits_until_it_is_reviewed() -> None:
    assert shown("held-messages", HELD)["c", "m"]["category"] == "toxicity"
    assert shown("held-messages", HELD, APPROVED) == {}


ACTS = (
    (BANNED, "ban"),
    (TIMED_OUT, "timeout"),
    (UNBANNED, "unban"),
    (WARNED, "warn"),
    (CONFIRMED, "confirm_warning"),
    (DELETED, "delete"),
    (CLEARED, "clear"),
    (HELD, "hold"),
    (APPROVED, "approve"),
    (SETTINGS, "change_settings"),
    (LEVELS, "change_automod"),
    (SHIELDED, "shield_on"),
    (TERM, "add_blocked_term"),
    (NO_TERM, "remove_blocked_term"),
    (ModeratorAdded(channel_id="c", user_id="u"), "add_moderator"),
)


def test_everything_that_moderators_did_is_in_the_log() -> None:
    found = shown("moderation-log", SENT, *(event for event, _ in ACTS), REJECTED)
    assert [row["action"] for row in found.values()] == [action for _, action in ACTS]
    ban = found["c", 1, "1"]
    assert (ban["by_login"], ban["user_id"], ban["reason"]) == ("wanda", "u", "rude")
    assert msgspec.json.decode(str(found["c", 2, "2"]["details"])) == {"until": 99}


@pytest.mark.parametrize("name", ["moderation-log", "chat-user-history", "chat-history"])
def test_what_grows_without_bound_is_in_parts(name: str) -> None:
    assert VIEWS[name].part_of is not None


def test_a_vip_has_a_row_for_as_long_as_they_are_one() -> None:
    added, removed = VipAdded(channel_id="c", user_id="u"), VipRemoved(channel_id="c", user_id="u")
    assert shown("vips", added) == {("c", "u"): {"since": 0}}
    assert shown("vips", added, removed) == {}


def test_a_user_keeps_their_colour_when_something_else_changes() -> None:
    profile = ProfileChanged(user_id="u", display_name="Uma", description="")
    blue = msgspec.structs.replace(profile, colour="#0000FF")
    assert shown("users", blue, profile)["u",]["colour"] == "#0000FF"
