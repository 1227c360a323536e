"""Gives out what is to be sent, and keeps the messages of webhooks until they are done."""

import uuid
from dataclasses import dataclass
from itertools import islice
from typing import Final

from agents.eventsub import progress
from agents.eventsub.model import Subscription
from agents.eventsub.progress import Progress
from infra.streaming import Send, Table
from schemas.records.eventsub import DeliveryAbandoned, DeliveryRequested, ReportDelivery

DELIVERIES: Final = "eventsub-deliveries"
"""Apart from `eventsub-events`, which is kept for good."""
WAITING: Final = 10_000
"""Messages that may wait for one webhook; one more ends the subscription."""
_NOTHING: Final = -1


@dataclass(frozen=True)
class Waiting:
    """A message that waits to be taken."""

    message_id: str
    data: str


@dataclass(frozen=True)
class Queues:
    """The messages of webhooks that are not done, a queue for each subscription."""

    progress: Table[Progress]
    """By id."""
    waiting: Table[Waiting]
    """By id and number."""
    wake: Table[int]
    """When a subscription's messages go on without a report, by id."""

    def open(self, name: str) -> None:
        """A new subscription has a queue."""
        self.progress[name] = Progress()

    def put(
        self, subscription: Subscription, event_id: str, data: str, send: Send, now: int
    ) -> bool:
        """One message more. False, and nothing is put: too many wait."""
        name = subscription.subscription_id
        before = self.progress[name]
        if before.waiting >= WAITING:
            return False
        after, number = progress.added(before)
        self.waiting[_row(name, number)] = Waiting(message_id_of(subscription, event_id), data)
        self._go_on(subscription, after, send, now)
        return True

    def report(
        self, subscription: Subscription, command: ReportDelivery, send: Send, now: int
    ) -> bool:
        """Take the outcome of an attempt. False: the webhook failed too often."""
        name = command.subscription_id
        before = self.progress.get(name)
        if before is None:
            return True
        found = progress.reported(before, command.number, command.attempt, command.delivered, now)
        if found is None:
            return True
        row = _row(name, command.number)
        if found.given_up:
            abandoned = DeliveryAbandoned(
                channel_id=subscription.channel_id,
                subscription_id=name,
                number=command.number,
                message_id=self.waiting[row].message_id,
                detail=command.detail,
            )
            send(abandoned, topic=DELIVERIES)
        if found.done:
            del self.waiting[row]
        if found.failed:
            self.progress[name] = found.progress
            return False
        self._go_on(subscription, found.progress, send, now)
        return True

    def due(self, now: int) -> list[str]:
        """The subscriptions whose messages go on by themselves now."""
        return sorted(name for name, time in self.wake.items() if time <= now)

    def resume(self, subscription: Subscription, send: Send, now: int) -> None:
        """Send what is due."""
        self._go_on(subscription, self.progress[subscription.subscription_id], send, now)

    def close(self, name: str, now: int) -> None:
        """A subscription ended: what is left of its queue is dropped bit by bit from now on."""
        if name in self.progress:
            self.wake[name] = now

    def sweep(self, name: str, most: int) -> int:
        """Drop messages of a subscription that ended. How many there were."""
        found = self.progress.get(name, Progress())
        numbers = list(islice(found.numbers(), most))
        for number in numbers:
            del self.waiting[_row(name, number)]
        if len(numbers) == found.waiting:
            del self.progress[name]
            self._sleep(name, None)
        else:
            self.progress[name] = Progress(next=numbers[-1] + 1, end=found.end)
        return len(numbers)

    def _go_on(self, subscription: Subscription, known: Progress, send: Send, now: int) -> None:
        """Send what may be sent, and keep what does not."""
        name = subscription.subscription_id
        after, sent = progress.started(known, now)
        for each in sent:
            message = self.waiting[_row(name, each.number)]
            deliver(
                send,
                subscription,
                "notification",
                message.message_id,
                number=each.number,
                attempt=each.attempt,
                data=message.data,
            )
        self.progress[name] = after
        self._sleep(name, progress.due(after))

    def _sleep(self, name: str, until: int | None) -> None:
        if until is not None:
            self.wake[name] = until
        elif name in self.wake:
            del self.wake[name]


def deliver(
    send: Send,
    subscription: Subscription,
    kind: str,
    message_id: str,
    *,
    number: int = _NOTHING,
    attempt: int = 1,
    data: str = "",
) -> None:
    """Ask for a message to be sent."""
    request = DeliveryRequested(
        channel_id=subscription.channel_id,
        subscription_id=subscription.subscription_id,
        kind=kind,
        number=number,
        message_id=message_id,
        attempt=attempt,
        data=data,
        client_id=subscription.client_id,
        type=subscription.type,
        version=subscription.version,
        condition=subscription.condition,
        method=subscription.method,
        callback=subscription.callback,
        sealed_secret=subscription.sealed_secret,
        session_id=subscription.session_id,
        status=subscription.status,
        cost=subscription.cost,
        created_at=subscription.created_at,
    )
    send(request, key=subscription.channel_id, topic=DELIVERIES)


def message_id_of(subscription: Subscription, about: str) -> str:
    """The same for the same message to the same subscriber, whenever it is told."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{subscription.subscription_id}/{about}"))


def _row(name: str, number: int) -> str:
    return f"{name}|{number}"
