"""Subscriptions to events: who may have which, and how each begins and ends.

A channel's partition decides about the subscriptions whose condition names that channel. Names of
types, methods and statuses are those of the dialect (EventSub).
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from schemas.records.eventsub import (
    ConfirmSubscription,
    CreateSubscription,
    DeleteSubscription,
    SubscriptionCreated,
    SubscriptionDeleted,
    SubscriptionEnabled,
    SubscriptionRefused,
    SubscriptionRevoked,
)

Event = (
    SubscriptionCreated
    | SubscriptionEnabled
    | SubscriptionRevoked
    | SubscriptionDeleted
    | SubscriptionRefused
)

ENABLED: Final = "enabled"
PENDING: Final = "webhook_callback_verification_pending"
UNVERIFIED: Final = "webhook_callback_verification_failed"
FAILED: Final = "notification_failures_exceeded"
MODERATOR_REMOVED: Final = "moderator_removed"
_UNTOLD: Final = (UNVERIFIED, "websocket_")
"""Statuses of which nobody can be told: the webhook did not answer, the session is over."""

SUBSCRIBERS: Final = 1000
"""Subscriptions of one type on one channel."""
ALIKE: Final = 3
"""Webhooks of one application with the same type and condition."""


@dataclass(frozen=True)
class Subscription:
    """A subscription, as it was asked for, and how it stands. See `SubscriptionCreated`."""

    channel_id: str
    subscription_id: str
    client_id: str
    user_id: str | None
    type: str
    version: str
    condition: str
    method: str
    callback: str | None
    sealed_secret: str | None
    session_id: str | None
    status: str
    cost: int
    created_at: int

    @property
    def lasts(self) -> bool:
        """Whether it is told, or will be once its webhook has answered."""
        return self.status in (ENABLED, PENDING)

    @property
    def address(self) -> tuple[str, ...]:
        """Two that agree in this are the same subscription."""
        where = self.callback or self.session_id or ""
        return self.client_id, self.version, self.condition, self.method, where


def create(
    known: Iterable[Subscription], command: CreateSubscription, *, now: int
) -> SubscriptionCreated | SubscriptionRefused:
    """What comes of asking. `known`: those of the channel and type that last."""
    others = list(known)
    status = PENDING if command.method == "webhook" else ENABLED
    wanted = Subscription(
        **{each: getattr(command, each) for each in command.__struct_fields__},
        status=status,
        created_at=now,
    )
    if command.method not in ("webhook", "websocket"):
        return _refused(command, "invalid-method", "method must be webhook or websocket")
    if (command.method == "webhook") != (None not in (command.callback, command.sealed_secret)):
        return _refused(command, "invalid-transport", "a webhook has a callback and a secret")
    if (command.method == "websocket") != (command.session_id is not None):
        return _refused(command, "invalid-transport", "a WebSocket has a session")
    if any(each.address == wanted.address for each in others):
        return _refused(command, "conflict", "the subscription exists already")
    if wanted.method == "webhook" and sum(_alike(each, wanted) for each in others) >= ALIKE:
        text = f"an application may have {ALIKE} webhooks of one type and condition"
        return _refused(command, "too-many-alike", text)
    if len(others) >= SUBSCRIBERS:
        text = f"a channel may have {SUBSCRIBERS} subscriptions of a type"
        return _refused(command, "too-many-subscribers", text)
    return SubscriptionCreated(**_columns(wanted))


def confirm(
    subscription: Subscription | None, command: ConfirmSubscription
) -> SubscriptionEnabled | SubscriptionRevoked | None:
    """What comes of a challenge; None if it was not awaited any more."""
    if subscription is None or subscription.status != PENDING:
        return None
    if not command.confirmed:
        return revoked(subscription, UNVERIFIED)
    return SubscriptionEnabled(
        channel_id=subscription.channel_id, subscription_id=subscription.subscription_id
    )


def delete(
    subscription: Subscription | None, command: DeleteSubscription
) -> SubscriptionDeleted | SubscriptionRefused:
    """What comes of asking for a subscription to be gone."""
    if subscription is None or subscription.client_id != command.client_id:
        return _refused(command, "unknown-subscription", "there is no such subscription")
    return deleted(subscription)


def revoked(subscription: Subscription, status: str) -> SubscriptionRevoked:
    """That a subscription ended, and why."""
    return SubscriptionRevoked(
        channel_id=subscription.channel_id,
        subscription_id=subscription.subscription_id,
        client_id=subscription.client_id,
        user_id=subscription.user_id,
        condition=subscription.condition,
        method=subscription.method,
        session_id=subscription.session_id,
        cost=subscription.cost,
        status=status,
    )


def deleted(subscription: Subscription) -> SubscriptionDeleted:
    """That a subscription is gone."""
    return SubscriptionDeleted(
        channel_id=subscription.channel_id,
        subscription_id=subscription.subscription_id,
        client_id=subscription.client_id,
        user_id=subscription.user_id,
        condition=subscription.condition,
        method=subscription.method,
        session_id=subscription.session_id,
        cost=subscription.cost,
    )


def evolve(subscription: Subscription | None, event: Event) -> Subscription | None:
    """The subscription after an event; None if it is gone."""
    match event:
        case SubscriptionCreated():
            return Subscription(**{each: getattr(event, each) for each in _FIELDS})
        case SubscriptionEnabled() if subscription:
            return replace(subscription, status=ENABLED)
        case SubscriptionRevoked() if subscription:
            return replace(subscription, status=event.status)
        case SubscriptionDeleted():
            return None
    return subscription


def is_told_of(status: str) -> bool:
    """Whether a subscriber can hear that their subscription ended like this."""
    return not status.startswith(_UNTOLD)


_FIELDS: Final = tuple(each.name for each in fields(Subscription))


def _columns(subscription: Subscription) -> dict[str, Any]:
    return {name: getattr(subscription, name) for name in _FIELDS}


def _alike(one: Subscription, other: Subscription) -> bool:
    mine, theirs = one.address, other.address
    return (one.method, *mine[:3]) == (other.method, *theirs[:3])


def _refused(
    command: CreateSubscription | DeleteSubscription, reason: str, detail: str
) -> SubscriptionRefused:
    return SubscriptionRefused(
        channel_id=command.channel_id,
        subscription_id=command.subscription_id,
        command=command.FULL_NAME,
        reason=reason,
        detail=detail,
    )
