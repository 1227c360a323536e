"""What is said goes to the log in order; whoever said what the log did not take hears of it."""

import asyncio
from typing import Any

import pytest

from api.chat import speaking
from api.chat.speaking import Speaking
from infra.clock import SystemClock
from infra.errors import Unavailable
from infra.kafka import Delivery
from tests.unit.api.chat_memory import sent
from tests.waiting import until


class Log:
    """Takes messages, or is silent, or away."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.correlations: list[str] = []
        self.answers: list[asyncio.Future[Delivery]] = []
        self.is_away = self.is_silent = False

    async def post(self, topic: str, key: str, event: Any, **more: Any) -> Any:
        if self.is_away:
            raise Unavailable("away")
        self.taken.append(more["event_id"])
        self.correlations.append(more["cause"].event_id)
        answer: asyncio.Future[Delivery] = asyncio.get_running_loop().create_future()
        self.answers.append(answer)
        if not self.is_silent:
            answer.set_result(Delivery(more["event_id"], topic, 0, 0))
        return answer


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
async def said(log: Log, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(speaking, "ACK_SECONDS", 0.1)
    found = Speaking(log, SystemClock())
    running = asyncio.create_task(found.run())
    yield found
    running.cancel()


async def test_messages_are_written_in_order_for_their_connection(log: Log, said: Speaking):
    failed: list[str] = []
    for number in range(50):
        said.put("connection", "c", sent(number), f"id{number}", lambda *why: failed.append(why[0]))
    await said.drain()
    assert log.taken == [f"id{number}" for number in range(50)]
    assert set(log.correlations) == {"connection"}
    assert failed == []


async def test_what_was_not_taken_is_said_once(log: Log, said: Speaking):
    failed: list[str] = []
    log.is_away = True
    said.put("connection", "c", sent(1), "id1", lambda *why: failed.append(why[0]))
    await until(lambda: failed, 5)
    await asyncio.sleep(0.5)  # longer than it is looked for those who wait
    assert failed == ["unavailable"]
    log.is_away = False
    said.put("connection", "c", sent(2), "id2", lambda *why: failed.append(why[0]))
    await until(lambda: log.taken == ["id2"], 5)


async def test_silence_is_said_and_more_is_refused_until_it_ends(log: Log, said: Speaking):
    failed: list[str] = []
    log.is_silent = True
    said.put("connection", "c", sent(1), "id1", lambda *why: failed.append(why[0]))
    await until(lambda: failed == ["unacknowledged"], 5)
    with pytest.raises(Unavailable):
        said.put("connection", "c", sent(2), "id2", lambda *why: failed.append(why[0]))
    log.is_silent = False
    log.answers[0].set_result(Delivery("id1", "chat-commands", 0, 0))
    await asyncio.sleep(0)
    said.put("connection", "c", sent(3), "id3", lambda *why: failed.append(why[0]))
    await until(lambda: log.taken == ["id1", "id3"], 5)
    assert failed == ["unacknowledged"]


async def test_an_answer_that_fails_late_is_not_said_twice(log: Log, said: Speaking):
    failed: list[str] = []
    log.is_silent = True
    said.put("connection", "c", sent(1), "id1", lambda *why: failed.append(why[0]))
    await until(lambda: failed == ["unacknowledged"], 5)
    log.answers[0].set_exception(Unavailable("for good"))
    await asyncio.sleep(0.3)
    assert failed == ["unacknowledged"]
