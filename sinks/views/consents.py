"""What each user has given to which application, for what an application does by itself."""

from infra.record import Envelope
from schemas.records.access import GrantRevoked, GrantStarted, TokensIssued
from sinks.view import Change, Delete, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A user's grant has a row until it ended, and counts once tokens were issued."""
    match message.event:
        case GrantStarted() as grant if grant.user_id is not None:
            columns = {"client_id": grant.client_id, "scopes": " ".join(grant.scopes)}
            return [Upsert((grant.user_id, grant.grant_id), columns)]
        case TokensIssued() as grant if grant.user_id is not None:
            return [Upsert((grant.user_id, grant.grant_id), {"given": True})]
        case GrantRevoked() as grant if grant.user_id is not None:
            return [Delete((grant.user_id, grant.grant_id))]
    return []


VIEW = View(
    name="consents",
    purpose="What each user has given to which application.",
    topics=("access-events",),
    store="redis",
    key={"user_id": str, "grant_id": str},
    columns={"client_id": str, "scopes": str, "given": bool},
    project=project,
    log_key="user_id",
)
