"""The rendition that is the sound alone, cut as its source is cut."""

import hashlib
import time
from collections.abc import Callable

from media.encoding.outputs import AUDIO_ONLY, Measured, Output, Produced
from media.encoding.parts import part_of, segment_of
from media.encoding.sound import Sound
from media.encoding.told import Abandoned, Begin, Message, PartDone, SegmentDone
from media.packaging.boxes import AUDIO_TRACK, fragment, init_segment
from media.packaging.outputs import Opened, Part


class SoundRung:
    """Makes `audio_only` of what the feed tells."""

    def __init__(self, say: Callable[[Output], None]) -> None:
        self._say = say
        self._sound: Sound | None = None
        self._opened: tuple[str, bytes] | None = None
        self._parts: list[Part] = []
        self._frames = 0
        self._digest = hashlib.blake2b(digest_size=16)
        self._cpu = self._wall = 0.0

    def take(self, message: Message) -> None:
        """The next thing that the feed tells."""
        cpu, wall = time.thread_time(), time.perf_counter()
        match message:
            case Begin():
                self._begin(message)
            case PartDone() if self._sound is not None:
                self._part(message, self._sound)
            case SegmentDone() if self._sound is not None and self._parts:
                self._end(message, self._sound)
            case Abandoned():
                self._sound = None
        self._cpu += time.thread_time() - cpu
        self._wall += time.perf_counter() - wall

    def _begin(self, begin: Begin) -> None:
        self._sound, self._parts, self._frames = begin.sound, [], 0
        self._digest = hashlib.blake2b(digest_size=16)
        self._cpu = self._wall = 0.0
        if self._sound is None:
            return
        init = init_segment([self._sound.track])
        if self._opened != (self._sound.recipe, init):
            self._opened = (self._sound.recipe, init)
            opened = Opened(
                init=init,
                codecs=self._sound.codec,
                width=0,
                height=0,
                frame_rate=0.0,
                channels=self._sound.channels,
                part_target=begin.part.part_target,
                first_media_sequence=begin.part.media_sequence,
            )
            self._say(Produced(AUDIO_ONLY, self._sound.recipe, opened))

    def _part(self, done: PartDone, sound: Sound) -> None:
        data = fragment(done.number, ((AUDIO_TRACK, done.sounds),))
        self._frames += len(done.sounds)
        self._digest.update(data)
        part = part_of(done.part, data, independent=True)
        self._parts.append(part)
        self._say(Produced(AUDIO_ONLY, sound.recipe, part))

    def _end(self, done: SegmentDone, sound: Sound) -> None:
        whole = segment_of(self._parts)
        self._say(Produced(AUDIO_ONLY, sound.recipe, whole))
        self._say(
            Measured(
                rendition=AUDIO_ONLY,
                media_sequence=whole.media_sequence,
                encoder=sound.encoder,
                recipe=sound.recipe,
                repeatable=True,
                frames=self._frames,
                duration=whole.duration,
                cpu_seconds=self._cpu,
                gpu_seconds=0.0,
                wall_seconds=self._wall,
                source_digest=done.source_digest,
                digest=self._digest.hexdigest(),
            )
        )
        self._sound = None
