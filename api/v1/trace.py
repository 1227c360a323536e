"""`/v1/events/{event_id}/trace`: what led to an event, and what came of it."""

from typing import Annotated

import msgspec

from api.access import role, scoped
from api.call import Call, endpoint
from api.publishing import SERVICES
from api.trace import Trace, trace, window_of
from api.v1.events import EVENTS
from infra.errors import InvalidRecord


class EventPath(msgspec.Struct, frozen=True):
    """An event in the path."""

    event_id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]


class TraceQuery(msgspec.Struct, frozen=True):
    """Where to look."""

    at: (
        Annotated[
            int,
            msgspec.Meta(
                ge=0,
                le=1 << 52,
                description="`meta.occurred_at` of the event. May be left out where the id tells "
                "the time: that of a command asked at the gateway without an `Idempotency-Key`.",
            ),
        ]
        | None
    ) = None
    window: Annotated[
        int, msgspec.Meta(ge=1, le=300, description="Seconds to look before and after.")
    ] = 30


async def trace_event(call: Call, path: EventPath, query: TraceQuery) -> Trace:
    """The chain of causes and effects of one event, over all topics.

    Looks through what was written within a window around the event, at most 20 000 messages of a
    topic; `searched` says where that was not all. Operators see every topic, others those that are
    open to services.
    """
    span = window_of(path.event_id, query.at, query.window)
    if span is None:
        raise InvalidRecord("at: is needed, for this id does not tell the time")
    events = call.request.app[EVENTS]
    topics = [
        name
        for name, topic in events.topics.items()
        if "operator" in call.principal.roles or SERVICES in topic.readers
    ]
    return await trace(events.log, topics, path.event_id, *span)


ROUTES = (
    endpoint(
        "GET",
        "/v1/events/{event_id}/trace",
        trace_event,
        role("operator") | scoped("events:trace"),
        seconds=8,
    ),
)
