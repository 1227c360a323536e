"""The dialect's manners: who asks, errors, pages; and following and stream keys under `/v1`."""

from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from api.helix.categories import categories, categories_like, category_id, category_named
from api.stream_keys import new_key
from infra.names import id_of
from schemas.records.identity import AddModerator, IssueStreamKey
from tests.functional.gateway_fakes import bearer
from tests.functional.platform import Platform

Client = TestClient[web.Request, web.Application]
RIVER, BROOK = id_of("river"), id_of("brook")
ME = f"/v1/channels/{BROOK}/followers/me"


def river(*scopes: str, **more: str) -> dict[str, str]:
    return bearer(*scopes, client=f"test/{RIVER}", **more)


READER = river("user:read:follows")
FOLLOWS = river("user:edit:follows", "user:read:follows")


@pytest_asyncio.fixture
async def platform() -> AsyncIterator[Platform]:
    async with Platform() as found:
        for login in ("river", "brook"):
            await found.sign_up(login)
        yield found


@pytest_asyncio.fixture
async def client(platform: Platform) -> AsyncIterator[Client]:
    async with TestClient(TestServer(platform.gateway())) as found:
        yield found


@pytest.mark.parametrize(
    ("headers", "status", "message"),
    [
        ({}, 401, "token"),
        ({"Authorization": READER["Authorization"]}, 401, "Client-Id is missing"),
        ({**READER, "Client-Id": "other"}, 401, "not that of the token"),
        (bearer(), 401, "user:read:follows"),
        (bearer("user:read:follows"), 401, "token of a user"),
        (READER, 400, "user_id"),
    ],
)
async def test_an_error_has_the_shape_of_the_dialect(
    client: Client, headers: dict[str, str], status: int, message: str
) -> None:
    answer = await client.get("/helix/channels/followed", headers=headers)
    body = await answer.json()
    assert (answer.status, body["status"]) == (status, status)
    assert body["error"] == {400: "Bad Request", 401: "Unauthorized"}[status]
    assert message in body["message"]
    assert body.keys() == {"error", "status", "message"}
    assert answer.content_type == "application/json"


async def test_other_addresses_keep_their_problems(client: Client) -> None:
    assert (await client.get(ME)).content_type == "application/problem+json"
    nowhere = await client.get("/helix/nowhere", headers=bearer())
    assert (nowhere.status, (await nowhere.json())["error"]) == (404, "Not Found")


async def test_whose_list_it_is_must_be_who_asks(client: Client) -> None:
    headers = river("user:read:follows")
    for path in ("channels/followed", "streams/followed"):
        answer = await client.get(f"/helix/{path}", params={"user_id": BROOK}, headers=headers)
        assert answer.status == 401
        assert "user_id" in (await answer.json())["message"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("streams?first=0", "first"),
        ("streams?first=101", "first"),
        ("streams?after=nonsense", "after"),
        ("streams?" + "&".join(["user_id=a"] * 101), "user_id"),
        ("games", "id"),
        ("games/top?after=WyJhIl0", "after"),
        ("users", "id"),
        ("channels", "broadcaster_id"),
        ("search/channels", "query"),
    ],
)
async def test_what_is_wrong_with_a_request_is_named(client: Client, path: str, name: str) -> None:
    answer = await client.get(f"/helix/{path}", headers=bearer())
    assert answer.status == 400
    assert name in (await answer.json())["message"]


async def test_the_last_page_has_no_cursor(platform: Platform, client: Client) -> None:
    await platform.go_live(RIVER, "s", 1)
    body = await (await client.get("/helix/streams", headers=bearer())).json()
    assert body["pagination"] == {}
    assert body["data"][0]["thumbnail_url"] == "http://media.test/live/s/thumbnail.jpg"
    await platform.go_offline(RIVER, "s", 1)
    platform.clock.advance(2)
    body = await (await client.get("/helix/streams", headers=bearer())).json()
    assert body["data"] == []


async def test_a_stream_that_starts_between_pages_moves_none(
    platform: Platform, client: Client
) -> None:
    for number, login in enumerate(("river", "brook")):
        await platform.go_live(id_of(login), f"s{number}", 1_000_000 * (number + 1))
    first = await (await client.get("/helix/streams?first=1", headers=bearer())).json()
    await platform.sign_up("rapids")
    await platform.go_live(id_of("rapids"), "s3", 9_000_000)
    platform.clock.advance(2)
    after = first["pagination"]["cursor"]
    second = await client.get(f"/helix/streams?first=1&after={after}", headers=bearer())
    assert [each["id"] for each in (await second.json())["data"]] == ["s0"]


async def test_pages_of_other_sites_may_ask(client: Client) -> None:
    answer = await client.options("/helix/streams")
    assert answer.status == 204
    assert "Client-Id" in answer.headers["Access-Control-Allow-Headers"]
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


