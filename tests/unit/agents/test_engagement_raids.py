"""Given a channel on air, raids are called, called off and sent."""

from typing import Any

import pytest

from infra.errors import InvalidRecord
from schemas.records.chat import RaidArrived, RaidCancelled, RaidStarted, RaidWent
from tests.unit.agents.engagement_commands import (
    CANCEL,
    LAUNCH,
    MODERATOR,
    NOW,
    RAID,
    SECOND,
    Channels,
    changed,
)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (changed(RAID, to_id="c"), "own-channel"),
        (changed(RAID, is_live=False), "not-live"),
        (changed(RAID, to_is_live=False), "target-not-live"),
        (changed(RAID, **MODERATOR), "not-allowed"),
        (changed(CANCEL, **MODERATOR), "not-allowed"),
        (changed(LAUNCH, **MODERATOR), "not-allowed"),
        (CANCEL, "not-running"),
        (LAUNCH, "not-running"),
    ],
)
def test_what_may_not_be_is_refused(command: Any, reason: str) -> None:
    assert Channels().refused(command) == reason


def test_a_raid_goes_by_itself_and_both_chats_are_told() -> None:
    channels = Channels()
    started = channels.one(RAID, command_id="r")
    assert isinstance(started, RaidStarted)
    assert (started.raid_id, started.goes_at, started.viewers) == ("r", NOW + 90 * SECOND, 318)
    assert channels.refused(RAID, at=1) == "already-running"
    assert channels.tick(89.9) == []
    assert channels.tick(90) == [
        RaidWent(
            channel_id="c",
            raid_id="r",
            to_id="t",
            to_login="harbour",
            to_display_name="Harbour",
            viewers=318,
        ),
        RaidArrived(
            channel_id="t",
            raid_id="r",
            from_id="c",
            from_login="river",
            from_display_name="River",
            viewers=318,
        ),
    ]
    assert [each[:2] for each in channels.said[-2:]] == [("chat-events", "c"), ("chat-events", "t")]
    assert channels.tick(91) == []
    assert not any(channels.rows().values())


def test_the_broadcaster_sends_it_after_ten_seconds() -> None:
    channels = Channels()
    channels.one(RAID)
    assert channels.refused(LAUNCH, at=9.9) == "too-early"
    went, arrived = channels.put(LAUNCH, at=10)
    assert (went.viewers, arrived.viewers) == (300, 300)
    assert channels.refused(LAUNCH, at=11) == "not-running"


def test_a_raid_is_called_off() -> None:
    channels = Channels()
    channels.one(RAID)
    cancelled = channels.one(CANCEL, at=1)
    assert isinstance(cancelled, RaidCancelled)
    assert cancelled.to_login == "harbour"
    assert channels.tick(90) == []


def test_the_key_is_the_channel() -> None:
    channels = Channels()
    channels.put(RAID)
    with pytest.raises(InvalidRecord, match="must be the key"):
        channels.put_under("other", RAID)
