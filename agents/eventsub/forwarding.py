"""Tells the context what happened elsewhere: what may be subscribed to, and who is gone."""

import json
from typing import Final
from zlib import crc32

from agents.eventsub.noting import COMMANDS, SUBSCRIBERS
from infra.streaming import Message, Send, Table
from schemas.eventsub import BY_EVENT
from schemas.records.access import GrantRevoked, GrantStarted
from schemas.records.accounts import ApplicationDeleted, UserErased
from schemas.records.eventsub import (
    ForgetModerator,
    ForgetSubscriber,
    NoteSubscription,
    Notify,
    SubscriptionCreated,
    SubscriptionDeleted,
    SubscriptionRevoked,
)
from schemas.records.identity import ModeratorRemoved

_FADED: Final = ("expired", "code-expired", "too-many-grants")
"""Reasons of grants that ended by themselves: nobody took back what they gave."""


def forward_events(
    message: Message,
    send: Send,
    *,
    told: Table[int],
    grants: Table[int],
    listeners: Table[list[str]],
) -> None:
    """Say what happened in other contexts as commands of this one.

    `told`: checksum of what was last told, by type and channel. `grants`: how many an application
    has from a user. `listeners`: subscriptions by channel and type.
    """
    for kind in BY_EVENT.get(type(message.event), []):
        if kind.busy and listeners_row(message.key, kind.name, kind.version) not in listeners:
            continue
        found = kind.told(message.event, message.meta)
        if found is None:
            continue
        data = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
        if kind.changes:
            row, sum_ = f"{kind.name}|{kind.version}|{message.key}", crc32(data.encode())
            if told.get(row) == sum_:
                continue
            told[row] = sum_
        happened = Notify(
            channel_id=message.key,
            type=kind.name,
            version=kind.version,
            event_id=message.meta.event_id,
            data=data,
            after="",
        )
        send(happened, topic=COMMANDS)
    match message.event:
        case ModeratorRemoved(channel_id=channel, user_id=user):
            send(ForgetModerator(channel_id=channel, user_id=user), topic=COMMANDS)
        case UserErased(user_id=user):
            _forget(send, user, "user_removed")
        case ApplicationDeleted(client_id=client):
            _forget(send, client, "authorization_revoked")
        case GrantStarted(user_id=user, client_id=client) if user is not None:
            row = f"{user}|{client}"
            grants[row] = grants.get(row, 0) + 1
        case GrantRevoked(user_id=user, client_id=client, reason=reason) if user is not None:
            row = f"{user}|{client}"
            left = grants.get(row, 0) - 1
            if left > 0:
                grants[row] = left
                return
            if row in grants:
                del grants[row]
            if reason not in _FADED:
                _forget(send, user, "authorization_revoked", client)


def listeners_row(channel_id: str, name: str, version: str) -> str:
    """Where a table has who listens to a type of a channel's."""
    return f"{channel_id}|{name}|{version}"


def _forget(send: Send, subject: str, status: str, client_id: str | None = None) -> None:
    command = ForgetSubscriber(subject_id=subject, status=status, client_id=client_id)
    send(command, key=subject, topic=SUBSCRIBERS)


def forward_subscriptions(message: Message, send: Send) -> None:
    """Note a subscription under all that it depends on."""
    match message.event:
        case SubscriptionCreated() | SubscriptionRevoked() | SubscriptionDeleted() as said:
            for subject, kind in _subjects(said):
                command = NoteSubscription(
                    subject_id=subject,
                    kind=kind,
                    channel_id=said.channel_id,
                    subscription_id=said.subscription_id,
                    client_id=said.client_id,
                    user_id=said.user_id,
                    method=said.method,
                    cost=said.cost,
                    depends=isinstance(said, SubscriptionCreated),
                )
                send(command, key=subject)


def _subjects(
    said: SubscriptionCreated | SubscriptionRevoked | SubscriptionDeleted,
) -> list[tuple[str, str]]:
    users = {*json.loads(said.condition).values(), said.user_id} - {None}
    session = [] if said.session_id is None else [(said.session_id, "session")]
    return [(said.client_id, "application"), *((user, "user") for user in sorted(users)), *session]
