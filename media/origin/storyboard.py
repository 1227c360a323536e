"""A strip of small pictures of what is listed: for looking where one is, made when asked for."""

import asyncio
from collections import OrderedDict
from functools import partial
from typing import Final

import msgspec

from infra.errors import MillraceError, NotFound
from media.origin.decoding import Decoder, sheet
from media.origin.objects import Objects
from media.origin.rendition import Entry, Rendition
from media.origin.streams import Stream

INTERVAL: Final = 10.0
"""Seconds from one picture to the next, at least."""
COLUMNS: Final = 4
WIDTH: Final = 160
MAX_PICTURES: Final = 32
MAX_SHEETS: Final = 200
"""Sheets held in memory, some ten kilobytes each."""


class Tile(msgspec.Struct, frozen=True):
    """A picture in the sheet, in pixels of it, and the media that it is of."""

    media_sequence: int
    program_date_time: int
    """Microseconds since 1970-01-01T00:00:00Z."""
    duration: float
    """Seconds until the next picture, or the end of what is listed."""
    x: int
    y: int


class Storyboard(msgspec.Struct, frozen=True):
    """What `storyboard.json` says: where each picture lies in the sheet."""

    image: str
    """Address of the sheet, relative to this; what it shows never changes."""
    width: int
    """Of a picture, in pixels."""
    height: int
    tiles: list[Tile]


class Storyboards:
    """Sheets on demand, one at a time, from the smallest rendition that there is."""

    def __init__(self, objects: Objects, decoder: Decoder) -> None:
        self._objects, self._decoder = objects, decoder
        self._sheets: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._turn = asyncio.Lock()

    def describe(self, stream: Stream) -> Storyboard:
        """The pictures of what is listed now. Raises NotFound if there are none."""
        rendition, chosen = _chosen(stream)
        assert rendition.opened is not None
        height = max(2, round(rendition.opened.height * WIDTH / rendition.opened.width) & ~1)
        end = rendition.end / 1e6
        tiles = []
        for index, entry in enumerate(chosen):
            after = chosen[index + 1].program_date_time / 1e6 if index + 1 < len(chosen) else end
            x, y = index % COLUMNS * WIDTH, index // COLUMNS * height
            start = entry.program_date_time
            tiles.append(Tile(entry.media_sequence, start, after - start / 1e6, x, y))
        return Storyboard(f"storyboard-{_name(chosen)}.jpg", WIDTH, height, tiles)

    async def sheet(self, stream: Stream, name: str) -> bytes:
        """The sheet of that name. Raises NotFound if it is not that of now, nor was of late."""
        key = (stream.stream_id, name)
        async with self._turn:
            if key not in self._sheets:
                rendition, chosen = _chosen(stream)
                if name != _name(chosen):
                    raise NotFound("no such storyboard")
                self._sheets[key] = await self._make(rendition, chosen)
                if len(self._sheets) > MAX_SHEETS:
                    self._sheets.popitem(last=False)
            return self._sheets[key]

    async def _make(self, rendition: Rendition, chosen: list[Entry]) -> bytes:
        assert rendition.opened is not None
        height = max(2, round(rendition.opened.height * WIDTH / rendition.opened.width) & ~1)
        media = []
        for entry in chosen:
            try:
                init = await self._objects.get(entry.init_object)
                media.append(init + await self._objects.get(entry.object))
            except MillraceError:
                media.append(b"")  # stays black
        columns = min(COLUMNS, len(chosen))
        return await self._decoder.run(partial(sheet, media, columns, WIDTH, height))


def _chosen(stream: Stream) -> tuple[Rendition, list[Entry]]:
    """A segment of every ten seconds: the first that begins in them, so that they stay the same."""
    for rendition in stream.pictures():
        found: dict[int, Entry] = {}
        for entry in rendition.entries:
            if not entry.lost:
                found.setdefault(int(entry.program_date_time / 1e6 // INTERVAL), entry)
        if found:
            return rendition, list(found.values())[-MAX_PICTURES:]
    raise NotFound("the stream has no picture")


def _name(chosen: list[Entry]) -> str:
    return f"{chosen[0].media_sequence}-{chosen[-1].media_sequence}"
