"""Categories: the reviewed list in `categories.yaml`, by id and by name."""

from functools import cache
from pathlib import Path

import msgspec
import yaml


class Category(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a stream is about."""

    id: str
    name: str


@cache
def categories() -> dict[str, Category]:
    """All of them by id, in the file's order."""
    text = Path(__file__).with_suffix(".yaml").read_text()
    listed = msgspec.convert(yaml.safe_load(text), list[Category])
    return {category.id: category for category in listed}


@cache
def _by_name() -> dict[str, Category]:
    return {category.name.casefold(): category for category in categories().values()}


def category_named(category_id: str) -> str | None:
    """The name of an id, or None. 0 and an empty one are no category: an empty name."""
    if category_id in ("", "0"):
        return ""
    found = categories().get(category_id)
    return found.name if found else None


def category_id(name: str) -> str:
    """The id of a name, in whatever case; empty for what is not on the list."""
    found = _by_name().get(name.casefold())
    return found.id if found else ""


def category_of(name: str) -> Category | None:
    """The category of a name, in whatever case."""
    return _by_name().get(name.casefold())


def categories_like(text: str) -> list[Category]:
    """Those with words that begin with each word of a text; names that begin with it come first."""
    words = text.casefold().split()
    found = [
        category
        for category in categories().values()
        if all(
            any(part.startswith(word) for part in category.name.casefold().split())
            for word in words
        )
    ]
    begins = " ".join(words)
    return sorted(
        found, key=lambda category: (not category.name.casefold().startswith(begins), category.name)
    )
