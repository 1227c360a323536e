"""Logs, health, metrics and traces."""

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter

from infra.observability import logs, tracing
from infra.observability.tracing import TraceParent
from infra.observability.web import Health, health_app

CORRELATION = "1b7e1234-4d1a-5c3e-9f2b-7a4400000001"
EVENT = "2c8f1234-4d1a-5c3e-8f2b-6b3300000002"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def test_logs_are_json_lines_with_the_role_and_without_secrets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stderr", out)
    logs.configure("ingest")
    structlog.get_logger().info(
        "publisher came", channel="c1", stream_key="live_a_b", api_token="t"
    )
    logging.getLogger("some.library").warning("it %s", "happened")
    first, second = map(json.loads, out.getvalue().splitlines())
    assert first["event"] == "publisher came"
    assert (first["role"], first["level"], first["channel"]) == ("ingest", "info", "c1")
    assert first["stream_key"] == first["api_token"] == "***"
    assert (second["event"], second["level"]) == ("it happened", "warning")
    assert "live_a_b" not in out.getvalue()


def test_logs_on_a_terminal_are_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    out = Terminal()
    monkeypatch.setattr(sys, "stderr", out)
    logs.configure("origin")
    structlog.get_logger().info("stream opened")
    assert "stream opened" in out.getvalue()
    assert not out.getvalue().startswith("{")


@pytest.mark.parametrize(("ok", "status"), [(True, 200), (False, 503)])
async def test_health_says_how_it_is(ok: bool, status: int) -> None:
    app = health_app(lambda: Health(ok, {"lag": 3}), CollectorRegistry())
    async with TestClient(TestServer(app)) as client:
        response = await client.get("/healthz")
        assert response.status == status
        assert await response.json() == {"ok": ok, "details": {"lag": 3}}


async def test_metrics_come_from_the_registry_that_was_given() -> None:
    registry = CollectorRegistry()
    Counter("millrace_test_things", "Things.", registry=registry).inc(2)
    async with TestClient(TestServer(health_app(lambda: Health(True), registry))) as client:
        text = await (await client.get("/metrics")).text()
    assert "millrace_test_things_total 2.0" in text
    assert "python_info" not in text


def test_a_trace_follows_the_correlation_id() -> None:
    header = tracing.traceparent(CORRELATION, EVENT)
    assert header == "00-1b7e12344d1a5c3e9f2b7a4400000001-8f2b6b3300000002-01"
    assert tracing.parse(header) == TraceParent(
        "1b7e12344d1a5c3e9f2b7a4400000001", "8f2b6b3300000002"
    )


@given(st.text(max_size=50), st.text(max_size=50))
def test_any_ids_make_a_header_that_can_be_read(correlation_id: str, event_id: str) -> None:
    header = tracing.traceparent(correlation_id, event_id)
    assert tracing.parse(header) is not None
    assert header == tracing.traceparent(correlation_id, event_id)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00-00000000000000000000000000000000-8f2b6b3300000002-01",
        "00-1b7e12344d1a5c3e9f2b7a4400000001-0000000000000000-01",
        "ff-1b7e12344d1a5c3e9f2b7a4400000001-8f2b6b3300000002-01",
        "00-1b7e12344d1a5c3e9f2b7a4400000001-8f2b6b3300000002-01-more",
        "00-1B7E12344D1A5C3E9F2B7A4400000001-8f2b6b3300000002-01",
        "00-1b7e12344d1a5c3e9f2b7a4400000001-8f2b6b3300000002-01\n",
    ],
)
def test_what_is_no_header_is_none(header: str) -> None:
    assert tracing.parse(header) is None


def test_a_later_version_may_say_more() -> None:
    header = "01-1b7e12344d1a5c3e9f2b7a4400000001-8f2b6b3300000002-01-more"
    assert tracing.parse(header) is not None
