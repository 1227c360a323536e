"""A message, and all that rules look at to judge it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from agents.chat import recent
from agents.chat.limits import LIMITS, Limits
from agents.chat.recent import ChannelRecent, Mark, UserRecent
from agents.chat.state import Room, Settings, Standing
from agents.chat.text import Terms, Unsound, only_emotes, sane
from infra.once import Once
from schemas.chat_roles import MODERATING

TRUSTED: Final = MODERATING | {"vip"}


class Judge(Protocol):
    """Looks at what a text means. Implemented by `agents.chat.automod`."""

    version: str

    def held(self, text: str, levels: Mapping[str, int]) -> tuple[str, int] | None:
        """(category, lowest level that holds it) if a level holds the text."""
        ...


class Said(Protocol):
    """What rules look at of a message. Implemented by `SendMessage`; see there for each field."""

    @property
    def channel_id(self) -> str:
        """The channel."""
        ...

    @property
    def user_id(self) -> str:
        """Who says it."""
        ...

    @property
    def roles(self) -> Sequence[str]:
        """What the sender is."""
        ...

    @property
    def followed_at(self) -> int | None:
        """Since when they follow; None: they do not."""
        ...

    @property
    def suspended(self) -> bool:
        """Whether their account is suspended."""
        ...

    @property
    def text(self) -> str:
        """What is said."""
        ...


@dataclass
class Saying:
    """A message, and all that rules look at."""

    command: Said
    room: Room
    standing: Standing
    lately: UserRecent
    """What the sender said last."""
    round: ChannelRecent
    """What many say."""
    said_at: Callable[[int], int]
    """When a fingerprint was said last (microseconds); 0: not that it were known."""
    now: int
    terms: Terms
    """The channel's."""
    emotes: Mapping[str, str]
    """Emote by the word that stands for it."""
    judge: Judge | None = None
    limits: Limits = LIMITS
    unsound: Unsound | None = field(default=None, init=False)
    """Why nothing can be shown."""
    settings: Settings = field(init=False)
    """The settings that hold now."""
    moderates: bool = field(init=False)
    """Whether the sender moderates the chat: rules for viewers do not hold for them."""
    trusted: bool = field(init=False)
    """Whether modes do not hold for the sender."""

    def __post_init__(self) -> None:
        self.settings = self.room.in_force
        roles = self.command.roles
        self.trusted = not TRUSTED.isdisjoint(roles)
        self.moderates = self.trusted and not MODERATING.isdisjoint(roles)

    @Once
    def text(self) -> str:
        """What would be shown; empty if nothing can be: then `unsound` says why."""
        try:
            return sane(self.command.text)
        except Unsound as wrong:
            self.unsound = wrong
            return ""

    @Once
    def only_emotes(self) -> bool:
        """Whether there is nothing but emotes."""
        return only_emotes(self.text, self.emotes)

    @Once
    def mark(self) -> Mark:
        """What the text is compared by."""
        return recent.mark(self.text, only_emotes=self.only_emotes)

    @Once
    def crowd(self) -> tuple[tuple[int, int], ...]:
        """Who says this long text at once; nobody if it is short."""
        if not self.mark.sketch:
            return ()
        return self.round.crowd(self.now, self.command.user_id, self.mark, self.limits)

    @Once
    def subscribes(self) -> bool:
        """Whether the sender subscribes to the channel."""
        return "subscriber" in self.command.roles
