"""Keeps what depends on an application, a user or a session, until that is gone: then it ends."""

from dataclasses import replace
from typing import Final
from zlib import crc32

from agents.eventsub.subscribers import (
    AT_ONCE,
    LEASE,
    SLOTS,
    Noted,
    Subject,
    kept,
    move,
    note,
    without,
)
from infra.errors import InvalidRecord
from infra.streaming import Message, Send, Table
from schemas.records.clock import Tick
from schemas.records.eventsub import (
    ForgetSubscriber,
    KeepSession,
    MoveSession,
    NoteSubscription,
    RevokeSubscription,
    SessionMoved,
    SessionMoveRefused,
    SubscriberCounted,
)

COMMANDS: Final = "eventsub-commands"
SUBSCRIBERS: Final = "subscriber-commands"
_SESSIONS_ENDED: Final = 100
"""Sessions that one tick ends."""


class NoteSubscribers:
    """Keeps what depends on a subject, until that is gone: then it ends."""

    def __init__(
        self, subjects: Table[Subject], noted: Table[list[Noted]], leases: Table[int]
    ) -> None:
        """`noted`: by subject and slot. `leases`: until when a session lasts at least."""
        self._subjects = subjects
        self._noted = noted
        self._leases = leases

    def __call__(self, message: Message, send: Send) -> None:
        """Hear a command."""
        said, now = message.event, message.meta.occurred_at
        if isinstance(said, Tick):
            self._end_sessions(send, now)
            return
        if said.subject_id != message.key:
            raise InvalidRecord("subject_id must be the key of the message")
        match said:
            case NoteSubscription():
                self._note(said, send, now)
            case ForgetSubscriber():
                self._forget(said, send)
            case KeepSession() if kept(self._subjects.get(said.subject_id), said):
                self._lease(said.subject_id, said.until)
            case MoveSession():
                self._move(said, send)

    def _note(self, said: NoteSubscription, send: Send, now: int) -> None:
        name = said.subject_id
        row = f"{name}|{crc32(said.subscription_id.encode()) % SLOTS}"
        before, known = self._subjects.get(name, Subject()), self._noted.get(row, [])
        after, noted, wrong = note(before, known, said)
        if wrong is not None:
            _revoke(send, said.channel_id, said.subscription_id, wrong)
        if noted == known:
            return
        self._keep(row, noted)
        if said.kind == "session":
            self._lease(name, now + LEASE)
        self._count(name, before, after, send)

    def _forget(self, said: ForgetSubscriber, send: Send) -> None:
        """End what depends on the subject, and come back for the rest."""
        name, session = said.subject_id, said.status.startswith("websocket_")
        before = after = self._subjects.get(name, Subject())
        if said.client_id is None and not session:
            after = replace(after, ended=said.status)
        ended = 0
        for row in (f"{name}|{slot}" for slot in range(SLOTS)):
            known = self._noted.get(row, [])
            gone = [each for each in known if said.client_id in (None, each.client_id)]
            if gone and ended >= AT_ONCE:
                send(said, key=name, topic=SUBSCRIBERS)
                break
            for each in gone:
                _revoke(send, each.channel_id, each.subscription_id, said.status)
                after = without(after, each)
            if gone:
                self._keep(row, [each for each in known if each not in gone])
            ended += len(gone)
        else:
            if name in self._leases:
                del self._leases[name]
            if session:
                after = Subject()
        self._count(name, before, after, send)

    def _count(self, name: str, before: Subject, after: Subject, send: Send) -> None:
        """Keep a subject; say how much an application has."""
        if after.is_empty:
            if name in self._subjects:
                del self._subjects[name]
        else:
            self._subjects[name] = after
        counts = (after.subscriptions, after.cost)
        changed = counts != (before.subscriptions, before.cost)
        if changed and "application" in (before.kind, after.kind):
            send(SubscriberCounted(subject_id=name, subscriptions=counts[0], cost=counts[1]))

    def _move(self, said: MoveSession, send: Send) -> None:
        moved = move(self._subjects.get(said.subject_id), said)
        if moved is None:
            refused = SessionMoveRefused(
                subject_id=said.subject_id,
                command=said.FULL_NAME,
                reason="moved-already",
                detail="another connection has the session",
            )
            send(refused)
            return
        self._subjects[said.subject_id] = moved
        self._lease(said.subject_id, said.until)
        send(SessionMoved(subject_id=said.subject_id, generation=said.generation))

    def _lease(self, name: str, until: int) -> None:
        self._leases[name] = max(until, self._leases.get(name, 0))

    def _end_sessions(self, send: Send, now: int) -> None:
        """End sessions that nobody spoke of for too long."""
        over = sorted(name for name, until in self._leases.items() if until < now)
        for name in over[:_SESSIONS_ENDED]:
            del self._leases[name]
            command = ForgetSubscriber(
                subject_id=name, status="websocket_network_timeout", client_id=None
            )
            send(command, key=name, topic=SUBSCRIBERS)

    def _keep(self, row: str, noted: list[Noted]) -> None:
        if noted:
            self._noted[row] = noted
        elif row in self._noted:
            del self._noted[row]


def _revoke(send: Send, channel_id: str, subscription_id: str, status: str) -> None:
    command = RevokeSubscription(
        channel_id=channel_id, subscription_id=subscription_id, status=status
    )
    send(command, key=channel_id, topic=COMMANDS)
