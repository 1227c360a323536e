"""Passwords of IRC: `oauth:` and an access token, as it is or in letters of one case. Pure.

tmi.js writes a password in small letters, and Twitch's tokens have no others; ours have (RFC 7519).
So a token may also come in base32 (RFC 4648, section 6), in any case and without padding.
"""

import base64
import binascii
import re
from typing import Final

_PASSWORD: Final = re.compile(r"oauth:(\S{1,8000})", re.IGNORECASE)
_BASE32: Final = re.compile(r"[A-Za-z2-7]+")


def password_of(token: str) -> str:
    """The password of an access token that stands small letters."""
    written = base64.b32encode(token.encode()).decode()
    return "oauth:" + written.rstrip("=").lower()


def token_of(password: str) -> str | None:
    """The access token of a password; None: it is not written as a password is."""
    found = _PASSWORD.fullmatch(password)
    if found is None:
        return None
    token = found[1]
    if not _BASE32.fullmatch(token):
        return token
    try:
        written = base64.b32decode(token.upper() + "=" * (-len(token) % 8)).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return token
    return written if "." in written else token  # as any token of ours has
