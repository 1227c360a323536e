"""Every stream on air, and who waits for its next part."""

import asyncio
import gzip
from collections.abc import Callable
from hashlib import blake2b
from typing import Final

import msgspec

from infra.record import Envelope
from media.naming import AUDIO_ONLY, SOURCE
from media.origin.multivariant import foreseen, made, multivariant_playlist
from media.origin.playlist import media_playlist
from media.origin.rendition import Rendition
from media.origin.sessions import Sessions
from schemas.records.broadcast import StreamEnded, StreamInterrupted, StreamResumed, StreamStarted
from schemas.records.media import PartProduced, RenditionOpened, SegmentProduced
from schemas.records.transcode import LadderChanged, Rung

KEEP_ENDED: Final = 300.0
"""Seconds for which the playlists of an ended stream can still be fetched."""
FORGET_SILENT: Final = 3600.0
"""Seconds after which a stream without any event is forgotten: the parts have gone from the log."""
STALE: Final = 1.0
"""Seconds that a rendition may be behind the source: then nobody is sent to it any more."""


class Text(msgspec.Struct, frozen=True):
    """A playlist ready to be sent."""

    plain: bytes
    zipped: bytes
    etag: str


def _text(content: str) -> Text:
    plain = content.encode()
    digest = blake2b(plain, digest_size=8).hexdigest()
    return Text(plain, gzip.compress(plain, 1, mtime=0), digest)


