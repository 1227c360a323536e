"""One sub-command a role: what `up`, a container or a debugger runs."""

from typing import Annotated

import typer

from infra.errors import NotFound
from millrace.roles import STORES, TOPOLOGIES

_PANEL = "Roles (one process each)"


def add_to(app: typer.Typer) -> None:
    """Add a sub-command for each role."""
    for command in (
        *(ingest, origin, transcoder, gateway, views, clock, webhooks, worker),
        *(chat_fanout, chat_edge),
    ):
        app.command(rich_help_panel=_PANEL)(command)


def ingest() -> None:
    """Take publishers in over RTMP, package what they send, and say so on Kafka."""
    from millrace import media_roles

    media_roles.run_ingest()


def origin() -> None:
    """Serve playlists and media to players."""
    from millrace import media_roles

    media_roles.run_origin()


def transcoder() -> None:
    """Make renditions of the streams that the dispatcher gives to this machine."""
    from millrace import media_roles

    media_roles.run_transcoder()


def gateway() -> None:
    """Serve the pages and the API."""
    from millrace import bootstrap

    bootstrap.run_gateway()


def views(
    store: Annotated[
        str, typer.Argument(help=f"One of: {', '.join(STORES)}. Both if none is named.")
    ] = "",
) -> None:
    """Fold the log into the views that a store keeps.

    Example: millrace views redis
    """
    chosen = [each for each in STORES if store in ("", each)]
    if not chosen:
        raise NotFound(f"there is no store {store!r}: choose {', '.join(STORES)}")
    from millrace import bootstrap

    bootstrap.run_views(chosen)


def clock() -> None:
    """Write a tick a second into every commands topic."""
    from millrace import bootstrap

    bootstrap.run_clock()


def webhooks() -> None:
    """Call the webhooks of those who subscribed to events."""
    from millrace import bootstrap

    bootstrap.run_webhooks()


def chat_fanout() -> None:
    """Copy what happens in chats to Redis, where edges hear it."""
    from millrace import chat_roles

    chat_roles.run_chat_fanout()


def chat_edge() -> None:
    """Serve chat over WebSockets and IRC."""
    from millrace import chat_roles

    chat_roles.run_chat_edge()


def worker(
    topology: Annotated[str, typer.Argument(help=f"One of: {', '.join(TOPOLOGIES)}.")],
) -> None:
    """Run the agents of one context on Faust.

    Example: millrace worker broadcast
    """
    if topology not in TOPOLOGIES:
        raise NotFound(f"there is no topology {topology!r}: choose {', '.join(TOPOLOGIES)}")
    from millrace import bootstrap

    bootstrap.run_worker(topology)
