"""Emotes that everybody has: the reviewed list in `chat_emotes.yaml`, and how each looks."""

from functools import cache
from pathlib import Path

import msgspec
import yaml


class Emote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A picture that stands in a text for its name."""

    id: str
    """Numbers, which never change: messages of the past name them."""
    name: str
    """What is written, letter by letter."""
    shape: str
    """Elements of an SVG of 28 by 28."""


@cache
def emotes() -> dict[str, Emote]:
    """All of them by id, in the file's order."""
    text = Path(__file__).with_suffix(".yaml").read_text()
    listed = msgspec.convert(yaml.safe_load(text), list[Emote])
    return {emote.id: emote for emote in listed}


def ids_by_name() -> dict[str, str]:
    """What rules look for in texts."""
    return {emote.name: emote.id for emote in emotes().values()}
