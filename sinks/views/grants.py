"""Grants that last: an access token counts while its grant has a row that is active."""

from infra.record import Envelope
from schemas.records.access import GrantRevoked, GrantStarted, TokensIssued
from sinks.view import Change, Delete, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A grant is pending until tokens are issued, then active, and has no row once it ended."""
    match message.event:
        case GrantStarted() as grant:
            columns = {
                "subject_id": grant.subject_id,
                "client_id": grant.client_id,
                "user_id": grant.user_id,
                "scopes": " ".join(grant.scopes),
                "state": "pending",
            }
            return [Upsert(grant.grant_id, columns)]
        case TokensIssued() as grant:
            return [Upsert(grant.grant_id, {"state": "active"})]
        case GrantRevoked() as grant:
            return [Delete(grant.grant_id)]
    return []


VIEW = View(
    name="grants",
    purpose="Grants that last, by id: whose tokens count.",
    topics=("access-events",),
    store="redis",
    key={"grant_id": str},
    columns={"subject_id": str, "client_id": str, "user_id": str, "scopes": str, "state": str},
    project=project,
)
