"""What a grant must bring to begin: RFC 6749, PKCE by RFC 7636, RFC 9700."""

import re
from collections.abc import Collection

from schemas.records.access import (
    GrantRefused,
    RedeemCode,
    RefreshTokens,
    RevokeGrant,
    StartGrant,
)

SCOPES_LENGTH = 2_000
"""Characters of all scopes of a grant: a hundred grants must fit into a row of the journal."""
TEXT_LENGTH = 500
"""Characters of anything else that is remembered."""
FLOWS = frozenset({"authorization_code", "client_credentials", "sign_in"})

_DIGEST = re.compile(r"[0-9a-f]{64}")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,100}")
"""RFC 6749 section 3.3."""


def wrong_start(command: StartGrant, known: Collection[str]) -> GrantRefused | None:
    """Why a grant may not begin, or None. `known`: grant_ids that the subject has."""
    if command.grant_id in known:
        return refused(command, "invalid_request", "grant-exists", "this grant began before")
    if command.flow not in FLOWS:
        return refused(command, "invalid_request", "unknown-flow", f"{command.flow} is no flow")
    if not all(_SCOPE.fullmatch(one) for one in command.scopes):
        return refused(command, "invalid_scope", "invalid-scope", "a scope is not one")
    if sum(len(one) + 1 for one in command.scopes) > SCOPES_LENGTH:
        text = f"scopes may have {SCOPES_LENGTH} characters"
        return refused(command, "invalid_scope", "too-many-scopes", text)
    texts = (command.grant_id, command.client_id, command.subject_id, command.redirect_uri)
    if any(len(text or "") > TEXT_LENGTH for text in (*texts, command.description)):
        text = f"no field may have more than {TEXT_LENGTH} characters"
        return refused(command, "invalid_request", "too-long", text)
    owner = command.client_id if command.user_id is None else command.user_id
    if command.subject_id != owner:
        text = "subject_id must be the user, or the application that acts for itself"
        return refused(command, "invalid_request", "wrong-subject", text)
    if command.flow == "client_credentials":
        return _wrong_client_credentials(command)
    if command.user_id is None:
        return refused(command, "invalid_request", "no-user", "this flow needs a user")
    if command.flow == "sign_in":
        if command.code_digest is not None or not is_digest(command.new_refresh_digest):
            text = "a session has a refresh token from the beginning, and no code"
            return refused(command, "invalid_request", "invalid-session", text)
        return _no_token_id(command)
    return _wrong_code(command)


def _wrong_client_credentials(command: StartGrant) -> GrantRefused | None:
    if command.user_id is not None or not command.confidential:
        text = "only a confidential application may act for itself (RFC 6749 section 4.4)"
        return refused(command, "unauthorized_client", "public-application", text)
    if command.code_digest is not None or command.new_refresh_digest is not None:
        text = "there is no code and no refresh token (RFC 6749 section 4.4.3)"
        return refused(command, "invalid_request", "invalid-tokens", text)
    return _no_token_id(command)


def _no_token_id(command: StartGrant) -> GrantRefused | None:
    if command.token_id:
        return None
    return refused(command, "invalid_request", "no-token-id", "token_id is missing")


def _wrong_code(command: StartGrant) -> GrantRefused | None:
    if not is_digest(command.code_digest) or command.token_id or command.new_refresh_digest:
        text = "this flow begins with a code and no tokens"
        return refused(command, "invalid_request", "invalid-code", text)
    if not command.redirect_uri:
        text = "redirect_uri is missing"
        return refused(command, "invalid_request", "no-redirect-uri", text)
    if command.code_challenge is None and not command.confidential:
        text = "a public application must use PKCE (RFC 9700 section 2.1.1)"
        return refused(command, "invalid_request", "pkce-required", text)
    if command.code_challenge is not None and not _CHALLENGE.fullmatch(command.code_challenge):
        text = "code_challenge must be 43 characters of base64url (RFC 7636 section 4.2)"
        return refused(command, "invalid_request", "invalid-challenge", text)
    return None


def refused(
    command: StartGrant | RedeemCode | RefreshTokens | RevokeGrant,
    error: str,
    reason: str,
    detail: str,
) -> GrantRefused:
    """The answer to a command that breaks a rule; `error` is OAuth's code for it."""
    return GrantRefused(
        subject_id=command.subject_id,
        grant_id=command.grant_id,
        command=command.FULL_NAME,
        error=error,
        reason=reason,
        detail=detail,
    )


def is_digest(text: str | None) -> bool:
    """Whether a text is a SHA-256 in hex."""
    return text is not None and _DIGEST.fullmatch(text) is not None
