"""Records of the engagement context. Generated from `schemas/avro` by `make generate`: do not edit."""

from typing import ClassVar, Literal

from infra.record import Record


class CancelRaid(Record, frozen=True, kw_only=True):
    """Asks for a raid not to take place."""

    FULL_NAME: ClassVar[str] = "millrace.engagement.CancelRaid"

    channel_id: str
    """The channel. Key of the message."""
    by_id: str
    """Who asks: a user id."""
    by_login: str
    """Their login."""
    by_role: str
    """What they are in the channel, as the gateway knew it: broadcaster, moderator, or staff."""


class CastVote(Record, frozen=True, kw_only=True):
    """Asks for a user's vote to be counted."""

    FULL_NAME: ClassVar[str] = "millrace.engagement.CastVote"

    channel_id: str
    """The channel. Key of the message."""
    poll_id: str
    """The poll."""
    choice_id: str
    """What they vote for."""
    user_id: str
    """Who votes."""
    banned: bool
    """Whether they are shut out of the channel's chat, as the gateway knew it."""


class EndPoll(Record, frozen=True, kw_only=True):
    """Asks for a poll to end before its time."""

    FULL_NAME: ClassVar[str] = "millrace.engagement.EndPoll"

    channel_id: str
    """The channel. Key of the message."""
    poll_id: str
    """The poll."""
    archive: bool
    """Whether it is not to be shown any more."""
    by_id: str
    """Who asks: a user id."""
    by_login: str
    """Their login."""
    by_role: str
    """What they are in the channel, as the gateway knew it: broadcaster, moderator, or staff."""


class EndPrediction(Record, frozen=True, kw_only=True):
    """Asks for a prediction to end: something came true, or it is called off."""

    FULL_NAME: ClassVar[str] = "millrace.engagement.EndPrediction"

    channel_id: str
    """The channel. Key of the message."""
    prediction_id: str
    """The prediction."""
    winning_outcome_id: str
    """What came true; empty: it is called off."""
    by_id: str
    """Who asks: a user id."""
    by_login: str
    """Their login."""
    by_role: str
    """What they are in the channel, as the gateway knew it: broadcaster, moderator, or staff."""


class EngagementCommandRefused(Record, frozen=True, kw_only=True):
    """A command broke a rule and changed nothing."""

    FULL_NAME: ClassVar[str] = "millrace.engagement.EngagementCommandRefused"

    channel_id: str
    """The channel. Key of the message."""
    user_id: str
    """Whom it was about, or who asked."""
    command: str
    """Avro name of the refused command."""
    reason: str
    """Stable code of the rule that was broken, kebab-case."""
    detail: str
    """What is wrong, for people."""


class GrantPoints(Record, frozen=True, kw_only=True):
    """Asks for points to be given to a user."""

    FULL_NAME: ClassVar[str] = "millrace.engagement.GrantPoints"

    channel_id: str
    """The channel. Key of the message."""
    user_id: str
    """Who gets them."""
    points: int
    """How many: 1 to 100 000."""
    reason: str
    """Why, for the audit, up to 100 characters."""
    by_id: str
    """Who asks: a user id."""
    by_login: str
    """Their login."""
    by_role: str
    """What they are in the channel, as the gateway knew it: broadcaster, moderator, or staff."""


class LaunchRaid(Record, frozen=True, kw_only=True):
    """Asks for a raid to go now."""

    FULL_NAME: ClassVar[str] = "millrace.engagement.LaunchRaid"

    channel_id: str
    """The channel. Key of the message."""
    viewers: int
    """How many were in the chat, as the gateway knew it."""
    by_id: str
    """Who asks: a user id."""
    by_login: str
    """Their login."""
    by_role: str
    """What they are in the channel, as the gateway knew it: broadcaster, moderator, or staff."""


class LockPrediction(Record, frozen=True, kw_only=True):
    """Asks for a prediction to take no more points."""

    FULL_NAME: ClassVar[str] = "millrace.engagement.LockPrediction"

    channel_id: str
    """The channel. Key of the message."""
    prediction_id: str
    """The prediction."""
    by_id: str
    """Who asks: a user id."""
    by_login: str
    """Their login."""
    by_role: str
    """What they are in the channel, as the gateway knew it: broadcaster, moderator, or staff."""


