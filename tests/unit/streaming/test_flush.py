"""When what was handled is to go off."""

import time
from typing import Any

import pytest

from infra.streaming.flush import RECORDS_A_FLIGHT, SECONDS_A_FLIGHT, Flusher
from infra.streaming.metrics import Metrics


@pytest.mark.parametrize(
    ("records", "seconds", "full"),
    [
        (0, 10 * SECONDS_A_FLIGHT, False),
        (1, 0.0, False),
        (1, 1.01 * SECONDS_A_FLIGHT, True),
        (RECORDS_A_FLIGHT, 0.0, True),
    ],
)
def test_a_flight_is_full_by_its_records_or_by_its_time(
    monkeypatch: pytest.MonkeyPatch, records: int, seconds: float, full: bool
) -> None:
    never: Any = None
    flusher = Flusher(states={}, ship=never, output_limit=1, halt=never, metrics=Metrics())
    flusher.flight.records, flusher.flight.began = records, 100.0
    monkeypatch.setattr(time, "monotonic", lambda: 100.0 + seconds)
    assert flusher.full is full
