"""Records of the chat context. Generated from `schemas/avro` by `make generate`: do not edit."""

from typing import ClassVar, Literal

from infra.record import Part, Record


class EmoteRange(Part, frozen=True, kw_only=True):
    """Where an emote stands in a text."""

    id: str
    """The emote."""
    start: int
    """First code point, from 0."""
    end: int
    """Last code point, itself included."""


class PollChoice(Part, frozen=True, kw_only=True):
    """Something that can be voted for."""

    id: str
    """The choice."""
    title: str
    """What it says, up to 25 characters."""
    votes: int
    """How many have voted for it."""


class PredictionOutcome(Part, frozen=True, kw_only=True):
    """Something that may come true."""

    id: str
    """The outcome."""
    title: str
    """What it says, up to 25 characters."""
    users: int
    """How many have predicted it."""
    points: int
    """Points that they have staked on it."""


class AddBlockedTerm(Record, frozen=True, kw_only=True):
    """Asks for a term to be blocked in a chat."""

    FULL_NAME: ClassVar[str] = "millrace.chat.AddBlockedTerm"

    channel_id: str
    """The channel. Key of the message."""
    text: str
    """The term; `*` stands for any letters."""
    by_id: str
    """Who asks: a user id."""
    by_login: str
    """Their login."""
    by_role: str
    """What they are in the channel, as the gateway knew it: broadcaster, moderator, or staff."""


class AutomodChanged(Record, frozen=True, kw_only=True):
    """How strict AutoMod is now: everything, also what stayed."""

    FULL_NAME: ClassVar[str] = "millrace.chat.AutomodChanged"

    channel_id: str
    """The channel. Key of the message."""
    toxicity: int
    """Level for insults and harassment, from 0 (off) to 4 (strictest)."""
    identity_hate: int
    """Level for hatred of what people are, from 0 (off) to 4 (strictest)."""
    sexual: int
    """Level for sexual content, from 0 (off) to 4 (strictest)."""
    aggression: int
    """Level for threats and violence, from 0 (off) to 4 (strictest)."""
    spam: int
    """Level for spam and promotion, from 0 (off) to 4 (strictest)."""
    by_id: str
    """Who did it: a user id; empty: a rule."""
    by_login: str
    """Their login."""


class BanUser(Record, frozen=True, kw_only=True):
    """Asks for a user to be shut out of a chat, for good or for a time."""

    FULL_NAME: ClassVar[str] = "millrace.chat.BanUser"

    channel_id: str
    """The channel. Key of the message."""
    user_id: str
    """The user whom it is about."""
    login: str
    """Their login."""
    roles: list[str]
    """What the user is in the channel: broadcaster, moderator, vip, staff."""
    seconds: int | None = None
    """For how long; null: for good."""
    reason: str
    """Why, for the audit."""
    by_id: str
    """Who asks: a user id."""
    by_login: str
    """Their login."""
    by_role: str
    """What they are in the channel, as the gateway knew it: broadcaster, moderator, or staff."""


class BlockedTermAdded(Record, frozen=True, kw_only=True):
    """A term is blocked in a chat."""

    FULL_NAME: ClassVar[str] = "millrace.chat.BlockedTermAdded"

    channel_id: str
    """The channel. Key of the message."""
    term_id: str
    """The term: the id of the command that added it."""
    text: str
    """The term; `*` stands for any letters."""
    by_id: str
    """Who did it: a user id; empty: a rule."""
    by_login: str
    """Their login."""


class BlockedTermRemoved(Record, frozen=True, kw_only=True):
    """A term is blocked no longer."""

    FULL_NAME: ClassVar[str] = "millrace.chat.BlockedTermRemoved"

    channel_id: str
    """The channel. Key of the message."""
    term_id: str
    """The term."""
    text: str
    """What it was."""
    by_id: str
    """Who did it: a user id; empty: a rule."""
    by_login: str
    """Their login."""


