"""Keys as text, for stores that know only text."""

import msgspec

from sinks.rows import Key
from sinks.view import View


def key_text(key: Key) -> str:
    """A single text as it is; several columns as a JSON list."""
    if len(key) == 1 and isinstance(key[0], str):
        return key[0]
    return msgspec.json.encode(key).decode()


def key_of_text(view: View, text: str) -> Key:
    """The key that `key_text` wrote."""
    if list(view.key.values()) == [str]:
        return (text,)
    return tuple(msgspec.json.decode(text))
