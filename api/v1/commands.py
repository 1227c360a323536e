"""`/v1/commands`: what came of a command whose outcome was not known in time."""

from typing import Annotated, Literal

import msgspec

from api.access import anyone
from api.call import COMMANDS, Call, endpoint
from api.commands import Outcome
from infra.errors import NotFound


class CommandPath(msgspec.Struct, frozen=True):
    """A command in the path."""

    command_id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]


class CommandState(msgspec.Struct, frozen=True):
    """What is known of a command."""

    command_id: str
    state: Literal["undecided", "decided"]
    outcomes: list[Outcome]
    """Events that came of it so far. One whose name ends in `Refused` says why nothing did."""


async def get_command(call: Call, path: CommandPath) -> CommandState:
    """What came of a command of yours: outcomes are kept for 5 minutes, and for 24 hours where it
    was asked with an `Idempotency-Key`.
    """
    found = await call.request.app[COMMANDS].look(path.command_id, call.principal)
    if found is None:
        raise NotFound("There is no such command of yours, or it was too long ago.")
    return CommandState(path.command_id, "decided" if found else "undecided", found)


ROUTES = (endpoint("GET", "/v1/commands/{command_id}", get_command, anyone),)
