"""What people see: one console, one way to say an error, JSON where a program reads."""

import sys
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def fail(message: str) -> None:
    """Print an error: what is wrong, and what to do next."""
    errors.print(Text.assemble(("✗ ", "bold red"), (message, "red")), soft_wrap=True)


def note(message: str) -> None:
    """Print something that a person should know but need not act on."""
    console.print(Text.assemble(("! ", "bold yellow"), message), soft_wrap=True)


def print_json(value: Any) -> None:
    """Print a value for a program to read."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value)).decode() + "\n")


def wants_json(asked: bool) -> bool:
    """Whether to print JSON: asked for, or the output is no terminal."""
    return asked or not console.is_terminal
