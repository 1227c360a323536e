"""`/helix/moderation/automod`: what is held back, and what becomes of it.

The dialect has eight categories, AutoMod has five. A category of ours is as strict as the strictest
of its own in the dialect; `spam` has none there and follows `overall_level` alone.
"""

from typing import Annotated, Final, Literal

import msgspec

from api.access import scoped, signed_in
from api.call import Call
from api.helix.bans import ModeratorQuery
from api.helix.dialect import Data, helix, own
from api.moderating import COMMANDS, message_of, moderator
from api.v1.parameters import Id
from api.views import CHAT_SETTINGS, typed
from infra.errors import InvalidRecord
from schemas.records.chat import AutomodChanged, ChangeAutomod, HeldMessageReviewed, ReviewMessage

Level = Annotated[int, msgspec.Meta(ge=0, le=4)]
CATEGORIES: Final = {
    "disability": "identity_hate",
    "aggression": "aggression",
    "sexuality_sex_or_gender": "identity_hate",
    "misogyny": "identity_hate",
    "bullying": "toxicity",
    "swearing": "toxicity",
    "race_ethnicity_or_religion": "identity_hate",
    "sex_based_terms": "sexual",
}
"""Our category by that of the dialect."""


class Levels(msgspec.Struct, frozen=True):
    """A row of `chat-settings`, as far as AutoMod goes; a chat without one has these."""

    toxicity: int = 0
    identity_hate: int = 0
    sexual: int = 0
    aggression: int = 0
    spam: int = 0


class Changes(msgspec.Struct, frozen=True):
    """Either one level for everything, or levels by category: what is left out is off then."""

    overall_level: Level | None = None
    disability: Level | None = None
    aggression: Level | None = None
    sexuality_sex_or_gender: Level | None = None
    misogyny: Level | None = None
    bullying: Level | None = None
    swearing: Level | None = None
    race_ethnicity_or_religion: Level | None = None
    sex_based_terms: Level | None = None


class AutomodSettings(msgspec.Struct, frozen=True):
    """How strict AutoMod is, from 0 (off) to 4."""

    broadcaster_id: str
    moderator_id: str
    overall_level: int | None
    """The level of all categories; null if they differ."""
    disability: int
    aggression: int
    sexuality_sex_or_gender: int
    misogyny: int
    bullying: int
    swearing: int
    race_ethnicity_or_religion: int
    sex_based_terms: int


class Review(msgspec.Struct, frozen=True):
    """What is to become of a held message."""

    user_id: Id
    """The moderator."""
    msg_id: Id
    action: Literal["ALLOW", "DENY"]


async def get_automod_settings(call: Call, query: ModeratorQuery) -> Data[AutomodSettings]:
    """How strict AutoMod is in a chat that you moderate."""
    own(call, query.moderator_id, "moderator_id")
    await moderator(call, query.broadcaster_id)
    levels = typed(await call.views.get(CHAT_SETTINGS, query.broadcaster_id) or {}, Levels)
    return Data([_shown(query, levels)])


async def update_automod_settings(
    call: Call, query: ModeratorQuery, body: Changes
) -> Data[AutomodSettings]:
    """Set how strict AutoMod is in a chat that you moderate."""
    own(call, query.moderator_id, "moderator_id")
    by = await moderator(call, query.broadcaster_id)
    fields = {**wanted(body), **msgspec.structs.asdict(by)}
    command = ChangeAutomod(channel_id=query.broadcaster_id, **fields)
    event = await call.ask(COMMANDS, query.broadcaster_id, command, AutomodChanged)
    return Data([_shown(query, msgspec.convert(event, Levels, from_attributes=True))])


async def manage_held_message(call: Call, body: Review) -> None:
    """Let a held message through, or turn it down."""
    own(call, body.user_id, "user_id")
    message = await message_of(call, body.msg_id)
    by = await moderator(call, message.channel_id)
    command = ReviewMessage(
        channel_id=message.channel_id,
        message_id=body.msg_id,
        approve=body.action == "ALLOW",
        **msgspec.structs.asdict(by),
    )
    await call.ask(COMMANDS, message.channel_id, command, HeldMessageReviewed)


def wanted(body: Changes) -> dict[str, int]:
    """Levels of our categories. Raises InvalidRecord for both ways at once, and for neither."""
    by_category = {name: level for name in CATEGORIES if (level := getattr(body, name)) is not None}
    if (body.overall_level is None) == (not by_category):
        raise InvalidRecord("overall_level, or levels of categories: one of both is needed")
    if body.overall_level is not None:
        return dict.fromkeys(Levels.__struct_fields__, body.overall_level)
    found = dict.fromkeys(CATEGORIES.values(), 0)
    for name, level in by_category.items():
        found[CATEGORIES[name]] = max(found[CATEGORIES[name]], level)
    return found


def _shown(query: ModeratorQuery, levels: Levels) -> AutomodSettings:
    every = {name: int(getattr(levels, ours)) for name, ours in CATEGORIES.items()}
    overall = levels.toxicity if len(set(every.values())) == 1 else None
    return AutomodSettings(query.broadcaster_id, query.moderator_id, overall, **every)


_PATH = "/moderation/automod/settings"
_MANAGE = signed_in & scoped("moderator:manage:automod_settings")
_READ = signed_in & scoped("moderator:read:automod_settings", "moderator:manage:automod_settings")

ROUTES = (helix("GET", _PATH, get_automod_settings, _READ),)
ASKING = (
    helix("PUT", _PATH, update_automod_settings, _MANAGE),
    helix(
        "POST",
        "/moderation/automod/message",
        manage_held_message,
        signed_in & scoped("moderator:manage:automod"),
        errors=(404,),
    ),
)
