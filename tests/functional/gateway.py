"""A gateway over views in memory, for tests."""

from collections.abc import Mapping, Sequence
from typing import Any

from infra.errors import InvalidRecord


class MemoryViews:
    """Rows by view and key; scans go in insertion order, cursors are counts."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[Any, dict[str, Any]]] = {}
        self.failure: Exception | None = None

    def put(self, view: str, key: Any, **row: Any) -> None:
        self.rows.setdefault(view, {})[key] = row

    def remove(self, view: str, key: str) -> None:
        self.rows.get(view, {}).pop(key, None)

    async def get(self, view: str, key: Any) -> Mapping[str, Any] | None:
        if self.failure:
            raise self.failure
        return self.rows.get(view, {}).get(key)

    async def scan(
        self, view: str, limit: int, cursor: str | None = None, *, within: str | None = None
    ) -> tuple[Sequence[Mapping[str, Any]], str | None]:
        if self.failure:
            raise self.failure
        if cursor is not None and not cursor.isdigit():
            raise InvalidRecord("cursor: must be one that an earlier page gave")
        rows = [
            row
            for key, row in self.rows.get(view, {}).items()
            if within is None or within == (key[0] if isinstance(key, tuple) else row["channel_id"])
        ]
        start = int(cursor or 0)
        end = start + limit
        return rows[start:end], str(end) if end < len(rows) else None

    def channel(self, channel_id: str, name: str, title: str = "", category: str = "") -> None:
        row = {"channel_id": channel_id, "name": name, "title": title, "category": category}
        self.put("channels", name, **row)
        self.put("channels-by-id", channel_id, **row)

    def live(self, channel_id: str, stream_id: str, *, picture: bool = True, **status: Any) -> None:
        started_at = status.get("started_at", 1_700_000_000_000_000)
        on_air = {"channel_id": channel_id, "stream_id": stream_id, "started_at": started_at}
        self.put("live-channels", channel_id, **on_air)
        row: dict[str, Any] = {
            "stream_id": stream_id,
            "channel_id": channel_id,
            "state": "live",
            "started_at": started_at,
        }
        if picture:
            row |= {"codecs": "avc1.64001f,mp4a.40.2", "width": 1280, "height": 720}
            row |= {"frame_rate": 30.0}
        self.put("stream-status", stream_id, **(row | status))
