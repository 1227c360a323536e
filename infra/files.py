"""How many files, and so connections, this process may have open."""

import resource
from typing import Final

SPARE: Final = 256
"""For what is no client: servers, logs, libraries."""


def room_for(connections: int, besides: int = 0) -> int:
    """Raise the limit as far as so many connections need; how many of them there is room for.

    `besides`: those that come and go, or are not let in.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    spare = besides + SPARE
    needed = connections + spare
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return connections if soft == resource.RLIM_INFINITY else max(1, min(connections, soft - spare))
