"""Records of the eventsub context. Generated from `schemas/avro` by `make generate`: do not edit."""

from typing import ClassVar

from infra.record import Record


class ConfirmSubscription(Record, frozen=True, kw_only=True):
    """Says whether a webhook answered its challenge."""

    FULL_NAME: ClassVar[str] = "millrace.eventsub.ConfirmSubscription"

    channel_id: str
    """The channel that it is about: the id in the condition. Key of the message."""
    subscription_id: str
    """The subscription, a UUIDv7."""
    confirmed: bool
    """Whether it did."""
    detail: str
    """What came instead, for people."""


class CreateSubscription(Record, frozen=True, kw_only=True):
    """Asks for what happens on a channel to be told to an application."""

    FULL_NAME: ClassVar[str] = "millrace.eventsub.CreateSubscription"

    channel_id: str
    """The channel that it is about: the id in the condition. Key of the message."""
    subscription_id: str
    """The subscription, a UUIDv7."""
    client_id: str
    """The application whose subscription it is."""
    user_id: str | None = None
    """The user whose token made it; null if the application asked for itself."""
    type: str
    """What is subscribed to, such as stream.online."""
    version: str
    """Version of the type."""
    condition: str
    """JSON object of ids, names in order: what the event must be about."""
    method: str
    """webhook or websocket."""
    callback: str | None = None
    """URL of a webhook; null for a WebSocket."""
    sealed_secret: str | None = None
    """What signs a webhook's messages, sealed by the master key; null for a WebSocket."""
    session_id: str | None = None
    """The WebSocket session; null for a webhook."""
    cost: int
    """What it counts towards the application's limit."""


class DeleteSubscription(Record, frozen=True, kw_only=True):
    """Asks for a subscription to be gone."""

    FULL_NAME: ClassVar[str] = "millrace.eventsub.DeleteSubscription"

    channel_id: str
    """The channel that it is about: the id in the condition. Key of the message."""
    subscription_id: str
    """The subscription, a UUIDv7."""
    client_id: str
    """The application whose subscription it is."""


class DeliveryAbandoned(Record, frozen=True, kw_only=True):
    """A message was sent as often as it is ever sent, and not taken."""

    FULL_NAME: ClassVar[str] = "millrace.eventsub.DeliveryAbandoned"

    channel_id: str
    """The channel that it is about: the id in the condition. Key of the message."""
    subscription_id: str
    """The subscription, a UUIDv7."""
    number: int
    """The message among those of the subscription, counted from 0; -1: not counted, sent once."""
    message_id: str
    """The same whenever the message is sent again, so that a receiver can tell."""
    detail: str
    """What came of the last time, for people."""


class DeliveryRequested(Record, frozen=True, kw_only=True):
    """A message is to be sent to a subscriber."""

    FULL_NAME: ClassVar[str] = "millrace.eventsub.DeliveryRequested"

    channel_id: str
    """The channel that it is about: the id in the condition. Key of the message."""
    subscription_id: str
    """The subscription, a UUIDv7."""
    kind: str
    """notification, webhook_callback_verification or revocation, as the dialect names it."""
    number: int
    """The message among those of the subscription, counted from 0; -1: not counted, sent once."""
    message_id: str
    """The same whenever the message is sent again, so that a receiver can tell."""
    attempt: int
    """How often it has been sent, this time included."""
    data: str
    """JSON object: the event, with ids and without names; empty where the kind has none."""
    client_id: str
    """The application whose subscription it is."""
    type: str
    """What is subscribed to, such as stream.online."""
    version: str
    """Version of the type."""
    condition: str
    """JSON object of ids, names in order: what the event must be about."""
    method: str
    """webhook or websocket."""
    callback: str | None = None
    """URL of a webhook; null for a WebSocket."""
    sealed_secret: str | None = None
    """What signs a webhook's messages, sealed by the master key; null for a WebSocket."""
    session_id: str | None = None
    """The WebSocket session; null for a webhook."""
    status: str
    """How it stands, as the dialect names it: enabled, webhook_callback_verification_pending, or why it ended."""
    cost: int
    """What it counts towards the application's limit."""
    created_at: int
    """When it was asked for, microseconds since 1970-01-01T00:00:00Z."""


class ForgetModerator(Record, frozen=True, kw_only=True):
    """Asks for what a moderator of the channel was told of it to end: they moderate no longer."""

    FULL_NAME: ClassVar[str] = "millrace.eventsub.ForgetModerator"

    channel_id: str
    """The channel that it is about: the id in the condition. Key of the message."""
    user_id: str
    """The moderator."""


