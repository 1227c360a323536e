"""How much one client, and all of them, may ask of an edge."""

from typing import NamedTuple


class Limits(NamedTuple):
    """Sizes are bytes, times are seconds."""

    connections: int = 10_000
    """Open at once; one more is closed with 1013 (try again later)."""
    handshakes: int = 2_000
    """Connected but not yet upgraded; beyond it the one that waits longest is cut off."""
    handshake: float = 5.0
    """From connecting to a whole request."""
    head: int = 8_192
    """Of the request that asks for the upgrade."""
    message: int = 16_384
    """Of one message, all its fragments together."""
    buffer: int = 65_536
    """Waiting for a client; beyond it groups pass it over."""
    backlog: int = 1_048_576
    """Waiting for a client; beyond it the client is cut off."""
    ping: float = 20.0
    """Between pings; a client from whom nothing came between two of them is gone."""
    closing: float = 5.0
    """For a client to answer a close."""
