"""What led to what, and what was shown: answered from the log, within bounds."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from api import log as log_pages
from api.v1.resources import timestamp
from infra.clock import SystemClock
from infra.record import Record
from schemas.records.broadcast import StreamEnded, StreamStarted
from schemas.records.identity import ChannelRegistered, ChannelUpdated
from schemas.records.social import ChannelFollowed, ChannelUnfollowed
from schemas.registry import registry
from sinks import history
from sinks.history import TooMuch, ViewHistory
from sinks.view import View
from sinks.views import VIEWS
from tests.integration.gateway_rig import (
    Client,
    Names,
    bearer,
    deciding,
    gateway,
    new_names,
    producer,
    register_route,
    viewing,
)

SCOPE = "events:trace"


@pytest_asyncio.fixture
async def names(kafka: str, redis_url: str) -> AsyncIterator[Names]:
    async with new_names(kafka, redis_url) as found:
        yield found


async def noise(names: Names, count: int) -> None:
    async with producer(names, "noise") as events:
        posted = [
            await events.post(
                names.events,
                f"c{n}",
                ChannelUpdated(channel_id=f"c{n}", name="n", title="", category=""),
            )
            for n in range(count)
        ]
        await asyncio.gather(*posted)


async def asked(client: Client, names: Names) -> str:
    """Ask a command; returns its id."""
    response = await client.put(
        f"/test/channels/{uuid.uuid4().hex}", json={"name": "millpond"}, headers=bearer()
    )
    assert response.status == 200
    page = await client.get(
        "/v1/events",
        params={"topic": names.commands},
        headers=bearer(f"events:read:{names.commands}"),
    )
    found: str = (await page.json())["data"][-1]["meta"]["event_id"]
    return found


async def test_a_command_leads_to_its_event_and_the_event_back_to_it(names: Names) -> None:
    async with (
        viewing(names),
        deciding(names),
        gateway(names, register_route(names.commands)) as client,
    ):
        await noise(names, 50)
        command = await asked(client, names)
        forth = await (
            await client.get(f"/v1/events/{command}/trace", headers=bearer(SCOPE))
        ).json()
        kinds = [each["type"].rpartition(".")[2] for each in forth["chain"]]
        assert kinds == ["RegisterChannel", "ChannelRegistered"]
        assert all(each["complete"] for each in forth["searched"])
        event = forth["chain"][1]["meta"]
        assert event["causation_id"] == command
        back = await client.get(
            f"/v1/events/{event['event_id']}/trace",
            params={"at": event["occurred_at"]},
            headers=bearer("role.operator"),
        )
        assert (await back.json())["chain"] == forth["chain"]


async def test_a_trace_tells_its_limits(names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    async with gateway(names) as client:
        unknown = "11111111-1111-4111-8111-111111111111"
        without = await client.get(f"/v1/events/{unknown}/trace", headers=bearer(SCOPE))
        assert without.status == 400
        query = {"at": str(SystemClock().now())}
        missing = await client.get(
            f"/v1/events/{unknown}/trace", params=query, headers=bearer(SCOPE)
        )
        assert missing.status == 404
        assert "smaller" not in (await missing.json())["detail"]
        monkeypatch.setattr(log_pages, "PAGE_MESSAGES", 10)
        monkeypatch.setattr(log_pages, "BATCH", 10)
        await noise(names, 200)
        partly = await client.get(
            f"/v1/events/{unknown}/trace", params=query, headers=bearer(SCOPE)
        )
        assert partly.status == 404
        assert f"{names.events}: try a smaller one" in (await partly.json())["detail"]


@pytest.fixture
def past(names: Names, monkeypatch: pytest.MonkeyPatch) -> ViewHistory:
    """The history of views over the test's own topic."""

    def view_named(name: str) -> View:
        return msgspec.structs.replace(VIEWS[name], topics=(names.events,))

    monkeypatch.setattr(history, "view_named", view_named)
    return ViewHistory(names.kafka, registry())


async def test_a_stream_is_shown_as_it_was(names: Names, past: ViewHistory) -> None:
    started = StreamStarted(channel_id="c", stream_id="s", session_id="s", started_at=100)
    ended = StreamEnded(
        channel_id="c", stream_id="s", reason="gone", started_at=100, interruptions=1
    )
    before = SystemClock().now()
    async with producer(names, "writer") as events:
        await events.send(names.events, "c", started)
        await asyncio.sleep(0.05)
        between = SystemClock().now()
        await asyncio.sleep(0.05)
        await events.send(names.events, "c", ended)
    async with gateway(names, past=past) as client:

        async def state(at: int) -> str | int:
            text = datetime.fromtimestamp(at / 1e6, UTC).isoformat().replace("+00:00", "Z")
            response = await client.get("/v1/streams/s", params={"as_of": text})
            if response.status != 200:
                return response.status
            return str((await response.json())["data"]["state"])

        assert await state(before - 1_000_000) == 404
        assert await state(between) == "starting"
        assert await state(SystemClock().now()) == "ended"
        for wrong in ("yesterday", "2026-13-01T00:00:00Z", "1950-01-01T00:00:00Z"):
            assert (await client.get(f"/v1/streams/s?as_of={wrong}")).status == 400


