"""`/helix/eventsub/subscriptions` and `/ws`, as their clients see them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientSession, WSMsgType

from api.eventsub import consent, subscriptions
from api.eventsub import session as sessions
from infra.names import id_of
from schemas.records.accounts import EraseUser
from schemas.records.broadcast import StreamStarted
from schemas.records.eventsub import ConfirmSubscription
from schemas.records.identity import AddModerator
from schemas.records.social import FollowChannel
from tests.functional.eventsub_rig import APP, Client, EventPlatform, asked, heard, over, user

PATH = "/helix/eventsub/subscriptions"
RIVER, BROOK = id_of("river"), id_of("brook")
FOLLOWERS = "moderator:read:followers"


@pytest_asyncio.fixture
async def platform() -> AsyncIterator[EventPlatform]:
    async with EventPlatform() as platform:
        for login in ("river", "brook"):
            await platform.sign_up(login)
        yield platform


@pytest_asyncio.fixture
async def client(platform: EventPlatform) -> AsyncIterator[Client]:
    async with platform.serving() as client:
        yield client


async def create(
    client: Client, body: Any, headers: dict[str, str] = APP
) -> tuple[int, dict[str, Any]]:
    async with client.post(PATH, json=body, headers=headers) as answer:
        return answer.status, await answer.json()


async def listed(client: Client, headers: dict[str, str] = APP, **query: str) -> dict[str, Any]:
    async with client.get(PATH, params=query, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        found: dict[str, Any] = await answer.json()
        return found


async def test_a_webhook_is_made_listed_and_deleted(
    platform: EventPlatform, client: Client
) -> None:
    status, made = await create(client, asked(RIVER))
    assert status == 202
    (shown,) = made["data"]
    assert shown["status"] == "webhook_callback_verification_pending"
    assert shown["transport"] == {"method": "webhook", "callback": "https://hook.example/"}
    assert (made["total"], made["total_cost"], made["max_total_cost"]) == (1, 1, 10_000)
    assert "correct horse" not in b"".join(platform.asked).decode(errors="replace")
    assert await listed(client) == {**made, "pagination": {}}
    confirmed = ConfirmSubscription(
        channel_id=RIVER, subscription_id=shown["id"], confirmed=True, detail=""
    )
    await platform.post("eventsub-commands", RIVER, confirmed)
    assert [each["status"] for each in (await listed(client))["data"]] == ["enabled"]
    for wrong in ({"id": "other"}, {"id": shown["id"]}):
        headers = APP if wrong["id"] == "other" else user(RIVER)
        async with client.delete(PATH, params=wrong, headers=headers) as answer:
            assert answer.status == 404
    async with client.delete(PATH, params={"id": shown["id"]}, headers=APP) as answer:
        assert answer.status == 204
    assert (await listed(client))["data"] == []
    assert (await listed(client))["total"] == 0


async def test_the_same_twice_is_a_conflict_and_few_are_alike(client: Client) -> None:
    assert (await create(client, asked(RIVER)))[0] == 202
    status, failure = await create(client, asked(RIVER))
    assert (status, failure["error"]) == (409, "Conflict")
    for number in (2, 3, 4):
        body = asked(RIVER)
        body["transport"]["callback"] = f"https://hook.example/{number}"
        status, failure = await create(client, body)
    assert (status, failure["error"]) == (429, "Too Many Requests")


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"type": "no.such"}, "type"),
        ({"version": "9"}, "version"),
        ({"condition": {}}, "broadcaster_user_id"),
        ({"condition": {"broadcaster_user_id": "a b"}}, "broadcaster_user_id"),
        ({"condition": {"broadcaster_user_id": "nobody"}}, "no such user"),
        ({"condition": {"broadcaster_user_id": RIVER, "user_id": RIVER}}, "condition"),
        ({"transport": {"method": "pigeon"}}, "method"),
        ({"transport": {"method": "webhook"}}, "callback"),
        ({"transport": {"method": "webhook", "callback": "http://a.test/", "secret": "x" * 10}},
         "https"),
        ({"transport": {"method": "webhook", "callback": "https://10.0.0.1/", "secret": "x" * 10}},
         "public"),
        ({"transport": {"method": "webhook", "callback": "https://a.test/", "secret": "short"}},
         "secret"),
        ({"transport": over("018bcfe5-6800-7b11-8f0e-5d2c9a7e4b36")}, "token of a user"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_named(client: Client, more: dict[str, Any], named: str) -> None:
    status, failure = await create(client, asked(RIVER) | more)
    assert (status, failure["error"]) == (400, "Bad Request")
    assert named in failure["message"]


async def test_a_webhook_takes_the_token_of_an_application(client: Client) -> None:
    status, failure = await create(client, asked(RIVER), user(RIVER))
    assert (status, "application" in failure["message"]) == (400, True)
    async with client.post(PATH, json=asked(RIVER)) as answer:
        assert answer.status == 401


async def test_follows_take_the_consent_of_a_moderator(
    platform: EventPlatform, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consent, "_AGAIN", (0.0,))

    async def status(moderator: str = BROOK) -> int:
        condition = {"broadcaster_user_id": RIVER, "moderator_user_id": moderator}
        body = asked(RIVER, "channel.follow", version="2", condition=condition)
        return (await create(client, body))[0]

    assert await status() == 403
    await platform.consent(BROOK, "test", "user:read:follows")
    assert await status() == 403  # not that scope
    await platform.consent(BROOK, "other", FOLLOWERS)
    assert await status() == 403  # not that application
    await platform.consent(BROOK, "test", FOLLOWERS)
    assert await status() == 403  # does not moderate
    add = AddModerator(channel_id=RIVER, user_id=BROOK)
    await platform.post("identity-commands", RIVER, add)
    assert await status() == 202
    await platform.consent(RIVER, "test", FOLLOWERS)
    assert await status(RIVER) == 202


async def test_a_raid_is_asked_for_by_one_of_its_ends(client: Client) -> None:
    source, goal = "from_broadcaster_user_id", "to_broadcaster_user_id"

    async def status(**condition: str) -> int:
        return (await create(client, asked(RIVER, "channel.raid", condition=condition)))[0]

    assert await status(**{source: RIVER}) == 202
    assert await status(**{goal: RIVER}) == 202
    assert await status(**{goal: RIVER, source: BROOK}) == 400
    assert await status(broadcaster_user_id=RIVER) == 400
    assert await status(**{goal: "nobody"}) == 400


async def test_polls_take_one_of_two_scopes(
    platform: EventPlatform, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consent, "_AGAIN", (0.0,))
    body = asked(RIVER, "channel.poll.begin")
    assert (await create(client, body))[0] == 403
    await platform.consent(RIVER, "test", "channel:manage:polls")
    assert (await create(client, body))[0] == 202


async def test_what_its_broadcaster_allowed_costs_nothing(
    platform: EventPlatform, client: Client
) -> None:
    await platform.consent(RIVER, "test")
    assert (await create(client, asked(RIVER)))[1]["total_cost"] == 0
    assert (await create(client, asked(BROOK)))[1]["total_cost"] == 1


async def test_more_than_may_be_is_refused(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "MOST_COST", 1)
    assert (await create(client, asked(RIVER)))[0] == 202
    assert (await create(client, asked(BROOK)))[0] == 429


async def test_lists_are_filtered_and_paged(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "_PAGE", 2)
    for body in (
        *(asked(RIVER), asked(BROOK), asked(RIVER, "stream.offline")),
        asked(RIVER, "channel.update", version="2"),
    ):
        assert (await create(client, body))[0] == 202
    first = await listed(client)
    second = await listed(client, after=first["pagination"]["cursor"])
    kinds = [each["type"] for page in (first, second) for each in page["data"]]
    assert sorted(kinds) == ["channel.update", "stream.offline", "stream.online", "stream.online"]
    assert len({each["id"] for page in (first, second) for each in page["data"]}) == 4
    assert second["pagination"] == {}
    assert first["total"] == 4
    monkeypatch.undo()
    assert len((await listed(client, type="stream.online"))["data"]) == 2
    assert len((await listed(client, user_id=BROOK))["data"]) == 1
    assert len((await listed(client, status="enabled"))["data"]) == 0
    (one,) = (await listed(client, subscription_id=first["data"][0]["id"]))["data"]
    assert one == first["data"][0]
    async with client.get(PATH, params={"type": "a", "status": "b"}, headers=APP) as answer:
        assert answer.status == 400
    assert (await listed(client, user(RIVER)))["data"] == []


async def ends_as(client: Client, status: str, **query: str) -> None:
    """A session's one subscription has that status, soon after the session was over."""
    for _ in range(500):
        (sub,) = (await listed(client, user(RIVER), **query))["data"]
        if sub["status"] != "enabled":
            break
        await asyncio.sleep(0.01)
    assert sub["status"] == status


