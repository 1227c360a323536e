"""The applications of each user, for their owner."""

from infra.record import Envelope
from schemas.records.accounts import ApplicationDeleted, ApplicationRegistered
from sinks.rows import Columns
from sinks.view import Change, Delete, Upsert, View


def project(message: Envelope) -> list[Change]:
    """An application has a row until it is deleted; the rest of it is in `applications`."""
    match message.event:
        case ApplicationRegistered() as application:
            columns: Columns = {"name": application.name, "registered_at": message.meta.occurred_at}
            return [Upsert((application.user_id, application.client_id), columns)]
        case ApplicationDeleted() as application:
            return [Delete((application.user_id, application.client_id))]
    return []


VIEW = View(
    name="applications-by-user",
    purpose="The applications of each user.",
    topics=("account-events",),
    store="cassandra",
    key={"user_id": str, "client_id": str},
    columns={"name": str, "registered_at": int},
    project=project,
    log_key="user_id",
)