CHANNEL = {"channel_id": "c", "name": "millpond", "category": ""}
FOLLOW = {"channel_id": "c", "user_id": "viewer"}
FIRST = {"channel_id": "c", "stream_id": "s1", "started_at": 100}
SECOND = {"channel_id": "c", "stream_id": "s2", "started_at": 200}


async def moments(names: Names) -> tuple[int, int, int]:
    """What happened to a channel: times before, between, and after."""
    times = [SystemClock().now() - 1_000_000]
    parts: list[list[Record]] = [
        [
            ChannelRegistered(**CHANNEL, title="One"),
            StreamStarted(**FIRST, session_id="s1"),
            ChannelFollowed(**FOLLOW, followed_at=50, followers=1),
        ],
        [
            ChannelUpdated(**CHANNEL, title="Two"),
            StreamEnded(**FIRST, reason="gone", interruptions=0),
            StreamStarted(**SECOND, session_id="s2"),
            StreamEnded(**SECOND, reason="gone", interruptions=0),
            ChannelUnfollowed(**FOLLOW, followed_at=50, followers=0),
        ],
    ]
    async with producer(names, "writer") as events:
        for part in parts:
            for each in part:
                await events.send(names.events, "c", each)
            await asyncio.sleep(0.05)
            times.append(SystemClock().now())
            await asyncio.sleep(0.05)
    return times[0], times[1], times[2]


async def test_every_read_of_a_row_goes_back_in_the_same_way(
    names: Names, past: ViewHistory
) -> None:
    times = await moments(names)
    mine = bearer("user:read:follows", client="test/viewer")
    async with gateway(names, past=past) as client:

        async def read(path: str, at: int, **query: str) -> Any:
            text = datetime.fromtimestamp(at / 1e6, UTC).isoformat().replace("+00:00", "Z")
            response = await client.get(path, params={"as_of": text, **query}, headers=mine)
            found = await response.json()
            if response.status != 200:
                return response.status
            assert found["as_of"] == timestamp(at)
            return found["data"]

        async def over_time(path: str, value: Callable[[Any], Any]) -> list[Any]:
            found = [await read(path, at) for at in times]
            return [each if isinstance(each, int) else value(each) for each in found]

        channel = "/v1/channels/millpond"
        assert await over_time(channel, lambda found: found["title"]) == [404, "One", "Two"]
        assert await over_time(channel, lambda found: found["stream"] is not None) == [
            *(404, True, False)
        ]
        assert await over_time(
            f"{channel}/streams",
            lambda found: [(each["stream_id"], each["state"]) for each in found],
        ) == [404, [("s1", "starting")], [("s2", "ended"), ("s1", "ended")]]
        assert await over_time("/v1/streams/s1", lambda found: found["state"]) == [
            *(404, "starting", "ended")
        ]
        followers = "/v1/channels/c/followers"
        assert await over_time(followers, lambda found: found["followers"]) == [0, 1, 0]
        assert await over_time(f"{followers}/me", lambda found: found["follows"]) == [
            *(False, True, False)
        ]
        first = await client.get(
            f"{channel}/streams?limit=1&as_of=2100-01-01T00:00:00Z", headers=mine
        )
        page = await first.json()
        assert [each["stream_id"] for each in page["data"]] == ["s2"]
        then = await read(f"{channel}/streams", times[2], limit="1", cursor=page["cursor"])
        assert [each["stream_id"] for each in then] == ["s1"]
        assert await read(f"{channel}/streams", times[2], cursor="nonsense") == 400


async def test_too_much_log_for_one_question_is_refused(names: Names, past: ViewHistory) -> None:
    await noise(names, 30)
    small = ViewHistory(names.kafka, registry(), most=10)
    with pytest.raises(TooMuch, match="30 messages were written by then, at most 10"):
        await small.row("stream-status", "s", SystemClock().now())
    began = time.monotonic()
    assert await past.row("stream-status", "s", SystemClock().now()) is None
    assert time.monotonic() - began < history.SECONDS
