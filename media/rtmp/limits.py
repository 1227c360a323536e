"""What one connection, one address and the whole server may take."""

import msgspec

from infra.errors import Refused


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of the RTMP server. Sizes in bytes, times in seconds."""

    max_chunk_size: int = 1 << 24
    """Largest chunk size that a publisher may announce."""
    max_message_size: int = 8 << 20
    """Largest audio or video message; a key frame at 50 Mbit/s is about 2 MiB."""
    max_command_size: int = 64 << 10
    """Largest command, data or control message."""
    max_chunk_streams: int = 64
    max_amf_depth: int = 8
    max_amf_values: int = 1000
    commands_per_second: int = 50
    """Commands and control messages, counted over one second."""
    handshake_deadline: float = 10.0
    """From the first byte to `publish`."""
    idle_timeout: float = 30.0
    """Without a byte, once publishing."""
    max_connections: int = 1000
    max_connections_per_address: int = 50
    max_half_open: int = 200
    """Connections that do not publish yet; above it the oldest is closed."""
    max_unread_replies: int = 256 << 10
    """Replies that a publisher leaves unread before it is dropped."""


def violation(rule: str) -> Refused:
    """The error for bytes that are not the protocol, or go beyond a limit."""
    return Refused("protocol_error", rule)
