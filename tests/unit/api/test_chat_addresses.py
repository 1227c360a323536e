"""How many connections one address has, whoever stands in between."""

import pytest

from api.chat.addresses import Addresses
from api.chat.sockets import Refusal, Upgrade
from api.proxies import Header, Proxies

TRUSTED = ("10.0.0.0/8",)


def upgrade(peer: str, **headers: str) -> Upgrade:
    found = {name.replace("_", "-"): value for name, value in headers.items()}
    return Upgrade(peer, "/chat", {}, found, ())


def test_one_more_is_refused_until_one_went() -> None:
    addresses = Addresses(2)
    name = addresses.asking(upgrade("198.51.100.1"))
    for _ in range(2):
        assert addresses.refusal(name) is None
        addresses.came(name)
    assert addresses.refusal(name) == Refusal(429, "an address may have 2 connections")
    assert addresses.refusal(addresses.connecting("198.51.100.2")) is None
    addresses.went(name)
    assert addresses.refusal(name) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("198.51.100.1", "198.51.100.1", True),
        ("198.51.100.1", "198.51.100.2", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:198.51.100.1", "198.51.100.1", True),
        ("::ffff:198.51.100.1", "::ffff:198.51.100.2", False),
    ],
)
def test_a_network_of_ipv6_is_one_host(one: str, other: str, same: bool) -> None:
    addresses = Addresses(1)
    assert (addresses.connecting(one) == addresses.asking(upgrade(other))) is same


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("X-Forwarded-For", {"x_forwarded_for": "9.9.9.9, 198.51.100.1"}),
        ("Forwarded", {"forwarded": "for=9.9.9.9, for=198.51.100.1"}),
    ],
)
def test_trusted_proxies_say_who_asks_and_others_do_not(
    header: Header, said: dict[str, str]
) -> None:
    addresses = Addresses(1, Proxies(TRUSTED, header))
    assert addresses.asking(upgrade("10.1.1.1", **said)) == "198.51.100.1"
    assert addresses.asking(upgrade("203.0.113.9", **said)) == "203.0.113.9"


def test_whom_a_trusted_proxy_does_not_name_is_not_counted() -> None:
    addresses = Addresses(1, Proxies(TRUSTED))
    for name in (addresses.asking(upgrade("10.1.1.1")), addresses.connecting("10.1.1.1")):
        assert name == ""
        addresses.came(name)
        addresses.came(name)
        assert addresses.refusal(name) is None
