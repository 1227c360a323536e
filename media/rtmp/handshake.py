"""The RTMP handshake of a server (section 5.2), and its signed variant that Flash clients check.

The signed ("digest") variant is not in the specification. It is what FFmpeg, Flash and librtmp
with crypto do: 32 bytes of HMAC-SHA256 within C1 and S1, at an offset that four other bytes give,
and a signature of the peer's digest at the end of C2 and S2.
"""

import hashlib
import hmac
import os
import struct
from typing import Final

from media.rtmp.limits import violation

VERSION: Final = 3
SIZE: Final = 1536
"""Bytes of C1, C2, S1 and S2."""

_DIGEST = 32
_PLAYER_KEY = b"Genuine Adobe Flash Player 001"
_SERVER_KEY = b"Genuine Adobe Flash Media Server 001"
_SECRET = bytes.fromhex("f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae")
_LAYOUTS: Final = (8, 772)
"""Where the four bytes that give the digest's offset begin, in either known layout."""
_SERVER_VERSION = bytes((4, 5, 0, 1))


def reply(greeting: bytes, random: bytes | None = None) -> bytes:
    """S0, S1 and S2 for C0 and C1 (1537 bytes). Raises Refused if the version is not 3."""
    if greeting[0] != VERSION:
        raise violation(f"handshake version is {greeting[0]}, must be 3")
    c1 = greeting[1 : 1 + SIZE]
    noise = random or os.urandom(2 * SIZE)
    layout, digest = _signed(c1)
    if digest is None:
        return bytes((VERSION,)) + bytes(8) + noise[: SIZE - 8] + c1
    s1 = bytearray(bytes(4) + _SERVER_VERSION + noise[: SIZE - 8])
    at = _offset(s1, layout)
    s1[at : at + _DIGEST] = _hmac(_SERVER_KEY, s1[:at] + s1[at + _DIGEST :])
    s2 = noise[SIZE : 2 * SIZE - _DIGEST]
    s2 += _hmac(_hmac(_SERVER_KEY + _SECRET, digest), s2)
    return bytes((VERSION,)) + bytes(s1) + s2


def _signed(c1: bytes) -> tuple[int, bytes | None]:
    """The layout and the digest of a signed C1; no digest if it is a plain one."""
    if struct.unpack_from(">I", c1, 4)[0] == 0:
        return 0, None
    for layout in _LAYOUTS:
        at = _offset(c1, layout)
        digest = c1[at : at + _DIGEST]
        if hmac.compare_digest(_hmac(_PLAYER_KEY, c1[:at] + c1[at + _DIGEST :]), digest):
            return layout, digest
    return 0, None


def _offset(block: bytes | bytearray, layout: int) -> int:
    return sum(block[layout : layout + 4]) % 728 + layout + 4


def _hmac(key: bytes, message: bytes | bytearray) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()
