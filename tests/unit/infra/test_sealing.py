"""What is sealed opens with its key, in its place, and nowhere else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from agents.accounts.checks import _SEALED
from infra.errors import ConfigurationError, InvalidRecord
from infra.sealing import MasterKeys, new_master_key

USER, OTHER = "58d4b5b1-9f3a-5c7e-8a55-2f6c0e9d4b11", "11111111-1111-1111-1111-111111111111"


def master(*texts: str) -> MasterKeys:
    return MasterKeys(SecretStr(",".join(texts or [new_master_key()])))


KEYS = master()
KEY, WRAPPED = KEYS.issue(USER)


@given(st.text(max_size=300))
def test_a_field_opens_as_it_was(text: str) -> None:
    sealed = KEY.seal("email", text)
    assert KEY.open("email", sealed) == text
    assert KEYS.unwrap(KEY.key_id, USER, WRAPPED).open("email", sealed) == text
    assert _SEALED.fullmatch(sealed)


def test_equal_texts_are_sealed_differently() -> None:
    assert KEY.seal("email", "a@b") != KEY.seal("email", "a@b")
    assert KEYS.issue(USER)[0].key_id != KEY.key_id


def test_a_field_does_not_open_as_another_one_or_another_users() -> None:
    sealed = KEY.seal("email", "river@example.org")
    with pytest.raises(InvalidRecord, match="does not open"):
        KEY.open("address", sealed)
    other, _ = KEYS.issue(OTHER)
    with pytest.raises(InvalidRecord, match="another key"):
        other.open("email", sealed)
    renamed = sealed.replace(KEY.key_id, other.key_id)
    with pytest.raises(InvalidRecord, match="does not open"):
        other.open("email", renamed)


def test_a_data_key_unwraps_only_for_its_user_and_id() -> None:
    with pytest.raises(InvalidRecord, match="does not open"):
        KEYS.unwrap(KEY.key_id, OTHER, WRAPPED)
    with pytest.raises(InvalidRecord, match="does not open"):
        KEYS.unwrap(f"{USER}.{'0' * 16}", USER, WRAPPED)


def test_another_master_key_opens_nothing() -> None:
    with pytest.raises(InvalidRecord, match="is not in MILLRACE_MASTER_KEY"):
        master().unwrap(KEY.key_id, USER, WRAPPED)


def test_an_older_master_key_still_opens_and_a_newer_one_seals() -> None:
    old, new = new_master_key(), new_master_key()
    key, wrapped = master(old).issue(USER)
    secret = master(old).seal("signing-key", "d")
    both = master(new, old)
    assert both.unwrap(key.key_id, USER, wrapped).open("email", key.seal("email", "x")) == "x"
    assert both.open("signing-key", secret) == "d"
    assert master(new).open("signing-key", both.seal("signing-key", "e")) == "e"


def test_a_platform_secret_opens_for_its_purpose_only() -> None:
    sealed = KEYS.seal("signing-key", "secret")
    with pytest.raises(InvalidRecord):
        KEYS.open("webhook", sealed)
    with pytest.raises(InvalidRecord):
        KEYS.unwrap(KEY.key_id, USER, sealed)


@pytest.mark.parametrize("text", ["", " , ", "short", "é" * 43, "A" * 44, "!" * 43])
def test_what_is_no_master_key(text: str) -> None:
    with pytest.raises(ConfigurationError, match="MILLRACE_MASTER_KEY"):
        master(text)


def test_keys_do_not_show_themselves() -> None:
    text = new_master_key()
    keys = MasterKeys(SecretStr(text))
    key, wrapped = keys.issue(USER)
    assert text not in f"{keys!r}{keys!s}{vars(keys)}{wrapped}"
    assert repr(key) == f"DataKey({key.key_id})"


@settings(deadline=None)
@given(st.data())
def test_a_change_anywhere_does_not_open(data: st.DataObject) -> None:
    sealed = KEY.seal("email", "river@example.org")
    place = data.draw(st.integers(0, len(sealed) - 1))
    letter = data.draw(st.characters(codec="utf-8").filter(lambda one: one != sealed[place]))
    changed = sealed[:place] + letter + sealed[place + 1 :]
    try:
        assert KEY.open("email", changed) == "river@example.org"  # the unused bits of the last one
        assert place == len(sealed) - 1
    except InvalidRecord:
        pass


@given(st.text(max_size=200))
def test_nonsense_does_not_open(text: str) -> None:
    for attempt in (text, f"s1.{KEY.key_id}.{text}"):
        with pytest.raises(InvalidRecord):
            KEY.open("email", attempt)
    with pytest.raises(InvalidRecord):
        KEYS.unwrap(KEY.key_id, USER, text)


def test_a_pseudonym_is_of_the_key_the_purpose_and_the_text() -> None:
    text = new_master_key()
    name = master(text).pseudonym("viewer", "192.0.2.1")
    assert name == master(text, new_master_key()).pseudonym("viewer", "192.0.2.1")
    assert len(name) == 32
    others = {
        master().pseudonym("viewer", "192.0.2.1"),
        master(text).pseudonym("viewer", "192.0.2.2"),
        master(text).pseudonym("visitor", "192.0.2.1"),
    }
    assert len(others | {name}) == 4
