"""What a chat remembers: its settings, who is shut out, what was said lately, what waits."""

from dataclasses import dataclass, fields, replace
from typing import Final

from infra.once import Once
from schemas.records.chat import SendMessage

FOR_GOOD: Final = -1
"""`until` of a ban that does not end."""


@dataclass(frozen=True)
class Settings:
    """Modes of a chat; see `ChatSettingsChanged` for what each is."""

    slow_seconds: int = 0
    followers_only_minutes: int = -1
    subscribers_only: bool = False
    emote_only: bool = False
    unique_chat: bool = False
    links: str = "everybody"
    permitted_domains: tuple[str, ...] = ()
    chat_delay_seconds: int = 0


@dataclass(frozen=True)
class Levels:
    """How strict AutoMod is in each category: 0 (off) to 4."""

    toxicity: int = 0
    identity_hate: int = 0
    sexual: int = 0
    aggression: int = 0
    spam: int = 0

    def as_dict(self) -> dict[str, int]:
        """Level by category."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


SHIELDED: Final = Settings(
    slow_seconds=10, followers_only_minutes=60, unique_chat=True, links="moderators"
)
"""How a shielded chat is set until somebody changes it while it is."""
OFF: Final = Levels()
STRICTEST: Final = Levels(4, 4, 4, 4, 4)


@dataclass(frozen=True)
class Room:
    """A channel's chat. What is changed while it is shielded belongs to the shield."""

    settings: Settings = Settings()
    levels: Levels = Levels()
    shield_settings: Settings = SHIELDED
    shield_levels: Levels = STRICTEST
    shielded: bool = False
    stormy: bool = False
    """Whether slow mode is on by itself, because more is said than the worker keeps up with."""

    @property
    def chosen(self) -> Settings:
        """The settings that hold where there is no storm."""
        return self.shield_settings if self.shielded else self.settings

    @Once
    def in_force(self) -> Settings:
        """The settings that hold now."""
        settings = self.chosen
        if self.stormy and settings.slow_seconds < STORM_SLOW_SECONDS:
            return replace(settings, slow_seconds=STORM_SLOW_SECONDS)
        return settings

    @property
    def levels_in_force(self) -> Levels:
        """AutoMod's levels that hold now."""
        return self.shield_levels if self.shielded else self.levels


STORM_SLOW_SECONDS: Final = 5
"""Slow mode of a storm."""


@dataclass(frozen=True)
class Standing:
    """How a user stands in a chat."""

    until: int = 0
    """Shut out until then (microseconds); `FOR_GOOD`; 0: not."""
    reason: str = ""
    warning: str | None = None
    """A warning that they have not confirmed."""

    def shut_out(self, now: int) -> bool:
        """Whether they may say nothing now."""
        return self.until == FOR_GOOD or self.until > now


@dataclass(frozen=True)
class Term:
    """A term that is blocked in a chat."""

    term_id: str
    text: str


@dataclass(frozen=True)
class Held:
    """A message that waits for a moderator."""

    said: SendMessage
    text: str
    """What would be shown."""
    rules: str
    """Versions of the rules that held it."""
    until: int
    """When it is denied if nobody reviews it (microseconds)."""
