"""Links in a text."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agents.chat.text import InvalidDomain, domain_of, find_links, permitted

PARTS = st.lists(
    st.sampled_from(
        [
            "a",
            "example",
            ".",
            " dot ",
            "(dot)",
            "(.)",
            " . ",
            "com",
            "so",
            "://",
            "https://",
            "/",
            "@",
            ":",
            "80",
            "-",
            " ",
            "\u3002",
            "\u0440\u0444",
            "xn--",
            "www",
            "?",
            "\xdf",
            "\U0001f525",
        ]
    ),
    max_size=20,
).map("".join)


@pytest.mark.parametrize(
    ("text", "link", "domain"),
    [
        ("see https://Example.com/a?b, then", "https://Example.com/a?b", "example.com"),
        ("(http://localhost:80).", "http://localhost:80", "localhost"),
        ("go to example.com now", "example.com", "example.com"),
        ("example.com.Thanks", "example.com", "example.com"),
        ("a.b.example.co.uk, yes", "a.b.example.co.uk", "a.b.example.co.uk"),
        ("example dot com", "example dot com", "example.com"),
        ("example(.)com", "example(.)com", "example.com"),
        ("example [dot] com/x", "example [dot] com/x", "example.com"),
        ("example . com", "example . com", "example.com"),
        ("discord.gg/abc", "discord.gg/abc", "discord.gg"),
        ("\u201cdiscord.gg/abc\u201d\u2026", "discord.gg/abc", "discord.gg"),
        ("www.foo.so", "www.foo.so", "www.foo.so"),
        ("@evil.com", "evil.com", "evil.com"),
        ("1.2.3.4:25565", "1.2.3.4:25565", "1.2.3.4"),
        ("\u0430\u0440\u0440le.com", "\u0430\u0440\u0440le.com", "xn--le-6kc8da.com"),
        ("example.\u0441om", "example.\u0441om", "example.xn--om-nmc"),
        (
            "\u043f\u0440\u0438\u043c\u0435\u0440.\u0440\u0444",
            "\u043f\u0440\u0438\u043c\u0435\u0440.\u0440\u0444",
            "xn--e1afmkfd.xn--p1ai",
        ),
        ("\u4f8b\u3048\u3002com", "\u4f8b\u3048\u3002com", "xn--r8jz45g.com"),
        (
            "\uff45\uff56\uff49\uff4c\uff0e\uff43\uff4f\uff4d",
            "\uff45\uff56\uff49\uff4c\uff0e\uff43\uff4f\uff4d",
            "evil.com",
        ),
    ],
)
def test_links_are_found(text: str, link: str, domain: str) -> None:
    [place] = find_links(text)
    assert text[place.start : place.end] == link
    assert place.domain == domain


@pytest.mark.parametrize(
    "text",
    [
        "3.5",
        "gg.wp",
        "e.g. this, i.e. that",
        "v1.2.3",
        "file.py",
        "main.py:120",
        "is it main.rs?",
        "ok.So",
        "so it.is",
        "hey.Online now",
        "hello...com",
        "the dot com bubble",
        "connect the dots",
        "1.2.3.4",
        "bob@example.com",
        "https://",
        "wait.what?yes",
        "10:30 a.m.",
        "Mr.Bean",
        "no.",
        "dot",
    ],
)
def test_sentences_files_and_numbers_are_none(text: str) -> None:
    assert find_links(text) == []


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("https://good.com@evil.com/x", "evil.com"),
        ("https://evil.com\\@good.com", "evil.com"),
        ("https://evil.com#.good.com", "evil.com"),
        ("https://good.com.evil.com", "good.com.evil.com"),
        ("https://evilgood.com", "evilgood.com"),
        ("https:/evil.com", "evil.com"),
    ],
)
def test_a_link_does_not_pass_for_another(text: str, domain: str) -> None:
    [link] = find_links(text)
    assert link.domain == domain
    assert not permitted(link.domain, ("good.com",))


def test_permitted_domains_hold_for_what_is_below_them() -> None:
    domains = (domain_of(" Good.COM. "), domain_of("b\xfccher.example"))
    assert domains == ("good.com", "xn--bcher-kva.example")
    assert permitted("good.com", domains)
    assert permitted("a.b.good.com", domains)
    assert not permitted("good.com.evil.org", domains)


@pytest.mark.parametrize(
    "name", ["", ".", "a b.com", "https://a.com", "a..b", "x" * 300, "\ud800.com"]
)
def test_what_is_no_domain_is_refused(name: str) -> None:
    with pytest.raises(InvalidDomain):
        domain_of(name)


@given(st.text() | PARTS)
@example("a.com?b://c")
def test_any_text_is_read_and_links_lie_within_it(text: str) -> None:
    end = 0
    for link in find_links(text):
        assert end <= link.start < link.end <= len(text)
        assert link.domain.isascii()
        end = link.end


@pytest.mark.alone
def test_work_is_bounded() -> None:
    for part in (
        "a",
        "a.",
        "a-",
        "a dot ",
        "a . ",
        "(dot)",
        "x://",
        "\xe9.",
        "a.com",
        "@a.",
        "1.2.3.4",
        ". ",
    ):
        begun = time.process_time()
        find_links((part * 500)[:500])
        assert time.process_time() - begun < 0.1, part
