"""The OpenAPI document is valid and true: a seeded fuzz run holds every answer to it."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
import pytest
import schemathesis
from aiohttp import web
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import seed as seeded
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api import openapi
from api.access import public
from api.call import Call, endpoint
from api.reference import page
from api.routes import ROUTES
from tests.functional.gateway import MemoryViews
from tests.functional.gateway_fakes import bearer, open_topics, whole_app

SCOPES = [f"events:{verb}:{name}" for name in open_topics() for verb in ("read", "write")]
LONGEST_LINE = 8000
CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


class Size(msgspec.Struct, frozen=True):
    """What the faulty endpoint takes."""

    size: Annotated[int, msgspec.Meta(ge=0)]


async def put_size(call: Call, body: Size) -> Size:
    """Answers with what its schema does not allow."""
    return Size(-1)


FAULTY = endpoint("PUT", "/faulty", put_size, public)


def views() -> MemoryViews:
    found = MemoryViews()
    found.channel("c1", "millpond", "Water")
    found.live("c1", "s1")
    found.put("stream-history", "1", stream_id="s2", channel_id="c1", state="ended", ended_at=2)
    return found


class Serving:
    """An app on a port, in a loop and a thread of its own."""

    def __init__(self, app: web.Application) -> None:
        self._app = app
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.url = ""

    def __enter__(self) -> str:
        self._thread.start()
        assert self._started.wait(10)
        return self.url

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        runner = web.AppRunner(self._app, access_log=None)
        self._loop.run_until_complete(runner.setup())
        site = web.TCPSite(runner, "127.0.0.1", 0)
        self._loop.run_until_complete(site.start())
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._started.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()


def documented(app: web.Application) -> dict[str, Any]:
    return openapi.document(app[ROUTES], version="1")


@pytest.fixture(scope="module")
def app() -> web.Application:
    return whole_app(views())


@pytest.fixture(scope="module")
def url(app: web.Application) -> Iterator[str]:
    with Serving(app) as found:
        yield found


def fuzz(document: dict[str, Any], url: str, path: str, method: str, examples: int) -> None:
    """Send what the document allows, and what it does not, and hold the answers to it."""
    operation = schemathesis.openapi.from_dict(document)[path][method]

    @seeded(20261121)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def send(case: schemathesis.Case) -> None:
        # A longer line is answered before it is a request (`api.app.make_runner`).
        assume(len(urlencode(case.query or {}, doseq=True)) < LONGEST_LINE)
        case.call_and_validate(base_url=url, headers=bearer(*SCOPES), checks=CHECKS)

    said = document["paths"][path][method.lower()]
    modes = [schemathesis.GenerationMode.POSITIVE]
    if said["parameters"] or "requestBody" in said:
        modes.append(schemathesis.GenerationMode.NEGATIVE)
    for mode in modes:
        given(case=operation.as_strategy(generation_mode=mode))(send)()


OPERATIONS = [
    (path, method)
    for path, found in documented(whole_app(views()))["paths"].items()
    for method in found
]


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_answer_is_as_documented(
    app: web.Application, url: str, path: str, method: str
) -> None:
    fuzz(documented(app), url, path, method.upper(), 40)


def test_the_fuzz_run_finds_what_breaks() -> None:
    app = whole_app(views(), FAULTY)
    with Serving(app) as url, pytest.raises(BaseException, match=r"violates schema"):
        fuzz(documented(app), url, "/faulty", "PUT", 60)


def test_the_document_is_valid(app: web.Application) -> None:
    document = documented(app)
    OpenAPIV31SpecValidator(document).validate()
    read = document["paths"]["/v1/events"]["get"]
    assert read["security"] == [{"bearer": ["events:read:{topic}"]}]
    assert {"200", "400", "401", "403", "410", "429", "503"} <= read["responses"].keys()
    assert next(each for each in read["parameters"] if each["name"] == "limit")["schema"] == {
        "type": "integer", "minimum": 1, "maximum": 1000, "default": 100,
        "description": "Messages at most.",
    }  # fmt: skip


def test_every_operation_has_a_name_of_its_own_and_a_summary(app: web.Application) -> None:
    operations = [each for found in documented(app)["paths"].values() for each in found.values()]
    assert len({each["operationId"] for each in operations}) == len(operations)
    assert all(each["summary"].endswith(".") for each in operations)


def test_the_page_names_everything_and_loads_nothing_from_elsewhere(app: web.Application) -> None:
    document = documented(app)
    shown = page(document)
    for found in document["paths"].values():
        for operation in found.values():
            assert f'id="{operation["operationId"]}"' in shown
    for name in document["components"]["schemas"]:
        assert f'id="shape-{name}"' in shown
    assert "http://" not in shown
    assert "https://" not in shown
    assert "<script" not in shown
