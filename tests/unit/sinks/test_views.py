"""What each view shows after given events."""

import pytest

from infra.record import Envelope, Meta, Record
from schemas.records.broadcast import (
    SessionRefused,
    StreamEnded,
    StreamInterrupted,
    StreamResumed,
    StreamStarted,
)
from schemas.records.identity import (
    ChannelRegistered,
    ChannelUpdated,
    CommandRefused,
    StreamKeyIssued,
    StreamKeyRevoked,
)
from schemas.records.media import RenditionOpened
from sinks.rows import Columns, Key, Row, merge_into
from sinks.view import changes
from sinks.views import VIEWS

STARTED = StreamStarted(channel_id="c", stream_id="s", session_id="s", started_at=100)
INTERRUPTED = StreamInterrupted(
    channel_id="c", stream_id="s", session_id="s", reason="gone", resume_until=900
)
RESUMED = StreamResumed(
    channel_id="c", stream_id="s", session_id="s2", started_at=100, interrupted_at=200
)
ENDED = StreamEnded(channel_id="c", stream_id="s", reason="gone", started_at=100, interruptions=1)
REGISTERED = ChannelRegistered(channel_id="c", name="alice", title="Hello", category="music")
OPENED = RenditionOpened(
    stream_id="s",
    session_id="s",
    rendition="source",
    init_object="i",
    codecs="avc1.64001f,mp4a.40.2",
    width=1280,
    height=720,
    frame_rate=30.0,
    channels=2,
    part_target=0.1,
    first_media_sequence=0,
)


def shown(view: str, *events: Record) -> dict[Key, Columns]:
    """The rows of a view after these events; event n is said at time n."""
    rows: dict[Key, Row] = {}
    for n, event in enumerate(events):
        meta = Meta(event_id=str(n), occurred_at=n, producer="p", sequence=n)
        merge_into(rows, changes(VIEWS[view], Envelope(meta, event), n + 1).items())
    return {key: row.columns or {} for key, row in rows.items() if row.cells}


LIVE = {"state": "live", "stream_id": "s", "session_id": "s", "started_at": 100}


@pytest.mark.parametrize(
    ("events", "row"),
    [
        ([STARTED], LIVE),
        ([STARTED, INTERRUPTED], {**LIVE, "state": "interrupted", "resume_until": 900}),
        ([STARTED, INTERRUPTED, RESUMED], {**LIVE, "session_id": "s2"}),
    ],
)
def test_live_channels(events: list[Record], row: Columns) -> None:
    assert shown("live-channels", *events) == {("c",): row}


def test_a_channel_whose_stream_ended_is_not_live() -> None:
    assert shown("live-channels", STARTED, INTERRUPTED, ENDED) == {}


def test_stream_status_has_state_and_picture() -> None:
    picture = {
        "codecs": "avc1.64001f,mp4a.40.2",
        "width": 1280,
        "height": 720,
        "frame_rate": 30.0,
    }
    assert shown("stream-status", OPENED) == {("s",): picture}
    assert shown("stream-status", STARTED, OPENED, INTERRUPTED, ENDED) == {
        ("s",): {
            "state": "ended",
            "channel_id": "c",
            "session_id": "s",
            "started_at": 100,
            "ended_at": 3,
            "interruptions": 1,
            "reason": "gone",
            **picture,
        }
    }


def test_stream_status_forgets_why_it_was_interrupted() -> None:
    (row,) = shown("stream-status", STARTED, INTERRUPTED, RESUMED).values()
    assert row["state"] == "live"
    assert not row.keys() & {"reason", "resume_until"}


def test_stream_history_keeps_ended_streams() -> None:
    assert shown("stream-history", STARTED) == {("c", 100, "s"): {"state": "live"}}
    assert shown("stream-history", STARTED, INTERRUPTED, RESUMED, ENDED) == {
        ("c", 100, "s"): {"state": "ended", "ended_at": 3, "interruptions": 1, "reason": "gone"}
    }


def test_channels_are_found_by_name_and_by_id() -> None:
    updated = ChannelUpdated(channel_id="c", name="alice", title="Bye", category="music")
    described = {"title": "Bye", "category": "music"}
    assert shown("channels", REGISTERED, updated) == {("alice",): {"channel_id": "c", **described}}
    assert shown("channels-by-id", REGISTERED, updated) == {("c",): {"name": "alice", **described}}


def test_a_revoked_stream_key_is_gone() -> None:
    issued = StreamKeyIssued(channel_id="c", key_id="k", key_digest="d" * 64)
    later = StreamKeyIssued(channel_id="c", key_id="k2", key_digest="e" * 64)
    revoked = StreamKeyRevoked(channel_id="c", key_id="k")
    assert shown("stream-keys", issued, revoked, later) == {
        ("k2",): {"channel_id": "c", "key_digest": "e" * 64}
    }


@pytest.mark.parametrize("view", VIEWS)
def test_refusals_show_nowhere(view: str) -> None:
    refused = SessionRefused(channel_id="c", session_id="x", reason="already-live", detail="")
    command = CommandRefused(channel_id="c", command="x", reason="invalid-name", detail="")
    assert shown(view, refused, command) == {}
