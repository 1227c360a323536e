"""How well each channel's broadcast arrives, while it does."""

import msgspec

from infra.record import Envelope
from schemas.records.ingest import HealthMeasured, MeasurementEnded
from sinks.view import Change, Delete, Upsert, View


def project(message: Envelope) -> list[Change]:
    """What was measured last, and when; a session that is over takes its row along.

    An ingest that is killed leaves the row behind: whoever reads it looks at `measured_at`.
    """
    match message.event:
        case HealthMeasured() as found:
            columns = {name: getattr(found, name) for name in VIEW.columns if hasattr(found, name)}
            return [
                Upsert(
                    found.channel_id,
                    columns
                    | {
                        "measured_at": message.meta.occurred_at,
                        "warnings": _text(found.warnings),
                        "details": _text(found.details),
                    },
                )
            ]
        case MeasurementEnded() as ended:
            return [Delete(ended.channel_id)]
    return []


def _text(items: list[str]) -> str:
    return msgspec.json.encode(items).decode()


VIEW = View(
    name="stream-health",
    purpose="How well each channel's broadcast arrives; warnings and details are JSON.",
    topics=("stream-health",),
    store="redis",
    key={"channel_id": str},
    columns={
        "stream_id": str,
        "session_id": str,
        "measured_at": int,
        "seconds": float,
        "video_bitrate": int,
        "audio_bitrate": int,
        "frame_rate": float,
        "expected_frame_rate": float,
        "frames_missing": int,
        "frames_discarded": int,
        "key_frame_interval": float,
        "width": int,
        "height": int,
        "video_codec": str,
        "audio_codec": str,
        "late": float,
        "hole": float,
        "jumps": int,
        "audio_offset": float,
        "behind_bytes": int,
        "warnings": str,
        "details": str,
    },
    project=project,
    log_key="channel_id",
    compacted=True,
)
