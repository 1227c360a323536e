"""Stream keys: who may publish."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any, Final, Protocol

_KEY: Final = re.compile(r"live_([0-9A-Za-z-]{1,64})_[0-9A-Za-z-]{16,128}")
_NOBODY: Final = "none"
_NO_DIGEST: Final = "0" * 64


class StreamKeys(Protocol):
    """Where valid stream keys are looked up."""

    async def lookup(self, key_id: str) -> Mapping[str, Any] | None:
        """The row with `channel_id` and `key_digest`, or None. Raises Unavailable."""
        ...


async def channel_of(key: str, keys: StreamKeys) -> str | None:
    """The channel that a stream key (`live_<key id>_<secret>`) publishes to, or None.

    A malformed, an unknown and a wrong key take the same steps, so that time tells nothing. The
    row holds the SHA-256 of the whole key in hex. Raises Unavailable.
    """
    found = _KEY.fullmatch(key)
    row = await keys.lookup(found[1] if found else _NOBODY)
    digest = hashlib.sha256(key.encode()).hexdigest()
    same = hmac.compare_digest(digest, str(row["key_digest"]) if row else _NO_DIGEST)
    return str(row["channel_id"]) if row is not None and found is not None and same else None
