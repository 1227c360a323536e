"""Channels, stream keys, and pushing a recording: `channel`, `publish`."""

import asyncio
from pathlib import Path
from typing import Annotated, Final, cast, get_args

import typer

from infra.errors import NotFound
from infra.local.layout import Layout
from infra.settings import KafkaSettings, LocalSettings, TranscodeSettings
from millrace import channels, console, panel
from millrace.publish import Pusher, check

_PANEL: Final = "Broadcasting"
_TIERS: Final = get_args(channels.Tier)
channel_app = typer.Typer(no_args_is_help=True, help="Channels and their stream keys.")


def add_to(app: typer.Typer) -> None:
    """Add `channel` and `publish`."""
    app.add_typer(channel_app, name="channel", rich_help_panel=_PANEL)
    app.command(rich_help_panel=_PANEL)(publish)


@channel_app.callback()
def _channel() -> None:
    """Channels and their stream keys."""


@channel_app.command()
def create(
    name: Annotated[str, typer.Argument(help="3 to 25 characters of a-z, 0-9 and _.")],
    title: Annotated[str, typer.Option(help="What the channel is showing.")] = "",
    category: Annotated[str, typer.Option(help="What it is about.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make a channel, or a new key for one that exists: its old key stops working.

    Example: millrace channel create mychannel --title "My first stream"
    """
    key = channels.new_key()
    kafka = KafkaSettings()
    asyncio.run(channels.ensure(kafka.bootstrap, name, key, title=title or None, category=category))
    if console.wants_json(json):
        answer = {"channel": name, "server": panel.rtmp_address(), "stream_key": key.text}
        console.print_json(answer)
        return
    console.console.print(f"Server      {panel.rtmp_address()}")
    console.console.print(f"Stream key  [bold]{key.text}[/]", soft_wrap=True)
    console.console.print(
        "Keep the key: it is shown once. Only its SHA-256 is stored.", style="dim"
    )


@channel_app.command()
def key(name: Annotated[str, typer.Argument(help="Name of the channel.")]) -> None:
    """Print the key with which `publish` and the sample broadcast push to a channel."""
    console.console.print(channels.kept_key(Layout.of(LocalSettings()), name).text, soft_wrap=True)


@channel_app.command()
def tier(
    name: Annotated[str, typer.Argument(help="Name of the channel.")],
    tier: Annotated[str, typer.Argument(help=f"One of: {', '.join(_TIERS)}.")],
) -> None:
    """Say which renditions a channel may have, if it belongs to no user.

    Channels of users have the tier of the user's roles: `millrace user grant NAME partner`.

    Example: millrace channel tier demo partner
    """
    if tier not in _TIERS:
        raise NotFound(f"there is no tier {tier!r}: choose {', '.join(_TIERS)}")
    wanted = cast(channels.Tier, tier)
    kafka, pool = KafkaSettings(), TranscodeSettings().pool
    asyncio.run(channels.set_tier(kafka.bootstrap, pool, name, wanted))


def publish(
    file: Annotated[Path, typer.Argument(help="A recording with H.264 video and AAC audio.")],
    channel: Annotated[str, typer.Option("--channel", "-c", help="Name of the channel.")],
    loop: Annotated[
        bool, typer.Option("--loop/--once", help="Begin again at its end, and after a break.")
    ] = True,
    server: Annotated[
        str, typer.Option(help="RTMP address. Default: the ingest of this machine.")
    ] = "",
) -> None:
    """Push a recording to a channel over RTMP, at the speed of a live source.

    The channel is made if there is none. Its key is kept in the data folder for the next time.

    Examples:

        millrace publish holiday.mp4 --channel mychannel

        millrace publish test.mp4 -c mychannel --once
    """
    check(file)
    stream_key = channels.kept_key(Layout.of(LocalSettings()), channel)
    asyncio.run(channels.ensure(KafkaSettings().bootstrap, channel, stream_key))
    console.console.print(f"Publishing {file.name} to channel {channel}. Ctrl-C stops.")
    url = f"{server or panel.rtmp_address()}/{stream_key.text}"
    Pusher(file, url, loop=loop, say=console.note).run()
