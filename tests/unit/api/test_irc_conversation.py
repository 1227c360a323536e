"""What clients of IRC say, and what their sessions are asked for."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from api.chat.asking import Hello, Join, Part, Say
from api.chat.dialect import User
from api.chat.irc.conversation import Answer, Conversation, Stage
from api.chat.irc.lines import read, write
from api.chat.irc.passwords import password_of, token_of
from infra.errors import InvalidRecord
from infra.names import id_of


def said(conversation: Conversation, *raw: str) -> list[Answer]:
    return [conversation.heard(read(each)) for each in raw]


def told(answers: list[Answer]) -> list[str]:
    return [write(line) for answer in answers for line in answer.lines]


def known() -> Conversation:
    conversation = Conversation()
    said(conversation, "PASS oauth:secret", "NICK brook")
    conversation.welcomed(User("u-2", "brook", "Brook"))
    return conversation


def test_capabilities_are_granted_all_or_none() -> None:
    conversation = Conversation()
    lines = told(
        said(
            conversation,
            "CAP LS 302",
            "CAP REQ :twitch.tv/tags twitch.tv/commands",
            "CAP REQ :twitch.tv/membership sasl",
            "CAP REQ :-twitch.tv/commands",
            "CAP LIST",
            "CAP END",
            "CAP WHAT",
        )
    )
    assert [line.removeprefix(":tmi.twitch.tv ") for line in lines] == [
        "CAP * LS :twitch.tv/tags twitch.tv/commands twitch.tv/membership",
        "CAP * ACK :twitch.tv/tags twitch.tv/commands",
        "CAP * NAK :twitch.tv/membership sasl",
        "CAP * ACK :-twitch.tv/commands",
        "CAP * LIST :twitch.tv/tags",
        "410 * :Invalid CAP command",
    ]
    assert (conversation.tags, conversation.commands, conversation.membership) == (
        *(True, False, False),
    )


def test_a_client_says_who_it_is_once() -> None:
    conversation = Conversation()
    answers = said(conversation, "PASS oauth:secret", "USER a b c :d", "NICK Brook")
    assert [answer.commands for answer in answers] == [(), (), [Hello("secret")]]
    assert conversation.stage is Stage.GREETED
    lines = conversation.welcomed(User("u-2", "brook", "Brook", "#1E90FF"))
    assert [line.command for line in lines] == [
        *("001", "002", "003", "004", "375", "372", "376", "GLOBALUSERSTATE")
    ]
    assert [line.params for line in lines[:-1]] == [("brook",)] * 7
    assert lines[-1].tags["user-id"] == "u-2"
    assert told(said(conversation, "NICK lake")) == [
        ":tmi.twitch.tv 462 brook :You may not reregister"
    ]


def test_who_is_nobody_needs_no_password() -> None:
    conversation = Conversation()
    answers = said(conversation, "PASS SCHMOOPIIE", "NICK justinfan4711")
    assert answers[-1].commands == [Hello("")]
    assert [line.params for line in conversation.welcomed(None)] == [("justinfan4711",)] * 7


def test_a_password_is_a_token_or_the_connection_ends() -> None:
    for words in (["NICK brook"], ["PASS secret", "NICK brook"], ["PASS oauth:", "NICK brook"]):
        answer = said(Conversation(), *words)[-1]
        assert answer.ends
        assert told([answer]) == [":tmi.twitch.tv NOTICE * :Improperly formatted auth"]


@given(
    st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1).map("a.{}".format)
)
def test_a_password_may_come_in_small_letters(token: str) -> None:
    for password in (password_of(token), password_of(token).upper(), f"oauth:{token}"):
        assert token_of(password) == token


@given(st.text(max_size=30))
def test_any_password_has_a_token_or_none(password: str) -> None:
    assert token_of(password) is None or password[:6].lower() == "oauth:"


def test_a_password_that_only_looks_like_letters_of_one_case_is_a_token() -> None:
    for token in ("bob", "cleo", "abcdefgh", "a" * 30):
        assert token_of(f"oauth:{token}") == token


def test_nothing_is_done_for_who_has_not_said_who_it_is() -> None:
    for words in ("JOIN #river", "PART #river", "PRIVMSG #river :hello"):
        (answer,) = said(Conversation(), words)
        assert answer.commands == ()
        assert told([answer]) == [":tmi.twitch.tv 451 * :You have not registered"]


def test_channels_come_by_the_dozen() -> None:
    joins, parts = said(known(), "JOIN #River,#lake,#river,nonsense", "PART #lake,#river")
    assert joins.commands == [Join("river"), Join("lake")]
    assert parts.commands == [Part(id_of("lake")), Part(id_of("river"))]


def test_messages() -> None:
    answers = said(
        known(),
        "PRIVMSG #River :hello there ",
        "@reply-parent-msg-id=m-1;client-nonce=abc PRIVMSG #river :yes",
        "PRIVMSG #river :\x01ACTION nods\x01",
        "PRIVMSG #river :/me waves",
        "PRIVMSG #river :.me waves",
        "PRIVMSG #river ...so",
        "PRIVMSG #river :.com is a domain",
    )
    found = [command for answer in answers for command in answer.commands]
    river = id_of("river")
    assert found == [
        Say(river, "hello there ", nonce="1:"),
        Say(river, "yes", reply_to="m-1", nonce="2:abc"),
        Say(river, "/me nods", nonce="3:"),
        Say(river, "/me waves", nonce="4:"),
        Say(river, "/me waves", nonce="5:"),
        Say(river, "...so", nonce="6:"),
        Say(river, ".com is a domain", nonce="7:"),
    ]


def test_commands_that_are_no_messages() -> None:
    answers = said(
        known(), "PRIVMSG #river :/ban lake rude", "PRIVMSG #river :.timeout lake 5",
        "PRIVMSG #river :/dance", "PRIVMSG #river :/w lake psst", "WHISPER lake :psst",
        "PRIVMSG lake :psst", "PRIVMSG #river :", "WHO #river",
    )  # fmt: skip
    assert not any(answer.commands for answer in answers)
    found = [line for answer in answers for line in answer.lines]
    assert [(line.command, line.tags.get("msg-id")) for line in found] == [
        ("NOTICE", "unavailable_command"),
        ("NOTICE", "unavailable_command"),
        ("NOTICE", "unrecognized_cmd"),
        ("NOTICE", "unavailable_command"),
        ("NOTICE", "whisper_restricted"),
        ("412", None),
        ("412", None),
        ("421", None),
    ]
    assert "the API has it" in (found[0].text or "")


def test_pings_are_answered_as_each_client_knows_it() -> None:
    answers = said(Conversation(), "PING", "PING :tmi.twitch.tv", "PING now", "PONG")
    assert told(answers) == [
        "PONG",
        ":tmi.twitch.tv PONG tmi.twitch.tv :tmi.twitch.tv",
        ":tmi.twitch.tv PONG tmi.twitch.tv :now",
    ]


COMMANDS = ("CAP", "PASS", "NICK", "JOIN", "PART", "PRIVMSG", "PING", "QUIT")
OTHERS = ("REQ", "LS", ":a", "#b", "oauth:x", "justinfan1", "/me", ",", "*", "\x01ACTION")
WORDS = st.sampled_from((*COMMANDS, *OTHERS))


@given(st.lists(st.lists(WORDS, max_size=6).map(" ".join) | st.text(max_size=30), max_size=12))
def test_whatever_is_said_there_are_lines_for_it(lines: list[str]) -> None:
    conversation = Conversation()
    for raw in lines:
        with contextlib.suppress(InvalidRecord):
            for line in conversation.heard(read(raw)).lines:
                assert not {"\r", "\n", "\0"} & set(write(line))
