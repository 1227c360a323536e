"""The eventsub context: what happens everywhere in, what is to be sent to whom out."""

from functools import partial

from agents.eventsub.agent import Tables, decide_subscriptions
from agents.eventsub.deliveries import Queues, Waiting
from agents.eventsub.forwarding import forward_events, forward_subscriptions
from agents.eventsub.model import Subscription
from agents.eventsub.noting import NoteSubscribers
from agents.eventsub.progress import Progress
from agents.eventsub.subscribers import Noted, Subject
from agents.schedule import Schedule
from infra.streaming import App
from schemas.eventsub import TOPICS

_ALSO_HEARD = ("account-events", "access-events", "identity-events")
"""Where it is said who is gone, and who moderates no longer."""


def register(app: App) -> None:
    """Wire the context's agents and tables into an app."""
    tables = Tables(
        subscriptions=app.Table("subscription-by-id", value_type=Subscription),
        listeners=app.Table("listeners-by-channel-and-type", value_type=list[str]),
        queues=Queues(
            progress=app.Table("delivery-progress-by-subscription", value_type=Progress),
            waiting=app.Table("waiting-delivery", value_type=Waiting),
            wake=app.Table("delivery-wake", value_type=int),
        ),
        endings=Schedule(app, "subscription-ending"),
    )
    app.add_agent(
        "decide-subscriptions",
        source="eventsub-commands",
        sink="eventsub-events",
        handler=partial(decide_subscriptions, tables=tables),
    )
    app.add_agent(
        "forward-subscriptions",
        source="eventsub-events",
        sink="subscriber-commands",
        handler=forward_subscriptions,
    )
    app.add_agent(
        "note-subscribers",
        source="subscriber-commands",
        sink="subscriber-events",
        handler=NoteSubscribers(
            app.Table("subscriber-by-id", value_type=Subject),
            app.Table("noted-by-subscriber-and-slot", value_type=list[Noted]),
            app.Table("session-lease", value_type=int),
        ),
    )
    for topic in sorted({*TOPICS, *_ALSO_HEARD}):
        app.add_agent(
            f"forward-{topic}",
            source=topic,
            sink=None,
            handler=partial(
                forward_events,
                told=app.Table(f"told-of-{topic}", value_type=int),
                grants=app.Table(f"grants-of-{topic}", value_type=int),
                listeners=tables.listeners,
            ),
        )
