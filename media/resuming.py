"""What a resumed stream left behind: where it goes on, and segments that were never finished."""

from collections import defaultdict
from typing import Final, Protocol

import structlog

from infra.errors import NotFound
from infra.kafka import EventProducer, LogReader, partition_of
from infra.record import Codec
from media.naming import SOURCE, digest
from media.patience import PatientStore
from schemas.records.broadcast import StreamResumed
from schemas.records.media import PartProduced, SegmentProduced

log = structlog.get_logger()

LOOK_BACK: Final = 60.0
"""Seconds before an interruption within which the last parts of a stream are looked for."""


class MediaLog(Protocol):
    """Where media is announced. Implemented by `media.publishing.Publishing`."""

    bootstrap: str
    codec: Codec
    producer: EventProducer
    parts_topic: str
    segments_topic: str


async def resume(stream: StreamResumed, announced: MediaLog, store: PatientStore) -> int:
    """The number of the next segment of a stream, after completing those left open.

    Raises Unavailable.
    """
    for since in (stream.interrupted_at - round(LOOK_BACK * 1e6), stream.started_at):
        parts, segments = await _announced(stream.stream_id, announced, since)
        if parts or segments:
            break
    for number in sorted(set(parts) - segments):
        await _complete(list(parts[number].values()), announced, store)
    return max((*parts, *segments, -1)) + 1


async def _announced(
    stream_id: str, announced: MediaLog, since: int
) -> tuple[dict[int, dict[int, PartProduced]], set[int]]:
    """Parts by segment and part, and the segments that were announced, since a time."""
    parts: dict[int, dict[int, PartProduced]] = defaultdict(dict)
    segments: set[int] = set()
    key = stream_id.encode()
    async with LogReader(announced.bootstrap) as reader:
        for topic in (announced.parts_topic, announced.segments_topic):
            every = await reader.partitions(topic)
            partitions = [every[partition_of(key, len(every))]]
            starts = await reader.at(partitions, since)
            async for batch in reader.read(starts, await reader.ends(partitions)):
                for record in batch:
                    if record.key != key:
                        continue
                    event = announced.codec.decode(record.value).event
                    if isinstance(event, PartProduced) and event.rendition == SOURCE:
                        parts[event.media_sequence][event.part] = event
                    elif isinstance(event, SegmentProduced) and event.rendition == SOURCE:
                        segments.add(event.media_sequence)
    return dict(parts), segments


async def _complete(parts: list[PartProduced], announced: MediaLog, store: PatientStore) -> None:
    """Announce a segment of the parts that were announced, if they are all there."""
    parts = sorted(parts, key=lambda part: part.part)
    first = parts[0]
    bound = {"stream_id": first.stream_id, "media_sequence": first.media_sequence}
    if [part.part for part in parts] != list(range(len(parts))):
        log.warning("left a segment open, parts of it were never announced", **bound)
        return
    try:
        data = b"".join([await store.get(part.object) for part in parts])
    except NotFound as error:
        log.warning("left a segment open, a part of it is gone", error=str(error), **bound)
        return
    key = f"{first.object.rpartition('/')[0]}/{first.media_sequence}.m4s"
    await store.put(key, data)
    event = SegmentProduced(
        stream_id=first.stream_id,
        session_id=first.session_id,
        rendition=first.rendition,
        media_sequence=first.media_sequence,
        object=key,
        init_object=first.init_object,
        size=len(data),
        duration=round(sum(part.duration for part in parts), 6),
        media_time=first.media_time,
        program_date_time=first.program_date_time,
        independent=first.independent,
        digest=digest(data),
        parts=[part.duration for part in parts],
    )
    await announced.producer.send(announced.segments_topic, first.stream_id, event)
    log.info("completed a segment that an interruption left open", **bound)
