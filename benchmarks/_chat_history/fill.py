"""Fills the measured tables: one channel, a message after another, an hour at a time."""

import logging
import random
import time
from collections.abc import Iterator
from multiprocessing.sharedctypes import Synchronized, SynchronizedArray
from threading import Semaphore
from typing import Any, Final

import msgspec
from cassandra.cluster import Cluster
from cassandra.query import BatchStatement, BatchType

from api.commands import uuid7
from sinks.rows import Key
from sinks.stores.cassandra_statements import Statements, place_of
from sinks.view import View
from sinks.views.chat_history import HOUR, VIEW

CHANNEL: Final = "0b6a3c6e-7a3e-5a53-9d3f-3f2f9f1d7c11"
AUTHORS: Final = 2000
BEGAN: Final = 472_222 * HOUR
"""When the first message was sent, microseconds; the beginning of an hour."""
TABLES: Final[dict[str, View]] = {
    "parts": VIEW,
    "naive": msgspec.structs.replace(VIEW, part_of=None),
}
"""The view as it is, and the same columns with all of a channel in one partition. Each has a
keyspace of its own, since they have one name."""
_BATCH: Final = 100
_UNDER_WAY: Final = 24
_COLUMNS: Final = ("user_id", "login", "display_name", "colour", "text", "badges")
_WORDS: Final = ("the", "chat", "game", "what", "lol", "nice", "again", "no", "really", "KEKW")


class Channel(msgspec.Struct, frozen=True):
    """What is written."""

    messages: int
    rate: int
    """Messages a second, evenly."""

    def sent_at(self, number: int) -> int:
        """When a message was sent, microseconds."""
        return BEGAN + number * 1_000_000 // self.rate

    @property
    def hours(self) -> int:
        """Hours in which something was said."""
        return (self.sent_at(self.messages - 1) - BEGAN) // HOUR + 1

    def hour(self, number: int) -> range:
        """Numbers of the messages of an hour."""
        each = self.rate * 3600
        return range(number * each, min((number + 1) * each, self.messages))


def author(number: int) -> tuple[str, str]:
    """Id and login."""
    return f"00000000-0000-5000-8000-{number:012}", f"viewer_{number:04}"


def rows(channel: Channel, hour: int) -> Iterator[tuple[Key, tuple[str, ...]]]:
    """Key and columns of the messages of an hour."""
    chance = random.Random(hour)
    texts = [" ".join(chance.choices(_WORDS, k=chance.randint(2, 20))) for _ in range(2000)]
    for number in channel.hour(hour):
        at = channel.sent_at(number)
        user_id, login = author(chance.randrange(AUTHORS))
        text = f"{texts[chance.randrange(2000)]} {number}"
        yield (
            (CHANNEL, at, str(uuid7(at))),
            (user_id, login, login.title(), "#1E90FF", text, '["vip/1"]'),
        )


def fill(
    address: tuple[str, int],
    keyspaces: dict[str, str],
    channel: Channel,
    hours: list[int],
    deadline: float,
    progress: "tuple[Synchronized[int], SynchronizedArray[int]]",
) -> None:
    """Write some hours into both tables, but begin none after a deadline (Unix time).

    Counts rows, and marks the hours that are complete.
    """
    logging.getLogger("cassandra").setLevel(logging.ERROR)
    done, complete = progress
    with Cluster([address[0]], port=address[1], protocol_version=4) as cluster:
        session = cluster.connect()
        tables = [
            (view, session.prepare(_insert(view, keyspaces[name])), keyspaces[name])
            for name, view in TABLES.items()
        ]
        writing = _Writing(session)
        version = 0
        for hour in hours:
            if time.time() > deadline:
                break
            for view, insert, keyspace in tables:
                if view.part_of is not None:
                    cql = Statements(keyspace).add_part(view, "first").replace("?", "%s")
                    part = view.part_of((CHANNEL, BEGAN + hour * HOUR, ""))
                    session.execute(cql, (CHANNEL, part, 1 << 62, 0))
                batch, count = BatchStatement(BatchType.UNLOGGED), 0
                for key, columns in rows(channel, hour):
                    version += 1
                    batch.add(insert.bind((*place_of(view, key), *columns, version)))
                    count += 1
                    if count == _BATCH:
                        writing.send(batch)
                        with done.get_lock():
                            done.value += count
                        batch, count = BatchStatement(BatchType.UNLOGGED), 0
                if count:
                    writing.send(batch)
                    with done.get_lock():
                        done.value += count
            complete[hour] = 1
        writing.finish()


def _insert(view: View, keyspace: str) -> str:
    key = [*view.key]
    if view.part_of is not None:
        key.insert(1, "part")
    names = [*key, *_COLUMNS]
    table = f"{keyspace}.{view.name.replace('-', '_')}_first"
    marks = ", ".join("?" * len(names))
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks}) USING TIMESTAMP ?"


class _Writing:
    """So many batches under way at most; each is tried until the server has taken it."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._room = Semaphore(_UNDER_WAY)

    def send(self, batch: BatchStatement) -> None:
        self._room.acquire()
        self._try(batch)

    def _try(self, batch: BatchStatement) -> None:
        def failed(error: Exception) -> None:
            time.sleep(0.5)
            self._try(batch)

        self._session.execute_async(batch, timeout=60).add_callbacks(
            lambda rows: self._room.release(), failed
        )

    def finish(self) -> None:
        for _ in range(_UNDER_WAY):
            self._room.acquire()
