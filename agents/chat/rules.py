"""The rules that a message has to pass, in order; the first one that it breaks decides."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil
from typing import Final

from agents.chat import recent
from agents.chat.limits import SECOND
from agents.chat.saying import Judge as Judge
from agents.chat.saying import Saying
from agents.chat.state import FOR_GOOD, OFF
from agents.chat.text import GLOBAL, find_links, permitted

VERSION: Final = "chat-2"
"""Changes with every change of a rule: each verdict says by which rules it came."""

HOLD_SECONDS: Final = 300
"""How long a held message waits for a moderator."""


@dataclass(frozen=True)
class Rejected:
    """A message broke a rule."""

    reason: str
    detail: str
    retry_after_seconds: int | None = None


@dataclass(frozen=True)
class Waits:
    """A moderator has to look at a message."""

    rule: str
    category: str = ""
    level: int = 0


Rule = Callable[[Saying], Rejected | Waits | None]


def banned(saying: Saying) -> Rejected | None:
    """Nobody speaks who is shut out."""
    until = saying.standing.until
    if until == FOR_GOOD:
        return Rejected("banned", "you are banned from this chat")
    if until > saying.now:
        left = _seconds(until - saying.now)
        return Rejected("timed-out", f"you may speak again in {left} s", left)
    return None


def suspended(saying: Saying) -> Rejected | None:
    """Nobody speaks whose account is suspended."""
    if saying.command.suspended:
        return Rejected("suspended", "your account is suspended")
    return None


def warned(saying: Saying) -> Rejected | None:
    """Who was warned reads the warning first."""
    if saying.standing.warning is None:
        return None
    return Rejected("warned", f"confirm that you have read this first: {saying.standing.warning}")


def slow(saying: Saying) -> Rejected | None:
    """In slow mode some time passes between two messages of a user."""
    wanted = saying.settings.slow_seconds * SECOND
    if not wanted or saying.trusted or not saying.lately.said:
        return None
    left = saying.lately.said[-1].at + wanted - saying.now
    if left <= 0:
        return None
    seconds = _seconds(left)
    return Rejected("slow-mode", f"this chat is in slow mode: wait for {seconds} s", seconds)


def followers_only(saying: Saying) -> Rejected | None:
    """Who does not follow, or not for long enough, listens."""
    minutes = saying.settings.followers_only_minutes
    if minutes < 0 or saying.trusted or saying.subscribes:
        return None
    since = saying.command.followed_at
    if since is None:
        return Rejected("followers-only", "this chat is for followers: follow the channel first")
    left = since + minutes * 60 * SECOND - saying.now
    if left <= 0:
        return None
    detail = f"this chat is for those who have followed for {minutes} minutes"
    return Rejected("followers-only", detail, _seconds(left))


def subscribers_only(saying: Saying) -> Rejected | None:
    """Who does not subscribe listens."""
    if not saying.settings.subscribers_only or saying.trusted or saying.subscribes:
        return None
    return Rejected("subscribers-only", "this chat is for subscribers")


def emote_only(saying: Saying) -> Rejected | None:
    """A message consists of emotes."""
    if not saying.settings.emote_only or saying.trusted:
        return None
    if saying.only_emotes:
        return None
    return Rejected("emote-only", "in this chat messages consist of emotes")


def unique(saying: Saying) -> Rejected | None:
    """Nothing is said twice within an hour."""
    if not saying.settings.unique_chat or saying.moderates:
        return None
    said_at = saying.said_at(saying.mark.fingerprint)
    if not said_at or saying.now - said_at >= saying.limits.unique_seconds * SECOND:
        return None
    return Rejected("unique-chat", "somebody has said the same within the last hour")


def rate(saying: Saying) -> Rejected | None:
    """One message a second and five in ten seconds; who moderates says more."""
    if saying.moderates or not saying.lately.said:
        return None
    limits, said = saying.limits, saying.lately.said
    left = said[-1].at + limits.pause_seconds * SECOND - saying.now
    if len(said) >= limits.burst:
        burst_ends = said[-limits.burst].at + limits.burst_seconds * SECOND
        left = max(left, burst_ends - saying.now)
    if left <= 0:
        return None
    seconds = _seconds(left)
    return Rejected("rate", f"you are speaking too fast: wait for {seconds} s", seconds)


def sound(saying: Saying) -> Rejected | None:
    """Something is left of a message once what cannot be shown is gone, and it is not too long."""
    wrong = None if saying.text else saying.unsound
    return Rejected(wrong.reason, str(wrong)) if wrong else None


def blocked_terms(saying: Saying) -> Rejected | None:
    """Terms that are blocked in the channel."""
    if saying.moderates or not saying.terms.find(saying.text):
        return None
    return Rejected("blocked-term", "the message has a term that is blocked in this channel")


def blocked_globally(saying: Saying) -> Rejected | None:
    """Terms that are blocked everywhere."""
    if saying.moderates or not GLOBAL.find(saying.text):
        return None
    return Rejected("blocked-globally", "the message has a term that is blocked everywhere")


def links(saying: Saying) -> Rejected | None:
    """Who may post links, and where to."""
    settings = saying.settings
    if settings.links == "everybody" or saying.moderates:
        return None
    if settings.links == "moderators" and saying.trusted:
        return None
    for link in find_links(saying.text):
        if not permitted(link.domain, settings.permitted_domains):
            return Rejected("links", f"links to {link.domain} may not be posted here")
    return None


def repeated(saying: Saying) -> Rejected | None:
    """Nobody says the same again and again."""
    limits = saying.limits
    if saying.moderates or not recent.repeated(saying.lately, saying.now, saying.mark, limits):
        return None
    return Rejected("repeated", "you have just said that", limits.window_seconds)


def flood(saying: Saying) -> Rejected | None:
    """Many do not say the same long text at once."""
    if saying.trusted or len(saying.crowd) < saying.limits.flood_users:
        return None
    return Rejected("flood", "many have just said the same", saying.limits.window_seconds)


def automod(saying: Saying) -> Waits | None:
    """What AutoMod takes for harmful waits for a moderator."""
    if saying.judge is None or saying.moderates:
        return None
    levels = saying.room.levels_in_force
    if levels == OFF:
        return None
    found = saying.judge.held(saying.text, levels.as_dict())
    return Waits("automod", *found) if found else None


ORDER: Final[tuple[Rule, ...]] = (
    banned,
    suspended,
    warned,
    slow,
    followers_only,
    subscribers_only,
    emote_only,
    unique,
    rate,
    sound,
    blocked_terms,
    blocked_globally,
    links,
    repeated,
    flood,
    automod,
)


def judged(saying: Saying, rules: Iterable[Rule] = ORDER) -> Rejected | Waits | None:
    """What the first rule says that a message breaks; None: it may be said."""
    for rule in rules:
        if found := rule(saying):
            return found
    return None


def _seconds(microseconds: int) -> int:
    return max(1, ceil(microseconds / SECOND))
