"""What is written while Kafka is silent: one attempt now and then, the rest hears it at once."""

import asyncio
import time

import pytest

from api import sender
from api.access import Principal
from api.commands import Commands
from api.sender import Message, NotSent, Sender
from infra.clock import ManualClock
from infra.errors import Unavailable
from infra.kafka import Delivery
from infra.record import Record
from schemas.records.identity import ChannelUpdated, RegisterChannel
from tests.functional.gateway import MemoryViews
from tests.functional.gateway_fakes import AtOnce, MemoryRequests
from tests.waiting import until

COMMAND = RegisterChannel(channel_id="c", name="millpond", title="", category="")


class Silent:
    """A log that acknowledges what it is told to."""

    def __init__(self) -> None:
        self.posted: list[asyncio.Future[Delivery]] = []

    async def post(
        self, topic: str, key: str, event: Record, *, event_id: str | None = None
    ) -> "asyncio.Future[Delivery]":
        future: asyncio.Future[Delivery] = asyncio.get_running_loop().create_future()
        self.posted.append(future)
        return future

    def answer(self) -> None:
        for future in self.posted:
            future.set_result(Delivery("id", "topic", 0, 0))

    async def find(self, *_: object) -> dict[str, Delivery]:
        return {}


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Silent:
    monkeypatch.setattr(sender, "ACK_SECONDS", 0.1)
    monkeypatch.setattr(sender, "PROBE_ACK_SECONDS", 0.05)
    monkeypatch.setattr(sender, "PROBE_SECONDS", 0.2)
    return Silent()


def message() -> Message:
    return Message("topic", "c", COMMAND, "id")


async def test_while_kafka_is_silent_others_hear_it_at_once(log: Silent) -> None:
    sending = Sender(log)
    with pytest.raises(Unavailable, match=r"within 0\.1 s"):
        await sending.send([message()])
    began = time.monotonic()
    for _ in range(20):
        with pytest.raises(NotSent):
            await sending.send([message()])
    assert time.monotonic() - began < 0.1
    assert len(log.posted) == 1


async def test_one_request_now_and_then_finds_out_whether_it_is_back(log: Silent) -> None:
    sending = Sender(log)
    with pytest.raises(Unavailable):
        await sending.send([message()])
    await asyncio.sleep(0.25)
    found = await asyncio.gather(
        *(sending.send([message()]) for _ in range(5)), return_exceptions=True
    )
    assert [type(each) for each in found] == [Unavailable] + [NotSent] * 4
    assert len(log.posted) == 2


async def test_what_was_waiting_and_is_acknowledged_says_that_it_is_back(log: Silent) -> None:
    sending = Sender(log)
    with pytest.raises(Unavailable):
        await sending.send([message()])
    log.answer()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asking = asyncio.create_task(sending.send([message()]))
    await until(lambda: len(log.posted) == 2)
    log.posted[1].set_result(Delivery("id", "topic", 0, 1))
    assert (await asking)[0].offset == 1


async def test_a_key_under_which_nothing_was_written_may_be_used_again(log: Silent) -> None:
    views, memory = MemoryViews(), MemoryRequests()
    sending = Sender(log)
    commands = Commands(sending, AtOnce(views), views, memory, log, ManualClock())  # type: ignore[arg-type]

    async def ask(key: str) -> None:
        principal = Principal("u", "c")
        await commands.ask("topic", "c", COMMAND, principal, ChannelUpdated, idempotency_key=key)

    with pytest.raises(Unavailable):
        await ask("written, perhaps")
    with pytest.raises(NotSent):
        await ask("not written")
    assert len(memory.known) == 1
