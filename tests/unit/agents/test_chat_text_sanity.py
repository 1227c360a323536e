"""What of a message is stored and shown."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agents.chat.text import LENGTH, Unsound, sane

NASTY = st.text(
    st.sampled_from(
        "aé1#* \t\n\x00\x7f\x85\xad\u0301\u0307\u034f\u0489\u061c\u0627\u064e\u0915\u093f\u094d"
        "\u0e01\u0e47\u115f\u1100\u1161\u200b\u200c\u200d\u200e\u202e\u2028\u2066\u20e3\u2764\u2800"
        "\u3000\u3164\ufe00\ufe0e\ufe0f\ufeff\uffa0\ud800\U0001f3f4\U0001f468\U0001f3fd\U0001f1e9"
        "\U000e0000\U000e0067\U000e007f\U000e0100"
    ),
    max_size=40,
)


def said(text: str) -> str:
    """What is left; empty if nothing is."""
    try:
        return sane(text)
    except Unsound:
        return ""


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("  hello \t\n  there ", "hello there"),
        ("e\u0301", "\xe9"),
        ("a\x00b\x07c\x7f", "abc"),
        ("line\x1c\x85\u2028end\u3000.", "line end ."),
        ("safe\u202egnp.exe\u2066x\u2069", "safegnp.exex"),
        ("f\u200bo\u2060o\xad\ufeff", "foo"),
        ("same again \U000e0000", "same again"),
        ("\u3164name\uffa0\u115f", "name"),
        ("\ud800x", "x"),
    ],
)
def test_what_is_not_seen_goes(text: str, left: str) -> None:
    assert sane(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "\u2764\ufe0f\u200d\U0001f525",
        "\U0001f44d\U0001f3fd",
        "\U0001f1e9\U0001f1ea",
        "1\ufe0f\u20e3",
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u0915\u094d\u200d\u0937",
        "Vi\u1ec7t Nam \u0e01\u0e37\u0e49 \u0f56\u0f66\u0f92\u0fb2\u0f74\u0f56",
        "plain, with ~ signs! (and so on)",
    ],
)
def test_what_scripts_and_emoji_need_stays(text: str) -> None:
    assert sane(text) == text


@pytest.mark.parametrize("text", ["a\u200db", "x\u200c", "a\ufe0fb", "\u200d\U0001f525", "5\ufe0f"])
def test_joiners_and_selectors_without_use_go(text: str) -> None:
    assert not {"\u200c", "\u200d", "\ufe0f"} & set(sane(text))


def test_marks_are_stacked_three_high() -> None:
    assert sane("z" + "\u0335" * 30 + "a") == "z" + "\u0335" * 3 + "a"
    assert sane("\u0e01" + "\u0e47" * 30) == "\u0e01" + "\u0e47" * 3
    assert sane("a \u0301\u0301b") == "a b"


@pytest.mark.parametrize(
    "text", ["", "  \n", "\u200b\u202e", "\u2800 \u2800", "\u0301", "\U000e0000"]
)
def test_nothing_is_no_message(text: str) -> None:
    with pytest.raises(Unsound) as refused:
        sane(text)
    assert refused.value.reason == "message-empty"


def test_length_is_counted_after() -> None:
    assert len(sane("x" * LENGTH + "\u200b" * 100 + " " * 100)) == LENGTH
    for long in ("x" * (LENGTH + 1), "\u200b" * 100_000):
        with pytest.raises(Unsound) as refused:
            sane(long)
        assert refused.value.reason == "message-too-long"


@given(st.text() | NASTY)
@example("\n\u2800")
@example("\u0627\u0301\u0301\u0301\u0301\u200c\u0627")
def test_the_sane_stays_as_it_is(text: str) -> None:
    once = said(text)
    assert not once or sane(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert once == " ".join(once.split())
    once.encode()
