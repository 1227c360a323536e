"""The registry endpoint, and publishing to another registry: over HTTP, without servers."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from api.app import make_app
from api.places import Places
from api.registry import routes
from infra.clock import ManualClock
from infra.errors import ConfigurationError, Unavailable
from schemas.publish import publish
from schemas.subjects import Subjects, subjects
from tests.functional.gateway import MemoryViews

OLD, NEW = '{"type": "string"}', '{"type": "string", "doc": "A text."}'
TWO = Subjects(schemas={3: OLD, 7: NEW, 9: '"long"'}, versions={"a-n.A": [3, 7], "b-n.B": [9]})


Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    places = Places(origin_url="", rtmp_url="", origin_port=8081, rtmp_port=1935)
    app = make_app(
        MemoryViews(), clock=ManualClock(), places=places, folder=Path(), more=routes(TWO)
    )
    async with TestClient(TestServer(app)) as found:
        yield found


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/subjects", ["a-n.A", "b-n.B"]),
        ("/subjects/a-n.A/versions", [1, 2]),
        ("/subjects/a-n.A/versions/1", {"subject": "a-n.A", "version": 1, "id": 3, "schema": OLD}),
        (
            "/subjects/a-n.A/versions/latest",
            {"subject": "a-n.A", "version": 2, "id": 7, "schema": NEW},
        ),
        ("/schemas/ids/7", {"schema": NEW}),
        ("/schemas/ids/7?subject=a-n.A", {"schema": NEW}),
        ("/schemas/ids/7/versions", [{"subject": "a-n.A", "version": 2}]),
        ("/schemas/types", ["AVRO"]),
        ("/config", {"compatibilityLevel": "FULL_TRANSITIVE"}),
        ("/mode", {"mode": "READONLY"}),
    ],
)
async def test_it_answers_in_the_dialect(client: Client, path: str, answer: Any) -> None:
    response = await client.get(path)
    assert response.status == 200
    assert response.content_type == "application/vnd.schemaregistry.v1+json"
    assert json.loads(await response.text()) == answer


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/schemas/ids/4", 404, 40403),
        ("/schemas/ids/" + "9" * 5000, 404, 40403),
        ("/schemas/ids/x", 404, 40403),
        ("/subjects/c/versions", 404, 40401),
        ("/subjects/a-n.A/versions/3", 404, 40402),
        ("/subjects/a-n.A/versions/0", 422, 42202),
        ("/subjects/a-n.A/versions/first", 422, 42202),
        ("/subjects/a-n.A/versions/²", 422, 42202),
    ],
)
async def test_what_is_not_there_has_its_code(
    client: Client, path: str, status: int, code: int
) -> None:
    response = await client.get(path)
    assert (response.status, json.loads(await response.text())["error_code"]) == (status, code)


@pytest.mark.parametrize(
    ("path", "body", "status", "found"),
    [
        ("/subjects/a-n.A", json.dumps({"schema": OLD}), 200, {"version": 1, "id": 3}),
        ("/subjects/a-n.A", json.dumps({"schema": '"long"'}), 404, {"error_code": 40403}),
        ("/subjects/a-n.A", "[", 422, {"error_code": 42201}),
        ("/subjects/a-n.A", "[1]", 422, {"error_code": 42201}),
        ("/subjects/a-n.A", json.dumps({"schema": "[" * 50_000}), 422, {"error_code": 42201}),
        ("/subjects/c", json.dumps({"schema": OLD}), 404, {"error_code": 40401}),
        ("/subjects/a-n.A/versions", json.dumps({"schema": NEW}), 200, {"id": 7}),
        ("/subjects/a-n.A/versions", json.dumps({"schema": '"int"'}), 422, {"error_code": 42205}),
        ("/subjects/new/versions", json.dumps({"schema": OLD}), 422, {"error_code": 42205}),
    ],
)
async def test_a_schema_is_found_but_never_added(
    client: Client, path: str, body: str, status: int, found: dict[str, Any]
) -> None:
    response = await client.post(path, data=body)
    answer = json.loads(await response.text())
    assert response.status == status
    assert {key: answer.get(key) for key in found} == found


class FakeRegistry:
    """A registry that can be written, with or without IMPORT mode."""

    def __init__(self, *, imports: bool, status: int = 0) -> None:
        self.imports = imports
        self.status = status
        self.modes: dict[str, str] = {}
        self.held: dict[str, dict[str, int]] = {}

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_put("/mode/{subject}", self.mode)
        app.router.add_post("/subjects/{subject}", self.look_up)
        app.router.add_post("/subjects/{subject}/versions", self.register)
        return app

    async def mode(self, request: web.Request) -> web.Response:
        if not self.imports:
            raise web.HTTPNotFound
        self.modes[request.match_info["subject"]] = (await request.json())["mode"]
        return web.json_response({})

    async def look_up(self, request: web.Request) -> web.Response:
        if self.status:
            return web.json_response({"message": "no"}, status=self.status)
        schema = (await request.json())["schema"]
        number = self.held.get(request.match_info["subject"], {}).get(schema)
        if number is None:
            return web.json_response({"error_code": 40403}, status=404)
        return web.json_response({"id": number})

    async def register(self, request: web.Request) -> web.Response:
        body, subject = await request.json(), request.match_info["subject"]
        chosen = body.get("id")
        if (chosen is not None) != (self.modes.get(subject) == "IMPORT"):
            return web.json_response({"error_code": 42205, "message": "mode"}, status=422)
        everything = {text: n for held in self.held.values() for text, n in held.items()}
        number = chosen or everything.get(body["schema"], len(everything) + 1)
        self.held.setdefault(subject, {})[body["schema"]] = number
        return web.json_response({"id": number})


async def publish_to(registry: FakeRegistry, what: Subjects) -> list[tuple[str, int, int, bool]]:
    async with TestServer(registry.app()) as server:
        found = await publish(str(server.make_url("/")), what)
    return [(each.subject, each.version, each.id, each.new) for each in found]


async def test_publishing_keeps_ids_where_import_mode_exists() -> None:
    registry = FakeRegistry(imports=True)
    wanted = [("a-n.A", 1, 3), ("a-n.A", 2, 7), ("b-n.B", 1, 9)]
    assert await publish_to(registry, TWO) == [(*each, True) for each in wanted]
    assert registry.held == {"a-n.A": {OLD: 3, NEW: 7}, "b-n.B": {'"long"': 9}}
    assert set(registry.modes.values()) == {"READWRITE"}
    assert await publish_to(registry, TWO) == [(*each, False) for each in wanted]


async def test_an_empty_registry_without_import_mode_gives_our_ids() -> None:
    registry = FakeRegistry(imports=False)
    done = await publish_to(registry, subjects())
    assert {subject: number for subject, _, number, _ in done} == {
        subject: ids[-1] for subject, ids in subjects().versions.items()
    }


async def test_another_id_at_the_registry_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match=r"a-n\.A: the registry has it as schema 1"):
        await publish_to(FakeRegistry(imports=False), TWO)


async def test_a_registry_that_refuses_or_fails_is_said_so() -> None:
    with pytest.raises(ConfigurationError, match="answered 401"):
        await publish_to(FakeRegistry(imports=True, status=401), TWO)
    with pytest.raises(Unavailable, match="answered 500"):
        await publish_to(FakeRegistry(imports=True, status=500), TWO)
    with pytest.raises(Unavailable, match="does not answer"):
        await publish("http://127.0.0.1:1", TWO)
