"""Records of the access context. Generated from `schemas/avro` by `make generate`: do not edit."""

from typing import ClassVar

from infra.record import Record


class GrantRefused(Record, frozen=True, kw_only=True):
    """A command about a grant broke a rule. If the grant ended because of it, GrantRevoked says so."""

    FULL_NAME: ClassVar[str] = "millrace.access.GrantRefused"

    subject_id: str
    """Who the access is of: a user_id, or the client_id of an application that acts for itself. Key of the message."""
    grant_id: str
    """The grant."""
    command: str
    """Avro name of the refused command."""
    error: str
    """Error code of OAuth 2 (RFC 6749 section 5.2): invalid_grant, invalid_request, invalid_scope or unauthorized_client."""
    reason: str
    """Stable code of the rule that was broken, kebab-case."""
    detail: str
    """What is wrong, for people."""


class GrantRevoked(Record, frozen=True, kw_only=True):
    """A grant ended, and every token of it."""

    FULL_NAME: ClassVar[str] = "millrace.access.GrantRevoked"

    subject_id: str
    """Who the access is of: a user_id, or the client_id of an application that acts for itself. Key of the message."""
    grant_id: str
    """The grant."""
    client_id: str
    """The application that may use it."""
    user_id: str | None = None
    """The user who gave it; null if the application acts for itself."""
    reason: str
    """Stable code, kebab-case: code-expired, code-reused, code-misused, refresh-reused, refresh-misused, expired, too-many-grants, or as asked."""


class GrantStarted(Record, frozen=True, kw_only=True):
    """An application has, or may get with a code, access."""

    FULL_NAME: ClassVar[str] = "millrace.access.GrantStarted"

    subject_id: str
    """Who the access is of: a user_id, or the client_id of an application that acts for itself. Key of the message."""
    grant_id: str
    """The grant."""
    client_id: str
    """The application that may use it."""
    user_id: str | None = None
    """The user who gave it; null if the application acts for itself."""
    flow: str
    """How it began: authorization_code, client_credentials (RFC 6749 sections 4.1 and 4.4), or sign_in (a session of the platform's own pages)."""
    scopes: list[str]
    """What it allows."""
    code_digest: str | None = None
    """SHA-256 of the authorization code, in hex; null in flows without one: tokens are issued at once."""
    redirect_uri: str | None = None
    """Where the code was sent to (RFC 6749 section 4.1.3); null in flows without one."""
    code_challenge: str | None = None
    """PKCE challenge, S256 (RFC 7636 section 4.2): base64url of 32 bytes, 43 characters; null without PKCE."""
    code_expires_at: int | None = None
    """Until when the code counts, in microseconds since 1970-01-01T00:00:00Z; null in flows without one."""
    description: str | None = None
    """Where the session is, for its owner: browser and system, at most 200 characters; null if not known."""


class GrantsRevoked(Record, frozen=True, kw_only=True):
    """What was asked to end has ended: each grant by a GrantRevoked before this."""

    FULL_NAME: ClassVar[str] = "millrace.access.GrantsRevoked"

    subject_id: str
    """Who the access is of: a user_id, or the client_id of an application that acts for itself. Key of the message."""
    count: int
    """How many grants ended; none is no error."""
    reason: str
    """Why, kebab-case, as asked."""


class RedeemCode(Record, frozen=True, kw_only=True):
    """Asks for tokens in exchange for an authorization code."""

    FULL_NAME: ClassVar[str] = "millrace.access.RedeemCode"

    subject_id: str
    """Who the access is of: a user_id, or the client_id of an application that acts for itself. Key of the message."""
    grant_id: str
    """The grant."""
    client_id: str
    """The application that may use it."""
    code_digest: str
    """SHA-256 of the code that was shown, in hex."""
    redirect_uri: str | None = None
    """Where the code was sent to (RFC 6749 section 4.1.3); null in flows without one."""
    code_challenge: str | None = None
    """S256 of the code verifier that was shown (RFC 7636 section 4.6), which is a secret until then; null if none was."""
    token_id: str
    """`jti` of the access token that is signed once this is decided."""
    new_refresh_digest: str | None = None
    """SHA-256 of the refresh token that is handed out once this is decided, in hex; null if there is none."""


class RefreshTokens(Record, frozen=True, kw_only=True):
    """Asks for new tokens in exchange for a refresh token."""

    FULL_NAME: ClassVar[str] = "millrace.access.RefreshTokens"

    subject_id: str
    """Who the access is of: a user_id, or the client_id of an application that acts for itself. Key of the message."""
    grant_id: str
    """The grant."""
    client_id: str
    """The application that may use it."""
    refresh_digest: str
    """SHA-256 of the refresh token that was shown, in hex."""
    new_refresh_digest: str
    """SHA-256 of the refresh token that takes its place, in hex."""
    token_id: str
    """`jti` of the access token that is signed once this is decided."""
    scopes: list[str]
    """Part of the grant's scopes for this access token (RFC 6749 section 6); empty: all of them."""