class ChangeAutomod(Record, frozen=True, kw_only=True):
    """Asks for other levels of AutoMod. What is null stays."""

    FULL_NAME: ClassVar[str] = "millrace.chat.ChangeAutomod"

    channel_id: str
    """The channel. Key of the message."""
    toxicity: int | None = None
    """Level for insults and harassment, from 0 (off) to 4 (strictest); null: as it is."""
    identity_hate: int | None = None
    """Level for hatred of what people are, from 0 (off) to 4 (strictest); null: as it is."""
    sexual: int | None = None
    """Level for sexual content, from 0 (off) to 4 (strictest); null: as it is."""
    aggression: int | None = None
    """Level for threats and violence, from 0 (off) to 4 (strictest); null: as it is."""
    spam: int | None = None
    """Level for spam and promotion, from 0 (off) to 4 (strictest); null: as it is."""
    by_id: str
    """Who asks: a user id."""
    by_login: str
    """Their login."""
    by_role: str
    """What they are in the channel, as the gateway knew it: broadcaster, moderator, or staff."""


class ChangeChatSettings(Record, frozen=True, kw_only=True):
    """Asks for other settings of a chat. What is null stays."""

    FULL_NAME: ClassVar[str] = "millrace.chat.ChangeChatSettings"

    channel_id: str
    """The channel. Key of the message."""
    slow_seconds: int | None = None
    """Seconds between two messages of a user; 0: no slow mode; null: as it is."""
    followers_only_minutes: int | None = None
    """For how long one must have followed to speak, in minutes; -1: no need to follow; null: as it is."""
    subscribers_only: bool | None = None
    """Whether only subscribers speak; null: as it is."""
    emote_only: bool | None = None
    """Whether messages consist of emotes only; null: as it is."""
    unique_chat: bool | None = None
    """Whether nothing may be said twice within an hour; null: as it is."""
    links: str | None = None
    """Who may post links: everybody, moderators or nobody; moderators always may; null: as it is."""
    permitted_domains: list[str] | None = None
    """Domains that may always be linked to, with what is below them; null: as it is."""
    chat_delay_seconds: int | None = None
    """Seconds by which who does not moderate sees messages later: 0, 2, 4 or 6; null: as it is."""
    by_id: str
    """Who asks: a user id."""
    by_login: str
    """Their login."""
    by_role: str
    """What they are in the channel, as the gateway knew it: broadcaster, moderator, or staff."""


class ChatCleared(Record, frozen=True, kw_only=True):
    """Everything said so far was taken out of a chat."""

    FULL_NAME: ClassVar[str] = "millrace.chat.ChatCleared"

    channel_id: str
    """The channel. Key of the message."""
    by_id: str
    """Who did it: a user id; empty: a rule."""
    by_login: str
    """Their login."""


class ChatCommandRefused(Record, frozen=True, kw_only=True):
    """A command broke a rule and changed nothing."""

    FULL_NAME: ClassVar[str] = "millrace.chat.ChatCommandRefused"

    channel_id: str
    """The channel. Key of the message."""
    command: str
    """Avro name of the refused command."""
    reason: str
    """Stable code of the rule that was broken, kebab-case."""
    detail: str
    """What is wrong, for people."""


class ChatSettingsChanged(Record, frozen=True, kw_only=True):
    """How a chat is set now: everything, also what stayed."""

    FULL_NAME: ClassVar[str] = "millrace.chat.ChatSettingsChanged"

    channel_id: str
    """The channel. Key of the message."""
    slow_seconds: int
    """Seconds between two messages of a user; 0: no slow mode."""
    followers_only_minutes: int
    """For how long one must have followed to speak, in minutes; -1: no need to follow."""
    subscribers_only: bool
    """Whether only subscribers speak."""
    emote_only: bool
    """Whether messages consist of emotes only."""
    unique_chat: bool
    """Whether nothing may be said twice within an hour."""
    links: str
    """Who may post links: everybody, moderators or nobody; moderators always may."""
    permitted_domains: list[str]
    """Domains that may always be linked to, with what is below them."""
    chat_delay_seconds: int
    """Seconds by which who does not moderate sees messages later: 0, 2, 4 or 6."""
    cause: str
    """moderator; shield; or storm: slow mode that came by itself, or went."""
    by_id: str
    """Who did it: a user id; empty: a rule."""
    by_login: str
    """Their login."""


