"""All rungs of one stream: one thread that decodes, one for each rung."""

import asyncio
import os
import queue
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

import msgspec

from infra.errors import MillraceError
from media.encoding.encoders import Encoder, Encoders, Shape
from media.encoding.feeding import Feed
from media.encoding.outputs import Output, SourcePart, Target
from media.encoding.rung import Rung
from media.encoding.sizes import macroblocks
from media.encoding.sound_rung import SoundRung
from media.encoding.told import Begin, Message, PartDone, SegmentDone

MOST_PARTS: Final = 2
"""Parts that wait for the decoder or are in it; `feed` waits while there are as many."""
MOST_BEHIND: Final = 3
"""Parts of which the pictures wait for a rung, at most; the decoder waits for the slowest."""
MOST_OUTPUTS: Final = 512
"""Outputs that wait to be taken; rungs wait while there are as many."""

YIELDING: Final = 400
"""Macroblocks of a picture for which a rung's thread steps back by one (nice, 9 at most): where all
want a core at once, small renditions are out before the large one, which is as late as before."""

OpenEncoder = Callable[[str, Shape], Encoder]


class _Close(msgspec.Struct, frozen=True):
    ended: bool


class _Over(msgspec.Struct, frozen=True):
    error: Exception | None


class _RungThread(threading.Thread):
    """Tells a rung what the feed tells, in a thread of its own."""

    def __init__(self, rung: Rung) -> None:
        super().__init__(name=f"rung {rung.target.name}", daemon=True)
        self.rung = rung
        self.error: Exception | None = None
        self._messages: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(MOST_BEHIND)
        self.start()

    def tell(self, message: Message | None) -> None:
        """Hand over what the feed tells; None at the end. Waits while the rung is behind."""
        if isinstance(message, PartDone):
            self._room.acquire()
        self._messages.put(message)

    def run(self) -> None:
        """Until it is told None. After an error it only listens, so that nobody waits for it."""
        yields = min(9, _size(self.rung) // YIELDING)
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), yields)
        while (message := self._messages.get()) is not None:
            if self.error is None:
                try:
                    self.rung.take(message)
                except Exception as error:  # noqa: BLE001 - raised where outputs are taken
                    self.error = error
            if isinstance(message, PartDone):
                self._room.release()


class Ladder:
    """Makes renditions of one stream in real time.

    Feed it every part of the source, in order, and take what it makes from `outputs` at the same
    time. It begins with the first segment that it sees from its beginning and that begins with a
    key frame; a segment of which a part is missing is left unfinished. Sound of more than two
    channels is encoded anew: feed it the last quarter of a second before the segment to begin
    with too, and that segment's bytes are what they would be without a restart.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        *,
        encoders: Encoders | None = None,
        salt: str = "",
        open_encoder: OpenEncoder = Encoder,
    ) -> None:
        """Begin. `salt` tells apart what encoders make that do not repeat themselves."""
        self._encoders, self._salt, self._open = encoders or Encoders(), salt, open_encoder
        self._targets = tuple(targets)
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Semaphore(MOST_PARTS)
        self._parts: queue.SimpleQueue[SourcePart | _Close] = queue.SimpleQueue()
        self._made: asyncio.Queue[Output | _Over] = asyncio.Queue()
        self._untaken = threading.Semaphore(MOST_OUTPUTS)
        self._threads: dict[str, _RungThread] = {}
        self._retired: list[_RungThread] = []
        self._sound = SoundRung(self._say)
        self._closed = False
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=self._work, name="decoding", daemon=True)
        self._thread.start()

    async def feed(self, part: SourcePart) -> None:
        """Take the next part of the source; waits while the rungs are behind."""
        await self._room.acquire()
        if self._closed or self._over.is_set():
            self._room.release()
            raise MillraceError("the ladder takes no more parts")
        self._parts.put(part)

    def set_targets(self, targets: Sequence[Target]) -> None:
        """Rungs that are new come with the next segment; others go when it begins."""
        self._targets = tuple(targets)

    async def outputs(self) -> AsyncIterator[Output]:
        """What is made, of each rendition in order, until the ladder is closed.

        Raises Undecodable or InvalidRecord if the source is broken.
        """
        while True:
            made = await self._made.get()
            if isinstance(made, _Over):
                if made.error is not None:
                    raise made.error
                return
            self._untaken.release()
            yield made

    async def close(self, *, ended: bool = False) -> None:
        """Finish what was fed. `ended`: the stream is over, so the open segment is whole."""
        if not self._closed:
            self._closed = True
            self._untaken.release(1 << 20)  # Who closes may not take outputs any more.
            self._parts.put(_Close(ended))
        await self._over.wait()

    def _work(self) -> None:
        """Decode until closed."""
        feed = Feed(self._tell, self._encoders.decoder)
        error: Exception | None = None
        try:
            while isinstance(part := self._parts.get(), SourcePart):
                feed.take(part)
                self._loop.call_soon_threadsafe(self._room.release)
                self._raise_errors()
            feed.finish(ended=part.ended)
        except Exception as raised:  # noqa: BLE001 - raised where outputs are taken
            error = raised
        for thread in self._threads.values():
            thread.tell(None)
        for thread in (*self._threads.values(), *self._retired):
            thread.join()
            error = error or thread.error
        self._loop.call_soon_threadsafe(self._end, error)

    def _end(self, error: Exception | None) -> None:
        self._over.set()
        self._made.put_nowait(_Over(error))
        for _ in range(MOST_PARTS):
            self._room.release()

    def _raise_errors(self) -> None:
        for thread in self._threads.values():
            if thread.error is not None:
                raise thread.error

    def _tell(self, message: Message) -> None:
        """Pass on what the feed tells. In the decoding thread."""
        if isinstance(message, Begin):
            self._change_rungs()
        for thread in self._threads.values():
            thread.tell(
                self._shared(message, thread.rung) if isinstance(message, SegmentDone) else message
            )
        self._sound.take(message)

    def _shared(self, done: SegmentDone, rung: Rung) -> SegmentDone:
        """With the rung's share of decoding, by macroblocks."""
        sizes = [_size(thread.rung) for thread in self._threads.values()]
        share = _size(rung) / sum(sizes)
        return msgspec.structs.replace(done, cpu_seconds=done.cpu_seconds * share)

    def _change_rungs(self) -> None:
        wanted = {target.name: target for target in self._targets}
        for name, thread in list(self._threads.items()):
            if wanted.get(name) != thread.rung.target:
                thread.tell(None)
                self._retired = [old for old in self._retired if old.is_alive()]
                self._retired.append(self._threads.pop(name))
        for name, target in wanted.items():
            if name not in self._threads:
                rung = Rung(target, self._encoders.names, self._salt, self._say, self._open)
                self._threads[name] = _RungThread(rung)

    def _say(self, output: Output) -> None:
        """Hand an output over to the loop. In any thread."""
        self._untaken.acquire()
        self._loop.call_soon_threadsafe(self._made.put_nowait, output)


def _size(rung: Rung) -> int:
    return macroblocks(rung.target.width, rung.target.height)
