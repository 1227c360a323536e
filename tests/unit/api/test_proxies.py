"""Who asks through proxies: nobody can say it for themselves."""

import ipaddress

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from api.proxies import DIRECT, Header, Proxies

TRUSTED = ("10.0.0.0/8", "2001:db8:ffff::/48", "192.0.2.1")
OLD, NEW = Proxies(TRUSTED), Proxies(TRUSTED, "Forwarded")


def asked(peer: str, *headers: tuple[str, str]):  # type: ignore[no-untyped-def]
    found = make_mocked_request("GET", "/", headers=CIMultiDict([("Host", "inner:8080"), *headers]))
    return found.clone(remote=peer)


def by(peer: str, *lines: str, proxies: Proxies = OLD, header: Header = "X-Forwarded-For") -> str:
    return proxies.address(asked(peer, *((header, line) for line in lines)))


@pytest.mark.parametrize(
    ("peer", "lines", "address"),
    [
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("10.1.1.1", [], "10.1.1.1"),
        ("10.1.1.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.1.1.1", ["9.9.9.9, 198.51.100.1"], "198.51.100.1"),
        ("10.1.1.1", ["9.9.9.9", "198.51.100.1"], "198.51.100.1"),
        ("10.1.1.1", ["9.9.9.9, 198.51.100.1, 10.2.2.2"], "198.51.100.1"),
        ("10.1.1.1", ["198.51.100.1, 192.0.2.1"], "198.51.100.1"),
        ("10.1.1.1", ["10.3.3.3, 10.2.2.2"], "10.3.3.3"),
        ("10.1.1.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.1.1.1", ["[2001:db8::7]:4711"], "2001:db8::7"),
        ("10.1.1.1", ["2001:db8::7, 2001:db8:ffff::1"], "2001:db8::7"),
        ("::ffff:10.1.1.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("10.1.1.1", ["198.51.100.1, unknown"], "10.1.1.1"),
        ("10.1.1.1", ["198.51.100.1, nonsense, 10.2.2.2"], "10.2.2.2"),
        ("10.1.1.1", [""], "10.1.1.1"),
    ],
)
def test_the_last_address_that_is_no_trusted_proxy_asks(
    peer: str, lines: list[str], address: str
) -> None:
    assert by(peer, *lines) == address


@pytest.mark.parametrize(
    ("line", "address"),
    [
        ("for=198.51.100.1", "198.51.100.1"),
        ('for=9.9.9.9, For="[2001:db8::7]:4711";proto=https;by=10.1.1.1', "2001:db8::7"),
        ("for=198.51.100.1, for=10.2.2.2", "198.51.100.1"),
        ('for="9.9.9.9, for=8.8.8.8", for=198.51.100.1', "198.51.100.1"),
        ('for="a\\"b", for=_hidden', "10.1.1.1"),
        ('for=198.51.100.1 "', "10.1.1.1"),
        ('for="198.51.100.1', "10.1.1.1"),
        ("proto=https", "10.1.1.1"),
    ],
)
def test_the_header_of_rfc_7239(line: str, address: str) -> None:
    assert by("10.1.1.1", line, proxies=NEW, header="Forwarded") == address


def test_only_the_header_that_the_proxies_write_counts() -> None:
    assert by("10.1.1.1", "for=198.51.100.1", header="Forwarded") == "10.1.1.1"
    assert by("10.1.1.1", "198.51.100.1", proxies=NEW) == "10.1.1.1"
    assert by("10.1.1.1", "198.51.100.1", proxies=DIRECT) == "10.1.1.1"


addresses = st.ip_addresses().map(str)
written = st.lists(addresses | st.text('abc019.:,[] "=;', max_size=20), max_size=6).map(", ".join)


@settings(deadline=None)
@given(written, addresses, st.lists(st.sampled_from(["10.0.0.9", "192.0.2.1"]), max_size=3))
def test_what_a_client_writes_changes_nothing(spoof: str, client: str, on: list[str]) -> None:
    """A proxy appends who came to it; all before that is the client's."""
    honest = ", ".join([client, *on])
    spoofed = f"{spoof}, {honest}"
    if not any(ipaddress.ip_address(client) in ipaddress.ip_network(each) for each in TRUSTED):
        assert by("10.1.1.1", spoofed) == by("10.1.1.1", honest)
        assert by("10.1.1.1", spoof, honest) == by("10.1.1.1", honest)
    assert by("203.0.113.9", spoofed) == "203.0.113.9"


@settings(deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_no_header_breaks_it(one: str, other: str) -> None:
    for proxies, header in ((OLD, "X-Forwarded-For"), (NEW, "Forwarded")):
        ipaddress.ip_address(proxies.address(asked("10.1.1.1", (header, one), (header, other))))
        proxies.host(asked("10.1.1.1", (header, one)))


def test_scheme_and_host_are_those_of_a_trusted_proxy() -> None:
    said = (("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil.test, tv.example"))
    request = asked("10.1.1.1", *said)
    assert (OLD.scheme(request), OLD.host(request)) == ("https", "tv.example")
    assert OLD.site(request) == "https://tv.example"
    for proxies, peer in ((OLD, "203.0.113.9"), (DIRECT, "10.1.1.1")):
        request = asked(peer, *said)
        assert (proxies.scheme(request), proxies.host(request)) == ("http", "inner:8080")
    assert OLD.scheme(asked("10.1.1.1", ("X-Forwarded-Proto", "gopher"))) == "http"
    told = asked(
        "10.1.1.1", ("Forwarded", 'for=1.1.1.1;proto=http, for=2.2.2.2;proto=https;host="a.b"')
    )
    assert (NEW.scheme(told), NEW.host(told)) == ("https", "a.b")


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        Proxies(["nonsense"])
