"""Keys as text, for stores that know only text."""

import msgspec

from infra.errors import InvalidRecord
from sinks.rows import Key
from sinks.view import View


def key_text(key: Key) -> str:
    """A single text as it is; several columns as a JSON list."""
    if len(key) == 1 and isinstance(key[0], str):
        return key[0]
    return msgspec.json.encode(key).decode()


def key_of_text(view: View, text: str) -> Key:
    """The key that `key_text` wrote. Raises InvalidRecord if it did not."""
    if list(view.key.values()) == [str]:
        return (text,)
    try:
        return view.key_of(msgspec.json.decode(text, type=Key))
    except msgspec.DecodeError as error:
        raise InvalidRecord(f"{view.name}: {text!r} is not a key") from error
