"""The contract on the broker: `topics` and `schemas`."""

import asyncio
from typing import Annotated

import typer
from rich.table import Table

from infra.errors import ConfigurationError
from infra.settings import KafkaSettings
from millrace import console
from schemas import provision, sources

topics_app = typer.Typer(no_args_is_help=True, help="Topics of the broker, from schemas/topics.")
schemas_app = typer.Typer(no_args_is_help=True, help="Record schemas, from schemas/avro.")
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_COLOURS = {"create": "green", "grow": "yellow", "configure": "yellow", "refused": "red"}


def add_to(app: typer.Typer) -> None:
    """Add `topics` and `schemas`."""
    app.add_typer(topics_app, name="topics", rich_help_panel="The log")
    app.add_typer(schemas_app, name="schemas", rich_help_panel="The log")


@topics_app.command()
def apply(json: Json = False) -> None:
    """Create and configure topics as their files say. Refuses to lose anything."""
    kafka = KafkaSettings()
    _show(asyncio.run(provision.apply(kafka.bootstrap, kafka.replication_factor)), json)


@topics_app.command()
def diff(json: Json = False) -> None:
    """Show what `apply` would do."""
    kafka = KafkaSettings()
    _show(asyncio.run(provision.diff(kafka.bootstrap, kafka.replication_factor)), json)


@topics_app.command("list")
def list_(json: Json = False) -> None:
    """List the topics in the files: who writes and who reads them."""
    topics = list(sources.topics().values())
    if console.wants_json(json):
        console.print_json(topics)
        return
    table = Table("topic", "partitions", "kept", "writers", "readers", box=None, pad_edge=False)
    for topic in topics:
        kept = "for good" if topic.retention_ms < 0 else f"{topic.retention_ms / 3_600_000:g} h"
        table.add_row(
            *(topic.name, str(topic.partitions), kept),
            *(", ".join(topic.writers), ", ".join(topic.readers)),
        )
    console.console.print(table)


@schemas_app.command()
def check(json: Json = False) -> None:
    """Check names, documentation, examples, ids, and compatibility with every release."""
    from schemas.check import check as problems

    found = problems()
    if console.wants_json(json):
        console.print_json(found)
    for each in found:
        console.fail(str(each))
    if found:
        raise ConfigurationError(f"{len(found)} problems in schemas/")
    if not console.wants_json(json):
        console.console.print(
            f"{len(sources.schemas())} records, {len(sources.topics())} topics: well"
        )


@schemas_app.command()
def publish(
    url: Annotated[str, typer.Argument(help="A Confluent-compatible registry, http://host:port.")],
    json: Json = False,
) -> None:
    """Register every schema at a registry, under the ids that are on the log."""
    from schemas.publish import publish as publish_to

    published = asyncio.run(publish_to(url))
    if console.wants_json(json):
        console.print_json(published)
        return
    new = sum(each.new for each in published)
    console.console.print(f"{len(published)} schemas are there, {new} of them new.")


def _show(changes: list[provision.Change], json: bool) -> None:
    if console.wants_json(json):
        console.print_json(changes)
        return
    for change in changes:
        colour = _COLOURS.get(change.kind, "dim")
        console.console.print(f"[{colour}]{change.kind:9}[/] {change.topic}: {change.text}")
    if not changes:
        console.console.print("The broker has what the files say.")
