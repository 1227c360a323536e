"""What signs a user in and where they are reached: sealed with the user's data key."""

from infra.record import Envelope
from schemas.records.accounts import (
    PasswordChanged,
    ProfileChanged,
    UserErased,
    UserRegistered,
)
from sinks.view import Change, Delete, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A user has a row from registration to erasure."""
    match message.event:
        case UserRegistered() as user:
            columns = {
                "key_id": user.key_id,
                "sealed_password": user.sealed_password,
                "sealed_email": user.sealed_email,
            }
            return [Upsert(user.user_id, columns)]
        case PasswordChanged() as user:
            return [Upsert(user.user_id, {"sealed_password": user.sealed_password})]
        case ProfileChanged() as user:
            return [Upsert(user.user_id, {"sealed_email": user.sealed_email})]
        case UserErased() as user:
            return [Delete(user.user_id)]
    return []


VIEW = View(
    name="credentials",
    purpose="Password hashes and e-mail addresses, sealed with their user's data key.",
    topics=("account-events",),
    store="redis",
    key={"user_id": str},
    columns={"key_id": str, "sealed_password": str, "sealed_email": str},
    project=project,
    log_key="user_id",
)
