"""What the run loop does with messages, seen through the harness that agents' authors use."""

from dataclasses import dataclass, replace

import pytest

from infra.continuity import Gap
from infra.record import Meta
from infra.streaming import App, Message, Send, Table, make_app
from infra.streaming.testing import MemoryLog, RawRecord, TestWorker, WorkerStoppedError
from infra.streaming.wire import event_id_of
from schemas.records.broadcast import CloseSession, OpenSession, StreamStarted
from schemas.registry import registry

PARTITIONS = 4


@dataclass(frozen=True)
class Count:
    opened: int = 0


class Counting:
    """An app that counts sessions by channel and says so; a channel named `bad` is refused."""

    def __init__(self, **options: object) -> None:
        self.handled: list[str] = []
        self.seen: list[dict[str, int]] = []
        self._options = options

    def __call__(self) -> App:
        app = make_app(
            "counting",
            bootstrap="nowhere:1",
            codec=registry(),
            partitions=lambda topic: PARTITIONS,
            dead_letter_topic=lambda topic: f"{topic}-dlq",
            **self._options,
        )
        counts = app.Table("count-by-channel", value_type=Count)

        def count(message: Message, send: Send) -> None:
            self.count(message, send, counts)

        app.add_agent("count-sessions", source="commands", sink="events", handler=count)
        return app

    def count(self, message: Message, send: Send, counts: Table[Count]) -> None:
        event = message.event
        self.handled.append(event.session_id)
        if isinstance(event, CloseSession):
            if event.channel_id in counts:
                del counts[event.channel_id]
            return
        row = counts.get(event.channel_id, Count())
        counts[event.channel_id] = replace(row, opened=row.opened + 1)
        send(started(event.channel_id, str(row.opened + 1)))
        self.seen.append({key: value.opened for key, value in counts.items()})
        if event.session_id == "bad":
            raise ValueError("this session is bad")


def opened(channel: str, session: str = "s") -> OpenSession:
    return OpenSession(channel_id=channel, session_id=session)


def started(channel: str, stream: str) -> StreamStarted:
    return StreamStarted(channel_id=channel, stream_id=stream, session_id="s", started_at=1)


async def test_an_output_tells_where_it_came_from_and_carries_the_inputs_time() -> None:
    async with TestWorker(Counting()) as worker:
        (first,) = await worker.put("commands", "c1", opened("c1"), occurred_at=17, traceparent="t")
        (second,) = await worker.put("commands", "c1", opened("c1"))
    assert first.event == started("c1", "1")
    assert (first.topic, first.key) == ("events", "c1")
    assert first.meta is not None
    assert second.meta is not None
    assert first.meta.occurred_at == 17
    assert first.meta.producer == f"counting/commands/{first.partition}"
    assert (first.meta.sequence, second.meta.sequence) == (0, 1)
    assert first.meta.causation_id == first.meta.correlation_id
    assert first.headers["origin"] == f"commands/{first.partition}/0/0".encode()
    assert first.headers["traceparent"] == b"t"
    assert first.meta.event_id == event_id_of(first.headers["origin"])
    assert "traceparent" not in second.headers


async def test_a_failing_message_leaves_no_trace_but_a_dead_letter() -> None:
    async with TestWorker(Counting()) as worker:
        await worker.put("commands", "c1", opened("c1"))
        (letter,) = await worker.put("commands", "c1", opened("c1", "bad"))
        (after,) = await worker.put("commands", "c1", opened("c1"))
        rows = worker.rows("count-by-channel")
    assert letter.topic == "commands-dlq"
    assert letter.headers["error"] == b"ValueError: this session is bad"
    assert letter.headers["origin-topic"] == b"commands"
    assert letter.headers["origin-partition"] == str(letter.partition).encode()
    assert letter.headers["origin-offset"] == b"1"
    assert int(letter.headers["time"]) > 0
    assert letter.value is not None
    assert registry().decode(letter.value).event == opened("c1", "bad")
    assert after.event == started("c1", "2")
    assert after.meta is not None
    assert after.meta.sequence == 1
    assert rows == {"c1": Count(2)}


@pytest.mark.parametrize("value", [b"", None, b"\x01garbage", b"\x00\x00\x00\xff\xff", b"\x00" * 9])
async def test_bytes_that_are_no_record_are_dead_letters_as_they_came(value: bytes | None) -> None:
    async with TestWorker(Counting()) as worker:
        (letter,) = await worker.put_raw("commands", b"\xff", value)
    assert letter.topic == "commands-dlq"
    assert letter.value == value


async def test_dead_letters_in_a_row_stop_the_worker_even_across_restarts() -> None:
    log = MemoryLog()
    async with TestWorker(Counting(max_consecutive_dead_letters=3), log) as worker:
        await worker.put_raw("commands", b"c", b"junk")
        await worker.put("commands", "c1", opened("c1"), partition=0)
        await worker.put_raw("commands", b"c", b"junk")
        await worker.put_raw("commands", b"c", b"junk")
        with pytest.raises(WorkerStoppedError, match="3 dead letters in a row"):
            await worker.put_raw("commands", b"c", b"junk")
    async with TestWorker(Counting(max_consecutive_dead_letters=3), log) as worker:
        assert worker.app.outbox.states[0].places == {"commands": 4}
        with pytest.raises(WorkerStoppedError, match="3 dead letters in a row"):
            await worker.put_raw("commands", b"c", b"junk")


