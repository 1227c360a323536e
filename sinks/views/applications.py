"""Applications by their public id: who may ask users for access, and where they are sent back."""

from infra.record import Envelope
from schemas.records.accounts import (
    ApplicationDeleted,
    ApplicationRegistered,
    ApplicationSecretRotated,
)
from sinks.rows import Columns
from sinks.view import Change, Delete, Upsert, View


def project(message: Envelope) -> list[Change]:
    """An application has a row until it is deleted; its addresses have spaces between them."""
    match message.event:
        case ApplicationRegistered() as application:
            columns: Columns = {
                "user_id": application.user_id,
                "name": application.name,
                "redirect_uris": " ".join(application.redirect_uris),
                "confidential": application.confidential,
                "secret_digest": application.secret_digest,
            }
            return [Upsert(application.client_id, columns)]
        case ApplicationSecretRotated() as application:
            return [Upsert(application.client_id, {"secret_digest": application.secret_digest})]
        case ApplicationDeleted() as application:
            return [Delete(application.client_id)]
    return []


VIEW = View(
    name="applications",
    purpose="Applications by their client_id.",
    topics=("account-events",),
    store="redis",
    key={"client_id": str},
    columns={
        "user_id": str,
        "name": str,
        "redirect_uris": str,
        "confidential": bool,
        "secret_digest": str,
    },
    project=project,
)
