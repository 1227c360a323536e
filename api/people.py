"""Users and channels by id: what most answers of the dialect are completed with."""

import asyncio
from collections.abc import Iterable
from typing import Any

import msgspec

from api.call import Call
from api.views import CHANNELS_BY_ID, USERS, ChannelRow, Row, typed
from infra.names import id_of


class UserRow(msgspec.Struct, frozen=True):
    """A row of `users`."""

    user_id: str
    login: str
    display_name: str
    description: str = ""
    roles: str = ""
    registered_at: int = 0


class Person(msgspec.Struct, frozen=True):
    """A broadcaster, a follower: how they are called."""

    user_id: str
    login: str
    display_name: str


async def rows(call: Call, view: str, keys: Iterable[Any], kind: type[Row]) -> dict[Any, Row]:
    """Rows by key, of those keys that have one."""
    wanted = list(dict.fromkeys(keys))
    found = await asyncio.gather(*(call.views.get(view, key) for key in wanted))
    return {key: typed(row, kind) for key, row in zip(wanted, found, strict=True) if row}


async def people(call: Call, ids: Iterable[str]) -> dict[str, Person]:
    """Those who are known, by id: a channel that nobody signed up for counts as a person too."""
    wanted = list(dict.fromkeys(ids))
    users = await rows(call, USERS, wanted, UserRow)
    channels = await rows(call, CHANNELS_BY_ID, set(wanted) - users.keys(), ChannelRow)
    return {
        **{key: Person(key, channel.name, channel.name) for key, channel in channels.items()},
        **{key: Person(key, user.login, user.display_name) for key, user in users.items()},
    }


def ids_of(logins: Iterable[str]) -> list[str]:
    """The ids that logins have, whether or not somebody has them."""
    return [id_of(login.lower()) for login in logins]
