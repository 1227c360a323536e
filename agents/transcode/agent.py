"""Decides about ladders; adds up what renditions cost."""

from dataclasses import dataclass
from typing import Any, Final

from agents.transcode.model import decide
from agents.transcode.pool import TABLES, Pool
from agents.transcode.rows import Rules
from infra.errors import InvalidRecord
from infra.streaming import App, Derived, Message, Send, Table
from schemas.records.clock import Tick
from schemas.records.transcode import LadderChanged, RenditionsRequested, StreamQuarantined

POOL_EVENTS: Final = "pool-events"


@dataclass(frozen=True)
class Tables:
    """What the dispatcher remembers."""

    rows: dict[str, Table[Any]]
    pool: Derived[Pool]
    """The same in memory, with what is derived from it."""


def open_tables(app: App, rules: Rules) -> Tables:
    """The dispatcher's tables in an app."""
    rows: dict[str, Table[Any]] = {
        name: app.Table(f"transcode-{name}", value_type=kind) for name, kind in TABLES.items()
    }

    def build() -> Pool:
        every = ((name, key, row) for name, table in rows.items() for key, row in table.items())
        return Pool(rules, every)

    return Tables(rows, app.Derived("transcode-pool", build))


def dispatch(message: Message, send: Send, *, tables: Tables, rules: Rules) -> None:
    """Decide what a command does to the pool."""
    if not isinstance(message.event, Tick) and (
        message.event.pool != rules.pool or message.key != rules.pool
    ):
        raise InvalidRecord(f"pool must be {rules.pool} and the key of the message")
    pool = tables.pool.get()
    for event in decide(pool, message.event, message.meta.occurred_at):
        match event:
            case LadderChanged() | StreamQuarantined() | RenditionsRequested():
                send(event, key=event.stream_id)
            case _:
                send(event, key=rules.pool, topic=POOL_EVENTS)
    for (name, key), row in pool.take_changes().items():
        if row is not None:
            tables.rows[name][key] = row
        elif key in tables.rows[name]:
            del tables.rows[name][key]
