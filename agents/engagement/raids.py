"""Raids: who watches a channel is sent to another one. Pure; time is that of the command."""

from typing import Final, NamedTuple

from agents.engagement.state import Raid, Wrong
from agents.engagement.wording import SECOND, may_not
from schemas.records.chat import RaidArrived, RaidCancelled, RaidStarted, RaidWent
from schemas.records.engagement import CancelRaid, LaunchRaid, StartRaid

COUNTDOWN: Final = 90 * SECOND
EARLIEST: Final = 10 * SECOND
"""How long a raid that was called waits at least."""
NOT_RUNNING: Final[Wrong] = ("not-running", "no raid was called in the channel")


class Gone(NamedTuple):
    """A raid that went: what the chat of either channel is told."""

    went: RaidWent
    arrived: RaidArrived


def start(running: Raid | None, command: StartRaid, raid_id: str, now: int) -> RaidStarted | Wrong:
    """What follows from calling a raid. `raid_id`: the id of the command."""
    if wrong := may_not(command.by_role, alone=True):
        return wrong
    if command.to_id == command.channel_id:
        return "own-channel", "a channel does not raid itself"
    if not command.is_live:
        return "not-live", "your channel is not on air"
    if not command.to_is_live:
        return "target-not-live", "that channel is not on air"
    if running is not None:
        return "already-running", "a raid was called already"
    return RaidStarted(
        channel_id=command.channel_id,
        raid_id=raid_id,
        to_id=command.to_id,
        to_login=command.to_login,
        to_display_name=command.to_display_name,
        viewers=command.viewers,
        started_at=now,
        goes_at=now + COUNTDOWN,
        by_id=command.by_id,
        by_login=command.by_login,
    )


def begun(command: StartRaid, event: RaidStarted) -> Raid:
    """A raid that was called."""
    return Raid(
        raid_id=event.raid_id,
        login=command.login,
        display_name=command.display_name,
        to_id=event.to_id,
        to_login=event.to_login,
        to_display_name=event.to_display_name,
        viewers=event.viewers,
        started_at=event.started_at,
        goes_at=event.goes_at,
    )


def cancel(raid: Raid | None, command: CancelRaid) -> RaidCancelled | Wrong:
    """What follows from calling it off."""
    if wrong := may_not(command.by_role, alone=True):
        return wrong
    if raid is None:
        return NOT_RUNNING
    return RaidCancelled(
        channel_id=command.channel_id,
        raid_id=raid.raid_id,
        to_id=raid.to_id,
        to_login=raid.to_login,
        to_display_name=raid.to_display_name,
        by_id=command.by_id,
        by_login=command.by_login,
    )


def launch(raid: Raid | None, command: LaunchRaid, now: int) -> Gone | Wrong:
    """What follows from sending everybody at once."""
    if wrong := may_not(command.by_role, alone=True):
        return wrong
    if raid is None:
        return NOT_RUNNING
    if now < raid.started_at + EARLIEST:
        return "too-early", f"a raid goes {EARLIEST // SECOND} seconds after it was called"
    return gone(command.channel_id, raid, command.viewers)


def pass_time(channel_id: str, raid: Raid, now: int) -> Gone | None:
    """What time brings: everybody is sent."""
    return gone(channel_id, raid, raid.viewers) if now >= raid.goes_at else None


def gone(channel_id: str, raid: Raid, viewers: int) -> Gone:
    """A raid that goes now."""
    went = RaidWent(
        channel_id=channel_id,
        raid_id=raid.raid_id,
        to_id=raid.to_id,
        to_login=raid.to_login,
        to_display_name=raid.to_display_name,
        viewers=viewers,
    )
    arrived = RaidArrived(
        channel_id=raid.to_id,
        raid_id=raid.raid_id,
        from_id=channel_id,
        from_login=raid.login,
        from_display_name=raid.display_name,
        viewers=viewers,
    )
    return Gone(went, arrived)
