"""The subscriptions to events of each application, oldest first: their ids sort by time."""

from infra.record import Envelope
from schemas.records.eventsub import SubscriptionCreated, SubscriptionDeleted
from sinks.view import Change, Delete, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A subscription has a row until it is gone; the rest of it is in `eventsub-subscriptions`."""
    match message.event:
        case SubscriptionCreated() as created:
            key = (created.client_id, created.subscription_id)
            return [Upsert(key, {"method": created.method, "user_id": created.user_id})]
        case SubscriptionDeleted() as deleted:
            return [Delete((deleted.client_id, deleted.subscription_id))]
    return []


VIEW = View(
    name="eventsub-by-application",
    purpose="Subscriptions to events of each application, oldest first.",
    topics=("eventsub-events",),
    store="redis",
    key={"client_id": str, "subscription_id": str},
    columns={"method": str, "user_id": str},
    project=project,
)
