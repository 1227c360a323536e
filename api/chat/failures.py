"""What a client is told of a command that was not carried out. Pure."""

from api.chat.asking import Command, Join, Part, Say
from api.chat.dialect import Failure
from api.errors import TooMany, Unauthorized
from infra.errors import MillraceError, NotFound, Refused, Unavailable
from infra.names import id_of


def failure(
    reason: str, detail: str, command: Command, retry_after_seconds: int | None = None
) -> Failure:
    """For `reason` and `detail` see Failure."""
    channel_id = command.channel_id if isinstance(command, Part | Say) else ""
    if isinstance(command, Join):
        channel_id = id_of(command.channel)
    nonce = command.nonce if isinstance(command, Say) else ""
    return Failure(reason, detail, channel_id, nonce, retry_after_seconds)


def failure_of(error: MillraceError, command: Command) -> Failure:
    """What an error means to who asked."""
    retry_after = error.retry_after if isinstance(error, TooMany) else None
    return failure(_reason(error), str(error), command, retry_after)


def _reason(error: MillraceError) -> str:
    """A stable code for an error."""
    if isinstance(error, Unauthorized):
        return "invalid-token"
    if isinstance(error, Refused):
        return error.reason
    if isinstance(error, NotFound):
        return "not-found"
    return "unavailable" if isinstance(error, Unavailable) else "failed"
