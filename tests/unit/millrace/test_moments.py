from datetime import UTC, datetime

import pytest

from infra.errors import InvalidRecord
from millrace import moments

NOW = datetime(2026, 5, 1, 20, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("now", "2026-05-01T20:00:00.000Z"),
        ("10 minutes ago", "2026-05-01T19:50:00.000Z"),
        ("1 minute ago", "2026-05-01T19:59:00.000Z"),
        ("1.5h", "2026-05-01T18:30:00.000Z"),
        ("2 days ago", "2026-04-29T20:00:00.000Z"),
        ("19:15", "2026-05-01T19:15:00.000Z"),
        ("2026-04-30T10:00:00Z", "2026-04-30T10:00:00.000Z"),
        ("2026-04-30T10:00:00+02:00", "2026-04-30T08:00:00.000Z"),
        ("2026-04-30 10:00", "2026-04-30T10:00:00.000Z"),
    ],
)
def test_a_moment_as_people_write_it(text: str, shown: str) -> None:
    assert moments.show(moments.parse(text, NOW)) == shown


@pytest.mark.parametrize("text", ["", "soon", "10 fortnights ago", "25:99", "-3 minutes ago"])
def test_what_is_no_moment_is_said_so(text: str) -> None:
    with pytest.raises(InvalidRecord, match="is no moment"):
        moments.parse(text, NOW)