class RevokeGrant(Record, frozen=True, kw_only=True):
    """Asks for a grant to end."""

    FULL_NAME: ClassVar[str] = "millrace.access.RevokeGrant"

    subject_id: str
    """Who the access is of: a user_id, or the client_id of an application that acts for itself. Key of the message."""
    grant_id: str
    """The grant."""
    client_id: str | None = None
    """If an application asks: only a grant of its own ends (RFC 7009 section 2.1). Null: whoever has it."""
    reason: str
    """Why, kebab-case: signed-out, revoked-by-user, revoked-by-application, …"""


class RevokeGrants(Record, frozen=True, kw_only=True):
    """Asks for several grants of a subject to end."""

    FULL_NAME: ClassVar[str] = "millrace.access.RevokeGrants"

    subject_id: str
    """Who the access is of: a user_id, or the client_id of an application that acts for itself. Key of the message."""
    client_id: str | None = None
    """Only those of this application; null: all."""
    keep_grant_id: str | None = None
    """The one that goes on; null: none."""
    reason: str
    """Why, kebab-case: password-changed, user-erased, disconnected, …"""


class SigningKeyIssued(Record, frozen=True, kw_only=True):
    """A key that access tokens are signed with."""

    FULL_NAME: ClassVar[str] = "millrace.access.SigningKeyIssued"

    kid: str
    """The key: RFC 7638 thumbprint of its public part. Key of the message."""
    public_jwk: str
    """Public part: JSON Web Key (RFC 8037), as JSON."""
    sealed_private_jwk: str
    """The whole key as JSON, sealed by the platform's master key as `signing-key`."""
    signs_from: int
    """From when tokens are signed with it, in microseconds since 1970-01-01T00:00:00Z: gateways have heard of it by then."""
    signs_until: int
    """Until when tokens are signed with it, in microseconds since 1970-01-01T00:00:00Z."""
    verifies_until: int
    """Until when tokens that it signed count, in microseconds since 1970-01-01T00:00:00Z."""


class SigningKeyRetired(Record, frozen=True, kw_only=True):
    """Tokens of a signing key do not count any more. Takes the key's place when the topic is compacted."""

    FULL_NAME: ClassVar[str] = "millrace.access.SigningKeyRetired"

    kid: str
    """The key. Key of the message."""
    reason: str
    """Why, kebab-case: expired, compromised."""


class StartGrant(Record, frozen=True, kw_only=True):
    """Asks for an application to get access."""

    FULL_NAME: ClassVar[str] = "millrace.access.StartGrant"

    subject_id: str
    """Who the access is of: a user_id, or the client_id of an application that acts for itself. Key of the message."""
    grant_id: str
    """The grant."""
    client_id: str
    """The application that may use it."""
    confidential: bool
    """Whether the application can keep a secret, as the sender knew it: one that cannot must use PKCE."""
    user_id: str | None = None
    """The user who gave it; null if the application acts for itself."""
    flow: str
    """How it began: authorization_code, client_credentials (RFC 6749 sections 4.1 and 4.4), or sign_in (a session of the platform's own pages)."""
    scopes: list[str]
    """What it allows."""
    code_digest: str | None = None
    """SHA-256 of the authorization code, in hex; null in flows without one: tokens are issued at once."""
    redirect_uri: str | None = None
    """Where the code was sent to (RFC 6749 section 4.1.3); null in flows without one."""
    code_challenge: str | None = None
    """PKCE challenge, S256 (RFC 7636 section 4.2): base64url of 32 bytes, 43 characters; null without PKCE."""
    token_id: str | None = None
    """`jti` of the access token, in flows without a code; else null."""
    new_refresh_digest: str | None = None
    """SHA-256 of the refresh token that is handed out once this is decided, in hex; null if there is none."""
    description: str | None = None
    """Where the session is, for its owner: browser and system, at most 200 characters; null if not known."""


class TokensIssued(Record, frozen=True, kw_only=True):
    """An access token may be signed, and a refresh token handed out."""

    FULL_NAME: ClassVar[str] = "millrace.access.TokensIssued"

    subject_id: str
    """Who the access is of: a user_id, or the client_id of an application that acts for itself. Key of the message."""
    grant_id: str
    """The grant."""
    client_id: str
    """The application that may use it."""
    user_id: str | None = None
    """The user who gave it; null if the application acts for itself."""
    token_id: str
    """`jti` of the access token that is signed once this is decided."""
    scopes: list[str]
    """What the access token allows."""
    refresh_digest: str | None = None
    """SHA-256 of the refresh token that counts from now on, in hex; null if there is none."""
    access_expires_at: int
    """Until when the access token counts, in microseconds since 1970-01-01T00:00:00Z."""
    refresh_expires_at: int | None = None
    """Until when the refresh token counts if it is not used, in microseconds since 1970-01-01T00:00:00Z; null if there is none."""
