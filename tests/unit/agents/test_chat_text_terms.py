"""Blocked terms, and how they are found."""

import contextlib
import re
import time
from fnmatch import fnmatchcase

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from agents.chat.text import GLOBAL, InvalidTerm, Terms, Unsound, sane, skeleton
from agents.chat.text.readings import readings
from agents.chat.text.skeleton import fold, fold_word

WORDS = st.text(st.sampled_from("abfoO01@!.-* '\xe9\u043e\u0441\u200d\U0001f525"), max_size=30)


def found(term: str, text: str) -> str | None:
    """What of a text is found."""
    place = Terms.compile([term]).find(text)
    return None if place is None else text[place.start : place.end]


@pytest.mark.parametrize(
    ("term", "text", "place"),
    [
        ("foo", "a foo b", "foo"),
        ("foo", "food", None),
        ("foo", "afoo", None),
        ("foo*", "real food", "food"),
        ("foo*", "afoo", None),
        ("*foo", "afoo", "afoo"),
        ("*foo", "foot", None),
        ("*foo*", "xxfooyy", "xxfooyy"),
        ("big cat", "a BIG  cat!", "BIG  cat!"),
        ("big cat", "bigcat", None),
        ("big ca*", "big cats", "big cats"),
        ("*ig cat", "the pig cat", "pig cat"),
        ("big cat", "big bad cat", None),
        ("g-spot", "the g spot", "g spot"),
        ("<3", "i <3 u", "<3"),
        ("<3", "3 of us", None),
        (":)", "hi :)", ":)"),
        ("xxx", "xxx", "xxx"),
        ("xxx", "x", None),
        ("brrr", "br", None),
        (
            "\u043f\u0438\u0434\u043e\u0440",
            "\u041f\u0418\u0414\u041e\u0420!",
            "\u041f\u0418\u0414\u041e\u0420!",
        ),
        ("\U0001f595*", "take\U0001f595this", "take\U0001f595this"),
    ],
)
def test_words_phrases_and_wildcards(term: str, text: str, place: str | None) -> None:
    assert found(term, text) == place


@pytest.mark.parametrize(
    "text",
    [
        "BADGER",
        "b4dg3r",
        "b\u0430dg\u0435r",
        "b\u00e1dger",
        "\U0001d4eb\U0001d4ea\U0001d4ed\U0001d4f0\U0001d4ee\U0001d4fb",
        "\uff42\uff41\uff44\uff47\uff45\uff52",
        "b a d g e r",
        "a b a d g e r u",
        "b.a.d.g.e.r",
        "b_a_d-g~er",
        "baaaadgerrrr",
        "b\u200badger",
        "b\U0001f525a\U0001f525dger",
        "b@dger!!!",
        "\u0299\u1d00\u1d05\u0262\u1d07\u0280",
        "\u24d1\u24d0\u24d3\u24d6\u24d4\u24e1",
        "bad'ger",
        "\U0001f171\U0001f170\U0001f173\U0001f176\U0001f174\U0001f181",
    ],
)
def test_no_way_to_write_it_hides_it(text: str) -> None:
    place = Terms.compile(["badger"]).find(f"so {text} it is")
    assert place is not None
    assert place.term == "badger"
    assert f"so {text} it is"[place.start : place.end].strip() in text or place.start >= 3


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("ass", "455 as class pass"),
        ("ass", "bass ets"),
        ("niger", "nigger"),
        ("hell", "he'll say who\u2019re well"),
        ("slut", "5 1 u t 2"),
        ("lol", "1 0 1"),
    ],
)
def test_what_only_resembles_it_is_let_through(term: str, text: str) -> None:
    assert found(term, text) is None


def test_both_readings_of_a_one() -> None:
    assert found("shit", "sh1t")
    assert found("slut", "s1ut")
    assert found("asset", "@sset")


def test_doubled_letters_are_found_when_stretched() -> None:
    assert found("nugget", "NUUUGGGEEETTT")
    assert found("nugget", "nUgGgEeEt")
    assert found("ass", "assss")
    assert found("ass", "as soooo") is None


@pytest.mark.parametrize(
    ("term", "rule"),
    [
        ("a", "2 to 500"),
        ("x" * 501, "2 to 500"),
        ("   ", "is not empty"),
        ("**", "more than wildcards"),
        ("foo* bar", "beginning or the end"),
        ("f*o", "beginning or the end"),
    ],
)
def test_an_invalid_term_names_its_rule(term: str, rule: str) -> None:
    with pytest.raises(InvalidTerm, match=rule):
        Terms.compile([term])


def test_the_global_list_has_the_worst_only() -> None:
    assert GLOBAL.find("wetback")
    assert GLOBAL.find("a child called jail bait")
    for harmless in ("niggard", "Niger", "shit happens", "what the hell", "a damn good game"):
        assert GLOBAL.find(harmless) is None


