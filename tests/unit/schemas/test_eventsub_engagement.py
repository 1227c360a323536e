"""What subscribers are told of polls, predictions and raids."""

import json
from typing import Any

import msgspec
import pytest

from infra.record import Record
from schemas import sources
from schemas.eventsub import BY_NAME
from schemas.records import BY_NAME as RECORDS
from tests.unit.schemas.test_eventsub_chat import told

CHANNEL = "58d4b5b1-9f3a-5c7e-8a55-2f6c0e9d4b11"
OTHER = "7c0f5a0e-53a8-4c0e-9d0a-6b3a0f6f1c11"


def example(name: str) -> Record:
    """The example of a record of `chat-events`."""
    full = f"millrace.chat.{name}"
    (path,) = sources.examples("chat-events", full)
    fields = json.loads(path.read_text())
    del fields["meta"]
    return msgspec.convert(fields, RECORDS[full])


def test_a_poll_is_told_with_its_tallies() -> None:
    begun = told(example("PollStarted"))["channel.poll.begin"]
    assert begun["broadcaster_user_id"] == CHANNEL
    assert begun["title"] == "Which boat first?"
    assert begun["ends_at"] > begun["started_at"]
    assert told(example("PollProgressed")).keys() == {"channel.poll.progress"}
    ended = told(example("PollEnded"))["channel.poll.end"]
    assert ended["status"] == "completed"
    assert [each["votes"] for each in ended["choices"]] == [1204, 871]
    assert ended["bits_voting"] == {"is_enabled": False, "amount_per_vote": 0}


def test_a_prediction_is_told_with_what_is_staked() -> None:
    begun = told(example("PredictionStarted"))["channel.prediction.begin"]
    assert [each["color"] for each in begun["outcomes"]] == ["blue", "pink"]
    assert "locks_at" in begun
    assert told(example("PredictionProgressed")).keys() == {"channel.prediction.progress"}
    assert "locked_at" in told(example("PredictionLocked"))["channel.prediction.lock"]
    event = example("PredictionEnded")
    ended = told(event)["channel.prediction.end"]
    assert ended["winning_outcome_id"] == ended["outcomes"][0]["id"]
    assert (ended["status"], ended["outcomes"][0]["channel_points"]) == ("resolved", 48000)
    assert "by_login" not in str(ended)
    cancelled = msgspec.structs.replace(event, result="cancelled", winning_outcome_id="")
    assert told(cancelled)["channel.prediction.end"]["status"] == "canceled"


@pytest.mark.parametrize(
    ("name", "source", "goal"),
    [("RaidWent", CHANNEL, OTHER), ("RaidArrived", OTHER, CHANNEL)],
)
def test_a_raid_is_told_to_who_means_its_direction(name: str, source: str, goal: str) -> None:
    found: dict[str, Any] = told(example(name))["channel.raid"]
    assert found == {
        "from_broadcaster_user_id": source,
        "to_broadcaster_user_id": goal,
        "viewers": 318,
    }
    kind = BY_NAME["channel.raid", "1"]
    assert kind.meant({"from_broadcaster_user_id": source}, found)
    assert kind.meant({"to_broadcaster_user_id": goal}, found)
    assert not kind.meant({"from_broadcaster_user_id": goal}, found)
    assert not kind.meant({"to_broadcaster_user_id": source}, found)