async def subscribe(client: Client, session_id: str, kind: str = "stream.online") -> None:
    body = asked(RIVER, kind, transport=over(session_id))
    status, failure = await create(client, body, user(RIVER))
    assert status == 202, failure


async def test_a_session_is_welcomed_told_and_over(platform: EventPlatform, client: Client) -> None:
    async with client.ws_connect("/ws?keepalive_timeout_seconds=9999") as socket:
        session = (await heard(socket, "session_welcome"))["payload"]["session"]
        assert (session["status"], session["reconnect_url"]) == ("connected", None)
        assert session["keepalive_timeout_seconds"] == 600
        await subscribe(client, session["id"])
        condition = {"broadcaster_user_id": RIVER, "moderator_user_id": RIVER}
        body = asked(RIVER, "channel.follow", version="2", condition=condition)
        body["transport"] = over(session["id"])
        assert (await create(client, body, user(RIVER)))[0] == 403
        assert (await create(client, body, user(RIVER, FOLLOWERS)))[0] == 202
        assert (await create(client, body, user(RIVER, FOLLOWERS)))[0] == 409
        foreign = asked(BROOK, transport=over(session["id"]))
        assert (await create(client, foreign, user(BROOK)))[0] == 400

        follow = FollowChannel(channel_id=RIVER, user_id=BROOK)
        await platform.post("social-commands", RIVER, follow)
        told = await heard(socket, "notification")
        assert told["metadata"]["subscription_type"] == "channel.follow"
        assert told["metadata"]["subscription_version"] == "2"
        subscription = told["payload"]["subscription"]
        assert subscription["transport"] == over(session["id"])
        assert told["payload"]["event"] == {
            "user_id": BROOK,
            "user_login": "brook",
            "user_name": "Brook",
            "broadcaster_user_id": RIVER,
            "broadcaster_user_login": "river",
            "broadcaster_user_name": "River",
            "followed_at": told["payload"]["event"]["followed_at"],
        }
        await platform.post("account-commands", BROOK, EraseUser(user_id=BROOK))
        await platform.publish(RIVER, "s1")
        assert (await heard(socket, "notification"))["payload"]["event"]["id"] == "s1"
    await ends_as(client, "websocket_disconnected", type="stream.online")


