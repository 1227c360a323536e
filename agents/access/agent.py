"""Decides about grants; a tick ends those that nobody used in time."""

from agents.access.model import Command, Subject, decide, evolve
from agents.schedule import Schedule
from infra.errors import InvalidRecord
from infra.streaming import Message, Send, Table
from schemas.records.clock import Tick


def decide_access(
    message: Message, send: Send, *, subjects: Table[Subject], expiries: Schedule
) -> None:
    """Decide what a command does to the grants of its subject."""
    now = message.meta.occurred_at
    if isinstance(message.event, Tick):
        for subject_id in expiries.take(now):
            _decide(subject_id, message.event, now, send, subjects, expiries)
        return
    if message.event.subject_id != message.key:
        said = message.event.subject_id
        raise InvalidRecord(f"subject_id is {said}, must be the key of the message")
    _decide(message.key, message.event, now, send, subjects, expiries)


def _decide(
    subject_id: str,
    command: Command,
    now: int,
    send: Send,
    subjects: Table[Subject],
    expiries: Schedule,
) -> None:
    before = subjects.get(subject_id)
    subject = before or Subject()
    for event in decide(subject, command, now=now, subject_id=subject_id):
        subject = evolve(subject, event, now=now)
        send(event, key=subject_id)
    if subject.due is not None:
        expiries.put(subject_id, subject.due)
        if subject != before:
            subjects[subject_id] = subject
    elif before is not None:
        del subjects[subject_id]
