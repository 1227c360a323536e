"""The sessions and connected applications of each user, and what applications gave themselves."""

from infra.record import Envelope
from schemas.records.access import GrantRevoked, GrantStarted, TokensIssued
from sinks.view import Change, Delete, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A grant has a row until it ended."""
    match message.event:
        case GrantStarted() as grant:
            columns = {
                "client_id": grant.client_id,
                "flow": grant.flow,
                "scopes": " ".join(grant.scopes),
                "description": grant.description,
                "started_at": message.meta.occurred_at,
            }
            return [Upsert((grant.subject_id, grant.grant_id), columns)]
        case TokensIssued() as grant:
            used = {"used_at": message.meta.occurred_at}
            return [Upsert((grant.subject_id, grant.grant_id), used)]
        case GrantRevoked() as grant:
            return [Delete((grant.subject_id, grant.grant_id))]
    return []


VIEW = View(
    name="grants-by-subject",
    purpose="Sessions and connected applications of each user.",
    topics=("access-events",),
    store="cassandra",
    key={"subject_id": str, "grant_id": str},
    columns={
        "client_id": str,
        "flow": str,
        "scopes": str,
        "description": str,
        "started_at": int,
        "used_at": int,
    },
    project=project,
    log_key="subject_id",
)
