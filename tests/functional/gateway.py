"""A gateway over views in memory, for tests."""

from collections.abc import Mapping, Sequence
from typing import Any

from infra.errors import InvalidRecord


class Version:
    """A view as it is, until somebody writes to it."""

    def __init__(self, views: "MemoryViews") -> None:
        self._views = views
        self.written = False

    @property
    def stands(self) -> bool:
        return not self.written and self._views.failure is None


class NotingViews:
    """Notes which views were read."""

    def __init__(self, views: "MemoryViews") -> None:
        self._views = views
        self.basis: list[Any] = []

    def note(self, *basis: Any) -> None:
        self.basis += basis

    async def get(self, view: str, key: Any) -> Mapping[str, Any] | None:
        self.note(self._views.version(view))
        return await self._views.get(view, key)

    async def scan(
        self,
        view: str,
        limit: int,
        cursor: str | None = None,
        *,
        within: str | None = None,
        after: Any = None,
    ) -> tuple[Sequence[Mapping[str, Any]], str | None]:
        self.note(self._views.version(view))
        return await self._views.scan(view, limit, cursor, within=within, after=after)


class MemoryViews:
    """Rows by view and key; scans go in insertion order, cursors are counts."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[Any, dict[str, Any]]] = {}
        self.failure: Exception | None = None
        self._versions: dict[str, Version] = {}

    def noting(self) -> NotingViews:
        return NotingViews(self)

    def version(self, view: str) -> Version:
        return self._versions.setdefault(view, Version(self))

    def written(self, view: str) -> None:
        if version := self._versions.pop(view, None):
            version.written = True

    def put(self, view: str, key: Any, **row: Any) -> None:
        self.written(view)
        self.rows.setdefault(view, {})[key] = row

    def remove(self, view: str, key: str) -> None:
        self.written(view)
        self.rows.get(view, {}).pop(key, None)

    async def get(self, view: str, key: Any) -> Mapping[str, Any] | None:
        if self.failure:
            raise self.failure
        return self.rows.get(view, {}).get(key)

    async def scan(
        self,
        view: str,
        limit: int,
        cursor: str | None = None,
        *,
        within: str | None = None,
        after: Any = None,
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
