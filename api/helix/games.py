"""`/helix/games`: categories, by id, by name, and by how many are on air in each."""

from collections import Counter
from typing import Annotated

import msgspec

from api.access import anyone
from api.call import Call
from api.helix.categories import Category, categories, category_of
from api.helix.dialect import MOST_IDS, Data, Ids, Listing, PageQuery, counted, helix
from api.helix.live import LIVE
from infra.errors import InvalidRecord

Names = Annotated[
    list[Annotated[str, msgspec.Meta(min_length=1, max_length=140)]],
    msgspec.Meta(max_length=MOST_IDS),
]


class GamesQuery(msgspec.Struct, frozen=True):
    """Which categories. Nothing here has an `igdb_id`: what is asked by one is not found."""

    id: Ids = []
    name: Names = []
    igdb_id: Ids = []


class Game(msgspec.Struct, frozen=True):
    """A category. There are no pictures of them yet."""

    id: str
    name: str
    box_art_url: str = ""
    igdb_id: str = ""


async def get_games(call: Call, query: GamesQuery) -> Data[Game]:
    """Categories by id and by exact name. Those that are not known are left out."""
    asked = len(query.id) + len(query.name) + len(query.igdb_id)
    if not 1 <= asked <= MOST_IDS:
        raise InvalidRecord(f"id, name, igdb_id: 1 to {MOST_IDS} together")
    by_id = [categories().get(game_id) for game_id in query.id]
    by_name = [category_of(name) for name in query.name]
    found = {category.id: category for category in [*by_id, *by_name] if category}
    return Data([game_of(category) for category in found.values()])


async def get_top_games(call: Call, query: PageQuery) -> Listing[Game]:
    """Categories, those with most streams on air first."""
    live = await call.request.app[LIVE].streams()
    streams = Counter(stream.channel.category for stream in live)
    ordered = sorted(categories().values(), key=lambda category: -streams[category.name])
    page, pagination = counted(ordered, query)
    return Listing([game_of(category) for category in page], pagination)


def game_of(category: Category) -> Game:
    """A category as the dialect has it."""
    return Game(category.id, category.name)


ROUTES = (
    helix("GET", "/games", get_games, anyone),
    helix("GET", "/games/top", get_top_games, anyone),
)
