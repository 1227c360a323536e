"""Who asks, and under which address, where trusted proxies stand in between.

A header that anybody can send counts only as far as a trusted peer vouches for it: it is read from
its end, and the first address that is not a trusted proxy's is the one that asks.
"""

import ipaddress
import re
from collections.abc import Iterator, Sequence
from typing import Final, Literal

from aiohttp import web

Header = Literal["X-Forwarded-For", "Forwarded"]
"""What the proxies write: the older header of that name, or that of RFC 7239."""

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_SCHEMES: Final = {"http", "https"}
_PAIR = re.compile(r'\s*([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s";,]*))\s*')
_WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\w+)?|([0-9.]+)(?::\w+)?")


class Proxies:
    """The proxies in front of the gateway: addresses and networks, none unless they are named."""

    def __init__(self, trusted: Sequence[str] = (), header: Header = "X-Forwarded-For") -> None:
        """Raises ValueError for what is no address or network."""
        self._trusted = [ipaddress.ip_network(each, strict=False) for each in trusted]
        self.header_name: Header = header
        """Where they say who asks."""

    def address(self, request: web.Request) -> str:
        """Of the client: the last one on the way here that is not a trusted proxy."""
        return self.asking(request.remote or "", request.headers.getall(self.header_name, []))

    def asking(self, peer: str, lines: Sequence[str]) -> str:
        """The same of who connects, and the lines of the header of that name."""
        if not self.trusts(peer):
            return peer
        found = _parsed(peer)
        for text in self._hops(lines):
            hop = _parsed(text)
            if hop is None:  # said by a proxy that hides it: all that is known is the proxy
                break
            found = hop
            if not self._trusts(hop):
                break
        return str(found)

    def trusts(self, peer: str) -> bool:
        """Whether an address is one of the proxies."""
        return bool(self._trusted) and self._trusts(_parsed(peer))

    def scheme(self, request: web.Request) -> str:
        """`http` or `https`, as the client asked."""
        said = self._said(request, "X-Forwarded-Proto", "proto").lower()
        return said if said in _SCHEMES else request.scheme

    def host(self, request: web.Request) -> str:
        """Host and port, as the client asked; not checked."""
        return self._said(request, "X-Forwarded-Host", "host") or request.host

    def site(self, request: web.Request) -> str:
        """Tells apart under which addresses the gateway is asked; not checked."""
        if not self._trusted:
            return request.headers.get("Host", "")
        return f"{self.scheme(request)}://{self.host(request)}"

    def header(self, request: web.Request, name: str) -> str:
        """What the proxies say in a header of theirs; empty where none of them stands between."""
        return request.headers.get(name, "") if name and self._vouched(request) else ""

    def _vouched(self, request: web.Request) -> bool:
        return self.trusts(request.remote or "")

    def _trusts(self, address: _Address | None) -> bool:
        return address is not None and any(
            address.version == network.version and address in network for network in self._trusted
        )

    def _hops(self, lines: Sequence[str]) -> Iterator[str]:
        """Addresses as they were written, the nearest first."""
        for line in reversed(lines):
            if self.header_name == "Forwarded":
                yield from (each.get("for", "") for each in reversed(_elements(line)))
            else:
                yield from reversed(line.split(","))

    def _said(self, request: web.Request, header: str, name: str) -> str:
        """What the nearest proxy says."""
        if not self._vouched(request):
            return ""
        if self.header_name == "Forwarded":
            lines = request.headers.getall("Forwarded", [""])
            return (_elements(lines[-1]) or [{}])[-1].get(name, "")
        return request.headers.getall(header, [""])[-1].rpartition(",")[2].strip()


DIRECT: Final = Proxies()
PROXIES: web.AppKey[Proxies] = web.AppKey("proxies", Proxies)


def proxies(request: web.Request) -> Proxies:
    """The proxies in front of the gateway that a request came to."""
    return request.app.get(PROXIES, DIRECT)


def _elements(line: str) -> list[dict[str, str]]:
    """The elements of a `Forwarded` header (RFC 7239, section 4); nothing where it is malformed."""
    found: list[dict[str, str]] = [{}]
    at = 0
    while at < len(line):
        pair = _PAIR.match(line, at)
        if pair is None:
            return [{}]  # one who writes this says nothing that could be relied on
        quoted = pair[2]
        value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else pair[3]
        found[-1][pair[1].lower()] = value
        at = pair.end()
        if at < len(line):
            if line[at] not in ";,":
                return [{}]
            if line[at] == ",":
                found.append({})
            at += 1
    return found


def _parsed(text: str) -> _Address | None:
    """An address, with or without a port; one of IPv4 in IPv6 as what it is."""
    text = text.strip()
    match = _WITH_PORT.fullmatch(text)
    try:
        found = ipaddress.ip_address(match[1] or match[2] if match else text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found