@given(st.lists(WORDS | st.text(max_size=10), max_size=6), st.text() | WORDS)
@example([" *a", "b* c*"], "")
def test_any_text_is_read_and_places_lie_within_it(terms: list[str], text: str) -> None:
    valid = []
    for term in terms:
        try:
            Terms.compile([term])
        except InvalidTerm:
            continue
        valid.append(term)
    place = Terms.compile(valid).find(text)
    if place:
        assert place.term in valid
        assert 0 <= place.start < place.end <= len(text)
        assert not text[place.start : place.end].isspace()


def test_terms_that_begin_alike_do_not_hide_each_other() -> None:
    place = Terms.compile(["foo*", "foobar*", "fooc*"]).find("a food")
    assert place is not None
    assert place.term == "foo*"


SIMPLE = st.text("abc", min_size=2, max_size=5).filter(lambda word: not re.search(r"(.)\1\1", word))


@given(
    st.lists(
        st.tuples(st.sampled_from(["", "*"]), SIMPLE, st.sampled_from(["", "*"])), max_size=12
    ),
    st.lists(SIMPLE, max_size=6),
)
def test_many_terms_find_what_each_would(
    terms: list[tuple[str, str, str]], words: list[str]
) -> None:
    patterns = ["".join(term) for term in terms]
    hits = [word for word in words if any(fnmatchcase(word, each) for each in patterns)]
    text = " ".join(words)
    place = Terms.compile(patterns).find(text)
    assert (place is not None) is bool(hits)
    if place:
        assert text[place.start : place.end] == hits[0]
        assert fnmatchcase(hits[0], place.term)


@given(st.text(st.characters(categories=["L"]), min_size=2, max_size=12), st.text(max_size=20))
def test_a_word_is_found_wherever_it_stands(word: str, before: str) -> None:
    assert Terms.compile([word]).find(f"{before} {word} after") is not None


@given(st.text() | WORDS)
def test_the_skeleton_of_a_skeleton_is_itself(text: str) -> None:
    once = skeleton(text)
    assert skeleton(once) == once


@pytest.mark.alone
def test_work_is_bounded() -> None:
    many = Terms.compile(
        [f"{'a' * n}*" for n in range(2, 400)]
        + [f"*{'ab' * n}*" for n in range(1, 200)]
        + [f"*{'a' * n}b*" for n in range(1, 200)]
        + [f"*aaaac{'c' * n}*" for n in range(1, 200)]
    )
    for text in (
        "a" * 500,
        "ab" * 250,
        "a " * 250,
        "a." * 250,
        "\xe9a" * 250,
        "1a" * 250,
        "aab " * 125,
    ):
        begun = time.process_time()
        many.find(text + "z")
        assert time.process_time() - begun < 0.1


def unsound(text: str) -> bool:
    try:
        return not sane(text)
    except Unsound:
        return True


MIXED = st.lists(
    st.one_of(
        st.text(max_size=8),
        st.text("abcABC sS0o1!|@'.-_$", max_size=8),
        st.sampled_from(
            [
                "a",
                "b",
                "c",
                "aa",
                "aaa",
                "he'll",
                "f.o.o",
                "1ol",
                "l33t",
                "xxx",
                "...",
                "\x1c",
                "\u3000",
                "\xb4",
                "e\u0301",
            ]
        ),
    ),
    max_size=8,
).map(" ".join)
SANE = MIXED.filter(lambda text: not unsound(text)).map(sane)
"""What rules see: nothing else is said."""


@given(SANE)
def test_words_read_by_themselves_as_they_do_in_a_text(text: str) -> None:
    assume(not set(skeleton(text)) & set("0123456789") and not set(text) & set("0123456789@$!|"))
    assert fold(text) == fold_word(text)


def test_how_a_word_reads_does_not_depend_on_others() -> None:
    assert fold("lol!!!1 gr8") == f"{fold('lol!!!1')} {fold('gr8')}" == "lol 1 grb"


TERMS = st.lists(st.text("aboO01 *.'x", max_size=7), max_size=4)


@given(TERMS, SANE)
def test_words_that_are_passed_over_have_no_term(terms: list[str], text: str) -> None:
    """Given any terms, a text is not looked through only where nothing would be found."""
    valid = []
    for term in terms:
        with contextlib.suppress(InvalidTerm):
            Terms.compile([term])
            valid.append(term)
    blocked = Terms.compile(valid)
    assert blocked.find(text) == blocked.search(text)


@given(st.data(), SANE)
def test_terms_are_looked_for_however_a_text_reads(data: st.DataObject, text: str) -> None:
    """Given a term that is a part of a reading of a text, the words alone say that it may be."""
    said = data.draw(st.sampled_from([each.said for each in readings(text)]))
    words = said.replace("\N{MIDDLE DOT}", " ").split()
    start = data.draw(st.integers(0, len(words)))
    term = " ".join(words[start : start + data.draw(st.integers(1, 3))])
    term = data.draw(st.sampled_from(["{}", "*{}", "{}*", "*{}*"])).format(term)
    try:
        blocked = Terms.compile([term])
    except InvalidTerm:
        return
    assert blocked.find(text) == blocked.search(text)
