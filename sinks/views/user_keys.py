"""Data keys of users, wrapped by the platform's master key. A destroyed one has no row."""

from infra.record import Envelope
from schemas.records.accounts import UserKeyDestroyed, UserKeyIssued
from sinks.view import Change, Delete, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A key has a row from when it is issued until it is destroyed."""
    match message.event:
        case UserKeyIssued() as key:
            columns = {"user_id": key.user_id, "wrapped_key": key.wrapped_key}
            return [Upsert(key.key_id, columns)]
        case UserKeyDestroyed() as key:
            return [Delete(key.key_id)]
    return []


VIEW = View(
    name="user-keys",
    purpose="Data keys that open personal fields, wrapped by the master key.",
    topics=("user-keys",),
    store="redis",
    key={"key_id": str},
    columns={"user_id": str, "wrapped_key": str},
    project=project,
    log_key="key_id",
    compacted=True,
)
