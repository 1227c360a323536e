"""Who or what subscriptions depend on: when it goes, they end.

An application, a user or a WebSocket session is a subject. Its own partition notes the
subscriptions, which are spread over the partitions of channels. Times are microseconds.
"""

from dataclasses import dataclass, replace
from typing import Final

from schemas.records.eventsub import KeepSession, MoveSession, NoteSubscription

SLOTS: Final = 64
"""Rows that a subject's subscriptions are spread over, so that each stays small."""
AT_ONCE: Final = 500
"""Subscriptions that one message ends; the next ones wait for the next message."""
IN_A_SESSION: Final = 300
"""Subscriptions of one WebSocket session. What is beyond is revoked right after it was made."""
LEASE: Final = 120_000_000
"""For how long a session lasts that nobody speaks of: its gateway may be gone."""
NOT_YOURS: Final = "authorization_revoked"


@dataclass(frozen=True)
class Noted:
    """A subscription that depends on a subject."""

    subscription_id: str
    channel_id: str
    client_id: str
    cost: int
    counts: bool
    """Whether it is a webhook: only these count towards the limits of an application."""


@dataclass(frozen=True)
class Subject:
    """Who or what subscriptions depend on."""

    kind: str = ""
    """application, user or session."""
    subscriptions: int = 0
    """Webhooks only, for an application; else all."""
    cost: int = 0
    ended: str | None = None
    """What every subscription becomes: the subject is gone for good."""
    owner: str = ""
    """Of a session: whose token made its first subscription."""
    generation: int = 0
    """Of a session: how often it went over to another connection."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to remember; what a session is, is known until it ends."""
        return self.subscriptions <= 0 and self.ended is None and self.kind != "session"


def note(
    subject: Subject, noted: list[Noted], said: NoteSubscription
) -> tuple[Subject, list[Noted], str | None]:
    """(the subject, what is noted, what the subscription becomes at once; None: it may be)."""
    known = next((each for each in noted if each.subscription_id == said.subscription_id), None)
    if not said.depends:
        if known is None:
            return subject, noted, None
        return without(subject, known), [each for each in noted if each is not known], None
    if known is not None:
        return subject, noted, None
    owner = f"{said.user_id}@{said.client_id}"
    wrong = subject.ended
    if said.kind == "session" and wrong is None:
        foreign = subject.owner not in ("", owner)
        wrong = NOT_YOURS if foreign or subject.subscriptions >= IN_A_SESSION else None
    if wrong is not None:
        return subject, noted, wrong
    counts = said.kind != "application" or said.method == "webhook"
    new = Noted(said.subscription_id, said.channel_id, said.client_id, said.cost, counts)
    after = replace(
        subject,
        kind=said.kind,
        subscriptions=subject.subscriptions + counts,
        cost=subject.cost + said.cost * counts,
        owner=owner if said.kind == "session" else "",
    )
    return after, [*noted, new], None


def without(subject: Subject, gone: Noted) -> Subject:
    """The subject with a subscription less."""
    return replace(
        subject,
        subscriptions=subject.subscriptions - gone.counts,
        cost=subject.cost - gone.cost * gone.counts,
    )


def move(subject: Subject | None, command: MoveSession) -> Subject | None:
    """The session with its next connection; None if another connection has it."""
    if subject is None:
        return Subject(kind="session", generation=command.generation)
    if command.generation != subject.generation + 1:
        return None
    return replace(subject, generation=command.generation)


def kept(subject: Subject | None, said: KeepSession) -> bool:
    """Whether a connection that says that a session lasts has it."""
    return subject is not None and said.generation == subject.generation