class Live:
    """A rendition with its playlist texts and with those who wait for a change."""

    def __init__(self, rendition: Rendition, texts: Callable[["Live", bool], str]) -> None:
        self.rendition = rendition
        self._render = texts
        self._texts: dict[bool, Text] = {}
        self._changed: asyncio.Future[None] | None = None

    def text(self, *, skip: bool = False) -> Text:
        """The media playlist as it is now; made once for all who ask."""
        found = self._texts.get(skip)
        if found is None:
            found = self._texts[skip] = _text(self._render(self, skip))
        return found

    def touch(self) -> None:
        """The playlist has changed: wake everyone who waits."""
        self._texts.clear()
        changed, self._changed = self._changed, None
        if changed is not None and not changed.done():
            changed.set_result(None)

    async def wait(self, ready: Callable[[], bool], seconds: float) -> bool:
        """Wait until `ready()`, looking after each change; False if it took too long."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not ready():
            left = end - loop.time()
            if left <= 0:
                return False
            if self._changed is None:
                self._changed = loop.create_future()
            await asyncio.wait((self._changed,), timeout=left)
        return True


class Stream:
    """One broadcast."""

    def __init__(self, stream_id: str) -> None:
        self.stream_id = stream_id
        self.started_at: int | None = None
        self.interrupted_at: int | None = None
        self.ended_at: int | None = None
        self.last_event_at = 0
        self.sessions = Sessions()
        self.renditions: dict[str, Live] = {}
        self._ladder: dict[str, Rung] | None = None
        self._playable: frozenset[str] = frozenset()

    def take(self, ladder: LadderChanged) -> None:
        """Which rungs are to be made: the latest word counts, and says all."""
        self._ladder = {rung.name: rung for rung in ladder.rungs}
        self.look()

    def look(self) -> None:
        """Find what is playable now, and wake everyone who waits for what is no longer."""
        before, self._playable = self._playable, frozenset(filter(self._can_play, self.renditions))
        for name in before - self._playable:
            self.renditions[name].touch()

    def multivariant(self, *, every: bool = False) -> Text:
        """The multivariant playlist as it is now, with `every` also rungs that may come."""
        source = self.renditions[SOURCE].rendition.opened
        listed = [live.rendition for live in self.playable()]
        rungs = self._ladder or {}
        if not every:
            listed = [each for each in listed if not self._is_going(each.name)]
        variants = [made(each, each.opened) for each in listed if each.opened]
        if every and source:
            there = {variant.name for variant in variants}
            for name in rungs.keys() - there:
                live = self.renditions.get(name)
                known = live.rendition.opened if live else None
                variants.append(foreseen(rungs[name], source, known))
        return _text(multivariant_playlist(variants))

    def playable(self) -> list[Live]:
        """The renditions that a player may be sent to."""
        return [live for name, live in self.renditions.items() if name in self._playable]

    def pictures(self) -> list[Rendition]:
        """The playable renditions that have a picture, the smallest first."""
        shown = [live.rendition for live in self.playable()]
        shown = [each for each in shown if each.opened and each.opened.width]
        return sorted(shown, key=lambda each: each.opened.width if each.opened else 0)

    def is_playable(self, name: str) -> bool:
        """Whether a player may be sent to a rendition; the source's is the stream's."""
        return name in self._playable

    def _is_going(self, name: str) -> bool:
        rung = (self._ladder or {}).get(name)
        return rung is not None and rung.state == "going"

    def _can_play(self, name: str) -> bool:
        """The source with the first part. Others have to have a whole segment, since players take
        a playlist of parts alone for empty; to be wanted; and to come along."""
        rendition = self.renditions[name].rendition
        if rendition.opened is None:
            return False
        if name == SOURCE:
            return bool(rendition.entries or rendition.open_parts)
        if self._ladder is not None and name != AUDIO_ONLY:
            rung = self._ladder.get(name)
            if rung is None or rung.state not in ("granted", "going"):
                return False
        source = self.renditions.get(SOURCE)
        if source is None or not rendition.entries:
            return False
        return source.rendition.end - rendition.end <= STALE * 1e6


class Streams:
    """The fold of the media and broadcast events: stream_id → Stream."""

    def __init__(self, *, window: float, part_hold_back: float) -> None:
        self._window, self._part_hold_back = window, part_hold_back
        self._streams: dict[str, Stream] = {}

    def __len__(self) -> int:
        return len(self._streams)

    def get(self, stream_id: str) -> Stream | None:
        """The stream, if it is on air or ended a short while ago."""
        return self._streams.get(stream_id)

    def live(self, stream_id: str, rendition: str) -> Live | None:
        """A rendition of a stream."""
        stream = self._streams.get(stream_id)
        return stream.renditions.get(rendition) if stream else None

    def all(self) -> list[Stream]:
        """Every stream that is remembered."""
        return list(self._streams.values())

    def apply(self, envelope: Envelope) -> Live | None:
        """Take an event; the rendition whose playlist it changed."""
        event, at = envelope.event, envelope.meta.occurred_at
        if isinstance(event, PartProduced | SegmentProduced | RenditionOpened):
            stream = self._stream(event.stream_id, at)
            live = stream.renditions.get(event.rendition)
            if live is None:
                live = self._add(stream, event.rendition)
            changed = live.rendition.apply(event)
            stream.look()
            return live if changed else None
        if isinstance(event, LadderChanged):
            self._stream(event.stream_id, at).take(event)
        if isinstance(event, StreamStarted | StreamInterrupted | StreamResumed | StreamEnded):
            self._apply_broadcast(event, at)
        return None

    def _apply_broadcast(
        self, event: StreamStarted | StreamInterrupted | StreamResumed | StreamEnded, at: int
    ) -> None:
        stream = self._stream(event.stream_id, at)
        stream.interrupted_at = at if isinstance(event, StreamInterrupted) else None
        if isinstance(event, StreamEnded):
            stream.ended_at = at
            for live in stream.renditions.values():
                live.touch()
        if not isinstance(event, StreamInterrupted):
            stream.started_at = event.started_at

    def forget(self, now: int) -> None:
        """Drop streams that ended or fell silent some time ago."""
        for stream in self.all():
            ended = stream.ended_at is not None and now - stream.ended_at > KEEP_ENDED * 1e6
            if ended or now - stream.last_event_at > FORGET_SILENT * 1e6:
                del self._streams[stream.stream_id]
                for live in stream.renditions.values():
                    live.touch()

    def _stream(self, stream_id: str, at: int) -> Stream:
        stream = self._streams.get(stream_id)
        if stream is None:
            stream = self._streams[stream_id] = Stream(stream_id)
        stream.last_event_at = max(stream.last_event_at, at)
        return stream

    def _add(self, stream: Stream, name: str) -> Live:
        rendition = Rendition(stream.stream_id, name, self._window, stream.sessions)

        def render(live: Live, skip: bool) -> str:
            others = [each.rendition for each in stream.playable() if each is not live]
            return media_playlist(
                live.rendition,
                others,
                ended=stream.ended_at is not None,
                skip=skip,
                part_hold_back=self._part_hold_back,
            )

        live = stream.renditions[name] = Live(rendition, render)
        return live
