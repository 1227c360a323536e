"""Where a browser and a broadcaster find the other servers."""

import re
from dataclasses import dataclass

from aiohttp import web

from api.proxies import proxies
from infra.errors import InvalidRecord

_HOST = re.compile(r"(\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(:\d{1,5})?")


@dataclass(frozen=True)
class Places:
    """Public addresses, or the ports that stand for them on the page's own host."""

    origin_url: str = ""
    """Base URL of the origin. Empty: the page's host with `origin_port`."""
    rtmp_url: str = ""
    """RTMP URL for broadcasters. Empty: the page's host with `rtmp_port`."""
    origin_port: int = 8081
    rtmp_port: int = 1935
    chat_url: str = ""
    """Base URL of a chat edge, wss://…. Empty: the page's host with `chat_port`."""
    chat_port: int = 8083

    def origin(self, request: web.Request) -> str:
        """Base URL of the origin as this request's browser reaches it, without a final slash."""
        url = self.origin_url or f"{scheme_of(request)}://{host_of(request)}:{self.origin_port}"
        return url.rstrip("/")

    def rtmp(self, request: web.Request) -> str:
        """RTMP URL to publish to, without the stream key."""
        port = "" if self.rtmp_port == 1935 else f":{self.rtmp_port}"
        return self.rtmp_url or f"rtmp://{host_of(request)}{port}/live"

    def chat(self, request: web.Request) -> str:
        """Base URL of a chat edge as this request's browser reaches it, without a final slash."""
        if self.chat_url:
            return self.chat_url.rstrip("/")
        scheme = "wss" if scheme_of(request) == "https" else "ws"
        return f"{scheme}://{host_of(request)}:{self.chat_port}"


def scheme_of(request: web.Request) -> str:
    """`http` or `https`, as the browser asked."""
    return proxies(request).scheme(request)


def own_url(request: web.Request) -> str:
    """The gateway's own URL as the browser asked for it, without a final slash."""
    host_of(request)
    return f"{scheme_of(request)}://{proxies(request).host(request)}"


def host_of(request: web.Request) -> str:
    """The host that the browser asked for, without its port.

    It ends up in headers and addresses, so anything but a plain host name is turned away.
    """
    match = _HOST.fullmatch(proxies(request).host(request))
    if match is None:
        raise InvalidRecord("Host: must be a host name or an address, with or without a port")
    return match[1]