class ClearChat(Record, frozen=True, kw_only=True):
    """Asks for everything said so far to be taken out of a chat."""

    FULL_NAME: ClassVar[str] = "millrace.chat.ClearChat"

    channel_id: str
    """The channel. Key of the message."""
    by_id: str
    """Who asks: a user id."""
    by_login: str
    """Their login."""
    by_role: str
    """What they are in the channel, as the gateway knew it: broadcaster, moderator, or staff."""


class ConfirmWarning(Record, frozen=True, kw_only=True):
    """Says that a user has read a warning."""

    FULL_NAME: ClassVar[str] = "millrace.chat.ConfirmWarning"

    channel_id: str
    """The channel. Key of the message."""
    user_id: str
    """The user who was warned."""


class DeleteMessage(Record, frozen=True, kw_only=True):
    """Asks for a message to be taken out of a chat."""

    FULL_NAME: ClassVar[str] = "millrace.chat.DeleteMessage"

    channel_id: str
    """The channel. Key of the message."""
    message_id: str
    """The message."""
    sent_at: int
    """When it was sent: the time of its MessageSent."""
    user_id: str
    """The user whom it is about."""
    login: str
    """Their login."""
    roles: list[str]
    """What its author is in the channel: broadcaster, moderator, vip, staff."""
    text: str
    """What it says, for the audit."""
    by_id: str
    """Who asks: a user id."""
    by_login: str
    """Their login."""
    by_role: str
    """What they are in the channel, as the gateway knew it: broadcaster, moderator, or staff."""


class HeldMessageReviewed(Record, frozen=True, kw_only=True):
    """What became of a held message. If it was approved, it is sent right after."""

    FULL_NAME: ClassVar[str] = "millrace.chat.HeldMessageReviewed"

    channel_id: str
    """The channel. Key of the message."""
    message_id: str
    """The message."""
    user_id: str
    """Its author."""
    login: str
    """Their login."""
    outcome: Literal["approved", "denied", "expired"]
    """`approved`, `denied`, or `expired`: nobody looked."""
    by_id: str
    """Who did it: a user id; empty: a rule."""
    by_login: str
    """Their login."""


class MessageDeleted(Record, frozen=True, kw_only=True):
    """A message was taken out of a chat."""

    FULL_NAME: ClassVar[str] = "millrace.chat.MessageDeleted"

    channel_id: str
    """The channel. Key of the message."""
    message_id: str
    """The message."""
    sent_at: int
    """When it was sent: the time of its MessageSent."""
    user_id: str
    """The user whom it is about."""
    login: str
    """Their login."""
    text: str
    """What it said, for the audit."""
    by_id: str
    """Who did it: a user id; empty: a rule."""
    by_login: str
    """Their login."""


class MessageHeld(Record, frozen=True, kw_only=True):
    """A message waits for a moderator."""

    FULL_NAME: ClassVar[str] = "millrace.chat.MessageHeld"

    channel_id: str
    """The channel. Key of the message."""
    message_id: str
    """The message: the id of the command that asked for it."""
    user_id: str
    """Who says it."""
    login: str
    """Their login."""
    display_name: str
    """Their name as they write it."""
    colour: str
    """Colour of their name, `#RRGGBB`; empty: none chosen."""
    text: str
    """What is said."""
    kind: Literal["text", "action", "announcement"]
    """`text`; `action` (/me); `announcement`, by who moderates."""
    announcement_colour: str
    """primary, blue, green, orange or purple; empty if it is none."""
    rule: str
    """What held it: automod or a blocked term."""
    category: str
    """Category of AutoMod that held it; empty: none."""
    level: int
    """The lowest level of the category that holds it, 1 to 4; 0: none."""
    held_until: int
    """When it is denied if nobody reviews it."""
    rules: str
    """Versions of the rules that decided, and of the model if it was asked: `chat-1 automod-1-0f3d9c1e`."""


