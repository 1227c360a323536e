"""Renditions over HTTP: what a stream has and why, who asks for more, pools and reservations."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from api.ladders import why
from schemas import sources
from schemas.records.broadcast import StreamEnded
from schemas.records.transcode import (
    RequestRenditions,
    SetTier,
    StreamQuarantined,
    WorkerJoined,
)
from tests.functional.dispatcher import Dispatched, cost, ladder, pool, rung
from tests.functional.gateway_fakes import bearer

Client = TestClient[web.Request, web.Application]
_RUNG = next(
    each["type"]["items"]
    for each in sources.schemas()["millrace.transcode.LadderChanged"]["fields"]
    if each["name"] == "rungs"
)
(_REASON,) = (each["doc"] for each in _RUNG["fields"] if each["name"] == "reason")
CODES = re.findall(r"[a-z_]+(?=[,.])", _REASON.partition(": ")[2])
"""Every reason that the schema names."""
ENDED = StreamEnded(
    channel_id="c1", stream_id="s1", reason="publisher_left", started_at=0, interruptions=0
)
OPERATOR = bearer("role.operator", client="test/op")


@pytest_asyncio.fixture
async def platform() -> AsyncIterator[Dispatched]:
    async with Dispatched() as found:
        await found.broadcast("c1", "s1")
        yield found


@pytest_asyncio.fixture
async def client(platform: Dispatched) -> AsyncIterator[Client]:
    async with TestClient(TestServer(platform.gateway())) as found:
        yield found


async def data(client: Client, path: str, status: int = 200, **options: Any) -> Any:
    response = await client.request(options.pop("method", "GET"), path, **options)
    assert response.status == status, await response.text()
    found = await response.json()
    return found.get("data", found)


async def test_a_ladder_says_of_every_rung_why(platform: Dispatched, client: Client) -> None:
    until = platform.clock.now() + 30_000_000
    await platform.tell(
        "transcode-events",
        ladder(
            rung("720p60", "refused", "reserved"),
            rung("480p30", "going", "preempted", until),
            rung("160p30", "granted", "tier"),
        ),
    )
    found = await data(client, "/v1/streams/s1/ladder")
    assert (found["state"], found["tier"], found["worker_id"]) == ("decided", "affiliate", "w1")
    assert (found["assignment"], found["cause"]) == (2, "preempted")
    assert found["detail"] == "Besides the source viewers get 480p30, 160p30."
    assert [(r["name"], r["state"], r["reason"], r["detail"]) for r in found["rungs"]] == [
        ("720p60", "refused", "reserved", why("refused", "reserved")),
        ("480p30", "going", "preempted", "It goes soon: a partner's broadcast needs the room."),
        ("160p30", "granted", "tier", why("granted", "tier")),
    ]
    assert found["rungs"][1]["until"].endswith("Z")
    assert found["rungs"][0]["until"] is None
    assert found["quarantine"] is None


async def test_a_ladder_is_what_the_dispatcher_decided(
    platform: Dispatched, client: Client
) -> None:
    found = await data(client, "/v1/streams/s1/ladder")
    assert (found["state"], found["tier"], found["worker_id"]) == ("decided", "regular", None)
    assert {(each["state"], each["reason"]) for each in found["rungs"]} == {("refused", "tier")}
    await platform.ask(SetTier(pool="default", channel_id="c1", tier="partner"))
    found = await data(client, "/v1/streams/s1/ladder")
    assert {each["state"] for each in found["rungs"]} == {"waiting"}
    await platform.start_worker("w1", 1_000_000)
    found = await data(client, "/v1/streams/s1/ladder")
    assert (found["tier"], found["worker_id"], found["assignment"]) == ("partner", "w1", 1)
    assert [(each["name"], each["state"]) for each in found["rungs"]] == [
        ("480p30", "granted"),
        ("360p30", "granted"),
        ("160p30", "granted"),
    ]
    (worker,) = await data(client, "/v1/pools/default/workers", headers=OPERATOR)
    assert (worker["worker_id"], worker["capacity"]) == ("w1", 1_000_000)
    await platform.post("broadcast-events", "c1", ENDED)
    found = await data(client, "/v1/streams/s1/ladder")
    assert (found["state"], found["worker_id"]) == ("over", None)
    assert await data(client, "/v1/pools/default/streams", headers=OPERATOR) == []


async def test_without_a_decision_that_is_said_and_an_unknown_stream_is_none(
    platform: Dispatched, client: Client
) -> None:
    await platform.publish("c2", "s2")  # there is no picture yet
    found = await data(client, "/v1/streams/s2/ladder")
    assert (found["state"], found["tier"], found["rungs"]) == ("undecided", None, [])
    assert "has just begun" in found["detail"]
    assert (await client.get("/v1/streams/s9/ladder")).status == 404


async def test_a_stream_that_is_over_keeps_its_ladder(platform: Dispatched, client: Client) -> None:
    await platform.tell("transcode-events", ladder(cause="stream_over", worker_id=""))
    found = await data(client, "/v1/streams/s1/ladder")
    assert (found["state"], found["worker_id"]) == ("over", None)


async def test_a_quarantine_is_said_with_or_without_a_ladder(
    platform: Dispatched, client: Client
) -> None:
    event = StreamQuarantined(
        stream_id="s3", channel_id="c1", deaths=3, media_sequence=9, kept_object="k", detail="D"
    )
    await platform.tell("transcode-events", event)
    found = await data(client, "/v1/streams/s3/ladder")
    assert (found["state"], found["quarantine"]["deaths"]) == ("undecided", 3)
    await platform.tell(
        "transcode-events", ladder(rung("160p30", "refused", "quarantined"), stream_id="s3")
    )
    found = await data(client, "/v1/streams/s3/ladder")
    assert (found["state"], found["quarantine"]["media_sequence"]) == ("decided", 9)
    assert found["detail"] == "No renditions are made. Viewers get the source."
    assert "k" not in found["quarantine"].values()


@pytest.mark.parametrize("reason", CODES)
def test_every_reason_that_there_is_has_words_of_its_own(reason: str) -> None:
    assert why("refused", reason) not in ("", why("refused", "unheard of"))


def test_a_reason_of_a_later_version_is_told_by_its_state() -> None:
    assert why("granted", "unheard of") == "It is made."


async def test_viewers_ask_and_are_counted_once(platform: Dispatched, client: Client) -> None:
    for _ in range(2):
        found = await data(client, "/v1/streams/s1/ladder/requests", method="POST")
        assert found == {"stream_id": "s1", "viewers": 1}
    commands = [each for each in platform.said if isinstance(each, RequestRenditions)]
    assert len({each.viewer for each in commands}) == 1
    assert {each.pool for each in commands} == {"default"}
    assert not any(b"127.0.0.1" in each for each in platform.asked)


async def test_who_asks_for_what_cannot_be_is_told_so(platform: Dispatched, client: Client) -> None:
    path = "/v1/streams/{}/ladder/requests"
    assert (await client.post(path.format("s9"))).status == 404
    await platform.go_live("c2", "s2", platform.clock.now())  # the dispatcher has not heard of it
    refused = await data(client, path.format("s2"), 422, method="POST")
    assert refused["type"] == "urn:millrace:problem:unknown-stream"
    await platform.go_offline("c1", "s1", platform.clock.now())
    over = await data(client, path.format("s1"), 422, method="POST")
    assert over["type"] == "urn:millrace:problem:stream-over"


async def test_what_a_stream_costs_is_its_broadcasters_and_operators_to_know(
    platform: Dispatched, client: Client
) -> None:
    for name, seconds in (("480p30", 30.0), ("160p30", 6.0)):
        await platform.tell("stream-costs", cost("s1", name, seconds))
    path = "/v1/streams/s1/costs"
    other = bearer("user:read:broadcast", client="test/c2")
    assert (await client.get(path, headers=other)).status == 403
    for headers in (bearer("user:read:broadcast", client="test/c1"), OPERATOR):
        found = await data(client, path, headers=headers)
        assert (found["cpu_seconds"], found["cpu_seconds_per_minute"]) == (36.0, 36.0)
        assert [(r["rendition"], r["cpu_seconds_per_minute"]) for r in found["renditions"]] == [
            ("480p30", 30.0),
            ("160p30", 6.0),
        ]


async def test_operators_see_pools_and_whether_they_are_measured(
    platform: Dispatched, client: Client
) -> None:
    await platform.tell("pool-events", pool())
    joined = WorkerJoined(
        pool="default", worker_id="w1", name="here", capacity=9, encoders=["libx264"]
    )
    await platform.tell("pool-events", joined)
    await platform.tell("transcode-events", ladder(rung("160p30", "waiting", "no_capacity")))
    (found,) = await data(client, "/v1/pools", headers=OPERATOR)
    assert (found["pool"], found["used"], found["measured"]) == ("default", 400_000, True)
    (worker,) = await data(client, "/v1/pools/default/workers", headers=OPERATOR)
    assert (worker["worker_id"], worker["encoders"]) == ("w1", ["libx264"])
    (stream,) = await data(client, "/v1/pools/default/streams", headers=OPERATOR)
    assert (stream["stream_id"], stream["waiting"], stream["granted"]) == ("s1", 1, 0)
    assert await data(client, "/v1/pools/other/workers", headers=OPERATOR) == []
    platform.clock.advance(31)
    (found,) = await data(client, "/v1/pools", headers=OPERATOR)
    assert not found["measured"]


RESERVATION = {
    "reservation_id": "final",
    "channel_id": "c1",
    "begins_at": "2026-11-21T20:00:00Z",
    "ends_at": "2026-11-21T23:00:00+01:00",
}


async def test_room_is_reserved_once_and_given_up(client: Client) -> None:
    path = "/v1/pools/default/reservations"
    for _ in range(2):
        found = await data(client, path, method="POST", json=RESERVATION, headers=OPERATOR)
        assert (found["reservation_id"], found["cost"]) == ("final", 297_600)
        assert found["ends_at"] == "2026-11-21T22:00:00.000Z"
    assert await data(client, path, headers=OPERATOR) == [found]
    ended = await data(client, f"{path}/final", method="DELETE", headers=OPERATOR)
    assert ended["reason"] == "cancelled"
    assert await data(client, path, headers=OPERATOR) == []
    assert (await client.delete(f"{path}/final", headers=OPERATOR)).status == 404


@pytest.mark.parametrize(
    "change",
    [
        {"ends_at": "2026-11-21T20:00:00Z"},
        {"begins_at": "2026-11-21T20:00:00"},
        {"width": 0},
        {"reservation_id": "a b"},
        {"frame_rate": 0},
    ],
    ids=str,
)
async def test_a_reservation_that_cannot_be_is_refused(
    client: Client, change: dict[str, object]
) -> None:
    path, body = "/v1/pools/default/reservations", {**RESERVATION, **change}
    await data(client, path, 422, method="POST", json=body, headers=OPERATOR)
