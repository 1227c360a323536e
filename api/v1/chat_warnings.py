"""`/v1/channels/{channel_id}/chat/warnings/confirm`: a user has read a warning."""

from api.access import scoped, signed_in
from api.call import Call, endpoint
from api.moderating import COMMANDS
from api.v1.followers import ChannelIdPath
from schemas.records.chat import ConfirmWarning, WarningConfirmed


async def confirm_warning(call: Call, path: ChannelIdPath) -> None:
    """Say that you have read the warning that you were given in a chat."""
    command = ConfirmWarning(channel_id=path.channel_id, user_id=call.user_id)
    await call.ask(COMMANDS, path.channel_id, command, WarningConfirmed)


ASKING = (
    endpoint(
        "POST",
        "/v1/channels/{channel_id}/chat/warnings/confirm",
        confirm_warning,
        signed_in & scoped("user:write:chat"),
    ),
)