class MessageRejected(Record, frozen=True, kw_only=True):
    """A message broke a rule: nobody sees it."""

    FULL_NAME: ClassVar[str] = "millrace.chat.MessageRejected"

    channel_id: str
    """The channel. Key of the message."""
    message_id: str
    """The message: the id of the command that asked for it."""
    user_id: str
    """Who wanted to say it."""
    login: str
    """Their login."""
    text: str
    """What was to be said."""
    reason: str
    """Stable code of the rule, kebab-case."""
    detail: str
    """What is wrong, for people."""
    retry_after_seconds: int | None = None
    """When it may be tried again; null: trying again does not help."""
    rules: str
    """Versions of the rules that decided, and of the model if it was asked: `chat-1 automod-1-0f3d9c1e`."""


class MessageSent(Record, frozen=True, kw_only=True):
    """Something was said in a channel, for everybody to see."""

    FULL_NAME: ClassVar[str] = "millrace.chat.MessageSent"

    channel_id: str
    """The channel. Key of the message."""
    message_id: str
    """The message: the id of the command that asked for it."""
    user_id: str
    """Who says it."""
    login: str
    """Their login."""
    display_name: str
    """Their name as they write it."""
    colour: str
    """Colour of their name, `#RRGGBB`; empty: none chosen."""
    badges: list[str]
    """Badges of the sender, `name/version`, the most important first."""
    text: str
    """What is said."""
    kind: Literal["text", "action", "announcement"]
    """`text`; `action` (/me); `announcement`, by who moderates."""
    announcement_colour: str
    """primary, blue, green, orange or purple; empty if it is none."""
    emotes: list[EmoteRange]
    """Emotes in the text, in order."""
    reply_to: str
    """Message that is answered; empty: none."""
    reply_user_id: str
    """Who wrote that."""
    reply_login: str
    """Their login."""
    reply_display_name: str
    """Their name as they write it."""
    reply_text: str
    """What they wrote, shortened."""
    thread_id: str
    """First message of the thread; empty: none is answered."""
    approved_by: str
    """Moderator who let it through; empty: it was not held."""
    rules: str
    """Versions of the rules that decided, and of the model if it was asked: `chat-1 automod-1-0f3d9c1e`."""


class PollEnded(Record, frozen=True, kw_only=True):
    """A poll is over: these are its tallies."""

    FULL_NAME: ClassVar[str] = "millrace.chat.PollEnded"

    channel_id: str
    """The channel. Key of the message."""
    poll_id: str
    """The poll: the id of the command that asked for it."""
    title: str
    """What is asked, up to 60 characters."""
    choices: list[PollChoice]
    """What can be voted for, in order, and the votes so far."""
    started_at: int
    """Since when it runs."""
    ends_at: int
    """Until when it runs, unless somebody ends it before."""
    ended_at: int
    """When it ended."""
    result: Literal["completed", "terminated", "archived"]
    """`completed`: its time was over; `terminated`: somebody ended it; `archived`: likewise, and it is not to be shown."""
    winners: list[str]
    """Ids of the choices with the most votes; none if nobody voted."""
    by_id: str
    """Who ended it: a user id; empty: time did."""
    by_login: str
    """Their login; empty: time did."""


class PollProgressed(Record, frozen=True, kw_only=True):
    """What has been voted so far. Said now and then, once something has changed."""

    FULL_NAME: ClassVar[str] = "millrace.chat.PollProgressed"

    channel_id: str
    """The channel. Key of the message."""
    poll_id: str
    """The poll: the id of the command that asked for it."""
    title: str
    """What is asked, up to 60 characters."""
    choices: list[PollChoice]
    """What can be voted for, in order, and the votes so far."""
    started_at: int
    """Since when it runs."""
    ends_at: int
    """Until when it runs, unless somebody ends it before."""


class PollStarted(Record, frozen=True, kw_only=True):
    """A poll runs in a channel."""

    FULL_NAME: ClassVar[str] = "millrace.chat.PollStarted"

    channel_id: str
    """The channel. Key of the message."""
    poll_id: str
    """The poll: the id of the command that asked for it."""
    title: str
    """What is asked, up to 60 characters."""
    choices: list[PollChoice]
    """What can be voted for, in order, and the votes so far."""
    started_at: int
    """Since when it runs."""
    ends_at: int
    """Until when it runs, unless somebody ends it before."""
    by_id: str
    """Who started it: a user id."""
    by_login: str
    """Their login."""


