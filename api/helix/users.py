"""`/helix/users`."""

import msgspec

from api.access import anyone
from api.call import Call
from api.helix.dialect import MOST_IDS, Data, Ids, Logins, helix
from api.people import UserRow, ids_of, rows
from api.v1.resources import timestamp
from api.views import CHANNELS_BY_ID, USERS, ChannelRow
from infra.errors import InvalidRecord


class UsersQuery(msgspec.Struct, frozen=True):
    """Which users; none of both: the one who asks."""

    id: Ids = []
    login: Logins = []


class User(msgspec.Struct, frozen=True):
    """A user. Images are empty: there are none yet."""

    id: str
    login: str
    display_name: str
    broadcaster_type: str
    """`partner`, `affiliate`, or nothing."""
    description: str
    created_at: str
    """Empty for a channel that nobody signed up for."""
    type: str = ""
    profile_image_url: str = ""
    offline_image_url: str = ""
    view_count: int = 0


async def get_users(call: Call, query: UsersQuery) -> Data[User]:
    """Users by id and by login, or the one who asks. Those who are not known are left out."""
    wanted = [*query.id, *ids_of(query.login)]
    if len(wanted) > MOST_IDS:
        raise InvalidRecord(f"id, login: at most {MOST_IDS} together")
    if not wanted and call.principal.user_id is None:
        raise InvalidRecord("id, login: one is needed with the token of an application")
    wanted = wanted or [call.user_id]
    users = await rows(call, USERS, wanted, UserRow)
    channels = await rows(call, CHANNELS_BY_ID, set(wanted) - users.keys(), ChannelRow)
    found = {key: _of_channel(row) for key, row in channels.items()}
    found |= {key: _of_user(row) for key, row in users.items()}
    return Data([found[key] for key in dict.fromkeys(wanted) if key in found])


def _of_user(row: UserRow) -> User:
    roles = row.roles.split()
    return User(
        id=row.user_id,
        login=row.login,
        display_name=row.display_name,
        broadcaster_type=next((tier for tier in ("partner", "affiliate") if tier in roles), ""),
        description=row.description,
        created_at=timestamp(row.registered_at),
    )


def _of_channel(row: ChannelRow) -> User:
    return User(row.channel_id, row.name, row.name, "", "", "")


ROUTES = (helix("GET", "/users", get_users, anyone),)
