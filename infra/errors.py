"""The one error root of the project.

MillraceError
├── ConfigurationError    a setting, a file or the machine is not as it must be; says what to do
├── InvalidRecord         bytes or fields that break a schema or rule; names field and rule
├── Refused               a caller asked for what a rule forbids; carries a reason code
├── Unavailable           a server is away or too slow for now; trying again may help
└── NotFound              what was asked for does not exist
"""


class MillraceError(Exception):
    """Any error that Millrace raises on purpose."""


class ConfigurationError(MillraceError):
    """A setting, a file or the machine is not as it must be. The message says what to do."""


class InvalidRecord(MillraceError):
    """Bytes or fields that break a schema or a rule. The message names the field and the rule."""


class Refused(MillraceError):
    """A rule forbids what was asked for.

    `reason` is a stable code (kebab-case) that clients may compare; the message is for people.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Unavailable(MillraceError):
    """A server is away or too slow for now. Trying again may help."""


class NotFound(MillraceError):
    """What was asked for does not exist."""
