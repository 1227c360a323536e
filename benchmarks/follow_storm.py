"""A storm of follows on the whole platform, and what somebody who follows another channel notices.

    python -m benchmarks.follow_storm [follows]

Starts a platform of its own (three servers, all roles), writes that many `FollowChannel` of one
channel to the log, 5 000 a second, and meanwhile follows and unfollows two other
channels through the gateway once a second: one in another partition of the log than the storm, one
in the same. Prints their round trips, how long the count and the lists took to be complete, and
what each process worked. Fails if the count or the list is not exact.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import psutil
from aiohttp import ClientError, ClientSession, CookieJar
from aiokafka import TopicPartition
from confluent_kafka import Producer

from infra.kafka import LogReader, partition_of
from infra.local import state
from infra.names import id_of
from infra.observability import logs
from infra.record import Meta
from infra.settings import KafkaSettings
from millrace.connections import stores
from schemas import sources
from schemas.records.social import FollowChannel
from schemas.registry import registry
from sinks.reader import ViewReader
from sinks.store import Store
from sinks.view import StoreKind
from sinks.views import view_named
from tests.e2e.test_dialect import join
from tests.e2e.whole import Platform, running
from tests.functional.oauth_rig import Browser

STORM: Final = "storm"
LISTS: Final = ("follower-counts", "followers", "follows", "followed-channels")
PACE: Final = 5000
"""Follows a second."""
A_TICK: Final = 50
"""Follows written at once."""
QUIET: Final = 10.0
"""Seconds of quiet before the storm, and of a crowded machine without one."""
CROWD: Final = 4
"""Processes that want the processor, and nothing else."""
PATIENCE: Final = 300.0


async def main(follows: int) -> None:
    """Print the figures."""
    logs.configure("benchmark", level=40)
    folder = tempfile.TemporaryDirectory(prefix="millrace-storm-")
    with folder as name, running(Path(name)) as platform:
        async with bystanders(platform) as watching, stores() as kept:
            await asyncio.sleep(QUIET)
            tell("quiet", watching)
            phases = [("quiet", time.time())]
            await crowd(QUIET)
            tell("crowd", watching)
            phases.append(("crowd", time.time()))
            before = processor(platform)
            await storm(kept, follows, watching, phases)
            await decided(watching, phases)
            for role, seconds in processor(platform).items():
                if (used := seconds - before.get(role, 0.0)) > 1:
                    print(f"processor {used:6.1f} s  {role}")
            await exact(kept, follows)


class Bystander:
    """Somebody who follows a channel and unfollows it, once a second."""

    def __init__(self, name: str, where: str, browser: Browser, form: str) -> None:
        self.took: list[float] = []
        self.name, self.where = name, where
        self._browser, self._form = browser, form
        self._path = f"/session/follows/{id_of(name)}"
        self._failed = 0

    async def run(self) -> None:
        """Until cancelled."""
        loop, method = asyncio.get_running_loop(), "PUT"
        while True:
            began = loop.time()
            try:
                response = await self._browser.client.request(
                    method, self._path, headers={"Form-Token": self._form}
                )
                self._failed += response.status != 200
            except ClientError:
                self._failed += 1
            self.took.append(loop.time() - began)
            method = "DELETE" if method == "PUT" else "PUT"
            await asyncio.sleep(max(0.0, 1 - self.took[-1]))

    def __str__(self) -> str:
        failed, self._failed = self._failed, 0
        took, self.took = self.took, []
        return f"{self.where:17} {spread(took)}, {failed} failed"


def spread(took: list[float]) -> str:
    """Median, p99 and worst of times in seconds."""
    found = sorted(each * 1000 for each in took) or [0.0]
    p99 = found[min(len(found) - 1, len(found) * 99 // 100)]
    return (
        f"median {found[len(found) // 2]:5.0f} ms  p99 {p99:5.0f} ms  "
        f"worst {found[-1]:5.0f} ms  of {len(took)}"
    )


def tell(when: str, watching: list[Bystander]) -> None:
    """Print what bystanders have seen since the last time."""
    for each in watching:
        print(f"{when:9} {each}", flush=True)


@asynccontextmanager
async def bystanders(platform: Platform) -> AsyncIterator[list[Bystander]]:
    """One in another partition than the storm, and one in the same."""
    names = {_partition(STORM) == _partition(name): name for name in ("brook", "river")}
    assert len(names) == 2, "one of the two lies where the storm does"
    sessions, found = [], []
    for same, name in names.items():
        for login in (name, f"fan_of_{name}"):
            session = ClientSession(platform.gateway, cookie_jar=CookieJar(unsafe=True))
            sessions.append(session)
            browser = Browser(session)  # type: ignore[arg-type]
            await join(browser, login)
        user = (await (await browser.get("/session")).json())["user"]
        where = "same partition" if same else "another partition"
        found.append(Bystander(name, where, browser, user["form"]))
    tasks = [asyncio.create_task(each.run()) for each in found]
    try:
        yield found
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for session in sessions:
            await session.close()


async def crowd(seconds: float) -> None:
    """For comparison: others use the processor as a storm does, and nobody follows."""
    spin = f"import time; end = time.monotonic() + {seconds}\nwhile time.monotonic() < end: pass"
    await asyncio.gather(
        *[
            (await asyncio.create_subprocess_exec(sys.executable, "-c", spin)).wait()
            for _ in range(CROWD)
        ]
    )


async def storm(
    kept: dict[StoreKind, Store],
    follows: int,
    watching: list[Bystander],
    phases: list[tuple[str, float]],
) -> None:
    """Let it come, and wait until every view has all of it; `phases` learns when each ended."""
    began = time.monotonic()
    posting = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.follow_storm", "post", str(follows))
    )
    partition, left = _partition(STORM), dict.fromkeys(LISTS)
    async with LogReader(KafkaSettings().bootstrap) as log:
        reader, end = ViewReader(kept), 0
        while left and time.monotonic() - began < PATIENCE:
            await asyncio.sleep(0.5)
            row = await reader.get("follower-counts", id_of(STORM))
            if not end and row is not None and row["followers"] == follows:
                where = TopicPartition("social-events", partition)
                end = (await log.ends([where]))[where]
            for name in [name for name in left if end and await _reached(kept, name, end)]:
                del left[name]
                took = time.monotonic() - began
                print(f"complete  {name:20} after {took:5.1f} s, {follows / took:6.0f} follows/s")
                if name == "follower-counts":
                    tell("counting", watching)
                    phases.append(("counting", time.time()))
    assert await posting.wait() == 0
    assert not left, f"not complete: {[*left]}"
    tell("listing", watching)
    phases.append(("listing", time.time()))


async def decided(watching: list[Bystander], phases: list[tuple[str, float]]) -> None:
    """How long commands of bystanders waited for a decision, by the times on the log."""
    async with LogReader(KafkaSettings().bootstrap) as log:
        for each in watching:
            asked = await _times(log, "social-commands", each.name)
            answered = await _times(log, "social-events", each.name)
            since = 0.0
            for phase, until in phases:
                took = [
                    (after - before) / 1000
                    for before, after in zip(asked, answered, strict=False)
                    if since <= before / 1000 < until
                ]
                print(f"decided   {each.where:17} {phase:9} {spread(took)}")
                since = until


async def _times(log: LogReader, topic: str, name: str) -> list[int]:
    where = [TopicPartition(topic, _partition(name))]
    found = []
    async for batch in log.read(dict.fromkeys(where, 0), await log.ends(where)):
        found += [record.timestamp for record in batch if record.key == id_of(name).encode()]
    return found


async def _reached(kept: dict[StoreKind, Store], name: str, end: int) -> bool:
    view = view_named(name)
    store = kept[view.store]
    positions = await store.positions(view, (await store.generations(view)).active)
    where = TopicPartition("social-events", _partition(STORM))
    return where in positions and positions[where].offset >= end


async def exact(kept: dict[StoreKind, Store], follows: int) -> None:
    """The count is that of the set, and the list has as many."""
    reader, cursor, listed = ViewReader(kept), None, set()
    while True:
        rows, cursor = await reader.scan("followers", 1000, cursor, within=id_of(STORM))
        listed |= {row["user_id"] for row in rows}
        if cursor is None:
            break
    row = await reader.get("follower-counts", id_of(STORM))
    count = row["followers"] if row else 0
    print(f"exact     count {count}, listed {len(listed)}, of {follows}")
    assert count == len(listed) == follows


def post(follows: int) -> None:
    """Write the commands at a steady pace, in a process of its own.

    By a client in C: whoever presses the button is elsewhere, and takes nothing of the platform's
    processor.
    """
    channel, encode = id_of(STORM), registry().encode
    log = Producer({"bootstrap.servers": KafkaSettings().bootstrap, "linger.ms": 5})
    began = time.monotonic()
    for number in range(follows):
        if number % A_TICK == 0:
            time.sleep(max(0.0, began + number / PACE - time.monotonic()))
            log.poll(0)
        identity = f"storm-{number}"
        meta = Meta(
            event_id=identity,
            occurred_at=time.time_ns() // 1000,
            producer="storm-000000000000",
            sequence=number,
            correlation_id=identity,
        )
        event = FollowChannel(channel_id=channel, user_id=f"user-{number}")
        log.produce("social-commands", encode(meta, event), channel, partition=_partition(STORM))
    assert log.flush() == 0
    took, used = time.monotonic() - began, time.process_time()
    print(
        f"asked     {follows} on the log after {took:.1f} s ({used:.1f} s of processor)", flush=True
    )


def processor(platform: Platform) -> dict[str, float]:
    """Seconds of processor that each process has used."""
    running = state.running(platform.layout)
    assert running is not None
    found = {}
    for each in running.processes:
        if each.pid is not None:
            times = psutil.Process(each.pid).cpu_times()
            found[each.name] = times.user + times.system
    return found


def _partition(name: str) -> int:
    return partition_of(id_of(name).encode(), sources.partitions("social-commands"))


if __name__ == "__main__":
    if sys.argv[1:2] == ["post"]:
        post(int(sys.argv[2]))
    else:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
