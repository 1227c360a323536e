"""Subscriptions to events by their id, until they are deleted or forgotten."""

from infra.record import Envelope
from schemas.records.eventsub import (
    SubscriptionCreated,
    SubscriptionDeleted,
    SubscriptionEnabled,
    SubscriptionRevoked,
)
from sinks.rows import Columns
from sinks.view import Change, Delete, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A row holds what was asked for and how it stands; no secret."""
    match message.event:
        case SubscriptionCreated() as created:
            columns: Columns = {name: getattr(created, name) for name in VIEW.columns}
            return [Upsert(created.subscription_id, columns)]
        case SubscriptionEnabled() as enabled:
            return [Upsert(enabled.subscription_id, {"status": "enabled"})]
        case SubscriptionRevoked() as ended:
            return [Upsert(ended.subscription_id, {"status": ended.status})]
        case SubscriptionDeleted() as deleted:
            return [Delete(deleted.subscription_id)]
    return []


VIEW = View(
    name="eventsub-subscriptions",
    purpose="Subscriptions to events by id.",
    topics=("eventsub-events",),
    store="redis",
    key={"subscription_id": str},
    columns={
        "channel_id": str,
        "client_id": str,
        "user_id": str,
        "type": str,
        "version": str,
        "condition": str,
        "method": str,
        "callback": str,
        "session_id": str,
        "status": str,
        "cost": int,
        "created_at": int,
    },
    project=project,
)