class PointsGranted(Record, frozen=True, kw_only=True):
    """A user was given points."""

    FULL_NAME: ClassVar[str] = "millrace.engagement.PointsGranted"

    channel_id: str
    """The channel. Key of the message."""
    user_id: str
    """Who got them."""
    points: int
    """How many."""
    balance: int
    """What they have now."""
    cause: Literal["welcome", "gift"]
    """`welcome`: it is their first prediction in the channel; `gift`: the broadcaster gave them."""
    reason: str
    """Why, for the audit; empty: it is their first prediction."""
    by_id: str
    """Who gave them: a user id; empty: it is their first prediction."""
    by_login: str
    """Their login."""


class PointsPaid(Record, frozen=True, kw_only=True):
    """A user got points out of a prediction."""

    FULL_NAME: ClassVar[str] = "millrace.engagement.PointsPaid"

    channel_id: str
    """The channel. Key of the message."""
    prediction_id: str
    """The prediction."""
    user_id: str
    """Who got them."""
    staked: int
    """What they had staked."""
    points: int
    """What they got, their stake included."""
    balance: int
    """What they have now."""
    cause: Literal["payout", "refund"]
    """`payout`: their share of all that was staked; `refund`: their stake."""


class PointsStaked(Record, frozen=True, kw_only=True):
    """Points of a user are staked on an outcome."""

    FULL_NAME: ClassVar[str] = "millrace.engagement.PointsStaked"

    channel_id: str
    """The channel. Key of the message."""
    prediction_id: str
    """The prediction."""
    outcome_id: str
    """What they foresee."""
    user_id: str
    """Who foresees it."""
    points: int
    """How many points, besides those that they staked before."""
    staked: int
    """All that they have staked on it."""
    balance: int
    """What they have left."""


class StakePoints(Record, frozen=True, kw_only=True):
    """Asks for points of a user to be staked on an outcome."""

    FULL_NAME: ClassVar[str] = "millrace.engagement.StakePoints"

    channel_id: str
    """The channel. Key of the message."""
    prediction_id: str
    """The prediction."""
    outcome_id: str
    """What they foresee."""
    user_id: str
    """Who foresees it."""
    points: int
    """How many points, besides those that they staked before."""
    banned: bool
    """Whether they are shut out of the channel's chat, as the gateway knew it."""


class StartPoll(Record, frozen=True, kw_only=True):
    """Asks for a poll in a channel."""

    FULL_NAME: ClassVar[str] = "millrace.engagement.StartPoll"

    channel_id: str
    """The channel. Key of the message."""
    title: str
    """What is asked, up to 60 characters."""
    choices: list[str]
    """What can be voted for: 2 to 5, up to 25 characters each."""
    seconds: int
    """How long it runs: 15 to 1800."""
    by_id: str
    """Who asks: a user id."""
    by_login: str
    """Their login."""
    by_role: str
    """What they are in the channel, as the gateway knew it: broadcaster, moderator, or staff."""


class StartPrediction(Record, frozen=True, kw_only=True):
    """Asks for a prediction in a channel."""

    FULL_NAME: ClassVar[str] = "millrace.engagement.StartPrediction"

    channel_id: str
    """The channel. Key of the message."""
    title: str
    """What is to be foreseen, up to 45 characters."""
    outcomes: list[str]
    """What may come true: 2 to 10, up to 25 characters each."""
    seconds: int
    """How long points can be staked: 30 to 1800."""
    by_id: str
    """Who asks: a user id."""
    by_login: str
    """Their login."""
    by_role: str
    """What they are in the channel, as the gateway knew it: broadcaster, moderator, or staff."""


class StartRaid(Record, frozen=True, kw_only=True):
    """Asks for those who watch a channel to be sent to another one."""

    FULL_NAME: ClassVar[str] = "millrace.engagement.StartRaid"

    channel_id: str
    """The channel. Key of the message."""
    login: str
    """The channel's name."""
    display_name: str
    """Its name as the broadcaster writes it."""
    is_live: bool
    """Whether it is on air, as the gateway knew it."""
    to_id: str
    """The channel that is raided."""
    to_login: str
    """Its name."""
    to_display_name: str
    """Its name as the broadcaster writes it."""
    to_is_live: bool
    """Whether that is on air, as the gateway knew it."""
    viewers: int
    """How many were in the chat, as the gateway knew it."""
    by_id: str
    """Who asks: a user id."""
    by_login: str
    """Their login."""
    by_role: str
    """What they are in the channel, as the gateway knew it: broadcaster, moderator, or staff."""


class VoteCast(Record, frozen=True, kw_only=True):
    """A user's vote counts."""

    FULL_NAME: ClassVar[str] = "millrace.engagement.VoteCast"

    channel_id: str
    """The channel. Key of the message."""
    poll_id: str
    """The poll."""
    choice_id: str
    """What they voted for."""
    user_id: str
    """Who voted."""