class PredictionEnded(Record, frozen=True, kw_only=True):
    """It is known how a prediction went, or will not be."""

    FULL_NAME: ClassVar[str] = "millrace.chat.PredictionEnded"

    channel_id: str
    """The channel. Key of the message."""
    prediction_id: str
    """The prediction: the id of the command that asked for it."""
    title: str
    """What is to be foreseen, up to 45 characters."""
    outcomes: list[PredictionOutcome]
    """What may come true, in order, and what is staked on it so far."""
    started_at: int
    """Since when it runs."""
    locks_at: int
    """Until when points can be staked, unless somebody locks it before."""
    locked_at: int | None = None
    """When it was locked; null: it never was."""
    ended_at: int
    """When it ended."""
    result: Literal["resolved", "cancelled"]
    """`resolved`: an outcome came true; `cancelled`: all get their points back."""
    winning_outcome_id: str
    """The outcome that came true; empty: it was cancelled."""
    pool: int
    """All points that were staked."""
    refunded: bool
    """Whether all get their points back: it was cancelled, or nobody has predicted the outcome."""
    by_id: str
    """Who ended it: a user id; empty: time did."""
    by_login: str
    """Their login; empty: time did."""


class PredictionLocked(Record, frozen=True, kw_only=True):
    """Nothing more can be staked on a prediction; it waits for what happens."""

    FULL_NAME: ClassVar[str] = "millrace.chat.PredictionLocked"

    channel_id: str
    """The channel. Key of the message."""
    prediction_id: str
    """The prediction: the id of the command that asked for it."""
    title: str
    """What is to be foreseen, up to 45 characters."""
    outcomes: list[PredictionOutcome]
    """What may come true, in order, and what is staked on it so far."""
    started_at: int
    """Since when it runs."""
    locks_at: int
    """Until when points can be staked, unless somebody locks it before."""
    locked_at: int
    """When it was locked."""
    by_id: str
    """Who locked it: a user id; empty: time did."""
    by_login: str
    """Their login; empty: time did."""


class PredictionProgressed(Record, frozen=True, kw_only=True):
    """What has been staked so far. Said now and then, once something has changed."""

    FULL_NAME: ClassVar[str] = "millrace.chat.PredictionProgressed"

    channel_id: str
    """The channel. Key of the message."""
    prediction_id: str
    """The prediction: the id of the command that asked for it."""
    title: str
    """What is to be foreseen, up to 45 characters."""
    outcomes: list[PredictionOutcome]
    """What may come true, in order, and what is staked on it so far."""
    started_at: int
    """Since when it runs."""
    locks_at: int
    """Until when points can be staked, unless somebody locks it before."""


class PredictionStarted(Record, frozen=True, kw_only=True):
    """Points can be staked on what will happen."""

    FULL_NAME: ClassVar[str] = "millrace.chat.PredictionStarted"

    channel_id: str
    """The channel. Key of the message."""
    prediction_id: str
    """The prediction: the id of the command that asked for it."""
    title: str
    """What is to be foreseen, up to 45 characters."""
    outcomes: list[PredictionOutcome]
    """What may come true, in order, and what is staked on it so far."""
    started_at: int
    """Since when it runs."""
    locks_at: int
    """Until when points can be staked, unless somebody locks it before."""
    by_id: str
    """Who started it: a user id."""
    by_login: str
    """Their login."""


class RaidArrived(Record, frozen=True, kw_only=True):
    """Who watched another channel is sent to this one."""

    FULL_NAME: ClassVar[str] = "millrace.chat.RaidArrived"

    channel_id: str
    """The channel. Key of the message."""
    raid_id: str
    """The raid."""
    from_id: str
    """The channel that they come from."""
    from_login: str
    """Its name."""
    from_display_name: str
    """Its name as the broadcaster writes it."""
    viewers: int
    """How many come along: who was in the chat."""


