"""Which addresses webhooks may be called at: none of our own network.

A name is resolved once; what it stands for is checked, and the connection goes to exactly that
address. So a name that stands for something else a moment later gains nothing.
"""

import asyncio
import ipaddress
import socket
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from infra.errors import InvalidRecord, Refused

LONGEST: Final = 500
"""Characters of a callback."""
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


def checked_callback(text: str, *, private: bool) -> URL:
    """The URL of a webhook. `private`: whether it may be anywhere, and without TLS.

    Raises InvalidRecord, naming the rule.
    """
    try:
        url = URL(text)
        port = url.port
    except ValueError as error:
        raise InvalidRecord("transport.callback: must be a URL") from error
    if len(text) > LONGEST or not text.isascii() or not url.host:
        raise InvalidRecord(f"transport.callback: must be a URL of at most {LONGEST} characters")
    if url.user is not None or url.password is not None or url.fragment:
        raise InvalidRecord("transport.callback: must have no user and no fragment")
    if url.scheme not in (("http", "https") if private else ("https",)):
        raise InvalidRecord("transport.callback: must begin with https://")
    if not private and port != 443:
        raise InvalidRecord("transport.callback: must be at port 443")
    if not private and (literal := _literal(url.host)) is not None and not is_public(literal):
        raise InvalidRecord("transport.callback: must be a public address")
    return url


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address is one of the public internet, also where it carries an IPv4 address."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        inner = address.ipv4_mapped or address.sixtofour
        if inner is not None:
            return is_public(inner)
        if address.teredo is not None or address.is_site_local:
            return False
    return address.is_global and not address.is_multicast


class PublicResolver(AbstractResolver):
    """Resolves names, and keeps addresses back that are not public."""

    def __init__(self, resolver: AbstractResolver | None = None, *, seconds: float = 5.0) -> None:
        self._resolver = resolver or ThreadedResolver()
        self._seconds = seconds

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Public addresses of a name. Raises OSError if it has none."""
        async with asyncio.timeout(self._seconds):
            found = await self._resolver.resolve(host, port, family)
        public = [each for each in found if is_public(ipaddress.ip_address(each["host"]))]
        if not public:
            raise OSError(f"{host} has no public address")
        return public

    async def close(self) -> None:
        """Close what resolves."""
        await self._resolver.close()


def refuse_private(url: URL) -> None:
    """Raises Refused for an address that is written out and not public: nobody resolves it."""
    literal = _literal(url.host or "")
    if literal is not None and not is_public(literal):
        raise Refused("private-address", f"{literal} is not a public address")


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
