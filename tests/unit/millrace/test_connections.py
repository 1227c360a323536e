"""What the settings say about views."""

import pytest

from millrace.connections import lifetimes
from sinks.views import VIEWS


def test_every_retention_that_a_view_names_has_a_setting() -> None:
    named = {view.retention.name for view in VIEWS.values() if view.retention}
    assert named == lifetimes().seconds.keys()


def test_chats_are_kept_for_good_unless_a_number_of_days_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    history, audit = VIEWS["chat-history"], VIEWS["moderation-log"]
    assert (lifetimes().of(history), lifetimes().of(audit)) == (0, 0)
    monkeypatch.setenv("MILLRACE_CHAT_HISTORY_DAYS", "0.5")
    assert (lifetimes().of(history), lifetimes().of(audit)) == (43_200, 0)
    assert lifetimes().of(VIEWS["chat-messages"]) == lifetimes().of(VIEWS["chat-user-history"])
    monkeypatch.setenv("MILLRACE_CHAT_AUDIT_DAYS", "7")
    assert lifetimes().of(audit) == 7 * 86_400