class ForgetSubscriber(Record, frozen=True, kw_only=True):
    """Asks for all subscriptions that depend on someone or something to end, some at a time."""

    FULL_NAME: ClassVar[str] = "millrace.eventsub.ForgetSubscriber"

    subject_id: str
    """Who or what the subscription depends on: a client_id, a user_id or a session_id. Key of the message."""
    status: str
    """What they become, as the dialect names it."""
    client_id: str | None = None
    """Only those of this application; null: all, and those that come later, too."""


class KeepSession(Record, frozen=True, kw_only=True):
    """Says that a WebSocket session lasts."""

    FULL_NAME: ClassVar[str] = "millrace.eventsub.KeepSession"

    subject_id: str
    """Who or what the subscription depends on: a client_id, a user_id or a session_id. Key of the message."""
    generation: int
    """How often the session went over to another connection."""
    until: int
    """For how long at least, microseconds since 1970-01-01T00:00:00Z."""


class MoveSession(Record, frozen=True, kw_only=True):
    """Asks for a WebSocket session to go over to another connection."""

    FULL_NAME: ClassVar[str] = "millrace.eventsub.MoveSession"

    subject_id: str
    """Who or what the subscription depends on: a client_id, a user_id or a session_id. Key of the message."""
    generation: int
    """How often it does, this time included."""
    until: int
    """For how long it lasts then at least, microseconds since 1970-01-01T00:00:00Z."""


class NoteSubscription(Record, frozen=True, kw_only=True):
    """Notes that a subscription depends on someone or something, or does no longer."""

    FULL_NAME: ClassVar[str] = "millrace.eventsub.NoteSubscription"

    subject_id: str
    """Who or what the subscription depends on: a client_id, a user_id or a session_id. Key of the message."""
    kind: str
    """What the subject is: application, user or session."""
    channel_id: str
    """The channel that it is about: the id in the condition. Key of the message."""
    subscription_id: str
    """The subscription, a UUIDv7."""
    client_id: str
    """The application whose subscription it is."""
    user_id: str | None = None
    """The user whose token made it; null if the application asked for itself."""
    method: str
    """webhook or websocket."""
    cost: int
    """What it counts towards the application's limit."""
    depends: bool
    """Whether it does from now on."""


class Notify(Record, frozen=True, kw_only=True):
    """Something happened that may be subscribed to."""

    FULL_NAME: ClassVar[str] = "millrace.eventsub.Notify"

    channel_id: str
    """The channel that it is about: the id in the condition. Key of the message."""
    type: str
    """What is subscribed to, such as stream.online."""
    version: str
    """Version of the type."""
    event_id: str
    """Id of the event that says so."""
    data: str
    """JSON object: what is told of it, with ids and without names."""
    after: str
    """Only subscriptions whose id sorts after this one: the others know already. Empty: all."""


class ReportDelivery(Record, frozen=True, kw_only=True):
    """Says what came of sending a message to a webhook."""

    FULL_NAME: ClassVar[str] = "millrace.eventsub.ReportDelivery"

    channel_id: str
    """The channel that it is about: the id in the condition. Key of the message."""
    subscription_id: str
    """The subscription, a UUIDv7."""
    number: int
    """The message among those of the subscription, counted from 0; -1: not counted, sent once."""
    attempt: int
    """How often it has been sent, this time included."""
    delivered: bool
    """Whether the webhook took it."""
    detail: str
    """What came instead, for people."""


class RevokeSubscription(Record, frozen=True, kw_only=True):
    """Asks for a subscription to end, and for its owner to be told why."""

    FULL_NAME: ClassVar[str] = "millrace.eventsub.RevokeSubscription"

    channel_id: str
    """The channel that it is about: the id in the condition. Key of the message."""
    subscription_id: str
    """The subscription, a UUIDv7."""
    status: str
    """How it stands, as the dialect names it: enabled, webhook_callback_verification_pending, or why it ended."""


class SessionMoveRefused(Record, frozen=True, kw_only=True):
    """A WebSocket session did not go over to another connection."""

    FULL_NAME: ClassVar[str] = "millrace.eventsub.SessionMoveRefused"

    subject_id: str
    """Who or what the subscription depends on: a client_id, a user_id or a session_id. Key of the message."""
    command: str
    """Avro name of the refused command."""
    reason: str
    """Stable code of the rule that was broken, kebab-case."""
    detail: str
    """What is wrong, for people."""


