"""`/helix/chat/emotes` and `/helix/chat/badges`, and the pictures themselves.

Channels have no emotes and badges of their own yet.
"""

from dataclasses import replace
from typing import Final

import msgspec
from aiohttp import web

from api.access import anyone, public
from api.call import Call, endpoint
from api.helix.dialect import Data, helix
from api.moderating import broadcaster
from api.places import own_url
from api.routes import Route
from api.v1.parameters import Id
from infra.errors import NotFound
from schemas.chat_badges import BADGES, SUBSCRIBER_TIERS
from schemas.chat_emotes import Emote, emotes

SCALES: Final = {"1.0": 28, "2.0": 56, "3.0": 112}
"""Pixels."""
_BADGE_SIZES: Final = {"1": 18, "2": 36, "4": 72}
_COLOURS: Final = {
    "staff": "#20262e",
    "broadcaster": "#c8281e",
    "moderator": "#0a8a3a",
    "vip": "#c02fa0",
    "partner": "#6a3fd0",
    "affiliate": "#2f6fd0",
    "bot": "#5a6470",
    "subscriber": "#b5710a",
}
_CACHED: Final = {"Cache-Control": "public, max-age=86400"}


class BroadcasterQuery(msgspec.Struct, frozen=True):
    """Whose chat."""

    broadcaster_id: Id


class Images(msgspec.Struct, frozen=True):
    """Where the pictures are. SVG, so that they are sharp in any size."""

    url_1x: str
    url_2x: str
    url_4x: str


class ShownEmote(msgspec.Struct, frozen=True):
    """A picture that stands in a text for its name."""

    id: str
    name: str
    images: Images
    emote_type: str = "globals"
    emote_set_id: str = "0"
    format: list[str] = msgspec.field(default_factory=lambda: ["static"])
    scale: list[str] = msgspec.field(default_factory=lambda: list(SCALES))
    theme_mode: list[str] = msgspec.field(default_factory=lambda: ["light", "dark"])


class Emotes(msgspec.Struct, frozen=True):
    """Emotes, and how their addresses are made."""

    data: list[ShownEmote]
    template: str


class Version(msgspec.Struct, frozen=True):
    """One picture of a badge."""

    id: str
    image_url_1x: str
    image_url_2x: str
    image_url_4x: str
    title: str
    description: str
    click_action: str | None = None
    click_url: str | None = None


class Badge(msgspec.Struct, frozen=True):
    """A badge beside a name."""

    set_id: str
    versions: list[Version]


async def get_global_emotes(call: Call) -> Emotes:
    """Emotes that everybody has."""
    base = f"{own_url(call.request)}/emotes"
    return Emotes(
        [_emote(base, each) for each in emotes().values()],
        f"{base}/{{{{id}}}}/{{{{format}}}}/{{{{theme_mode}}}}/{{{{scale}}}}",
    )


async def get_channel_emotes(call: Call, query: BroadcasterQuery) -> Emotes:
    """Emotes of a channel: none yet."""
    await broadcaster(call, query.broadcaster_id)
    return Emotes([], (await get_global_emotes(call)).template)


async def get_global_badges(call: Call) -> Data[Badge]:
    """Badges that there are everywhere."""
    base = f"{own_url(call.request)}/badges"
    versions = {name: [1] for name in BADGES} | {"subscriber": list(SUBSCRIBER_TIERS)}
    return Data(
        [
            Badge(name, [_version(base, name, version) for version in found])
            for name, found in versions.items()
        ]
    )


async def get_channel_badges(call: Call, query: BroadcasterQuery) -> Data[Badge]:
    """Badges of a channel: none yet."""
    await broadcaster(call, query.broadcaster_id)
    return Data([])


async def emote_image(request: web.Request) -> web.Response:
    """The picture of an emote. Raises NotFound."""
    found = emotes().get(request.match_info["id"])
    size = SCALES.get(request.match_info["scale"])
    if found is None or size is None:
        raise NotFound("There is no such emote.")
    return _svg(found.shape, 28, size)


async def badge_image(request: web.Request) -> web.Response:
    """The picture of a badge: its first letter. Raises NotFound."""
    name, size = request.match_info["name"], _BADGE_SIZES.get(request.match_info["scale"])
    if name not in _COLOURS or size is None:
        raise NotFound("There is no such badge.")
    shape = (
        f'<rect width="18" height="18" rx="4" fill="{_COLOURS[name]}"/><text x="9" y="13.5" '
        'font-family="sans-serif" font-weight="700" font-size="12" fill="#fff" '
        f'text-anchor="middle">{name[0].upper()}</text>'
    )
    return _svg(shape, 18, size)


def _svg(shape: str, box: int, size: int) -> web.Response:
    text = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {box} {box}" '
        f'width="{size}" height="{size}">{shape}</svg>'
    )
    return web.Response(text=text, content_type="image/svg+xml", headers=_CACHED)


def _emote(base: str, emote: Emote) -> ShownEmote:
    one, two, four = (f"{base}/{emote.id}/static/light/{scale}" for scale in SCALES)
    return ShownEmote(emote.id, emote.name, Images(one, two, four))


def _version(base: str, name: str, version: int) -> Version:
    title = name.replace("vip", "VIP") if name == "vip" else name.title()
    if name == "subscriber" and version:
        title = f"{title}, {version} months"
    one, two, four = (f"{base}/{name}/{version}/{scale}" for scale in _BADGE_SIZES)
    return Version(str(version), one, two, four, title, title)


ROUTES = (
    helix("GET", "/chat/emotes/global", get_global_emotes, anyone),
    helix("GET", "/chat/emotes", get_channel_emotes, anyone, errors=(404,)),
    helix("GET", "/chat/badges/global", get_global_badges, anyone),
    helix("GET", "/chat/badges", get_channel_badges, anyone, errors=(404,)),
    Route("GET", "/emotes/{id}/{format}/{theme}/{scale}", emote_image, public),
    replace(endpoint("GET", "/session/chat/emotes", get_global_emotes, public), said=None),
    Route("GET", "/badges/{name}/{version}/{scale}", badge_image, public),
)
ASKING: tuple[Route, ...] = ()
