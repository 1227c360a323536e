"""Errors that only the gateway knows: each is a status of its own (`api/problems.py`)."""

from infra.errors import InvalidRecord, NotFound, Refused, Unavailable


class Unauthorized(Refused):
    """401: who asks is not known. `challenge` is the `WWW-Authenticate` of RFC 6750, section 3.

    `reason` is `invalid_token` or `invalid_request`; empty where no token was given at all.
    """

    @property
    def challenge(self) -> str:
        """The header's value."""
        if not self.reason:
            return 'Bearer realm="millrace"'
        return f'Bearer realm="millrace", error="{self.reason}", error_description="{self}"'


class Forbidden(Refused):
    """403: known, but without the scope or the role that is needed."""

    def __init__(self, message: str, scope: str = "") -> None:
        super().__init__("insufficient_scope" if scope else "insufficient_role", message)
        self.scope = scope

    @property
    def challenge(self) -> str:
        """`WWW-Authenticate`, which names the scopes that would do (RFC 6750, section 3.1)."""
        if not self.scope:
            return ""
        return f'Bearer realm="millrace", error="insufficient_scope", scope="{self.scope}"'


class Conflict(Refused):
    """409: the same thing is being done at this moment."""


class Gone(NotFound):
    """410: it was there. `start` is where to go on instead."""

    def __init__(self, message: str, start: str) -> None:
        super().__init__(message)
        self.start = start


class TooLarge(InvalidRecord):
    """413: more than one request may hold."""


class Unprocessable(InvalidRecord):
    """422: well-formed, but a field breaks its rule. `pointer` names it (RFC 6901)."""

    def __init__(self, message: str, pointer: str = "", code: str = "invalid-body") -> None:
        super().__init__(message)
        self.pointer = pointer
        self.code = code


class CommandRefused(Refused):
    """422: the platform decided against a command; `reason` is the rule's own code."""


class TooMany(Refused):
    """429: try again in `retry_after` seconds."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__("too-many-requests", message)
        self.retry_after = retry_after


class Undecided(Unavailable):
    """504: a command was accepted, and its outcome is not known yet. Ask again by its id."""

    def __init__(self, command_id: str) -> None:
        super().__init__("The command was accepted, but its outcome is not known yet.")
        self.command_id = command_id