class RaidCancelled(Record, frozen=True, kw_only=True):
    """A raid does not take place."""

    FULL_NAME: ClassVar[str] = "millrace.chat.RaidCancelled"

    channel_id: str
    """The channel. Key of the message."""
    raid_id: str
    """The raid."""
    to_id: str
    """The channel that is raided."""
    to_login: str
    """Its name."""
    to_display_name: str
    """Its name as the broadcaster writes it."""
    by_id: str
    """Who called it off: a user id."""
    by_login: str
    """Their login."""


class RaidStarted(Record, frozen=True, kw_only=True):
    """Who watches a channel will be sent to another one."""

    FULL_NAME: ClassVar[str] = "millrace.chat.RaidStarted"

    channel_id: str
    """The channel. Key of the message."""
    raid_id: str
    """The raid: the id of the command that asked for it."""
    to_id: str
    """The channel that is raided."""
    to_login: str
    """Its name."""
    to_display_name: str
    """Its name as the broadcaster writes it."""
    viewers: int
    """How many come along: who was in the chat."""
    started_at: int
    """When it was called."""
    goes_at: int
    """When they are sent."""
    by_id: str
    """Who called it: a user id."""
    by_login: str
    """Their login."""


class RaidWent(Record, frozen=True, kw_only=True):
    """Who watches this channel is sent to another one."""

    FULL_NAME: ClassVar[str] = "millrace.chat.RaidWent"

    channel_id: str
    """The channel. Key of the message."""
    raid_id: str
    """The raid."""
    to_id: str
    """The channel that is raided."""
    to_login: str
    """Its name."""
    to_display_name: str
    """Its name as the broadcaster writes it."""
    viewers: int
    """How many come along: who was in the chat."""


class RemoveBlockedTerm(Record, frozen=True, kw_only=True):
    """Asks for a term to be blocked no longer."""

    FULL_NAME: ClassVar[str] = "millrace.chat.RemoveBlockedTerm"

    channel_id: str
    """The channel. Key of the message."""
    term_id: str
    """The term."""
    by_id: str
    """Who asks: a user id."""
    by_login: str
    """Their login."""
    by_role: str
    """What they are in the channel, as the gateway knew it: broadcaster, moderator, or staff."""


class ReportDelay(Record, frozen=True, kw_only=True):
    """Says that a chat is decided late: more is said than the worker keeps up with."""

    FULL_NAME: ClassVar[str] = "millrace.chat.ReportDelay"

    channel_id: str
    """The channel. Key of the message."""
    delay_ms: int
    """Milliseconds for which a command waited for its turn."""
    messages: int
    """Messages of the channel in the second before."""


class ReviewMessage(Record, frozen=True, kw_only=True):
    """Asks for a held message to be let through or not."""

    FULL_NAME: ClassVar[str] = "millrace.chat.ReviewMessage"

    channel_id: str
    """The channel. Key of the message."""
    message_id: str
    """The message."""
    approve: bool
    """Whether it may be seen."""
    by_id: str
    """Who asks: a user id."""
    by_login: str
    """Their login."""
    by_role: str
    """What they are in the channel, as the gateway knew it: broadcaster, moderator, or staff."""


class SendMessage(Record, frozen=True, kw_only=True):
    """Asks for something to be said in a channel. Facts of the sender are as the gateway knew them."""

    FULL_NAME: ClassVar[str] = "millrace.chat.SendMessage"

    channel_id: str
    """The channel. Key of the message."""
    user_id: str
    """Who says it."""
    login: str
    """Their login."""
    display_name: str
    """Their name as they write it."""
    colour: str
    """Colour of their name, `#RRGGBB`; empty: none chosen."""
    roles: list[str]
    """What the sender is: broadcaster, moderator, vip, subscriber, partner, affiliate, staff, bot."""
    followed_at: int | None = None
    """Since when the sender follows the channel; null: does not."""
    subscribed_months: int
    """Months that the sender has subscribed for, 0 if not."""
    suspended: bool
    """Whether the account is suspended."""
    text: str
    """What is said."""
    kind: Literal["text", "action", "announcement"]
    """`text`; `action` (/me); `announcement`, by who moderates."""
    announcement_colour: str
    """primary, blue, green, orange or purple; empty if it is none."""
    reply_to: str
    """Message that is answered; empty: none."""
    reply_user_id: str
    """Who wrote that."""
    reply_login: str
    """Their login."""
    reply_display_name: str
    """Their name as they write it."""
    reply_text: str
    """What they wrote, shortened."""
    thread_id: str
    """First message of the thread; empty: none is answered."""


