"""What the views of a broadcast's health and of its markers show."""

import msgspec

from schemas import sources
from schemas.records.broadcast import MarkerCreated, MarkerRefused
from schemas.records.ingest import HealthMeasured, IngestMeasured, MeasurementEnded
from sinks.views import VIEWS
from tests.unit.sinks.test_views import shown


def measured(**more: object) -> HealthMeasured:
    (path,) = sources.examples("stream-health", HealthMeasured.FULL_NAME)
    example = msgspec.json.decode(path.read_bytes())
    return msgspec.convert({**example, **more}, HealthMeasured)


def test_the_health_of_a_channel_is_what_was_measured_last() -> None:
    first = measured(channel_id="c", late=1.0, warnings=["late"], details=["Late."])
    second = measured(channel_id="c", late=0.0, key_frame_interval=None, warnings=[], details=[])
    ((key, row),) = shown("stream-health", first, second).items()
    assert key == ("c",)
    assert row["late"] == 0.0
    assert "key_frame_interval" not in row
    assert row["warnings"] == "[]"
    assert row["measured_at"] > 0
    ((_, row),) = shown("stream-health", first).items()
    assert (row["warnings"], row["details"]) == ('["late"]', '["Late."]')


def test_a_session_that_is_over_has_no_health() -> None:
    over = MeasurementEnded(channel_id="c", stream_id="s", session_id="s")
    assert shown("stream-health", measured(channel_id="c"), over) == {}


def test_markers_lie_under_their_stream() -> None:
    marker = MarkerCreated(
        channel_id="c",
        stream_id="s",
        marker_id="m",
        user_id="u",
        created_at=7,
        position_seconds=3,
        description="A goal",
    )
    refused = MarkerRefused(channel_id="c", marker_id="n", reason="not-live", detail="")
    assert VIEWS["stream-markers"].newest_first == ("created_at",)
    assert shown("stream-markers", marker, refused) == {
        ("s", 7, "m"): {
            "channel_id": "c",
            "user_id": "u",
            "position_seconds": 3,
            "description": "A goal",
        }
    }


def test_an_ingest_has_a_load_until_it_stops() -> None:
    first = IngestMeasured(ingest_id="i", place="here", sessions=1, max_sessions=9)
    later = IngestMeasured(ingest_id="i", place="here", sessions=2, max_sessions=9)
    row = {"place": "here", "sessions": 2, "max_sessions": 9, "measured_at": 1}
    assert shown("ingest-load", first, later) == {("i",): row}
    stopping = IngestMeasured(ingest_id="i", place="here", sessions=2, max_sessions=0)
    assert shown("ingest-load", first, stopping) == {}
