"""Moments as people write them: `2026-05-01T20:15:00Z`, `20:15`, `10 minutes ago`, `now`."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from infra.errors import InvalidRecord

_AGO: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(s|second|min|minute|h|hour|d|day)s?(?:\s+ago)?")
_SECONDS: Final = {"s": 1, "min": 60, "h": 3600, "d": 86400}
_UNITS: Final = {"second": "s", "minute": "min", "hour": "h", "day": "d"}


def parse(text: str, now: datetime) -> int:
    """Microseconds since 1970; without a zone, it is that of `now`. Raises InvalidRecord."""
    said = text.strip()
    if said == "now":
        return _microseconds(now)
    if ago := _AGO.fullmatch(said):
        unit = _UNITS.get(ago[2], ago[2])
        return _microseconds(now - timedelta(seconds=float(ago[1]) * _SECONDS[unit]))
    if re.fullmatch(r"\d\d:\d\d(:\d\d)?", said):
        said = f"{now.date().isoformat()}T{said}"
    try:
        moment = datetime.fromisoformat(said)
    except ValueError as error:
        raise InvalidRecord(
            f"{text!r} is no moment: write 2026-05-01T20:15:00Z, 20:15, '10 minutes ago' or now"
        ) from error
    return _microseconds(moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo))


def show(time: int) -> str:
    """A moment in UTC, to the millisecond."""
    moment = datetime.fromtimestamp(time / 1e6, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _microseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1e6)
