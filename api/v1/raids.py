"""`/v1/channels/{channel_id}/raid`: sending your viewers to another channel."""

import msgspec

from api.access import scoped, signed_in
from api.call import Call, endpoint
from api.engagement import raids
from api.helix.dialect import Login
from api.people import ids_of
from api.v1.followers import ChannelIdPath
from api.v1.resources import One, timestamp


class NewRaid(msgspec.Struct, frozen=True):
    """Where to."""

    to: Login


class Target(msgspec.Struct, frozen=True):
    """Where viewers are sent, and how many."""

    raid_id: str
    to_id: str
    to_login: str
    to_display_name: str
    viewers: int
    """Who was in the chat."""


class Raid(Target, frozen=True):
    """A raid that was called. Times are RFC 3339 in UTC."""

    started_at: str
    goes_at: str


class RaidRow(Target, frozen=True):
    """A row of `raids`; times in microseconds since 1970."""

    started_at: int
    goes_at: int


def shown(row: RaidRow) -> Raid:
    """A raid's row as its resource."""
    known = msgspec.structs.asdict(row)
    times = {name: timestamp(known[name]) for name in ("started_at", "goes_at")}
    return Raid(**{**known, **times})


async def start_raid(call: Call, path: ChannelIdPath, body: NewRaid) -> One[Raid]:
    """Call a raid from your channel to another one: it goes after 90 seconds."""
    event = await raids.start(call, path.channel_id, *ids_of([body.to]))
    row = msgspec.convert(event, RaidRow, from_attributes=True)
    return One(shown(row), timestamp(call.now))


async def cancel_raid(call: Call, path: ChannelIdPath) -> None:
    """Call a raid of your channel off."""
    await raids.cancel(call, path.channel_id)


async def launch_raid(call: Call, path: ChannelIdPath) -> One[Target]:
    """Let a raid of your channel go now, ten seconds after it was called at the earliest."""
    event = await raids.launch(call, path.channel_id)
    target = msgspec.convert(event, Target, from_attributes=True)
    return One(target, timestamp(call.now))


_RAID = "/v1/channels/{channel_id}/raid"
_MANAGE = signed_in & scoped("channel:manage:raids")

ASKING = (
    endpoint("POST", _RAID, start_raid, _MANAGE, errors=(403, 404)),
    endpoint("POST", f"{_RAID}/launch", launch_raid, _MANAGE, errors=(403,)),
    endpoint("DELETE", _RAID, cancel_raid, _MANAGE, errors=(403,)),
)
