"""Titles, and who may ask for what. Pure."""

from collections.abc import Sequence
from typing import Final
from uuid import NAMESPACE_OID, uuid5

from agents.engagement.state import Wrong
from schemas.chat_roles import MODERATING

SECOND: Final = 1_000_000
"""Microseconds."""
TITLE_OF_ONE: Final = 25
"""Characters of a choice, or of an outcome."""
STEPS: Final = 200
"""How often tallies are told at most while something runs."""


def may_not(by_role: str, *, alone: bool = False) -> Wrong | None:
    """Why somebody may not ask for it; None: they may. `alone`: it is the broadcaster's."""
    if alone and by_role != "broadcaster":
        return "not-allowed", "only the broadcaster may do this"
    if by_role not in MODERATING:
        return "not-allowed", "only who moderates the channel may do this"
    return None


def wrong_title(title: str, longest: int) -> Wrong | None:
    """What is wrong with a title."""
    if _fits(title, longest):
        return None
    return "invalid-title", f"title must have 1 to {longest} characters, none of them control"


def wrong_list(texts: Sequence[str], most: int, name: str) -> Wrong | None:
    """What is wrong with choices, or outcomes."""
    if not 2 <= len(texts) <= most:
        return f"invalid-{name}", f"{name} must be 2 to {most}"
    if not all(_fits(each, TITLE_OF_ONE) for each in texts):
        return f"invalid-{name}", f"each of {name} must have 1 to {TITLE_OF_ONE} characters"
    if len(set(texts)) < len(texts):
        return f"invalid-{name}", f"{name} must differ from each other"
    return None


def wrong_duration(seconds: int, least: int, most: int) -> Wrong | None:
    """What is wrong with a time."""
    if least <= seconds <= most:
        return None
    return "invalid-duration", f"seconds must be from {least} to {most}"


def id_of(within: str, number: int) -> str:
    """The id of a choice or an outcome: the same in every replay."""
    return str(uuid5(NAMESPACE_OID, f"{within}/{number}"))


def due(started_at: int, ends_at: int, told_at: int, now: int) -> bool:
    """Whether tallies may be told again: not every second of what runs for long."""
    return now - told_at >= max(SECOND, (ends_at - started_at) // STEPS)


def _fits(text: str, longest: int) -> bool:
    return len(text.strip()) >= 1 and len(text) <= longest and not any(map(_is_control, text))


def _is_control(character: str) -> bool:
    return character < " " or character == "\x7f"
