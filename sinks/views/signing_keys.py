"""Keys that access tokens are signed with. Few: read them with a scan."""

from infra.record import Envelope
from schemas.records.access import SigningKeyIssued, SigningKeyRetired
from sinks.rows import Columns
from sinks.view import Change, Delete, Upsert, View


def project(message: Envelope) -> list[Change]:
    """A key has a row until it is retired."""
    match message.event:
        case SigningKeyIssued() as key:
            columns: Columns = {
                "public_jwk": key.public_jwk,
                "sealed_private_jwk": key.sealed_private_jwk,
                "signs_from": key.signs_from,
                "signs_until": key.signs_until,
                "verifies_until": key.verifies_until,
            }
            return [Upsert(key.kid, columns)]
        case SigningKeyRetired() as key:
            return [Delete(key.kid)]
    return []


VIEW = View(
    name="signing-keys",
    purpose="Keys of access tokens; the private part is sealed by the master key.",
    topics=("signing-keys",),
    store="redis",
    key={"kid": str},
    columns={
        "public_jwk": str,
        "sealed_private_jwk": str,
        "signs_from": int,
        "signs_until": int,
        "verifies_until": int,
    },
    project=project,
    log_key="kid",
    compacted=True,
)
