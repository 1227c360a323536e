"""Decides about users, and tells the other contexts what concerns them."""

from agents.accounts.model import Command, User, decide, evolve
from agents.schedule import Schedule
from infra.errors import InvalidRecord
from infra.names import id_of
from infra.streaming import Message, Send, Table
from schemas.records.access import RevokeGrants
from schemas.records.accounts import (
    ApplicationDeleted,
    PasswordChanged,
    UserErased,
    UserKeyDestroyed,
    UserKeyReleased,
    UserRegistered,
)
from schemas.records.clock import Tick
from schemas.records.identity import EraseChannel, OpenChannel
from schemas.records.social import ForgetFollower

KEY_LAG = 3_900_000_000
"""Microseconds after which a released key is released again: more than the compaction lag.

A log is compacted up to its newest segment, and that is closed by the first record written after
the lag. On a quiet partition this is that record.
"""


def decide_accounts(
    message: Message, send: Send, *, users: Table[User], released: Schedule
) -> None:
    """Decide what a command does to its user."""
    if isinstance(message.event, Tick):
        _release_again(message, send, released)
        return
    command: Command = message.event
    if command.user_id != message.key:
        raise InvalidRecord(f"user_id is {command.user_id}, must be the key of the message")
    before = users.get(message.key)
    user = before
    for event in decide(before, command, id_of=id_of):
        user = evolve(user, event)
        send(event)
        if isinstance(event, UserKeyReleased):
            released.put(event.key_id, message.meta.occurred_at + KEY_LAG)
    if user is not None and user != before:
        users[message.key] = user


def _release_again(message: Message, send: Send, released: Schedule) -> None:
    for key_id in released.take(message.meta.occurred_at):
        user_id = key_id.partition(".")[0]
        again = UserKeyReleased(user_id=user_id, key_id=key_id, reason="still-on-disk")
        send(again, key=user_id)


def forward_accounts(message: Message, send: Send) -> None:
    """Say what happened to users as commands of the contexts that it concerns."""
    match message.event:
        case UserRegistered(user_id=user, login=login):
            send(OpenChannel(channel_id=user, name=login), topic="identity-commands")
        case PasswordChanged(user_id=user, keep_grant_id=kept):
            ended = RevokeGrants(subject_id=user, keep_grant_id=kept, reason="password-changed")
            send(ended, topic="access-commands")
        case ApplicationDeleted(client_id=client):
            own = RevokeGrants(subject_id=client, reason="application-deleted")
            send(own, key=client, topic="access-commands")
        case UserErased(user_id=user):
            send(RevokeGrants(subject_id=user, reason="user-erased"), topic="access-commands")
            send(EraseChannel(channel_id=user), topic="identity-commands")
            send(ForgetFollower(user_id=user), topic="follower-commands")
        case UserKeyReleased(user_id=user, key_id=key_id):
            gone = UserKeyDestroyed(key_id=key_id, user_id=user)
            send(gone, key=key_id, topic="user-keys")