async def test_a_restart_goes_on_with_tables_sequences_and_marks() -> None:
    log = MemoryLog()
    async with TestWorker(Counting(), log) as worker:
        await worker.put("commands", "c1", opened("c1"), sequence=0)
        await worker.put("commands", "c1", opened("c1"), sequence=1)
    again = Counting()
    async with TestWorker(again, log) as worker:
        assert worker.rows("count-by-channel") == {"c1": Count(2)}
        assert await worker.put("commands", "c1", opened("c1", "repeat"), sequence=1) == []
        (third,) = await worker.put("commands", "c1", opened("c1", "new"), sequence=2)
    assert again.handled == ["new"]
    assert third.meta is not None
    assert (third.event, third.meta.sequence) == (started("c1", "3"), 2)


async def test_a_deleted_row_is_a_tombstone_and_stays_deleted() -> None:
    log = MemoryLog()
    async with TestWorker(Counting(), log) as worker:
        await worker.put("commands", "c1", opened("c1"), partition=0)
        await worker.put(
            "commands", "c1", CloseSession(channel_id="c1", session_id="s", reason="x"), partition=0
        )
    assert any(value is None for _, value, _ in log.records["counting-journal", 0])
    async with TestWorker(Counting(), log) as worker:
        assert worker.rows("count-by-channel") == {}


async def test_items_shows_this_partition_with_the_writes_of_this_message() -> None:
    app = Counting()
    async with TestWorker(app) as worker:
        await worker.put("commands", "a", opened("a"), partition=0)
        await worker.put("commands", "b", opened("b"), partition=1)
        await worker.put("commands", "c", opened("c"), partition=0)
    assert app.seen == [{"a": 1}, {"b": 1}, {"a": 1, "c": 1}]


def gap_event(gap: Gap, message: Message) -> CloseSession:
    return CloseSession(
        channel_id=gap.producer, session_id=str(gap.expected), reason=str(gap.found)
    )


async def test_a_hole_is_announced_counted_and_the_message_still_handled() -> None:
    app = Counting(gap_topic="platform-events", on_gap=gap_event)
    async with TestWorker(app) as worker:
        await worker.put("commands", "c1", opened("c1"), sequence=4)
        outputs = await worker.put("commands", "c1", opened("c1", "bad"), sequence=7)
        text = worker.app.metrics.text().decode()
    assert [output.topic for output in outputs] == ["platform-events", "commands-dlq"]
    assert outputs[0].event == CloseSession(channel_id="test", session_id="5", reason="7")
    assert "millrace_worker_gaps_total 2.0" in text


async def test_a_list_replayed_writes_the_same_bytes() -> None:
    def records() -> list[RawRecord]:
        meta = [Meta(event_id=str(n), occurred_at=n, producer="p", sequence=n) for n in range(5)]
        values = [registry().encode(one, opened("c1")) for one in meta]
        return [RawRecord("commands", 2, n, b"c1", value) for n, value in enumerate(values)]

    logs = [MemoryLog(), MemoryLog()]
    async with TestWorker(Counting(), logs[0]) as worker:
        await worker.deliver(records())
    async with TestWorker(Counting(), logs[1]) as worker:
        for record in records():
            await worker.deliver([record])
    assert logs[0].records["events", 2] == logs[1].records["events", 2]


async def test_a_message_that_succeeds_ends_a_row_of_dead_letters_for_good() -> None:
    log = MemoryLog()
    async with TestWorker(Counting(max_consecutive_dead_letters=3), log) as worker:
        await worker.put_raw("commands", b"c", b"junk")
        await worker.put("commands", "c1", opened("c1"), partition=0)
    async with TestWorker(Counting(max_consecutive_dead_letters=3), log) as worker:
        await worker.put_raw("commands", b"c", b"junk")
        (letter,) = await worker.put_raw("commands", b"c", b"junk")
    assert letter.topic == "commands-dlq"


async def test_a_message_that_writes_too_much_is_a_dead_letter_and_leaves_no_row() -> None:
    def factory() -> App:
        app = Counting()()
        rows = app.Table("rows", value_type=str)

        def fill(message: Message, send: Send) -> None:
            for number in range(5):
                rows[str(number)] = "x" * 100_000

        app.add_agent("fill", source="fills", sink=None, handler=fill)
        return app

    async with TestWorker(factory) as worker:
        (letter,) = await worker.put("fills", "c1", opened("c1"))
        assert worker.rows("rows") == {}
    assert b"one message may write" in letter.headers["error"]


async def test_kept_rows_are_those_that_counted() -> None:
    """Given a row that is kept decoded, a message that is put aside leaves what was before it."""

    def factory() -> App:
        app = Counting()()
        rows = app.Table("rows", value_type=Count, kept=1)

        def count(message: Message, send: Send) -> None:
            row = rows.get(message.key, Count())
            rows[message.key] = replace(row, opened=row.opened + 1)
            if message.event.session_id == "bad":
                raise ValueError("this session is bad")

        app.add_agent("count", source="kept", sink=None, handler=count)
        return app

    async with TestWorker(factory) as worker:
        for channel, session in [("c1", "s"), ("c1", "bad"), ("c1", "s"), ("c2", "s"), ("c1", "s")]:
            await worker.put("kept", channel, opened(channel, session))
        assert worker.rows("rows") == {"c1": Count(3), "c2": Count(1)}
    async with TestWorker(factory, worker.log) as after:
        await after.put("kept", "c1", opened("c1"), producer="another")
        assert after.rows("rows") == {"c1": Count(4), "c2": Count(1)}
