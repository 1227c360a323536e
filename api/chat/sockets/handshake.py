"""The request that opens a WebSocket (RFC 6455, section 4.2), read and answered without I/O."""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

_MAGIC: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_LINE: Final = re.compile(r"(?P<method>[A-Z]{1,16}) (?P<target>/[!-~]*) HTTP/1\.(?P<minor>[0-9])")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_PHRASES: Final = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    426: "Upgrade Required",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


class Upgrade(NamedTuple):
    """What a client asked for. Nothing of it is vouched for but `peer`."""

    peer: str
    """The address at the other end of TCP; empty for a socket without one."""
    path: str
    """Decoded, without the query."""
    query: Mapping[str, str]
    """Of a name that occurs more than once, the last."""
    headers: Mapping[str, str]
    """By name in lower case; of one name, joined by commas."""
    subprotocols: Sequence[str]
    """Those offered, the one most wanted first."""

    @property
    def origin(self) -> str | None:
        """Of the page that asks; None where it is no browser."""
        return self.headers.get("origin")

    @property
    def key(self) -> str:
        """To be answered, so that the client knows it was understood."""
        return self.headers["sec-websocket-key"]


class Refusal(NamedTuple):
    """No upgrade: an HTTP status and a line that says why."""

    status: int
    reason: str


def read_upgrade(head: bytes, peer: str) -> Upgrade | Refusal:
    """A request's head, from its first line to the empty one (not included)."""
    first, *lines = head.decode("latin-1").split("\r\n")
    match = _LINE.fullmatch(first)
    if match is None:
        return Refusal(400, "not a request line")
    headers = _headers(lines)
    if headers is None:
        return Refusal(400, "a malformed header")
    refusal = _checked(match["method"], match["minor"], headers)
    if refusal is not None:
        return refusal
    try:
        target = urlsplit(match["target"])
        query = dict(parse_qsl(target.query, keep_blank_values=True, max_num_fields=32))
    except ValueError:
        return Refusal(400, "a malformed address")
    offered = tuple(_items(headers.get("sec-websocket-protocol", "")))
    return Upgrade(peer, unquote(target.path), query, headers, offered)


def accepted(upgrade: Upgrade, subprotocol: str | None) -> bytes:
    """The answer that opens the WebSocket."""
    digest = hashlib.sha1(upgrade.key.encode() + _MAGIC, usedforsecurity=False).digest()
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}",
    ]
    if subprotocol is not None:
        lines.append(f"Sec-WebSocket-Protocol: {subprotocol}")
    return "\r\n".join([*lines, "", ""]).encode()


def refused(refusal: Refusal) -> bytes:
    """The answer that does not; the connection is closed after it."""
    body = refusal.reason.encode() + b"\n"
    lines = [
        f"HTTP/1.1 {refusal.status} {_PHRASES.get(refusal.status, 'Refused')}",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    if refusal.status == 426:
        lines += ["Upgrade: websocket", "Sec-WebSocket-Version: 13"]
    if refusal.status == 405:
        lines.append("Allow: GET")
    return "\r\n".join([*lines, "", ""]).encode() + body


def _headers(lines: Sequence[str]) -> dict[str, str] | None:
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not _TOKEN.fullmatch(name) or _UNPRINTABLE.search(value):
            return None
        name, value = name.lower(), value.strip(" \t")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _checked(method: str, minor: str, headers: Mapping[str, str]) -> Refusal | None:
    """The rules of section 4.2.1."""
    if method != "GET":
        return Refusal(405, "a WebSocket is asked for with GET")
    if minor == "0" or "host" not in headers:
        return Refusal(400, "HTTP/1.1 with a Host is needed")
    upgrade = {each.lower() for each in _items(headers.get("upgrade", ""))}
    connection = {each.lower() for each in _items(headers.get("connection", ""))}
    if "websocket" not in upgrade or "upgrade" not in connection:
        return Refusal(426, "only WebSockets are served here")
    if headers.get("sec-websocket-version") != "13":
        return Refusal(426, "version 13 is needed")
    try:
        key = base64.b64decode(headers.get("sec-websocket-key", ""), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 16:
        return Refusal(400, "Sec-WebSocket-Key is not 16 bytes in base64")
    return None


def _items(value: str) -> list[str]:
    return [item for each in value.split(",") if (item := each.strip(" \t"))]
