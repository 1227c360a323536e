"""Which rules may say something else of a message that the same rules let pass."""

from typing import Final

from agents.chat import rules
from agents.chat.rules import ORDER, Rule
from agents.chat.state import Room

_SETTLED: Final = frozenset({rules.banned, rules.suspended, rules.warned, rules.sound})
"""What these look at is what they looked at then: no change touches it."""


def asked_again(then: Room, now: Room, *, more_terms: bool) -> tuple[Rule, ...]:
    """The rules to ask, in order, in a chat that was set like `then` and is tried like `now`.

    Left out are those whose answer is known: what they look at is the same, or what is tried turns
    them off. Not the rules that count: what was said before may be something else by now.
    `more_terms`: whether terms are blocked that were not; only these need to be looked for.
    """
    was, is_ = then.in_force, now.in_force
    asked: dict[Rule, bool] = {
        rules.slow: is_.slow_seconds > 0,
        rules.followers_only: is_.followers_only_minutes != was.followers_only_minutes,
        rules.subscribers_only: is_.subscribers_only != was.subscribers_only,
        # Which words are emotes is not in the version of the rules.
        rules.emote_only: is_.emote_only,
        rules.unique: is_.unique_chat,
        rules.blocked_terms: more_terms,
        rules.blocked_globally: False,
        rules.links: (is_.links, is_.permitted_domains) != (was.links, was.permitted_domains),
        rules.automod: now.levels_in_force != then.levels_in_force,
    }
    return tuple(rule for rule in ORDER if rule not in _SETTLED and asked.get(rule, True))
