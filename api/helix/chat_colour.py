"""`/helix/chat/color`: the colour of a name in chats."""

import re
from typing import Annotated, Final

import msgspec

from api.access import anyone, scoped, signed_in
from api.call import Call
from api.helix.dialect import MOST_IDS, Data, helix, own
from api.people import rows
from api.v1.parameters import Id
from api.views import USERS
from infra.errors import InvalidRecord
from schemas.records.accounts import ChangeProfile, ProfileChanged

NAMED: Final = {
    "blue": "#0000FF",
    "blue_violet": "#8A2BE2",
    "cadet_blue": "#5F9EA0",
    "chocolate": "#D2691E",
    "coral": "#FF7F50",
    "dodger_blue": "#1E90FF",
    "firebrick": "#B22222",
    "golden_rod": "#DAA520",
    "green": "#008000",
    "hot_pink": "#FF69B4",
    "orange_red": "#FF4500",
    "red": "#FF0000",
    "sea_green": "#2E8B57",
    "spring_green": "#00FF7F",
    "yellow_green": "#9ACD32",
}
"""Colours that the dialect has names for, as CSS has them."""
_HEX = re.compile(r"#[0-9A-Fa-f]{6}")


class ColoursQuery(msgspec.Struct, frozen=True):
    """Whose colours."""

    user_id: Annotated[list[Id], msgspec.Meta(min_length=1, max_length=MOST_IDS)]


class ColourQuery(msgspec.Struct, frozen=True):
    """Yours, by its name or as `#RRGGBB`."""

    user_id: Id
    color: Annotated[str, msgspec.Meta(max_length=20)]


class UserColour(msgspec.Struct, frozen=True):
    """The colour of a name; empty: none was chosen."""

    user_id: str
    user_login: str
    user_name: str
    color: str


class _Row(msgspec.Struct, frozen=True):
    user_id: str
    login: str
    display_name: str
    colour: str = ""


async def get_user_colours(call: Call, query: ColoursQuery) -> Data[UserColour]:
    """Colours of names. Users who are not known are left out."""
    found = await rows(call, USERS, query.user_id, _Row)
    return Data(
        [UserColour(row.user_id, row.login, row.display_name, row.colour) for row in found.values()]
    )


async def update_user_colour(call: Call, query: ColourQuery) -> None:
    """Choose the colour of your name."""
    user_id = own(call, query.user_id, "user_id")
    colour = NAMED.get(query.color.lower()) or query.color.upper()
    if not _HEX.fullmatch(colour):
        raise InvalidRecord(f"color: must be #RRGGBB or one of {', '.join(NAMED)}")
    command = ChangeProfile(user_id=user_id, colour=colour)
    await call.ask("account-commands", user_id, command, ProfileChanged)


_PATH = "/chat/color"

ROUTES = (helix("GET", _PATH, get_user_colours, anyone),)
ASKING = (helix("PUT", _PATH, update_user_colour, signed_in & scoped("user:manage:chat_color")),)