async def test_a_moderator_sees_who_follows(platform: Platform, client: Client) -> None:
    assert (await client.put(ME, headers=FOLLOWS)).status == 200
    rain = await platform.sign_up("rain")
    address = f"/helix/channels/followers?broadcaster_id={BROOK}"
    headers = bearer("moderator:read:followers", client=f"test/{rain}")
    before = await (await client.get(address, headers=headers)).json()
    assert (before["total"], before["data"]) == (1, [])
    await platform.post("identity-commands", BROOK, AddModerator(channel_id=BROOK, user_id=rain))
    after = await (await client.get(address, headers=headers)).json()
    assert [each["user_login"] for each in after["data"]] == ["river"]


async def test_following_counts_once(client: Client) -> None:
    async def count() -> int:
        body = await (await client.get(f"/v1/channels/{BROOK}/followers")).json()
        return int(body["data"]["followers"])

    assert await count() == 0
    first = await (await client.put(ME, headers=FOLLOWS)).json()
    again = await (await client.put(ME, headers=FOLLOWS)).json()
    assert first["data"] == again["data"]
    assert (again["data"]["follows"], again["data"]["followers"]) == (True, 1)
    assert await count() == 1
    mine = await (await client.get(ME, headers=FOLLOWS)).json()
    assert (mine["data"]["follows"], mine["data"]["followed_at"]) == (
        True,
        first["data"]["followed_at"],
    )
    for _ in range(2):
        gone = await (await client.delete(ME, headers=FOLLOWS)).json()
        assert (gone["data"]["follows"], gone["data"]["followers"]) == (False, 0)
    assert await count() == 0
    assert not (await (await client.get(ME, headers=FOLLOWS)).json())["data"]["follows"]


async def test_who_and_what_can_be_followed(client: Client) -> None:
    own = await client.put(f"/v1/channels/{RIVER}/followers/me", headers=FOLLOWS)
    assert (own.status, (await own.json())["type"]) == (422, "urn:millrace:problem:own-channel")
    nobody = await client.put(f"/v1/channels/{id_of('nobody')}/followers/me", headers=FOLLOWS)
    assert nobody.status == 404


async def test_a_replaced_stream_key_is_shown_to_its_broadcaster_alone(
    platform: Platform, client: Client
) -> None:
    shown = f"/helix/streams/key?broadcaster_id={RIVER}"
    manage = river("channel:manage:stream_key", "channel:read:stream_key")
    assert (await client.get(shown, headers=manage)).status == 404
    made = await client.post(f"/v1/channels/{RIVER}/stream-key", headers=manage)
    key = (await made.json())["data"]["stream_key"]
    assert (await (await client.get(shown, headers=manage)).json())["data"] == [{"stream_key": key}]
    kept = await platform.views.get("stream-keys", key.split("_")[1])
    assert kept is not None
    assert kept["channel_id"] == RIVER
    secret = key.split("_")[2]
    said = [value or b"" for kept in platform.worker.log.records.values() for _, value, _ in kept]
    assert len(platform.asked) > 2
    assert not any(secret.encode() in value for value in [*said, *platform.asked])
    others = bearer("channel:read:stream_key", client=f"test/{BROOK}")
    assert (await client.get(shown, headers=others)).status == 401
    stranger = bearer("channel:manage:stream_key", client=f"test/{BROOK}")
    assert (await client.post(f"/v1/channels/{RIVER}/stream-key", headers=stranger)).status == 403
    again = await client.post(f"/v1/channels/{RIVER}/stream-key", headers=manage)
    assert (await again.json())["data"]["stream_key"] != key
    assert await platform.views.get("stream-keys", key.split("_")[1]) is None


async def test_a_key_that_was_never_given_to_us_cannot_be_shown(
    platform: Platform, client: Client
) -> None:
    key = new_key()
    command = IssueStreamKey(channel_id=RIVER, key_id=key.key_id, key_digest=key.digest)
    await platform.post("identity-commands", RIVER, command)
    answer = await client.get(
        f"/helix/streams/key?broadcaster_id={RIVER}", headers=river("channel:read:stream_key")
    )
    assert answer.status == 404
    assert "replace it" in (await answer.json())["message"]


def test_categories_have_ids_and_names_of_their_own() -> None:
    found = list(categories().values())
    assert len({each.name.casefold() for each in found}) == len(found) == len(categories())
    assert all(len(each.name) <= 140 for each in found)
    assert msgspec.json.encode(found)
    for each in found:
        assert category_id(each.name.upper()) == each.id
        assert category_named(each.id) == each.name
    assert (category_named("0"), category_named("nothing")) == ("", None)
    assert category_id("nothing") == ""


def test_categories_whose_name_begins_so_come_first() -> None:
    found = [each.name for each in categories_like("m")]
    assert found.index("Minecraft") < found.index("Super Mario 64")
    assert categories_like("the wit")[0].name == "The Witcher 3"
    assert categories_like("zzz") == []
