"""Decides about the subscriptions of a channel, and gives out what is to be sent to whom."""

import json
from dataclasses import dataclass
from typing import Final
from zlib import crc32

from agents.eventsub import model
from agents.eventsub.deliveries import Queues, deliver, message_id_of
from agents.eventsub.forwarding import listeners_row
from agents.eventsub.model import Subscription
from agents.eventsub.progress import WINDOW
from agents.schedule import MINUTE, Schedule
from infra.errors import InvalidRecord
from infra.streaming import Message, Send, Table
from schemas.eventsub import BY_NAME, MODERATOR
from schemas.records.clock import Tick
from schemas.records.eventsub import (
    ConfirmSubscription,
    CreateSubscription,
    DeleteSubscription,
    ForgetModerator,
    Notify,
    ReportDelivery,
    RevokeSubscription,
)

COMMANDS: Final = "eventsub-commands"
FAN_OUT: Final = 100
"""Subscriptions that one message tells; the next ones wait for the next message."""
WOKEN: Final = 200
"""Subscriptions that one tick looks at."""
SWEPT: Final = 1000
"""Messages of ended subscriptions that one tick drops."""
FORGOTTEN_AFTER: Final = 86_400_000_000
"""Microseconds for which a revoked subscription is listed."""


@dataclass(frozen=True)
class Tables:
    """What the agent remembers of a partition's channels."""

    subscriptions: Table[Subscription]
    """By id, until they are forgotten."""
    listeners: Table[list[str]]
    """Ids of those that last, lowest first, by channel, type and version."""
    queues: Queues
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
        row = listeners_row(command.channel_id, command.type, command.version)
        ids = self.tables.listeners.get(row, [])
        known = [self.tables.subscriptions[each] for each in ids]
        event = model.create(known, command, now=self.now)
        created = model.evolve(None, event)
        self.say(None, event)
        if created is None:
            return
        self.tables.listeners[row] = sorted([*ids, created.subscription_id])
        if created.method == "webhook":
            self.tables.queues.open(created.subscription_id)
            self.deliver(created, "webhook_callback_verification", created.subscription_id)
        else:
            self.deliver(created, "created", created.subscription_id)

    def revoke(self, subscription_id: str, status: str) -> None:
        subscription = self.tables.subscriptions.get(subscription_id)
        if subscription is not None and subscription.lasts:
            self.say(subscription, model.revoked(subscription, status))

    def forget_moderator(self, command: ForgetModerator) -> None:
        for kind in BY_NAME.values():
            row = listeners_row(command.channel_id, kind.name, kind.version)
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
        row = listeners_row(command.channel_id, command.type, command.version)
        ids = [each for each in self.tables.listeners.get(row, []) if each > command.after]
        for each in ids[:FAN_OUT]:
            subscription = self.tables.subscriptions[each]
            if subscription.status == model.ENABLED and _means(subscription, command):
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
        if subscription.method == "websocket":
            self.deliver(subscription, "notification", command.event_id, data=command.data)
            return
        queues = self.tables.queues
        if not queues.put(subscription, command.event_id, command.data, self.send, self.now):
            name = subscription.subscription_id
            self.ask_to_revoke(subscription.channel_id, name, model.FAILED)

    def report(self, command: ReportDelivery) -> None:
        subscription = self.tables.subscriptions.get(command.subscription_id)
        if subscription is None or not subscription.lasts:
            return
        if not self.tables.queues.report(subscription, command, self.send, self.now):
            self.revoke(command.subscription_id, model.FAILED)

    def tick(self) -> None:
        """Go on with what is due, drop what is left of the ended, forget the revoked."""
        queues, left = self.tables.queues, SWEPT
        for name in queues.due(self.now)[:WOKEN]:
            subscription = self.tables.subscriptions.get(name)
            if subscription is not None and subscription.lasts:
                queues.resume(subscription, self.send, self.now)
            elif left >= WINDOW:
                left -= queues.sweep(name, left)
        for name in self.tables.endings.take(self.now):
            subscription = self.tables.subscriptions.get(name)
            if subscription is not None:
                self.say(subscription, model.deleted(subscription))

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
        row = listeners_row(before.channel_id, before.type, before.version)
        ids = [each for each in self.tables.listeners[row] if each != name]
        if ids:
            self.tables.listeners[row] = ids
        else:
            del self.tables.listeners[row]
        self.tables.queues.close(name, self.now)
        if after is not None:
            self.tables.endings.put(name, self.now + FORGOTTEN_AFTER + _spread(name))
            if model.is_told_of(after.status):
                self.deliver(after, "revocation", after.status)
        elif before.method == "websocket":
            self.deliver(before, "deleted", name)

    def deliver(self, subscription: Subscription, kind: str, about: str, *, data: str = "") -> None:
        """Ask for a message to be sent; `about`: what it is of."""
        deliver(self.send, subscription, kind, message_id_of(subscription, about), data=data)


def _spread(name: str) -> int:
    """Up to an hour: what ended at once is not forgotten at once, in one message."""
    return crc32(name.encode()) % 60 * MINUTE


def _means(subscription: Subscription, command: Notify) -> bool:
    kind = BY_NAME.get((command.type, command.version))
    if kind is None or len(kind.subjects) == 1:
        return True
    return kind.meant(json.loads(subscription.condition), json.loads(command.data))
