"""Polls, predictions and raids reach everybody: from the log to what a client reads."""

import json
from typing import Any

import msgspec
import pytest

from api.chat import messages
from api.chat.dialect import Event, Place
from api.chat.irc.words import said_of
from api.chat.seeing import for_everybody, for_moderators, for_user
from infra.record import Envelope, Meta, Record
from schemas import sources
from schemas.chat_stream import Batch, encode, read_batch, record_of
from schemas.records import BY_NAME

KINDS = [
    *("PollStarted", "PollProgressed", "PollEnded"),
    *("PredictionStarted", "PredictionProgressed", "PredictionLocked", "PredictionEnded"),
    *("RaidStarted", "RaidCancelled", "RaidWent", "RaidArrived"),
]
PLACE = Place("c-1", "river")
AT = 1_700_000_000_123_456


def example(name: str) -> Record:
    """The example of a record of `chat-events`."""
    (path,) = sources.examples("chat-events", f"millrace.chat.{name}")
    fields = json.loads(path.read_text())
    del fields["meta"]
    return msgspec.convert(fields, BY_NAME[f"millrace.chat.{name}"])


def through_redis(record: Record) -> Record:
    """A record as an edge reads it, of what the fan-out has published."""
    meta = Meta(event_id="e", occurred_at=AT, producer="p", sequence=0)
    entry = encode(7, AT, Envelope(meta, record))
    published = b'{"previous":6,"entries":[' + entry + b"]}"
    batch = read_batch(published)
    assert isinstance(batch, Batch)
    return record_of(batch.entries[0])


@pytest.mark.parametrize("name", KINDS)
def test_everybody_sees_it_but_for_who_asked(name: str) -> None:
    record = through_redis(example(name))
    assert record == example(name)
    assert for_moderators(record) == record
    assert for_user(record) is None
    seen = for_everybody(record)
    assert seen is not None
    hidden = {field: "" for field in ("by_id", "by_login") if hasattr(record, field)}
    assert seen == msgspec.structs.replace(record, **hidden)
    told = json.loads(messages.events(PLACE, [Event(7, AT, seen)]))
    (event,) = told["events"]
    fields: dict[str, Any] = msgspec.to_builtins(seen)
    assert event == {"offset": 7, "at": AT, "kind": name, **fields}


def test_a_raid_that_arrives_is_a_notice_of_irc() -> None:
    (line,) = said_of(PLACE, Event(7, AT, example("RaidArrived")))
    assert (line.command, line.params, line.text) == ("USERNOTICE", ("#river",), None)
    assert {
        "msg-id": "raid",
        "display-name": "Harbour",
        "login": "harbour",
        "msg-param-displayName": "Harbour",
        "msg-param-login": "harbour",
        "msg-param-viewerCount": "318",
        "room-id": "c-1",
        "system-msg": "318 raiders from Harbour have joined!",
        "tmi-sent-ts": "1700000000123",
        "user-id": "7c0f5a0e-53a8-4c0e-9d0a-6b3a0f6f1c11",
    }.items() <= line.tags.items()


def test_a_raid_that_is_called_off_is_an_unraid() -> None:
    (line,) = said_of(PLACE, Event(7, AT, example("RaidCancelled")))
    assert (line.command, line.tags["msg-id"], line.tags["login"]) == (
        *("USERNOTICE", "unraid", "river"),
    )


@pytest.mark.parametrize(
    "name", [name for name in KINDS if name not in ("RaidArrived", "RaidCancelled")]
)
def test_irc_has_no_words_for_the_rest(name: str) -> None:
    assert said_of(PLACE, Event(7, AT, example(name))) == []
