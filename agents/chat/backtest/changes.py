"""What a back-test tries: settings, AutoMod, terms and limits other than those of then."""

from dataclasses import replace
from typing import Annotated, Any, Final

import msgspec

from agents.chat.limits import LIMITS, Limits
from agents.chat.moderation import TERM_LENGTH, TERMS
from agents.chat.settings import valid_settings
from agents.chat.state import Levels, Room, Term
from agents.chat.text import InvalidTerm, Terms
from infra.errors import InvalidRecord

Level = Annotated[int, msgspec.Meta(ge=0, le=4)]
TermText = Annotated[str, msgspec.Meta(max_length=TERM_LENGTH)]
Seconds = Annotated[int, msgspec.Meta(ge=0, le=120)]
Count = Annotated[int, msgspec.Meta(ge=1, le=50)]


class _Tried(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Part of a file of changes. What is left out stays as it was."""

    def chosen(self) -> dict[str, Any]:
        """What is not left out."""
        named = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return {name: value for name, value in named if value is not None}


class TriedSettings(_Tried, frozen=True):
    """Modes of the chat, for the whole window; see `ChangeChatSettings` for each."""

    slow_seconds: int | None = None
    followers_only_minutes: int | None = None
    subscribers_only: bool | None = None
    emote_only: bool | None = None
    unique_chat: bool | None = None
    links: str | None = None
    permitted_domains: tuple[str, ...] | None = None


class TriedAutomod(_Tried, frozen=True):
    """AutoMod's levels, and which model judges."""

    toxicity: Level | None = None
    identity_hate: Level | None = None
    sexual: Level | None = None
    aggression: Level | None = None
    spam: Level | None = None
    model: Annotated[str, msgspec.Meta(pattern="^[a-z0-9-]{1,64}$")] | None = None


class TriedTerms(_Tried, frozen=True):
    """Blocked terms, beside or instead of those of then."""

    add: Annotated[tuple[TermText, ...], msgspec.Meta(max_length=TERMS)] = ()
    remove: Annotated[tuple[TermText, ...], msgspec.Meta(max_length=TERMS)] = ()


class TriedLimits(_Tried, frozen=True):
    """What rules count against; see `agents.chat.limits.Limits` for each."""

    pause_seconds: Seconds | None = None
    burst: Count | None = None
    burst_seconds: Seconds | None = None
    unique_seconds: Annotated[int, msgspec.Meta(ge=0, le=LIMITS.unique_seconds)] | None = None
    window_seconds: Seconds | None = None
    repeats: Count | None = None
    short_repeats: Count | None = None
    flood_users: Count | None = None


class Changes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is tried. Without any, a back-test has to find what was decided then."""

    settings: TriedSettings = TriedSettings()
    automod: TriedAutomod = TriedAutomod()
    terms: TriedTerms = TriedTerms()
    limits: TriedLimits = TriedLimits()

    @classmethod
    def read(cls, said: Any) -> "Changes":
        """Changes as a file or a request has them. Raises InvalidRecord, which names the field."""
        try:
            found: Changes = msgspec.convert(said, cls)
        except msgspec.ValidationError as error:
            raise InvalidRecord(str(error)) from error
        chosen = valid_settings(found.settings.chosen())
        if isinstance(chosen, str):
            raise InvalidRecord(f"settings: {chosen}")
        try:
            Terms.compile(found.terms.add)
        except InvalidTerm as error:
            raise InvalidRecord(f"terms.add: {error}") from error
        return msgspec.structs.replace(found, settings=TriedSettings(**chosen))

    def room(self, room: Room) -> Room:
        """The chat as it would have been set, shielded or not."""
        modes = self.settings.chosen()
        levels = {
            name: level for name, level in self.automod.chosen().items() if name in _CATEGORIES
        }
        return replace(
            room,
            settings=replace(room.settings, **modes),
            shield_settings=replace(room.shield_settings, **modes),
            levels=replace(room.levels, **levels),
            shield_levels=replace(room.shield_levels, **levels),
        )

    def blocked(self, terms: tuple[Term, ...]) -> list[str]:
        """The terms that would have been blocked, where those were."""
        kept = [each.text for each in terms if each.text not in self.terms.remove]
        return [*kept, *(each for each in self.terms.add if each not in kept)]

    def counted(self) -> Limits:
        """What would have been counted against."""
        return replace(LIMITS, **self.limits.chosen())


_CATEGORIES: Final = frozenset(Levels.__dataclass_fields__)
