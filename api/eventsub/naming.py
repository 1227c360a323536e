"""Adds names to what is told: the log has ids, subscribers want to know how people are called."""

import asyncio
import json
from typing import Any, Final

from api.helix.categories import category_id
from api.views import CHANNELS_BY_ID, USERS, Views

_ID: Final = "user_id"


class Names:
    """Knows people by what the views say of them now."""

    def __init__(self, views: Views) -> None:
        self._views = views

    async def completed(self, data: str) -> dict[str, Any]:
        """An event with a login and a name after each id of a user, and the category's id.

        Whoever is gone, or not known yet, has empty ones. Raises Unavailable.
        """
        told: dict[str, Any] = json.loads(data)
        ids = [name for name in told if name.endswith(_ID)]
        people = await asyncio.gather(*(self._person(told[name]) for name in ids))
        known = dict(zip(ids, people, strict=True))
        found: dict[str, Any] = {}
        for name, value in told.items():
            if name == "category_name":
                found["category_id"] = category_id(value)
            found[name] = value
            if name in known:
                prefix = name.removesuffix("id")
                found[f"{prefix}login"], found[f"{prefix}name"] = known[name]
        return found

    async def _person(self, user_id: str) -> tuple[str, str]:
        """Login and display name."""
        user = await self._views.get(USERS, user_id)
        if user is not None:
            return str(user["login"]), str(user["display_name"])
        channel = await self._views.get(CHANNELS_BY_ID, user_id)
        return (str(channel["name"]),) * 2 if channel is not None else ("", "")
