"""Given a subscription, a command yields an event."""

from typing import Any

import pytest

from agents.eventsub import subscribers
from agents.eventsub.model import (
    ALIKE,
    ENABLED,
    PENDING,
    SUBSCRIBERS,
    UNVERIFIED,
    Subscription,
    confirm,
    create,
    delete,
    evolve,
    is_told_of,
)
from agents.eventsub.subscribers import IN_A_SESSION, Subject, note
from schemas.records.eventsub import (
    ConfirmSubscription,
    CreateSubscription,
    DeleteSubscription,
    MoveSession,
    NoteSubscription,
    SubscriptionCreated,
    SubscriptionDeleted,
    SubscriptionEnabled,
    SubscriptionRefused,
    SubscriptionRevoked,
)


def asked(number: int = 1, **more: Any) -> CreateSubscription:
    given: dict[str, Any] = {
        "channel_id": "c1",
        "subscription_id": f"s{number}",
        "client_id": "app",
        "user_id": None,
        "type": "stream.online",
        "version": "1",
        "condition": '{"broadcaster_user_id":"c1"}',
        "method": "webhook",
        "callback": "https://a.test/",
        "sealed_secret": "p1.x.y",
        "session_id": None,
        "cost": 1,
    }
    return CreateSubscription(**given | more)


def made(number: int = 1, **more: Any) -> Subscription:
    event = create([], asked(number, **more), now=5)
    found = evolve(None, event)
    assert found is not None
    return found


SOCKET = {
    "method": "websocket",
    "callback": None,
    "sealed_secret": None,
    "session_id": "w1",
    "user_id": "u1",
}


def test_a_webhook_is_told_only_once_it_has_answered_its_challenge() -> None:
    pending = made()
    assert pending.status == PENDING
    yes = ConfirmSubscription(channel_id="c1", subscription_id="s1", confirmed=True, detail="")
    event = confirm(pending, yes)
    assert event == SubscriptionEnabled(channel_id="c1", subscription_id="s1")
    enabled = evolve(pending, event)
    assert enabled is not None
    assert enabled.status == ENABLED
    assert confirm(enabled, yes) is None  # a repeat
    no = ConfirmSubscription(channel_id="c1", subscription_id="s1", confirmed=False, detail="404")
    event = confirm(pending, no)
    assert isinstance(event, SubscriptionRevoked)
    assert event.status == UNVERIFIED
    assert confirm(None, yes) is None


def test_a_session_is_told_at_once() -> None:
    assert made(**SOCKET).status == ENABLED


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({}, "conflict"),
        ({"method": "carrier-pigeon"}, "invalid-method"),
        ({"callback": None}, "invalid-transport"),
        ({"session_id": "w1"}, "invalid-transport"),
        ({"method": "websocket"}, "invalid-transport"),
    ],
)
def test_a_subscription_is_refused(more: dict[str, Any], reason: str) -> None:
    event = create([made()], asked(2, **more), now=5)
    assert isinstance(event, SubscriptionRefused)
    assert event.reason == reason


def test_an_application_has_few_webhooks_of_one_kind() -> None:
    known = [made(n, callback=f"https://{n}.test/") for n in range(ALIKE)]
    event = create(known, asked(9, callback="https://9.test/"), now=5)
    assert isinstance(event, SubscriptionRefused)
    assert event.reason == "too-many-alike"
    for more in ({"client_id": "other"}, {"condition": "{}"}, SOCKET):
        assert isinstance(create(known, asked(9, **more), now=5), SubscriptionCreated)


def test_a_channel_has_a_bound_of_subscribers() -> None:
    known = [made(n, client_id=f"app{n}") for n in range(SUBSCRIBERS)]
    event = create(known, asked(9999), now=5)
    assert isinstance(event, SubscriptionRefused)
    assert event.reason == "too-many-subscribers"


def test_only_its_application_deletes_a_subscription() -> None:
    foreign = DeleteSubscription(channel_id="c1", subscription_id="s1", client_id="other")
    assert isinstance(delete(made(), foreign), SubscriptionRefused)
    own = DeleteSubscription(channel_id="c1", subscription_id="s1", client_id="app")
    event = delete(made(), own)
    assert isinstance(event, SubscriptionDeleted)
    assert evolve(made(), event) is None
    assert isinstance(delete(None, own), SubscriptionRefused)


def test_who_left_is_not_told_that_it_ended() -> None:
    assert is_told_of("user_removed")
    assert not is_told_of("websocket_disconnected")
    assert not is_told_of(UNVERIFIED)


def noted(number: int = 1, **more: Any) -> NoteSubscription:
    given: dict[str, Any] = {
        "subject_id": "app",
        "kind": "application",
        "channel_id": "c1",
        "subscription_id": f"s{number}",
        "client_id": "app",
        "user_id": None,
        "method": "webhook",
        "cost": 1,
        "depends": True,
    }
    return NoteSubscription(**given | more)


def test_an_application_counts_its_webhooks_once() -> None:
    subject, rows, wrong = note(Subject(), [], noted())
    assert (subject.subscriptions, subject.cost, len(rows), wrong) == (1, 1, 1, None)
    assert note(subject, rows, noted()) == (subject, rows, None)
    socket, rows, _ = note(subject, rows, noted(2, method="websocket"))
    assert (socket.subscriptions, socket.cost, len(rows)) == (1, 1, 2)
    after, rows, _ = note(socket, rows, noted(1, depends=False))
    assert (after.subscriptions, after.cost, len(rows)) == (0, 0, 1)
    assert note(after, rows, noted(1, depends=False)) == (after, rows, None)


def test_what_is_noted_of_the_ended_is_revoked() -> None:
    ended = Subject(kind="user", ended="user_removed")
    assert note(ended, [], noted(kind="user")) == (ended, [], "user_removed")


def test_a_session_is_one_users_and_holds_so_many() -> None:
    subject, rows, wrong = note(Subject(), [], noted(kind="session", user_id="u1"))
    assert wrong is None
    assert note(subject, rows, noted(2, kind="session", user_id="u2"))[2] == subscribers.NOT_YOURS
    full = Subject(kind="session", owner=subject.owner, subscriptions=IN_A_SESSION)
    assert note(full, [], noted(3, kind="session", user_id="u1"))[2] == subscribers.NOT_YOURS


def test_one_of_two_connections_gets_a_session() -> None:
    first = MoveSession(subject_id="w1", generation=1, until=0)
    moved = subscribers.move(Subject(kind="session"), first)
    assert moved is not None
    assert moved.generation == 1
    assert subscribers.move(moved, first) is None
    assert subscribers.move(None, first) == Subject(kind="session", generation=1)
