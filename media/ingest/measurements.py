"""What a session was measured to be like, as events."""

from media.ingest.health import Figures, warnings
from media.ingest.meter import Meter
from schemas.records.ingest import HealthMeasured, MeasurementEnded


def measured(
    channel_id: str,
    stream_id: str,
    session_id: str,
    figures: Figures,
    meter: Meter,
    *,
    frames_discarded: int,
    behind_bytes: int,
) -> HealthMeasured:
    """Figures and what is not well with them; milliseconds are as fine as they get."""
    video, audio, interval = meter.video_codec, meter.audio_codec, figures.key_frame_interval
    found = warnings(figures)
    return HealthMeasured(
        channel_id=channel_id,
        stream_id=stream_id,
        session_id=session_id,
        seconds=round(figures.seconds, 3),
        video_bitrate=figures.video_bitrate,
        audio_bitrate=figures.audio_bitrate,
        frame_rate=round(figures.frame_rate, 3),
        expected_frame_rate=round(figures.expected_frame_rate, 3),
        frames_missing=figures.frames_missing,
        frames_discarded=frames_discarded,
        key_frame_interval=None if interval is None else round(interval, 3),
        width=video.width if video else 0,
        height=video.height if video else 0,
        video_codec=video.codec if video else "",
        audio_codec=audio.codec if audio else "",
        late=round(figures.late, 3),
        hole=round(figures.hole, 3),
        jumps=figures.jumps,
        audio_offset=round(figures.audio_offset, 3),
        behind_bytes=behind_bytes,
        warnings=[advice.code for advice in found],
        details=[advice.detail for advice in found],
    )


def measurement_ended(channel_id: str, stream_id: str, session_id: str) -> MeasurementEnded:
    """That a session is no longer measured."""
    return MeasurementEnded(channel_id=channel_id, stream_id=stream_id, session_id=session_id)