class SessionMoved(Record, frozen=True, kw_only=True):
    """A WebSocket session went over to another connection."""

    FULL_NAME: ClassVar[str] = "millrace.eventsub.SessionMoved"

    subject_id: str
    """Who or what the subscription depends on: a client_id, a user_id or a session_id. Key of the message."""
    generation: int
    """How often it did."""


class SubscriberCounted(Record, frozen=True, kw_only=True):
    """How many subscriptions an application has."""

    FULL_NAME: ClassVar[str] = "millrace.eventsub.SubscriberCounted"

    subject_id: str
    """Who or what the subscription depends on: a client_id, a user_id or a session_id. Key of the message."""
    subscriptions: int
    """Webhooks that are not revoked."""
    cost: int
    """What they cost in all."""


class SubscriptionCreated(Record, frozen=True, kw_only=True):
    """There is a subscription; a webhook is yet to answer its challenge."""

    FULL_NAME: ClassVar[str] = "millrace.eventsub.SubscriptionCreated"

    channel_id: str
    """The channel that it is about: the id in the condition. Key of the message."""
    subscription_id: str
    """The subscription, a UUIDv7."""
    client_id: str
    """The application whose subscription it is."""
    user_id: str | None = None
    """The user whose token made it; null if the application asked for itself."""
    type: str
    """What is subscribed to, such as stream.online."""
    version: str
    """Version of the type."""
    condition: str
    """JSON object of ids, names in order: what the event must be about."""
    method: str
    """webhook or websocket."""
    callback: str | None = None
    """URL of a webhook; null for a WebSocket."""
    sealed_secret: str | None = None
    """What signs a webhook's messages, sealed by the master key; null for a WebSocket."""
    session_id: str | None = None
    """The WebSocket session; null for a webhook."""
    status: str
    """How it stands, as the dialect names it: enabled, webhook_callback_verification_pending, or why it ended."""
    cost: int
    """What it counts towards the application's limit."""
    created_at: int
    """When it was asked for, microseconds since 1970-01-01T00:00:00Z."""


class SubscriptionDeleted(Record, frozen=True, kw_only=True):
    """A subscription is gone: deleted, or revoked long enough ago."""

    FULL_NAME: ClassVar[str] = "millrace.eventsub.SubscriptionDeleted"

    channel_id: str
    """The channel that it is about: the id in the condition. Key of the message."""
    subscription_id: str
    """The subscription, a UUIDv7."""
    client_id: str
    """The application whose subscription it is."""
    user_id: str | None = None
    """The user whose token made it; null if the application asked for itself."""
    condition: str
    """JSON object of ids, names in order: what the event must be about."""
    method: str
    """webhook or websocket."""
    session_id: str | None = None
    """The WebSocket session; null for a webhook."""
    cost: int
    """What it counts towards the application's limit."""


class SubscriptionEnabled(Record, frozen=True, kw_only=True):
    """A webhook answered its challenge: it is told from now on."""

    FULL_NAME: ClassVar[str] = "millrace.eventsub.SubscriptionEnabled"

    channel_id: str
    """The channel that it is about: the id in the condition. Key of the message."""
    subscription_id: str
    """The subscription, a UUIDv7."""


class SubscriptionRefused(Record, frozen=True, kw_only=True):
    """A command broke a rule and changed nothing."""

    FULL_NAME: ClassVar[str] = "millrace.eventsub.SubscriptionRefused"

    channel_id: str
    """The channel that it is about: the id in the condition. Key of the message."""
    subscription_id: str
    """The subscription, a UUIDv7."""
    command: str
    """Avro name of the refused command."""
    reason: str
    """Stable code of the rule that was broken, kebab-case."""
    detail: str
    """What is wrong, for people."""


class SubscriptionRevoked(Record, frozen=True, kw_only=True):
    """A subscription ended, and not because its owner asked for it."""

    FULL_NAME: ClassVar[str] = "millrace.eventsub.SubscriptionRevoked"

    channel_id: str
    """The channel that it is about: the id in the condition. Key of the message."""
    subscription_id: str
    """The subscription, a UUIDv7."""
    client_id: str
    """The application whose subscription it is."""
    user_id: str | None = None
    """The user whose token made it; null if the application asked for itself."""
    condition: str
    """JSON object of ids, names in order: what the event must be about."""
    method: str
    """webhook or websocket."""
    session_id: str | None = None
    """The WebSocket session; null for a webhook."""
    status: str
    """How it stands, as the dialect names it: enabled, webhook_callback_verification_pending, or why it ended."""
    cost: int
    """What it counts towards the application's limit."""
