"""The `millrace` command."""

import sys

import typer

from infra.errors import MillraceError
from millrace import console
from millrace.commands import doctor, local, publishing, roles, topics, views

app = typer.Typer(
    name="millrace",
    no_args_is_help=True,
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
for group in (local, doctor, publishing, topics, views, roles):
    group.add_to(app)


def main() -> None:
    """Run the command; an expected failure is one line and exit status 1, not a traceback."""
    try:
        app()
    except MillraceError as error:
        console.fail(str(error))
        sys.exit(1)


if __name__ == "__main__":
    main()
