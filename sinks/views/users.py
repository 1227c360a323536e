"""Users, as everybody may see them. Their id follows from their login (`infra.names.id_of`)."""

from infra.record import Envelope
from schemas.records.accounts import (
    ProfileChanged,
    RoleGranted,
    RoleRevoked,
    UserErased,
    UserRegistered,
)
from sinks.rows import Columns
from sinks.view import Change, Delete, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A user has a row from registration to erasure."""
    match message.event:
        case UserRegistered() as user:
            columns: Columns = {
                "login": user.login,
                "display_name": user.display_name,
                "description": "",
                "roles": "",
                "registered_at": message.meta.occurred_at,
            }
            return [Upsert(user.user_id, columns)]
        case ProfileChanged() as user:
            shown: Columns = {"display_name": user.display_name, "description": user.description}
            if user.colour is not None:
                shown["colour"] = user.colour
            return [Upsert(user.user_id, shown)]
        case RoleGranted() | RoleRevoked() as user:
            return [Upsert(user.user_id, {"roles": " ".join(user.roles)})]
        case UserErased() as user:
            return [Delete(user.user_id)]
    return []


VIEW = View(
    name="users",
    purpose="Users as everybody may see them.",
    topics=("account-events",),
    store="redis",
    key={"user_id": str},
    columns={
        "login": str,
        "display_name": str,
        "description": str,
        "colour": str,
        "roles": str,
        "registered_at": int,
    },
    project=project,
    log_key="user_id",
)
