"""Lines about requests look as all lines do, come in order, and are few writes."""

import json
import logging

import pytest
import structlog

from infra.observability import logs
from infra.observability.request_log import RequestLog
from tests.waiting import until


@pytest.fixture
def as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_shape", logs.Shape("gateway", pretty=False, info=True))


@pytest.mark.usefixtures("as_json")
async def test_lines_are_written_together_and_in_order() -> None:
    written: list[bytes] = []
    log = RequestLog(written.append)
    for n in range(3):
        log.add("GET", f'/c/"{n}"', 200, 0.00123, f"id-{n}")
    assert written == []
    await until(lambda: written, 5)
    assert len(written) == 1
    lines = [json.loads(line) for line in written[0].splitlines()]
    assert [line["path"] for line in lines] == ['/c/"0"', '/c/"1"', '/c/"2"']
    assert lines[0] | {"timestamp": ""} == {
        "event": "request",
        "level": "info",
        "role": "gateway",
        "method": "GET",
        "path": '/c/"0"',
        "status": 200,
        "milliseconds": 1.2,
        "request_id": "id-0",
        "timestamp": "",
    }


@pytest.mark.usefixtures("as_json")
async def test_many_lines_do_not_wait() -> None:
    written: list[bytes] = []
    log = RequestLog(written.append)
    for n in range(1200):
        log.add("GET", "/", 200, 0.001, str(n))
    assert [len(each.splitlines()) for each in written] == [500, 500]
    log.flush()
    assert b"".join(written).count(b"\n") == 1200


async def test_nothing_is_written_where_such_lines_are_not_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logs, "_shape", logs.Shape("x", pretty=False, info=False))
    written: list[bytes] = []
    log = RequestLog(written.append)
    log.add("GET", "/", 200, 0.001, "a")
    log.flush()
    assert written == []


def test_other_lines_have_the_same_keys(capsys: pytest.CaptureFixture[str]) -> None:
    before = logs.shape(), structlog.get_config(), logging.getLogger().handlers[:]
    try:
        logs.configure("gateway")
        structlog.get_logger().info("request", path="/")
        assert {"event", "level", "role", "timestamp"} <= json.loads(capsys.readouterr().err).keys()
        assert logs.shape() == logs.Shape("gateway", pretty=False, info=True)
    finally:
        logs._shape = before[0]
        structlog.configure(**before[1])
        logging.getLogger().handlers[:] = before[2]
        structlog.contextvars.clear_contextvars()
