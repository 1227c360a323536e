"""What the measured gateway shows: channels, some of them live, and one grant."""

from collections.abc import Iterator
from typing import Any, Final

from sinks.rows import Key, Row, upserted
from sinks.stores.redis import RedisStore
from sinks.views import view_named
from tests.functional.gateway import MemoryViews

CHANNELS: Final = 10_000
LIVE: Final = 200
CLIENT: Final = "benchmark-application"
OWNER: Final = "c00000"
GRANT: Final = "benchmark-grant"
STARTED_AT: Final = 1_700_000_000_000_000

Columns = dict[str, Any]


def rows() -> Iterator[tuple[str, str, Columns]]:
    """(view, key, columns) of everything."""
    for n in range(CHANNELS):
        columns = {
            "title": f"Playing something for the {n}th time",
            "category": "Science & Technology",
            "language": "en",
            "tags": "English Chill",
        }
        yield "channels", f"channel_{n:05}", {"channel_id": f"c{n:05}", **columns}
        yield "channels-by-id", f"c{n:05}", {"name": f"channel_{n:05}", **columns}
    for n in range(LIVE):
        started_at = STARTED_AT + n * 1_000_000
        stream = {"channel_id": f"c{n:05}", "state": "live", "started_at": started_at}
        picture = {"codecs": "avc1.64001f,mp4a.40.2", "width": 1280, "height": 720}
        yield "live-channels", f"c{n:05}", {"stream_id": f"s{n:05}", "started_at": started_at}
        yield "stream-status", f"s{n:05}", {**stream, **picture, "frame_rate": 30.0}
        yield "users", f"c{n:05}", {"login": f"channel_{n:05}", "display_name": f"Channel_{n:05}"}
    yield "applications", CLIENT, {"user_id": OWNER, "name": "Benchmark"}
    grant = {"subject_id": CLIENT, "client_id": CLIENT, "scopes": "", "state": "active"}
    yield "grants", GRANT, grant


def in_memory() -> MemoryViews:
    """Views in memory that have them."""
    views = MemoryViews()
    for name, key, columns in rows():
        (column,) = view_named(name).key
        views.put(name, key, **{column: key}, **columns)
    return views


async def fill(store: RedisStore) -> None:
    """Write them into a store."""
    by_view: dict[str, dict[Key, Row]] = {}
    for name, key, columns in rows():
        by_view.setdefault(name, {})[(key,)] = upserted(columns, 1)
    await store.setup([view_named(name) for name in by_view])
    for name, found in by_view.items():
        await store.apply(view_named(name), "first", found, {}, live=False)
