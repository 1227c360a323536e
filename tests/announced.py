"""What is announced of a source and of its renditions."""

from media.transcoding.recent import Announced
from schemas.records.media import PartProduced, SegmentProduced

STREAM = "stream-1"


def source(number: int, part: int, *, independent: bool | None = None) -> Announced:
    begins = part == 0 if independent is None else independent
    return Announced(
        PartProduced(
            stream_id=STREAM,
            session_id="session",
            rendition="source",
            media_sequence=number,
            part=part,
            object=f"{number}.{part}",
            init_object="init",
            size=1,
            duration=0.1,
            media_time=number * 2 + part / 10,
            program_date_time=0,
            independent=begins,
            last=part == 1,
            digest="",
        ),
        announced_at=number * 2_000_000,
    )


def finished(rendition: str, number: int) -> SegmentProduced:
    return SegmentProduced(
        stream_id=STREAM,
        session_id="session",
        rendition=rendition,
        media_sequence=number,
        object="",
        init_object="",
        size=1,
        duration=2.0,
        media_time=number * 2.0,
        program_date_time=0,
        independent=True,
        digest="",
        parts=[0.1],
    )
