"""Raids: what was called, and asking for one."""

import asyncio

import msgspec

from api.call import Call
from api.chatters import chatters
from api.engagement.lists import COMMANDS
from api.moderating import broadcaster, moderator
from api.views import LIVE_CHANNELS
from schemas.records.chat import RaidCancelled, RaidStarted, RaidWent
from schemas.records.engagement import CancelRaid, LaunchRaid, StartRaid


async def start(call: Call, channel_id: str, to_id: str) -> RaidStarted:
    """Call a raid from your channel to another one. Raises NotFound, Forbidden."""
    source, goal = await broadcaster(call, channel_id), await broadcaster(call, to_id)
    by = await moderator(call, channel_id)
    here, live, to_live = await asyncio.gather(
        chatters(call, channel_id),
        call.views.get(LIVE_CHANNELS, channel_id),
        call.views.get(LIVE_CHANNELS, to_id),
    )
    command = StartRaid(
        channel_id=channel_id,
        login=source.login,
        display_name=source.display_name,
        is_live=live is not None,
        to_id=to_id,
        to_login=goal.login,
        to_display_name=goal.display_name,
        to_is_live=to_live is not None,
        viewers=len(here),
        **msgspec.structs.asdict(by),
    )
    return await call.ask(COMMANDS, channel_id, command, RaidStarted)


async def cancel(call: Call, channel_id: str) -> None:
    """Call a raid of your channel off."""
    by = await moderator(call, channel_id)
    command = CancelRaid(channel_id=channel_id, **msgspec.structs.asdict(by))
    await call.ask(COMMANDS, channel_id, command, RaidCancelled)


async def launch(call: Call, channel_id: str) -> RaidWent:
    """Let a raid of your channel go now."""
    by = await moderator(call, channel_id)
    here = await chatters(call, channel_id)
    command = LaunchRaid(channel_id=channel_id, viewers=len(here), **msgspec.structs.asdict(by))
    return await call.ask(COMMANDS, channel_id, command, RaidWent)
