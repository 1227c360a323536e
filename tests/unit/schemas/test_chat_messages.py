"""An id leads to the message that was sent in the moment after it was made, and to no other."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from api.commands import uuid7
from schemas.chat_messages import WITHIN, made_at, says

times = st.integers(0, 2**47).map(lambda number: number * 1000)


@given(times, st.integers(0, WITHIN - 1))
def test_it_was_sent_within_the_moment(made: int, later: int) -> None:
    identity = str(uuid7(made))
    assert made_at(identity) == made
    assert says(identity, made + later)
    assert not says(identity, made + WITHIN)
    assert not says(identity, made - 1)


@given(st.one_of(st.text(), st.uuids(version=4).map(str), st.just(str(uuid.UUID(int=0)))))
def test_other_ids_say_nothing(identity: str) -> None:
    assert made_at(identity) is None
    assert not says(identity, 0)
