"""The journal on a real broker: one owner writes, and the broker keeps all earlier ones out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import RequestTimedOutError

from infra.kafka import LogReader
from infra.streaming.journal import PartitionState, pack, write
from infra.streaming.journal_writer import EPOCHS, FencedError, JournalWriter
from infra.streaming.wire import Output
from tests.integration.run_loop_harness import journal_writer

PARTITIONS = 3


def claim_of(term: int, owner: str) -> list[Output]:
    state = PartitionState()
    state.term = term - 1
    return write(state.claim(owner))


def row(value: int) -> list[Output]:
    return write([(("table", "t", "k"), pack(value))])


@pytest.fixture
async def writers(kafka: str, unique: str) -> AsyncIterator[list[JournalWriter]]:
    topic = f"{unique}-journal"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
    async with AsyncExitStack() as closing:
        yield [await closing.enter_async_context(journal_writer(kafka, topic)) for _ in range(2)]
    await admin.delete_topics([topic])
    await admin.close()


@pytest.fixture
def read(kafka: str, unique: str) -> Any:
    async def values() -> list[tuple[int, bytes, bytes]]:
        async with LogReader(kafka) as reader:
            partitions = await reader.partitions(f"{unique}-journal")
            starts, ends = await reader.begins(partitions), await reader.ends(partitions)
            return [
                (record.partition, record.key, record.value)
                async for batch in reader.read(starts, ends)
                for record in batch
            ]

    return values


async def test_an_owner_appends_to_several_partitions_and_learns_the_offsets(
    writers: list[JournalWriter], read: Any
) -> None:
    one, _ = writers
    for partition in range(PARTITIONS):
        await one.claim(partition, 1, claim_of(1, "one"))
    for count in range(1, 4):
        written = await one.append({0: row(count), 2: row(-count)})
        assert {where: (batch.offset, batch.count) for where, batch in written.items()} == {
            0: (count + 1, 1),
            2: (count + 1, 1),
        }
    assert [value for where, _, value in await read() if where == 2][2:] == [
        pack(-1),
        pack(-2),
        pack(-3),
    ]


async def test_a_later_owner_shuts_out_the_earlier_one(
    writers: list[JournalWriter], read: Any
) -> None:
    early, late = writers
    await early.claim(0, 1, claim_of(1, "early"))
    await early.append({0: row(1)})
    await late.claim(0, 2, claim_of(2, "late"))
    before = await read()
    with pytest.raises(FencedError):
        await early.append({0: row(2)})
    with pytest.raises(FencedError):
        await early.claim(0, 1, claim_of(1, "early"))
    await late.append({0: row(3)})
    assert await read() == [*before, (0, *row(3)[0][:2])]


async def test_of_two_that_claim_a_term_at_once_the_log_names_one(
    writers: list[JournalWriter], read: Any
) -> None:
    await asyncio.gather(
        *(writer.claim(0, 1, claim_of(1, name)) for writer, name in zip(writers, "ab", strict=True))
    )
    state = PartitionState()
    log = await read()
    for _, key, value in log:
        state.absorb(key, value)
    assert (len(log), state.term, state.owner in ("a", "b")) == (2, 1, True)


async def test_a_batch_whose_answer_was_lost_is_on_the_log_once(
    writers: list[JournalWriter], read: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _ = writers
    await one.claim(0, 1, claim_of(1, "one"))
    send, lost = one._client.send, []

    async def losing(node: int, request: Any) -> Any:
        answer = await send(node, request)
        if len(lost) < 2:
            lost.append(answer)
            raise RequestTimedOutError
        return answer

    monkeypatch.setattr(one._client, "send", losing)
    written = await one.append({0: row(5)})
    assert (len(lost), written[0].offset, len(await read())) == (2, 2, 3)


async def test_terms_go_on_when_the_epochs_of_a_producer_id_run_out(
    writers: list[JournalWriter],
) -> None:
    early, late = writers
    await early.claim(0, EPOCHS - 1, claim_of(EPOCHS - 1, "early"))
    await early.append({0: row(1)})
    await late.claim(0, EPOCHS, claim_of(EPOCHS, "late"))
    with pytest.raises(FencedError):
        await early.append({0: row(2)})
    with pytest.raises(FencedError):
        await early.claim(0, EPOCHS - 1, claim_of(EPOCHS - 1, "early"))
    await late.append({0: row(3)})
    await early.claim(0, EPOCHS + 1, claim_of(EPOCHS + 1, "early"))
    with pytest.raises(FencedError):
        await late.append({0: row(4)})


async def test_a_batch_that_skips_numbers_is_refused(
    writers: list[JournalWriter], read: Any
) -> None:
    one, _ = writers
    await one.claim(0, 1, claim_of(1, "one"))
    one.seats[0].sequence += 1
    with pytest.raises(FencedError):
        await one.append({0: row(1)})
    assert len(await read()) == 2
