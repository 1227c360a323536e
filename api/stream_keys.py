"""Stream keys: made, shown again to whom they belong, and kept sealed by the master key.

A key is `live_<key id>_<secret>`. Who checks it needs its SHA-256 only (`stream-keys`).
"""

import hashlib
import secrets
from typing import NamedTuple

import msgspec
from aiohttp import web

from api.call import Call
from api.views import CHANNEL_STREAM_KEYS
from infra.errors import NotFound
from infra.sealing import MasterKeys
from schemas.records.identity import IssueStreamKey, StreamKeyIssued

MASTER: web.AppKey[MasterKeys] = web.AppKey("master-keys", MasterKeys)


class KeyRow(msgspec.Struct, frozen=True):
    """A row of `channel-stream-keys`."""

    key_id: str
    sealed_key: str | None = None


class NewKey(NamedTuple):
    """A key that nobody has."""

    key_id: str
    text: str

    @property
    def digest(self) -> str:
        """What the platform checks it by."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def new_key() -> NewKey:
    """A key with 128 secret bits."""
    key_id = secrets.token_hex(6)
    return NewKey(key_id, f"live_{key_id}_{secrets.token_hex(16)}")


async def shown(call: Call, channel_id: str) -> str:
    """A channel's key. Raises NotFound if it has none, or one that was never given to us."""
    row = await call.row(CHANNEL_STREAM_KEYS, channel_id, KeyRow, "The channel has no stream key.")
    if row.sealed_key is None:
        raise NotFound("The stream key was shown when it was made, and is not kept: replace it.")
    return call.request.app[MASTER].open(_purpose(channel_id), row.sealed_key)


async def replaced(call: Call, channel_id: str) -> str:
    """A new key for a channel, whose old one stops working."""
    key = new_key()
    command = IssueStreamKey(
        channel_id=channel_id,
        key_id=key.key_id,
        key_digest=key.digest,
        sealed_key=call.request.app[MASTER].seal(_purpose(channel_id), key.text),
    )
    await call.ask("identity-commands", channel_id, command, StreamKeyIssued)
    return key.text


def _purpose(channel_id: str) -> str:
    return f"stream-key {channel_id}"
