"""Grants of OAuth 2: how one begins, what its codes and refresh tokens are worth, when it ends.

RFC 6749 with PKCE by S256 only (RFC 7636) and the best current practice (RFC 9700): a code counts
once and for a minute, a refresh token once; whatever comes a second time ends the grant, because
one of the two who showed it has stolen it. Codes and tokens are known by their SHA-256 only.
All times are microseconds since 1970-01-01T00:00:00Z, taken from the log.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from agents.access.checks import is_digest, refused, wrong_start
from schemas.records.access import (
    GrantRefused,
    GrantRevoked,
    GrantsRevoked,
    GrantStarted,
    RedeemCode,
    RefreshTokens,
    RevokeGrant,
    RevokeGrants,
    StartGrant,
    TokensIssued,
)
from schemas.records.clock import Tick

Asked = StartGrant | RedeemCode | RefreshTokens | RevokeGrant | RevokeGrants
Command = Asked | Tick
Event = GrantStarted | TokensIssued | GrantRevoked | GrantsRevoked | GrantRefused

SECOND = 1_000_000
CODE_LIFETIME = 60 * SECOND
ACCESS_LIFETIME = 3_600 * SECOND
REFRESH_LIFETIME = 30 * 86_400 * SECOND
"""How long a refresh token counts that is not used (RFC 9700 section 4.14.2)."""
GRANTS = 100
"""Grants of one subject; one more ends the oldest."""
USED_TOKENS = 20
"""Refresh tokens before the valid one that are remembered, to tell theft from nonsense."""

_DIGITS_KEPT = 16
"""Hexadecimal digits of used refresh tokens: 64 bits tell them apart."""


@dataclass(frozen=True)
class Grant:
    """A grant that has not ended."""

    grant_id: str
    client_id: str
    user_id: str | None
    scopes: tuple[str, ...]
    started_at: int
    expires_at: int
    """When it ends unless something is asked of it before."""
    code_digest: str | None = None
    redirect_uri: str | None = None
    code_challenge: str | None = None
    issued: bool = False
    """Whether tokens were issued: the code, if there was one, is used up."""
    refresh_digest: str | None = None
    used: tuple[str, ...] = ()
    """Beginnings of the digests of refresh tokens that were used up, oldest first."""


@dataclass(frozen=True)
class Subject:
    """Whoever has grants: a user, or an application that acts for itself."""

    grants: dict[str, Grant] = field(default_factory=dict)
    """By grant_id, oldest first."""

    @property
    def due(self) -> int | None:
        """When the first of the grants ends by itself."""
        return min((grant.expires_at for grant in self.grants.values()), default=None)


def decide(subject: Subject, command: Command, *, now: int, subject_id: str) -> list[Event]:
    """The events that follow from a command."""
    match command:
        case StartGrant():
            return _start(subject, command, now)
        case RevokeGrants():
            return _revoke_all(subject, command)
        case Tick():
            return [
                _revoked(subject_id, grant, "expired" if grant.issued else "code-expired")
                for grant in subject.grants.values()
                if now >= grant.expires_at
            ]
    grant = subject.grants.get(command.grant_id)
    if grant is None:
        return [refused(command, "invalid_grant", "unknown-grant", "there is no such grant")]
    match command:
        case RedeemCode():
            return _redeem(grant, command, now)
        case RefreshTokens():
            return _refresh(grant, command, now)
        case RevokeGrant():
            return _revoke(grant, command)
    return []


def evolve(subject: Subject, event: Event, *, now: int) -> Subject:
    """The state after an event that was said at `now`."""
    match event:
        case GrantStarted():
            return _with(subject, _started(event, now))
        case TokensIssued() if grant := subject.grants.get(event.grant_id):
            return _with(subject, _issued(grant, event))
        case GrantRevoked():
            left = {key: one for key, one in subject.grants.items() if key != event.grant_id}
            return replace(subject, grants=left)
    return subject


def _started(event: GrantStarted, now: int) -> Grant:
    return Grant(
        grant_id=event.grant_id,
        client_id=event.client_id,
        user_id=event.user_id,
        scopes=tuple(event.scopes),
        started_at=now,
        expires_at=now if event.code_expires_at is None else event.code_expires_at,
        code_digest=event.code_digest,
        redirect_uri=event.redirect_uri,
        code_challenge=event.code_challenge,
    )


def _issued(grant: Grant, event: TokensIssued) -> Grant:
    used = grant.used
    if grant.refresh_digest is not None:
        used = (*used, grant.refresh_digest[:_DIGITS_KEPT])[-USED_TOKENS:]
    return replace(
        grant,
        issued=True,
        refresh_digest=event.refresh_digest,
        used=used,
        expires_at=max(event.access_expires_at, event.refresh_expires_at or 0),
    )


def _start(subject: Subject, command: StartGrant, now: int) -> list[Event]:
    wrong = wrong_start(command, subject.grants)
    if wrong is not None:
        return [wrong]
    started = GrantStarted(
        subject_id=command.subject_id,
        grant_id=command.grant_id,
        client_id=command.client_id,
        user_id=command.user_id,
        flow=command.flow,
        scopes=command.scopes,
        code_digest=command.code_digest,
        redirect_uri=command.redirect_uri,
        code_challenge=command.code_challenge,
        code_expires_at=None if command.code_digest is None else now + CODE_LIFETIME,
        description=command.description,
    )
    events: list[Event] = [*_oldest_revoked(subject, command.subject_id), started]
    if command.token_id is not None:
        grant = _started(started, now)
        events.append(_issue(grant, command, command.token_id, command.new_refresh_digest, now))
    return events


def _redeem(grant: Grant, command: RedeemCode, now: int) -> list[Event]:
    """Whoever shows the right code and anything else wrong, or shows it again, ends the grant."""
    if grant.code_digest is None or command.code_digest != grant.code_digest:
        return [refused(command, "invalid_grant", "wrong-code", "the code is not valid")]
    if grant.issued:
        text = "the code was used before: the grant has ended"
        return _ended(grant, command, "code-reused", text)
    if now >= grant.expires_at:
        return _ended(grant, command, "code-expired", "the code is too old")
    shown = (command.client_id, command.redirect_uri, command.code_challenge)
    if shown != (grant.client_id, grant.redirect_uri, grant.code_challenge):
        text = "the code was not given to this client_id, redirect_uri and code_verifier"
        return _ended(grant, command, "code-misused", text)
    if command.new_refresh_digest is not None and not is_digest(command.new_refresh_digest):
        return [_invalid_digest(command)]
    return [_issue(grant, command, command.token_id, command.new_refresh_digest, now)]


def _refresh(grant: Grant, command: RefreshTokens, now: int) -> list[Event]:
    if grant.refresh_digest is None or command.refresh_digest != grant.refresh_digest:
        if command.refresh_digest[:_DIGITS_KEPT] in grant.used:
            text = "the refresh token was used before: the grant has ended"
            return _ended(grant, command, "refresh-reused", text)
        text = "the refresh token is not valid"
        return [refused(command, "invalid_grant", "wrong-refresh-token", text)]
    if now >= grant.expires_at:
        return _ended(grant, command, "expired", "the refresh token is too old")
    if command.client_id != grant.client_id:
        text = "the refresh token was given to another application: the grant has ended"
        return _ended(grant, command, "refresh-misused", text)
    if not is_digest(command.new_refresh_digest):
        return [_invalid_digest(command)]
    if not set(command.scopes) <= set(grant.scopes):
        text = "scope asks for more than was given (RFC 6749 section 6)"
        return [refused(command, "invalid_scope", "scope-too-wide", text)]
    scopes = command.scopes or list(grant.scopes)
    issued = _issue(grant, command, command.token_id, command.new_refresh_digest, now, scopes)
    return [issued]


def _revoke(grant: Grant, command: RevokeGrant) -> list[Event]:
    if command.client_id is not None and command.client_id != grant.client_id:
        text = "the grant is not this application's (RFC 7009 section 2.1)"
        return [refused(command, "invalid_grant", "wrong-client", text)]
    return [_revoked(command.subject_id, grant, command.reason)]


def _revoke_all(subject: Subject, command: RevokeGrants) -> list[Event]:
    ended = [
        _revoked(command.subject_id, grant, command.reason)
        for grant in subject.grants.values()
        if command.client_id in (None, grant.client_id) and grant.grant_id != command.keep_grant_id
    ]
    count = GrantsRevoked(subject_id=command.subject_id, count=len(ended), reason=command.reason)
    return [*ended, count]


def _oldest_revoked(subject: Subject, subject_id: str) -> Iterable[GrantRevoked]:
    surplus = max(0, len(subject.grants) + 1 - GRANTS)
    for grant in list(subject.grants.values())[:surplus]:
        yield _revoked(subject_id, grant, "too-many-grants")


def _issue(
    grant: Grant,
    command: StartGrant | RedeemCode | RefreshTokens,
    token_id: str,
    refresh_digest: str | None,
    now: int,
    scopes: list[str] | None = None,
) -> TokensIssued:
    return TokensIssued(
        subject_id=command.subject_id,
        grant_id=grant.grant_id,
        client_id=grant.client_id,
        user_id=grant.user_id,
        token_id=token_id,
        scopes=list(grant.scopes) if scopes is None else scopes,
        refresh_digest=refresh_digest,
        access_expires_at=now + ACCESS_LIFETIME,
        refresh_expires_at=None if refresh_digest is None else now + REFRESH_LIFETIME,
    )


def _ended(
    grant: Grant, command: RedeemCode | RefreshTokens, reason: str, detail: str
) -> list[Event]:
    return [
        _revoked(command.subject_id, grant, reason),
        refused(command, "invalid_grant", reason, detail),
    ]


def _revoked(subject_id: str, grant: Grant, reason: str) -> GrantRevoked:
    return GrantRevoked(
        subject_id=subject_id,
        grant_id=grant.grant_id,
        client_id=grant.client_id,
        user_id=grant.user_id,
        reason=reason,
    )


def _invalid_digest(command: RedeemCode | RefreshTokens) -> GrantRefused:
    text = "a digest must be 64 hexadecimal digits"
    return refused(command, "invalid_request", "invalid-digest", text)


def _with(subject: Subject, grant: Grant) -> Subject:
    return replace(subject, grants=subject.grants | {grant.grant_id: grant})
