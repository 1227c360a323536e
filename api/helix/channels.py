"""`/helix/channels`: what a channel says of itself, and how its broadcaster changes that."""

from typing import Annotated

import msgspec

from api.access import anyone, scoped, signed_in
from api.call import Call
from api.helix.categories import category_id, category_named
from api.helix.dialect import MOST_IDS, Data, helix, own
from api.people import people, rows
from api.v1.parameters import Id
from api.views import CHANNELS_BY_ID, ChannelRow
from infra.errors import InvalidRecord
from schemas.records.identity import ChangeChannel, ChannelUpdated


class ChannelsQuery(msgspec.Struct, frozen=True):
    """Which channels."""

    broadcaster_id: Annotated[list[Id], msgspec.Meta(min_length=1, max_length=MOST_IDS)]


class ChannelQuery(msgspec.Struct, frozen=True):
    """Which channel; it must be the one of who asks."""

    broadcaster_id: Id


class Channel(msgspec.Struct, frozen=True):
    """What a channel says of itself."""

    broadcaster_id: str
    broadcaster_login: str
    broadcaster_name: str
    broadcaster_language: str
    game_id: str
    game_name: str
    title: str
    tags: list[str]
    delay: int = 0
    content_classification_labels: list[str] = []
    is_branded_content: bool = False


class Changes(msgspec.Struct, frozen=True):
    """What is to be changed; the rest stays. Labels, delay and branding are not kept yet."""

    game_id: str | None = None
    broadcaster_language: str | None = None
    title: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    tags: list[str] | None = None


async def get_channels(call: Call, query: ChannelsQuery) -> Data[Channel]:
    """Channels by id. Those that are not known are left out."""
    found = await rows(call, CHANNELS_BY_ID, query.broadcaster_id, ChannelRow)
    known = await people(call, found)
    return Data(
        [
            Channel(
                broadcaster_id=row.channel_id,
                broadcaster_login=row.name,
                broadcaster_name=known[row.channel_id].display_name,
                broadcaster_language=row.language,
                game_id=category_id(row.category),
                game_name=row.category,
                title=row.title,
                tags=row.tags.split(),
            )
            for row in found.values()
            if row.channel_id in known
        ]
    )


async def modify_channel(call: Call, query: ChannelQuery, body: Changes) -> None:
    """Change title, category, language or tags of your channel."""
    channel_id = own(call, query.broadcaster_id, "broadcaster_id")
    if body == Changes():
        raise InvalidRecord("the body: one of its fields is needed")
    category = None if body.game_id is None else category_named(body.game_id)
    if body.game_id is not None and category is None:
        raise InvalidRecord("game_id: must be the id of a category")
    command = ChangeChannel(
        channel_id=channel_id,
        title=body.title,
        category=category,
        language=body.broadcaster_language,
        tags=body.tags,
    )
    await call.ask("identity-commands", channel_id, command, ChannelUpdated)


ROUTES = (helix("GET", "/channels", get_channels, anyone),)
ASKING = (
    helix("PATCH", "/channels", modify_channel, signed_in & scoped("channel:manage:broadcast")),
)
