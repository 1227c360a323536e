"""What the context remembers: what runs in a channel, what viewers have, chose and staked."""

from dataclasses import dataclass
from typing import Final

PAGE: Final = 100
"""Users of a page: one row, written anew for each who joins."""

Wrong = tuple[str, str]
"""A stable code, and what is wrong for people."""


@dataclass(frozen=True)
class Choice:
    """Something that can be voted for."""

    id: str
    title: str
    votes: int = 0


@dataclass(frozen=True)
class Poll:
    """A poll that runs. Times are microseconds since 1970."""

    poll_id: str
    title: str
    choices: tuple[Choice, ...]
    started_at: int
    ends_at: int
    told_at: int
    """When its tallies were told last."""
    told: int = 0
    """How many votes there were then."""

    @property
    def votes(self) -> int:
        """How many have voted."""
        return sum(each.votes for each in self.choices)


@dataclass(frozen=True)
class Outcome:
    """Something that may come true."""

    id: str
    title: str
    users: int = 0
    points: int = 0
    """What is staked on it."""


@dataclass(frozen=True)
class Prediction:
    """A prediction that runs, or waits for what happens. Times are microseconds since 1970."""

    prediction_id: str
    title: str
    outcomes: tuple[Outcome, ...]
    started_at: int
    locks_at: int
    told_at: int
    """When its tallies were told last."""
    told: int = 0
    """What was staked then."""
    locked_at: int | None = None

    @property
    def users(self) -> int:
        """How many have staked something."""
        return sum(each.users for each in self.outcomes)

    @property
    def pool(self) -> int:
        """All that is staked."""
        return sum(each.points for each in self.outcomes)


@dataclass(frozen=True)
class Purse:
    """Points of a user in a channel."""

    points: int = 0
    welcomed: bool = False
    """Whether they got those that come with the first prediction."""


@dataclass(frozen=True)
class Stake:
    """What a user has staked on a prediction."""

    outcome_id: str
    points: int


@dataclass(frozen=True)
class Raid:
    """A raid that was called. Times are microseconds since 1970."""

    raid_id: str
    login: str
    display_name: str
    """The channel that it starts from."""
    to_id: str
    to_login: str
    to_display_name: str
    viewers: int
    started_at: int
    goes_at: int


@dataclass(frozen=True)
class Shares:
    """How the points of a prediction are given out: to whom the pool belongs in proportion.

    A share is rounded down; what is left goes, one point each, to those who lost most by that
    (method of largest remainders), of equals to the lower user id. `remainder` and `user_id` are
    of the last one who gets such a point, so that nobody else need be known to tell a share.
    """

    pool: int
    outcome_id: str
    """Whose stakes count; empty: everybody has their own back."""
    staked: int
    """All stakes that count."""
    remainder: int
    user_id: str = ""


@dataclass(frozen=True)
class Closing:
    """A poll or a prediction that is over and whose votes or stakes are still to be cleared."""

    channel_id: str
    users: int
    """Who took part."""
    shares: Shares | None = None
    """How the points are given out; None: it was a poll."""
    pages: int = 0
    """Pages of users that are cleared."""

    @property
    def last(self) -> int:
        """How many pages of users there are."""
        return pages_of(self.users)


def pages_of(users: int) -> int:
    """Pages that so many users fill."""
    return -(-users // PAGE)
