"""Texts that are the same, or nearly, and emotes in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.chat.text import (
    alike,
    find_emotes,
    fingerprint,
    fingerprint_and_sketch,
    only_emotes,
    skeleton,
    sketch,
)

EMOTES = {"Kappa": "25", "LUL": "425618", ":)": "1"}
PASTA = "They had us in the first half not gonna lie but then the stream came back again"


@pytest.mark.parametrize(
    ("text", "like"),
    [
        ("Hello, World!", "hello world"),
        ("sh!t h4ppens 455 mp3", "shit happens 455 mpe"),
        ("don't", "dont"),
        ("looooool", "lol"),
        ("good", "good"),
        ("\U0001f602\U0001f602 ok\U0001f525", "\U0001f602 \U0001f602 ok \U0001f525"),
        ("caf\xe9 na\xefve", "cafe naive"),
        ("???", "??"),
        ("!drops @name", "drops name"),
        ("1000 points", "1000 points"),
    ],
)
def test_what_texts_read_like(text: str, like: str) -> None:
    assert skeleton(text) == like


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hello there!", "hello   THERE"),
        ("lol", "LOOOOL!!!"),
        ("Kappa", "Kappa Kappa Kappa"),
        ("fr\xe9e st\xf8ff", "free stoff"),
        ("free", "fr\u0435\u0435"),
    ],
)
def test_the_same_has_one_fingerprint(one: str, other: str) -> None:
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("yes", "no"),
        ("?", "!"),
        ("\U0001f602", "\U0001f525"),
        ("10 points", "100 points"),
        ("1 2", "1 3"),
    ],
)
def test_what_differs_has_another_fingerprint(one: str, other: str) -> None:
    assert fingerprint(one) != fingerprint(other)


def test_fingerprints_stay_what_they_are() -> None:
    assert fingerprint("Hello, world") == 7660214112957654110


def test_near_copies_of_long_texts_are_alike() -> None:
    assert alike(sketch(PASTA), sketch(PASTA + " xj3k"))
    assert not alike(
        sketch(PASTA), sketch("this is another long message about something else entirely")
    )
    assert sketch(PASTA) == sketch(PASTA.upper() + "!!!")


@pytest.mark.parametrize("text", ["gg", "W", "?", "lol lol lol lol lol lol lol", "so good today"])
def test_short_texts_have_no_sketch(text: str) -> None:
    assert sketch(text) == ()
    assert not alike(sketch(text), sketch(text))


def test_emotes_are_whole_words_in_code_points() -> None:
    text = "\U0001f602 Kappa hi Kappas :) Kappa"
    places = [(each.id, each.start, each.end) for each in find_emotes(text, EMOTES)]
    assert places == [("25", 2, 6), ("1", 18, 19), ("25", 21, 25)]
    assert find_emotes("hello", EMOTES) == []


@pytest.mark.parametrize(
    ("text", "only"),
    [
        ("Kappa LUL", True),
        ("\U0001f602\U0001f602 Kappa", True),
        (
            "\U0001f44d\U0001f3fd \U0001f468\u200d\U0001f469\u200d\U0001f467",
            True,
        ),
        ("\u2764\ufe0f 1\ufe0f\u20e3 \U0001f1e9\U0001f1ea", True),
        ("Kappa hi", False),
        ("\U0001f602a", False),
        ("1", False),
        ("", False),
    ],
)
def test_emotes_alone(text: str, only: bool) -> None:
    assert only_emotes(text, EMOTES) is only


@given(st.lists(st.sampled_from([*EMOTES, "hi", "\U0001f602", ""]), max_size=12).map(" ".join))
def test_ranges_of_emotes_have_their_names(text: str) -> None:
    names = {emote: name for name, emote in EMOTES.items()}
    for each in find_emotes(text, EMOTES):
        assert text[each.start : each.end + 1] == names[each.id]


@given(st.text(min_size=1))
def test_a_fingerprint_has_64_bits(text: str) -> None:
    assert 0 <= fingerprint(text) < 1 << 64


@given(st.one_of(st.text(), st.text("ab ?!.", max_size=40)))
def test_both_at_once_are_what_each_is(text: str) -> None:
    assert fingerprint_and_sketch(text) == (fingerprint(text), sketch(text))
