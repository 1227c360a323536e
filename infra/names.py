"""Ids that follow from names, so that one name belongs to one user and to one channel."""

import re
import uuid
from typing import Final

_NAMES: Final = uuid.UUID("5a1a8f0e-6f0b-5d3c-9a55-6f2f5b1f6c11")
_NAME: Final = re.compile(r"[a-z0-9_]{3,25}")


def is_name(text: str) -> bool:
    """Whether a text may be a login and a channel's name: 3 to 25 characters of a-z, 0-9 and _."""
    return _NAME.fullmatch(text) is not None


def id_of(name: str) -> str:
    """The id of the user with this login, and of the channel with this name (uuid5, RFC 9562).

    All who want one name ask in one partition of the log, where one of them is first.
    """
    return str(uuid.uuid5(_NAMES, name))