class SetShieldMode(Record, frozen=True, kw_only=True):
    """Asks for a chat to be shielded by strict settings, or no longer."""

    FULL_NAME: ClassVar[str] = "millrace.chat.SetShieldMode"

    channel_id: str
    """The channel. Key of the message."""
    active: bool
    """Whether it is to be."""
    by_id: str
    """Who asks: a user id."""
    by_login: str
    """Their login."""
    by_role: str
    """What they are in the channel, as the gateway knew it: broadcaster, moderator, or staff."""


class ShieldModeChanged(Record, frozen=True, kw_only=True):
    """A chat is shielded by strict settings from now on, or no longer."""

    FULL_NAME: ClassVar[str] = "millrace.chat.ShieldModeChanged"

    channel_id: str
    """The channel. Key of the message."""
    active: bool
    """Whether it is."""
    by_id: str
    """Who did it: a user id; empty: a rule."""
    by_login: str
    """Their login."""


class UnbanUser(Record, frozen=True, kw_only=True):
    """Asks for a user to be let in again."""

    FULL_NAME: ClassVar[str] = "millrace.chat.UnbanUser"

    channel_id: str
    """The channel. Key of the message."""
    user_id: str
    """The user whom it is about."""
    login: str
    """Their login."""
    by_id: str
    """Who asks: a user id."""
    by_login: str
    """Their login."""
    by_role: str
    """What they are in the channel, as the gateway knew it: broadcaster, moderator, or staff."""


class UserBanned(Record, frozen=True, kw_only=True):
    """A user is shut out of a chat; what they said there is seen no longer."""

    FULL_NAME: ClassVar[str] = "millrace.chat.UserBanned"

    channel_id: str
    """The channel. Key of the message."""
    user_id: str
    """The user whom it is about."""
    login: str
    """Their login."""
    until: int | None = None
    """Until when; null: for good."""
    reason: str
    """Why, for the audit."""
    by_id: str
    """Who did it: a user id; empty: a rule."""
    by_login: str
    """Their login."""


class UserUnbanned(Record, frozen=True, kw_only=True):
    """A user is shut out no longer."""

    FULL_NAME: ClassVar[str] = "millrace.chat.UserUnbanned"

    channel_id: str
    """The channel. Key of the message."""
    user_id: str
    """The user whom it is about."""
    login: str
    """Their login."""
    by_id: str
    """Who did it: a user id; empty: a rule."""
    by_login: str
    """Their login."""


class UserWarned(Record, frozen=True, kw_only=True):
    """A user was warned: they say nothing before they have confirmed it."""

    FULL_NAME: ClassVar[str] = "millrace.chat.UserWarned"

    channel_id: str
    """The channel. Key of the message."""
    user_id: str
    """The user whom it is about."""
    login: str
    """Their login."""
    reason: str
    """What is shown to them."""
    by_id: str
    """Who did it: a user id; empty: a rule."""
    by_login: str
    """Their login."""


class WarnUser(Record, frozen=True, kw_only=True):
    """Asks for a user to be warned: they say nothing before they have confirmed it."""

    FULL_NAME: ClassVar[str] = "millrace.chat.WarnUser"

    channel_id: str
    """The channel. Key of the message."""
    user_id: str
    """The user whom it is about."""
    login: str
    """Their login."""
    roles: list[str]
    """What the user is in the channel: broadcaster, moderator, vip, staff."""
    reason: str
    """What is shown to them."""
    by_id: str
    """Who asks: a user id."""
    by_login: str
    """Their login."""
    by_role: str
    """What they are in the channel, as the gateway knew it: broadcaster, moderator, or staff."""


class WarningConfirmed(Record, frozen=True, kw_only=True):
    """A user has read a warning."""

    FULL_NAME: ClassVar[str] = "millrace.chat.WarningConfirmed"

    channel_id: str
    """The channel. Key of the message."""
    user_id: str
    """The user who was warned."""
