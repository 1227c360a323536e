"""`POST /v1/channels/{channel_id}/chat/backtests`: other rules on what was said, without effect."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Protocol

import msgspec
from aiohttp import web

from api.access import scoped, signed_in
from api.call import Call, endpoint
from api.errors import Unprocessable
from api.moderating import moderator
from api.v1.chat import READ_DELETED, Moment
from api.v1.followers import ChannelIdPath
from api.v1.history import moment
from api.v1.resources import One, timestamp
from schemas.chat_backtest import Agreement, Counts, Fate, Verdict

SECONDS: Final = 60.0
"""For the log to be read, and its messages to be decided again."""
_MARGIN: Final = 5.0

Values = Annotated[dict[str, Any], msgspec.Meta(max_length=20)]


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to change. What is left out stays as it was then."""

    settings: Values = {}
    """slow_seconds, followers_only_minutes, subscribers_only, emote_only, unique_chat, links,
    permitted_domains."""
    automod: Values = {}
    """Levels of 0 to 4: toxicity, identity_hate, sexual, aggression, spam; and model."""
    terms: Values = {}
    """add, remove: lists of blocked terms."""
    limits: Values = {}
    """pause_seconds, burst, burst_seconds, unique_seconds, window_seconds, repeats, short_repeats,
    flood_users."""


class BackTest(msgspec.Struct, frozen=True):
    """A window of the chat, and what would have been otherwise."""

    since: Moment = msgspec.field(name="from")
    """Begin of the window, RFC 3339 in UTC."""
    until: Moment = msgspec.field(name="to")
    """Its end."""
    rules: Rules = Rules()
    examples: Annotated[int, msgspec.Meta(ge=0, le=50)] = 5
    """Of each way in which a verdict changes."""


class Example(msgspec.Struct, frozen=True):
    """A message whose verdict changes."""

    message_id: str
    at: str
    user_id: str
    login: str
    text: str
    rules_then: str
    """Versions of the rules that decided then."""
    fate: Fate
    """What moderators made of it within five minutes: deleted, banned, timed out, denied (removed);
    stood, approved; expired, unseen (nobody looked)."""


class Change(msgspec.Struct, frozen=True):
    """Messages whose verdict changes in one way."""

    before: Verdict
    after: Verdict
    messages: int
    users: int
    examples: list[Example]


class Result(msgspec.Struct, frozen=True):
    """What came of it: as it was decided then (`before`), and as it would be (`after`)."""

    messages: int
    undecided: int
    rules: str
    """Versions of the rules that were run."""
    before: Counts
    after: Counts
    changed: int
    changes: list[Change]
    agreement: Agreement
    unknown_terms: list[str]
    """Terms to be removed that were not blocked."""


class BackTests(Protocol):
    """Runs back-tests. Implemented in `millrace.backtest_runs`, in a process of its own."""

    async def run(
        self, channel_id: str, start: int, end: int, rules: Mapping[str, Any], examples: int
    ) -> dict[str, Any]:
        """The report, by the fields of `Result`; times in microseconds.

        Raises InvalidRecord for rules that are wrong and for windows that are too large, TooMany
        while another one runs for the channel, Unavailable.
        """
        ...


BACK_TESTS: web.AppKey[BackTests] = web.AppKey("back-tests")


async def back_test(call: Call, path: ChannelIdPath, body: BackTest) -> One[Result]:
    """Try other settings, terms or levels on what was really said, for who moderates the channel.

    Nothing is changed by it. Takes up to a minute; one at a time for each channel.
    """
    await moderator(call, path.channel_id)
    start, end = moment(body.since, "from"), moment(body.until, "to")
    if not start < end <= call.now:
        raise Unprocessable("to: must be after from, and not in the future", "/to")
    found = await call.request.app[BACK_TESTS].run(
        path.channel_id, start, end, msgspec.to_builtins(body.rules), body.examples
    )
    for change in found["changes"]:
        for example in change["examples"]:
            example["at"] = timestamp(example["at"])
    return One(msgspec.convert(found, Result), timestamp(call.now))


ROUTES = (
    endpoint(
        "POST",
        "/v1/channels/{channel_id}/chat/backtests",
        back_test,
        signed_in & scoped(READ_DELETED),
        seconds=SECONDS + _MARGIN,
        errors=(404, 422, 429),
    ),
)
