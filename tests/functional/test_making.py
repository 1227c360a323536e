"""A stream's process: fed, listened to, started again when it dies."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from infra.record import Record
from media.encoding.probe import Abilities
from media.transcoding.assignments import Work
from media.transcoding.making import MOST_WAITING, Making
from media.transcoding.messages import (
    Begin,
    Change,
    Dropped,
    Feed,
    Finish,
    Made,
    ToChild,
    ToParent,
    say,
)
from media.transcoding.recent import Announced, Recent
from schemas.records.transcode import Rung
from tests.announced import STREAM, finished, source
from tests.waiting import until


class FakeChild:
    """A process in memory."""

    def __init__(self) -> None:
        self.told: list[ToChild] = []
        self._says: asyncio.Queue[ToParent | None] = asyncio.Queue()
        self.how = "ended with code 0"

    def tell(self, message: ToChild) -> None:
        self.told.append(message)
        if isinstance(message, Finish):
            self._says.put_nowait(None)

    async def messages(self) -> AsyncIterator[ToParent]:
        while (message := await self._says.get()) is not None:
            yield message

    def say(self, message: ToParent) -> None:
        self._says.put_nowait(message)

    def kill(self) -> None:
        self.how = "ended by signal 9"
        self._says.put_nowait(None)

    async def ended(self) -> str:
        return self.how

    @property
    def fed(self) -> list[tuple[int, int]]:
        return [
            (each.part.media_sequence, each.part.part)
            for each in self.told
            if isinstance(each, Feed)
        ]


class KeptReports:
    """Reports in lists."""

    def __init__(self) -> None:
        self.events: list[Record] = []
        self.drops: list[str] = []
        self.deaths: list[tuple[list[int], str]] = []

    async def event(self, stream_id: str, event: Record) -> None:
        self.events.append(event)

    async def dropped(self, work: Work, dropped: Dropped) -> None:
        self.drops.append(dropped.rendition)

    async def died(self, work: Work, fed: Sequence[Announced], how: str) -> None:
        self.deaths.append(([each.part.part for each in fed], how))


def rung(name: str) -> Rung:
    return Rung(
        name=name, width=854, height=480, frame_rate=30.0, bitrate=1, state="granted", reason="tier"
    )


def work(*names: str, assignment: int = 1) -> Work:
    return Work(STREAM, assignment, tuple(map(rung, names)))


class Rig:
    """A stream with two rungs, of which segment 5 is open."""

    def __init__(self) -> None:
        self.children: list[FakeChild] = []
        self.recent, self.reports = Recent(), KeptReports()
        for each in (source(5, 0), source(5, 1)):
            self.recent.part(each)
        self.making = Making(
            work("480p30", "160p30"),
            worker_id="me",
            abilities=Abilities(1_000_000, 200, ["libx264"]),
            child=self._child,
            recent=self.recent,
            reports=self.reports,
        )
        self.task = asyncio.create_task(self.making.run())

    async def _child(self) -> FakeChild:
        self.children.append(FakeChild())
        return self.children[-1]

    async def child(self, count: int = 1) -> FakeChild:
        await until(lambda: len(self.children) == count and self.children[-1].told)
        return self.children[-1]

    def announce(self, each: Announced) -> None:
        self.recent.part(each)
        self.making.feed(each)

    async def stop(self) -> None:
        self.making.stop()
        await asyncio.wait_for(self.task, 10)


async def test_a_process_is_told_what_to_make_and_fed_from_the_open_segment_on() -> None:
    rig = Rig()
    child = await rig.child()
    rig.announce(source(6, 0))
    begin = child.told[0]
    assert isinstance(begin, Begin)
    assert [each.name for each in begin.rungs] == ["480p30", "160p30"]
    assert child.fed == [(5, 0), (5, 1), (6, 0)]
    await rig.stop()
    assert isinstance(child.told[-1], Finish)


async def test_what_it_says_goes_to_the_log() -> None:
    rig = Rig()
    child = await rig.child()
    child.say(say(finished("480p30", 5)))
    await until(lambda: rig.reports.events == [finished("480p30", 5)])
    await rig.stop()


async def test_what_waits_is_what_was_fed_and_is_not_made() -> None:
    rig = Rig()
    child = await rig.child()
    assert round(rig.making.waiting, 3) == 0.2
    child.say(Made(5, 1))
    await until(lambda: rig.making.waiting == 0)
    await rig.stop()


async def test_one_that_dies_is_started_again_at_the_segment_that_is_not_finished() -> None:
    rig = Rig()
    child = await rig.child()
    rig.announce(source(6, 0))
    child.say(Made(5, 1))
    await until(lambda: rig.making.waiting < 0.15)
    for name in ("480p30", "160p30"):
        rig.recent.segment(finished(name, 5))
    child.kill()
    again = await rig.child(2)
    assert rig.reports.deaths == [([0], "ended by signal 9")]
    assert again.fed == [(5, 0), (5, 1), (6, 0)]  # the sound before it, and the segment
    await rig.stop()


async def test_a_rung_that_is_dropped_is_said_and_not_made_again() -> None:
    rig = Rig()
    child = await rig.child()
    child.say(Dropped("480p30", "worker_behind", "late"))
    await until(lambda: rig.reports.drops == ["480p30"])
    child.kill()
    begin = (await rig.child(2)).told[0]
    assert isinstance(begin, Begin)
    assert [each.name for each in begin.rungs] == ["160p30"]
    await rig.stop()


async def test_a_change_is_told_only_if_it_is_one() -> None:
    rig = Rig()
    child = await rig.child()
    rig.making.change(work("480p30", "160p30"))
    rig.making.change(work("160p30"))
    changes = [each for each in child.told if isinstance(each, Change)]
    assert [[rung.name for rung in each.rungs] for each in changes] == [["160p30"]]
    await rig.stop()


async def test_a_process_that_makes_nothing_any_more_is_ended() -> None:
    rig = Rig()
    await rig.child()
    for number in range(6, 9 + int(MOST_WAITING / 0.2)):
        rig.announce(source(number, 0))
        rig.announce(source(number, 1))
    await rig.child(2)
    assert [how for _, how in rig.reports.deaths] == ["ended by signal 9"]
    await rig.stop()
