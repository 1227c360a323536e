"""What people see: one console, one way to say an error, JSON where a program reads."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from aiokafka import TopicPartition
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def fail(message: str) -> None:
    """Print an error: what is wrong, and what to do next."""
    errors.print(Text.assemble(("✗ ", "bold red"), (message, "red")), soft_wrap=True)


def note(message: str) -> None:
    """Print something that a person should know but need not act on."""
    console.print(Text.assemble(("! ", "bold yellow"), message), soft_wrap=True)


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int, str], None]]:
    """A bar on a terminal, nothing elsewhere: told how much is done, of how much, and of what."""
    shown = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    task = shown.add_task(what, total=None)

    def moved(done: int, total: int, of: str) -> None:
        shown.update(task, completed=done, total=total, description=f"{what} {of}")

    with shown:
        yield moved


def print_json(value: Any) -> None:
    """Print a value for a program to read."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(_plain(value))).decode() + "\n")


def _plain(value: Any) -> Any:
    """The same value with keys that JSON can have: `media-parts/0`, `channel,1700,stream`."""
    match value:
        case msgspec.Struct():
            return _plain(msgspec.structs.asdict(value))
        case dict():
            return {_key(key): _plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(item) for item in value]
    return value


def _key(key: Any) -> Any:
    match key:
        case TopicPartition(topic=topic, partition=partition):
            return f"{topic}/{partition}"
        case tuple():
            return ",".join(map(str, key))
    return key


def wants_json(asked: bool) -> bool:
    """Whether to print JSON: asked for, or the output is no terminal."""
    return asked or not console.is_terminal
