"""How many webhooks each application has subscribed, and what they cost towards its limit."""

from infra.record import Envelope
from schemas.records.eventsub import SubscriberCounted
from sinks.view import Change, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A row holds the last count."""
    match message.event:
        case SubscriberCounted() as counted:
            columns = {"subscriptions": counted.subscriptions, "cost": counted.cost}
            return [Upsert(counted.subject_id, columns)]
    return []


VIEW = View(
    name="eventsub-totals",
    purpose="How many webhooks each application has, and their cost.",
    topics=("subscriber-events",),
    store="redis",
    key={"client_id": str},
    columns={"subscriptions": int, "cost": int},
    project=project,
)
