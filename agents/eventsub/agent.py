"""Decides about the subscriptions of a channel, and gives out what is to be sent to whom."""

import json
import uuid
from dataclasses import dataclass
from itertools import islice
from typing import Final
from zlib import crc32

from agents.eventsub import model, progress
from agents.eventsub.model import Subscription
from agents.eventsub.progress import Progress
from agents.schedule import MINUTE, Schedule
from infra.errors import InvalidRecord
from infra.streaming import Message, Send, Table
from schemas.eventsub import KINDS, MODERATOR
from schemas.records.clock import Tick
from schemas.records.eventsub import (
    ConfirmSubscription,
    CreateSubscription,
    DeleteSubscription,
    DeliveryAbandoned,
    DeliveryRequested,
    ForgetModerator,
    Notify,
    ReportDelivery,
    RevokeSubscription,
)

COMMANDS: Final = "eventsub-commands"
DELIVERIES: Final = "eventsub-deliveries"
"""Apart from `eventsub-events`, which is kept for good."""
WAITING: Final = 10_000
"""Messages that may wait for one webhook; one more ends the subscription."""
FAN_OUT: Final = 100
"""Subscriptions that one message tells; the next ones wait for the next message."""
WOKEN: Final = 200
"""Subscriptions that one tick looks at."""
SWEPT: Final = 1000
"""Messages of ended subscriptions that one tick drops."""
FORGOTTEN_AFTER: Final = 86_400_000_000
"""Microseconds for which a revoked subscription is listed."""
_NOTHING: Final = -1


@dataclass(frozen=True)
class Waiting:
    """A message that waits to be taken."""

    message_id: str
    data: str


@dataclass(frozen=True)
class Tables:
    """What the agent remembers of a partition's channels."""

    subscriptions: Table[Subscription]
    """By id, until they are forgotten."""
    listeners: Table[list[str]]
    """Ids of those that last, lowest first, by channel, type and version."""
    progress: Table[Progress]
    """Of webhooks, by id."""
    waiting: Table[Waiting]
    """By id and number."""
    wake: Table[int]
    """When a subscription's messages go on without a report, by id."""
    endings: Schedule
    """When revoked subscriptions are forgotten."""


def decide_subscriptions(message: Message, send: Send, *, tables: Tables) -> None:
    """Decide what a command does to the subscriptions of its channel."""
    deciding = _Deciding(tables, send, message.meta.occurred_at)
    if isinstance(message.event, Tick):
        deciding.tick()
        return
    if message.event.channel_id != message.key:
        raise InvalidRecord("channel_id must be the key of the message")
    deciding.hear(message.event)


