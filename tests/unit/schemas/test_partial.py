"""Some fields of a message are those of the whole message; what is broken is said."""

import operator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.errors import InvalidRecord
from infra.record import Meta
from schemas.records.chat import SendMessage
from schemas.registry import registry
from tests.unit.agents.test_chat_rules import SAID

TEXT = st.text(st.characters(codec="utf-8"), max_size=100)
FIELDS = ("meta.event_id", "meta.occurred_at", "user_id", "roles", "followed_at", "text")
FACTS = st.fixed_dictionaries(
    {
        "user_id": TEXT,
        "login": TEXT,
        "display_name": TEXT,
        "roles": st.lists(TEXT, max_size=3),
        "followed_at": st.none() | st.integers(0, 2**50),
        "subscribed_months": st.integers(0, 2**31 - 1),
        "text": TEXT,
        "reply_text": TEXT,
    }
)
META = st.builds(
    Meta,
    event_id=TEXT,
    occurred_at=st.integers(0, 2**50),
    producer=TEXT,
    sequence=st.integers(0, 2**62),
    causation_id=st.none() | TEXT,
    correlation_id=st.none() | TEXT,
)


@settings(deadline=None)
@given(META, FACTS, st.lists(st.sampled_from(FIELDS), min_size=1, unique=True))
def test_fields_are_those_of_the_whole(meta: Meta, facts: Any, wanted: list[str]) -> None:
    """Given any message, and any of its fields in any order."""
    event = msgspec.structs.replace(SAID, **facts)
    value = registry().encode(meta, event)
    whole = [each if each.startswith("meta.") else f"event.{each}" for each in wanted]
    found = registry().decode(value)
    expected = tuple(operator.attrgetter(each)(found) for each in whole)
    assert registry().part(SendMessage, wanted)(value) == expected


@settings(deadline=None)
@given(META, FACTS, st.data())
def test_a_message_that_ends_too_early_is_refused(
    meta: Meta, facts: Any, data: st.DataObject
) -> None:
    value = registry().encode(meta, msgspec.structs.replace(SAID, **facts))
    short = value[: data.draw(st.integers(5, len(value) - 1))]
    read = registry().part(SendMessage, ("user_id", "thread_id"))
    with pytest.raises(InvalidRecord, match=r"millrace\.chat\.SendMessage"):
        read(short)
