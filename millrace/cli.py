"""The `millrace` command."""

import sys
from importlib import import_module
from typing import Final

import typer

from infra.errors import MillraceError
from millrace import console

_HOMES: Final = {
    "local": ("up", "down", "status", "logs"),
    "doctor": ("doctor",),
    "publishing": ("publish", "channel"),
    "users": ("user", "keys"),
    "topics": ("topics", "schemas"),
    "views": ("rebuild", "prove", "as-of", "diff"),
    "backtest": ("backtest",),
    "roles": (
        *("ingest", "origin", "gateway", "views", "clock", "webhooks", "worker"),
        *("chat-fanout", "chat-edge"),
    ),
}
"""Modules of `millrace/commands` and the commands in each, in the order of `--help`."""


def build(command: str = "") -> typer.Typer:
    """The application, with what `command` needs, or with everything.

    Roles start nine at a time, and none should load what it never uses.
    """
    app = _empty()
    for module, commands in _HOMES.items():
        if command in commands or not any(command in each for each in _HOMES.values()):
            import_module(f"millrace.commands.{module}").add_to(app)
    return app


def _empty() -> typer.Typer:
    return typer.Typer(
        name="millrace",
        no_args_is_help=True,
        callback=lambda: None,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        help="""
        Millrace: an event-sourced live-streaming platform on Kafka.

        [bold]Start everything on this machine, with a sample broadcast:[/bold]

            millrace up --demo

        [bold]Look at it from another terminal, and stop it:[/bold]

            millrace status
            millrace logs gateway -f
            millrace down

        [bold]Something does not work?[/bold]

            millrace doctor

        Settings are MILLRACE_… environment variables: see .env.example.
        """,
    )


def main() -> None:
    """Run the command; an expected failure is one line and exit status 1, not a traceback."""
    try:
        build(*sys.argv[1:2])()
    except MillraceError as error:
        console.fail(str(error))
        sys.exit(1)


if __name__ == "__main__":
    main()
