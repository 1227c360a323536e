"""Lines of IRC: what is written is read as it was; nothing from a network is fatal."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.chat.irc.lines import LONGEST_REST, LONGEST_TAGS, Line, read, write
from infra.errors import InvalidRecord

ANYTHING = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
IN_A_LINE = st.text(
    st.characters(exclude_characters="\0\r\n", exclude_categories=["Cs"]), max_size=40
)
WORD = st.text(
    st.characters(exclude_characters="\0\r\n :", exclude_categories=["Cs"]), min_size=1, max_size=20
)
KEYS = st.from_regex(r"\A\+?([a-z.]{1,8}/)?[a-z-]{1,10}\Z")
LINES = st.builds(
    Line,
    command=st.from_regex(r"\A([A-Z]{1,12}|[0-9]{3})\Z"),
    params=st.lists(WORD, max_size=5).map(tuple),
    text=st.none() | IN_A_LINE,
    source=st.just("") | WORD,
    tags=st.dictionaries(KEYS, ANYTHING, max_size=5),
)


@given(LINES)
def test_what_is_written_is_read_as_it_was(line: Line) -> None:
    assert read(write(line)) == line


@given(ANYTHING, ANYTHING)
def test_nothing_that_is_said_ends_a_line(text: str, name: str) -> None:
    written = write(Line(command="PRIVMSG", params=("#brook",), text=text, tags={"a": name}))
    assert not {"\r", "\n", "\0"} & set(written)
    assert read(written).tags == {"a": name}


@given(st.text(max_size=200))
def test_any_text_is_a_line_or_breaks_a_rule(raw: str) -> None:
    with contextlib.suppress(InvalidRecord):
        read(write(read(raw)))


@given(st.text(alphabet="@: ;=\\#a\u00e9\U0001f600", max_size=40))
def test_any_text_of_what_divides_a_line_too(raw: str) -> None:
    with contextlib.suppress(InvalidRecord):
        line = read(raw)
        assert read(write(line)) == line


def test_a_line_as_clients_write_it() -> None:
    line = read(
        "@reply-parent-msg-id=a\\s\\:b\\x;client-nonce=7;empty  privmsg  #brook  :hi :there "
    )
    assert line.command == "PRIVMSG"
    assert line.tags == {"reply-parent-msg-id": "a ;bx", "client-nonce": "7", "empty": ""}
    assert (line.params, line.text) == (("#brook",), "hi :there ")
    assert (line.said(0), line.said(1), line.said(2)) == ("#brook", "hi :there ", "")
    assert read("JOIN #a,#b").said(0) == "#a,#b"
    assert read(":me!me@there PING").source == "me!me@there"


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        ("", "a command is letters"),
        ("@a=b", "a command is letters"),
        ("P1NG", "a command is letters"),
        ("PRIVMSG #a :b\r\nQUIT", "neither CR nor LF"),
        ("@a b=c PING", "a command is letters"),
        ("@a/b/c=1 PING", "a tag's key"),
        ("@a=" + "b" * LONGEST_TAGS + " PING", "at most 8191 bytes"),
        ("PRIVMSG #a :" + "\u00e9" * (LONGEST_REST // 2), "at most 2560 bytes"),
        ("PING " + "a " * 16, "at most 15 parameters"),
        ("@" + ";".join(f"a{n}=" for n in range(65)) + " PING", "at most 64 tags"),
    ],
)
def test_what_breaks_a_rule_is_told_which(raw: str, rule: str) -> None:
    with pytest.raises(InvalidRecord, match=rule):
        read(raw)


def test_a_line_of_five_hundred_wide_characters_is_not_too_long() -> None:
    text = "\U0001f600" * 500
    assert read(f"PRIVMSG #{'a' * 25} :{text}").text == text