async def test_a_revocation_is_told(platform: EventPlatform, client: Client) -> None:
    async with client.ws_connect("/ws") as socket:
        session = (await heard(socket, "session_welcome"))["payload"]["session"]
        await subscribe(client, session["id"])
        await platform.post("account-commands", RIVER, EraseUser(user_id=RIVER))
        told = await heard(socket, "revocation")
        assert told["payload"]["subscription"]["status"] == "user_removed"
        assert "event" not in told["payload"]


async def test_an_unused_session_is_closed(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "UNUSED_SECONDS", 0.05)
    async with client.ws_connect("/ws") as socket:
        await heard(socket, "session_welcome")
        closing = await socket.receive(timeout=5)
        assert (closing.type, closing.data) == (WSMsgType.CLOSE, 4003)


async def test_a_client_that_talks_is_cut_off(platform: EventPlatform, client: Client) -> None:
    async with client.ws_connect("/ws") as socket:
        session = (await heard(socket, "session_welcome"))["payload"]["session"]
        await subscribe(client, session["id"])
        await socket.send_str("hello")
        closing = await socket.receive(timeout=5)
        assert (closing.type, closing.data) == (WSMsgType.CLOSE, 4001)
    await ends_as(client, "websocket_received_inbound_traffic")


async def test_a_client_that_falls_behind_is_cut_off(
    platform: EventPlatform, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "WAITING", 0)
    async with client.ws_connect("/ws") as socket:
        session = (await heard(socket, "session_welcome"))["payload"]["session"]
        await subscribe(client, session["id"])
        await platform.publish(RIVER, "s1")
        closing = await socket.receive(timeout=5)
        assert (closing.type, closing.data) == (WSMsgType.CLOSE, 4005)