@dataclass(frozen=True)
class _Deciding:
    """One message being handled."""

    tables: Tables
    send: Send
    now: int

    def hear(self, command: object) -> None:
        match command:
            case CreateSubscription():
                self.create(command)
            case ConfirmSubscription():
                subscription = self.tables.subscriptions.get(command.subscription_id)
                self.say(subscription, model.confirm(subscription, command))
            case DeleteSubscription():
                subscription = self.tables.subscriptions.get(command.subscription_id)
                self.say(subscription, model.delete(subscription, command))
            case RevokeSubscription():
                self.revoke(command.subscription_id, command.status)
            case ForgetModerator():
                self.forget_moderator(command)
            case Notify():
                self.notify(command)
            case ReportDelivery():
                self.report(command)

    def create(self, command: CreateSubscription) -> None:
        row = _listeners_row(command.channel_id, command.type, command.version)
        ids = self.tables.listeners.get(row, [])
        known = [self.tables.subscriptions[each] for each in ids]
        event = model.create(known, command, now=self.now)
        created = model.evolve(None, event)
        self.say(None, event)
        if created is None:
            return
        self.tables.listeners[row] = sorted([*ids, created.subscription_id])
        if created.method == "webhook":
            self.tables.progress[created.subscription_id] = Progress()
            self.deliver(created, "webhook_callback_verification", created.subscription_id)
        else:
            self.deliver(created, "created", created.subscription_id)

    def revoke(self, subscription_id: str, status: str) -> None:
        subscription = self.tables.subscriptions.get(subscription_id)
        if subscription is not None and subscription.lasts:
            self.say(subscription, model.revoked(subscription, status))

    def forget_moderator(self, command: ForgetModerator) -> None:
        for kind in KINDS:
            row = _listeners_row(command.channel_id, kind.name, kind.version)
            for each in self.tables.listeners.get(row, []) if kind.moderated else []:
                condition = json.loads(self.tables.subscriptions[each].condition)
                if condition[MODERATOR] == command.user_id:
                    self.ask_to_revoke(command.channel_id, each, model.MODERATOR_REMOVED)

    def ask_to_revoke(self, channel_id: str, name: str, status: str) -> None:
        """Revoke by a message of its own: each takes a channel's long rows anew."""
        command = RevokeSubscription(channel_id=channel_id, subscription_id=name, status=status)
        self.send(command, topic=COMMANDS)

    def notify(self, command: Notify) -> None:
        """Tell those who listen, some at a time; the rest follow by a message to itself."""
        row = _listeners_row(command.channel_id, command.type, command.version)
        ids = [each for each in self.tables.listeners.get(row, []) if each > command.after]
        for each in ids[:FAN_OUT]:
            subscription = self.tables.subscriptions[each]
            if subscription.status == model.ENABLED:
                self.tell(subscription, command)
        if len(ids) > FAN_OUT:
            rest = Notify(
                channel_id=command.channel_id,
                type=command.type,
                version=command.version,
                event_id=command.event_id,
                data=command.data,
                after=ids[FAN_OUT - 1],
            )
            self.send(rest, topic=COMMANDS)

    def tell(self, subscription: Subscription, command: Notify) -> None:
        name = subscription.subscription_id
        if subscription.method == "websocket":
            self.deliver(subscription, "notification", command.event_id, data=command.data)
            return
        before = self.tables.progress[name]
        if before.waiting >= WAITING:
            self.ask_to_revoke(subscription.channel_id, name, model.FAILED)
            return
        after, number = progress.added(before)
        message_id = _message_id(subscription, command.event_id)
        self.tables.waiting[_row(name, number)] = Waiting(message_id, command.data)
        self.go_on(subscription, after)

    def report(self, command: ReportDelivery) -> None:
        name = command.subscription_id
        subscription = self.tables.subscriptions.get(name)
        before = self.tables.progress.get(name)
        if subscription is None or before is None or not subscription.lasts:
            return
        found = progress.reported(
            before, command.number, command.attempt, command.delivered, self.now
        )
        if found is None:
            return
        row = _row(name, command.number)
        if found.given_up:
            abandoned = DeliveryAbandoned(
                channel_id=subscription.channel_id,
                subscription_id=name,
                number=command.number,
                message_id=self.tables.waiting[row].message_id,
                detail=command.detail,
            )
            self.send(abandoned, topic=DELIVERIES)
        if found.done:
            del self.tables.waiting[row]
        if found.failed:
            self.tables.progress[name] = found.progress
            self.revoke(name, model.FAILED)
            return
        self.go_on(subscription, found.progress)

    def go_on(self, subscription: Subscription, known: Progress) -> None:
        """Send what may be sent, and keep what does not."""
        name = subscription.subscription_id
        after, sent = progress.started(known, self.now)
        for each in sent:
            waiting = self.tables.waiting[_row(name, each.number)]
            self.deliver(
                subscription,
                "notification",
                waiting.message_id,
                number=each.number,
                attempt=each.attempt,
                data=waiting.data,
                named=True,
            )
        self.tables.progress[name] = after
        self.sleep(name, progress.due(after))

    def sleep(self, name: str, until: int | None) -> None:
        if until is not None:
            self.tables.wake[name] = until
        elif name in self.tables.wake:
            del self.tables.wake[name]

    def tick(self) -> None:
        """Go on with what is due, drop what is left of the ended, forget the revoked."""
        due = [name for name, time in self.tables.wake.items() if time <= self.now]
        left = SWEPT
        for name in sorted(due)[:WOKEN]:
            subscription = self.tables.subscriptions.get(name)
            if subscription is not None and subscription.lasts:
                self.go_on(subscription, self.tables.progress[name])
            elif left >= progress.WINDOW:
                left -= self.sweep(name, left)
        for name in self.tables.endings.take(self.now):
            subscription = self.tables.subscriptions.get(name)
            if subscription is not None:
                self.say(subscription, model.deleted(subscription))

    def sweep(self, name: str, most: int) -> int:
        """Drop messages of a subscription that ended. How many there were."""
        found = self.tables.progress.get(name, Progress())
        numbers = list(islice(found.numbers(), most))
        for number in numbers:
            del self.tables.waiting[_row(name, number)]
        if len(numbers) == found.waiting:
            del self.tables.progress[name]
            self.sleep(name, None)
        else:
            self.tables.progress[name] = Progress(next=numbers[-1] + 1, end=found.end)
        return len(numbers)

    def say(self, before: Subscription | None, event: model.Event | None) -> None:
        """Let an event happen."""
        if event is None:
            return
        key = event.channel_id
        self.send(event, key=key)
        after = model.evolve(before, event)
        name = event.subscription_id
        if after == before:
            return
        if after is None:
            del self.tables.subscriptions[name]
        else:
            self.tables.subscriptions[name] = after
        if before is not None and before.lasts and not (after and after.lasts):
            self.end(before, after)

    def end(self, before: Subscription, after: Subscription | None) -> None:
        """A subscription lasts no longer; `after`: as it is listed from now on."""
        name = before.subscription_id
        row = _listeners_row(before.channel_id, before.type, before.version)
        ids = [each for each in self.tables.listeners[row] if each != name]
        if ids:
            self.tables.listeners[row] = ids
        else:
            del self.tables.listeners[row]
        if name in self.tables.progress:
            self.tables.wake[name] = self.now
        if after is not None:
            self.tables.endings.put(name, self.now + FORGOTTEN_AFTER + _spread(name))
            if model.is_told_of(after.status):
                self.deliver(after, "revocation", after.status)
        elif before.method == "websocket":
            self.deliver(before, "deleted", name)

    def deliver(
        self,
        subscription: Subscription,
        kind: str,
        about: str,
        *,
        number: int = _NOTHING,
        attempt: int = 1,
        data: str = "",
        named: bool = False,
    ) -> None:
        """Ask for a message to be sent. `about`: its id if it is `named`, else what it is of."""
        request = DeliveryRequested(
            channel_id=subscription.channel_id,
            subscription_id=subscription.subscription_id,
            kind=kind,
            number=number,
            message_id=about if named else _message_id(subscription, about),
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
        self.send(request, key=subscription.channel_id, topic=DELIVERIES)


def _listeners_row(channel_id: str, name: str, version: str) -> str:
    return f"{channel_id}|{name}|{version}"


def _row(name: str, number: int) -> str:
    return f"{name}|{number}"


def _spread(name: str) -> int:
    """Up to an hour: what ended at once is not forgotten at once, in one message."""
    return crc32(name.encode()) % 60 * MINUTE


def _message_id(subscription: Subscription, about: str) -> str:
    """The same for the same message to the same subscriber, whenever it is told."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{subscription.subscription_id}/{about}"))
