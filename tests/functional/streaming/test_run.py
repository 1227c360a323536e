"""What a worker does before it flows: what is missing or wrong is named."""

import asyncio
import time
from collections import deque
from types import SimpleNamespace

import pytest

from infra.errors import ConfigurationError, Unavailable
from infra.local.ports import free_ports
from infra.streaming import App, Message, Send, make_app
from infra.streaming.app import LISTS_FIRST
from infra.streaming.run import prepare
from schemas.registry import registry


def app_at(port: int) -> App:
    return make_app(
        "nowhere",
        bootstrap=f"127.0.0.1:{port}",
        codec=registry(),
        partitions=lambda topic: 8 if topic == "wide" else 4,
        dead_letter_topic=lambda topic: None,
    )


def nothing(message: Message, send: Send) -> None:
    """Does nothing."""


async def test_a_broker_that_stays_away_is_named() -> None:
    (port,) = free_ports(1)
    started = time.monotonic()
    with pytest.raises(Unavailable, match=f"Kafka at 127.0.0.1:{port} is away"):
        await asyncio.wait_for(prepare(app_at(port), wait=0.5), 10)
    assert time.monotonic() - started >= 0.5


async def test_two_agents_of_one_topic_are_refused() -> None:
    app = app_at(1)
    app.add_agent("one", source="in", sink=None, handler=nothing)
    with pytest.raises(ConfigurationError, match="two agents"):
        app.add_agent("two", source="in", sink=None, handler=nothing)


async def test_source_topics_that_differ_in_partitions_are_refused() -> None:
    app = app_at(1)
    app.add_agent("one", source="in", sink=None, handler=nothing)
    with pytest.raises(ConfigurationError, match="differ in partitions"):
        app.add_agent("two", source="wide", sink=None, handler=nothing)


async def test_two_tables_of_one_name_are_refused() -> None:
    app = app_at(1)
    app.Table("rows", value_type=int)
    with pytest.raises(ConfigurationError, match="two tables named rows"):
        app.Table("rows", value_type=str)


@pytest.mark.parametrize(("waiting", "left"), [(2, 0), (LISTS_FIRST + 3, 3)])
async def test_the_background_gives_way_but_not_for_ever(waiting: int, left: int) -> None:
    app = app_at(1)
    queue: deque[int] = deque(range(waiting))
    app.awaited["decide"] = SimpleNamespace(empty=lambda: not queue)  # type: ignore[assignment]

    async def decide() -> None:
        while queue:
            queue.popleft()
            await asyncio.sleep(0)

    deciding = asyncio.create_task(decide())
    await app.give_way()
    assert len(queue) == left
    await deciding