async def test_a_sign_of_life_comes_when_there_is_no_news(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.eventsub.sockets.KEEPALIVE", (0.1, 600))
    async with client.ws_connect("/ws?keepalive_timeout_seconds=0") as socket:
        await heard(socket, "session_welcome")
        assert (await heard(socket, "session_keepalive"))["payload"] == {}


async def test_a_session_that_is_over_takes_no_subscription(
    client: Client, platform: EventPlatform
) -> None:
    async with client.ws_connect("/ws") as socket:
        session = (await heard(socket, "session_welcome"))["payload"]["session"]
    for _ in range(500):
        if session["id"] not in platform.presence.known:
            break
        await asyncio.sleep(0.01)
    body = asked(RIVER, transport=over(session["id"]))
    status, failure = await create(client, body, user(RIVER))
    assert (status, "no such session" in failure["message"]) == (400, True)


async def start(platform: EventPlatform, channel_id: str, stream_id: str) -> None:
    event = StreamStarted(
        channel_id=channel_id, stream_id=stream_id, session_id="p", started_at=platform.clock.now()
    )
    await platform.post("broadcast-events", channel_id, event)


async def test_a_session_goes_over_to_another_gateway_without_loss_or_repeat(
    platform: EventPlatform, client: Client
) -> None:
    async with platform.serving() as other:
        socket = await client.ws_connect("/ws")
        first = (await heard(socket, "session_welcome"))["payload"]["session"]
        await subscribe(client, first["id"])
        await platform.publish(RIVER, "before")
        assert (await heard(socket, "notification"))["payload"]["event"]["id"] == "before"

        draining = asyncio.create_task(client.sockets.move_all())  # type: ignore[attr-defined]
        asked_to = (await heard(socket, "session_reconnect"))["payload"]["session"]
        assert (asked_to["id"], asked_to["status"]) == (first["id"], "reconnecting")
        assert asked_to["keepalive_timeout_seconds"] is None
        for number in range(3):  # while nobody holds the session
            await start(platform, RIVER, f"between-{number}")
        path = asked_to["reconnect_url"].partition("/ws")[2]
        async with other.ws_connect(f"/ws{path}") as moved:
            again = (await heard(moved, "session_welcome"))["payload"]["session"]
            assert (again["id"], again["status"]) == (first["id"], "connected")
            assert again["connected_at"] == first["connected_at"]
            await socket.close()
            await draining
            await start(platform, RIVER, "after")
            told = [
                (await heard(moved, "notification"))["payload"]["event"]["id"] for _ in range(4)
            ]
            assert told == ["between-0", "between-1", "between-2", "after"]
            (sub,) = (await listed(other, user(RIVER)))["data"]
            assert sub["status"] == "enabled"

            async with other.ws_connect(f"/ws{path}") as thief:
                closing = await thief.receive(timeout=5)
                assert (closing.type, closing.data) == (WSMsgType.CLOSE, 4007)
        await ends_as(other, "websocket_disconnected")


async def test_an_address_to_reconnect_to_is_ours_and_of_now(
    platform: EventPlatform, client: Client
) -> None:
    async with client.ws_connect("/ws?reconnect=p1.00000000.AAAA") as socket:
        closing = await socket.receive(timeout=5)
        assert (closing.type, closing.data) == (WSMsgType.CLOSE, 4007)


async def test_a_gateway_that_stops_sends_its_sessions_elsewhere(
    platform: EventPlatform,
) -> None:
    async with (
        platform.serving() as other,
        platform.stopping() as (url, stop),
        ClientSession() as browser,
        browser.ws_connect(f"{url}/ws") as socket,
    ):
        first = (await heard(socket, "session_welcome"))["payload"]["session"]
        await subscribe(other, first["id"])  # a session is known at every gateway
        stopping = asyncio.create_task(stop())
        asked_to = (await heard(socket, "session_reconnect"))["payload"]["session"]
        await start(platform, RIVER, "meanwhile")
        assert asked_to["reconnect_url"].startswith(f"{url.replace('http', 'ws')}/ws?reconnect=")
        path = asked_to["reconnect_url"].partition("/ws")[2]
        async with other.ws_connect(f"/ws{path}") as moved:
            await heard(moved, "session_welcome")
            assert (await heard(moved, "notification"))["payload"]["event"]["id"] == "meanwhile"
            await socket.close()
            await stopping


async def test_who_does_not_go_over_in_time_is_closed(platform: EventPlatform) -> None:
    async with (
        platform.stopping(drain=0.1) as (url, stop),
        ClientSession() as browser,
        browser.ws_connect(f"{url}/ws") as socket,
    ):
        await heard(socket, "session_welcome")
        stopping = asyncio.create_task(stop())
        await heard(socket, "session_reconnect")
        closing = await socket.receive(timeout=5)
        assert (closing.type, closing.data) == (WSMsgType.CLOSE, 4004)
        await stopping


async def test_nobody_stays_with_a_gateway_that_hears_nothing(
    platform: EventPlatform, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with client.ws_connect("/ws") as socket:
        session = (await heard(socket, "session_welcome"))["payload"]["session"]
        await subscribe(client, session["id"])
        monkeypatch.setattr("api.eventsub.listening._decode", None)
        await platform.publish(RIVER, "s1")
        closing = await socket.receive(timeout=5)
        assert (closing.type, closing.data) == (WSMsgType.CLOSE, 4000)
    async with client.get("/ws") as answer:
        assert answer.status == 503
