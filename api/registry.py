"""The schemas over HTTP in the Confluent registry's dialect, to be read only.

https://docs.confluent.io/platform/current/schema-registry/develop/api.html: plain consumers
(Connect, Flink, ksqlDB, kcat) take this address as their registry.
"""

import json
from typing import Any, Protocol

from aiohttp import web

from api.access import public
from api.problems import Handler
from api.routes import Route

CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"
_FOREVER = {"Cache-Control": "public, max-age=86400, immutable"}
_FOR_NOW = {"Cache-Control": "no-cache"}


class Subjects(Protocol):
    """What is served. Implemented by `schemas.subjects.Subjects`."""

    @property
    def schemas(self) -> dict[int, str]:
        """Avro text by id."""
        ...

    @property
    def versions(self) -> dict[str, list[int]]:
        """Ids by subject; the first is version 1."""
        ...


class _Failure(Exception):
    """An error of the dialect: HTTP status, `error_code`, message."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def routes(subjects: Subjects) -> list[Route]:
    """The registry's routes, to be added to the gateway's. Anyone may read them."""
    registry = _Registry(subjects)
    return [
        Route("GET", "/schemas/types", _answer(registry.types), public),
        Route("GET", "/schemas/ids/{id}", _answer(registry.schema, _FOREVER), public),
        Route("GET", "/schemas/ids/{id}/versions", _answer(registry.uses), public),
        Route("GET", "/subjects", _answer(registry.subjects), public),
        Route("POST", "/subjects/{subject}", _answer(registry.look_up), public),
        Route("GET", "/subjects/{subject}/versions", _answer(registry.versions), public),
        Route("POST", "/subjects/{subject}/versions", _answer(registry.register), public),
        Route("GET", "/subjects/{subject}/versions/{version}", _answer(registry.version), public),
        Route("GET", "/config", _answer(registry.compatibility), public),
        Route("GET", "/config/{subject}", _answer(registry.compatibility), public),
        Route("GET", "/mode", _answer(registry.mode), public),
        Route("GET", "/mode/{subject}", _answer(registry.mode), public),
    ]


class _Registry:
    """Answers as plain values; what cannot be answered is a _Failure."""

    def __init__(self, subjects: Subjects) -> None:
        self._subjects = subjects
        self._parsed = {number: json.loads(text) for number, text in subjects.schemas.items()}

    async def types(self, request: web.Request) -> Any:
        return ["AVRO"]

    async def subjects(self, request: web.Request) -> Any:
        return sorted(self._subjects.versions)

    async def schema(self, request: web.Request) -> Any:
        return {"schema": self._subjects.schemas[self._id(request)]}

    async def uses(self, request: web.Request) -> Any:
        number = self._id(request)
        return [
            {"subject": subject, "version": ids.index(number) + 1}
            for subject, ids in sorted(self._subjects.versions.items())
            if number in ids
        ]

    async def versions(self, request: web.Request) -> Any:
        return list(range(1, len(self._ids(request)) + 1))

    async def version(self, request: web.Request) -> Any:
        ids, wanted = self._ids(request), request.match_info["version"]
        if wanted in ("latest", "-1"):
            return self._described(request, len(ids))
        if not wanted.isascii() or not wanted.isdigit() or not 0 < int(wanted[:10]) < 2**31:
            raise _Failure(422, 42202, "The version must be from 1 to 2^31-1, or 'latest'")
        if int(wanted[:10]) > len(ids):
            raise _Failure(404, 40402, f"Version {wanted[:10]} not found.")
        return self._described(request, int(wanted))

    async def look_up(self, request: web.Request) -> Any:
        return self._described(request, await self._find(request))

    async def register(self, request: web.Request) -> Any:
        """Answers for what is there; nothing can be added."""
        if request.match_info["subject"] in self._subjects.versions:
            try:
                return {"id": self._described(request, await self._find(request))["id"]}
            except _Failure as failure:
                if failure.code != 40403:
                    raise
        raise _Failure(422, 42205, "The registry is read-only: schemas are reviewed files")

    async def compatibility(self, request: web.Request) -> Any:
        return {"compatibilityLevel": "FULL_TRANSITIVE"}

    async def mode(self, request: web.Request) -> Any:
        return {"mode": "READONLY"}

    def _id(self, request: web.Request) -> int:
        text = request.match_info["id"]
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 11 else -1
        if number not in self._subjects.schemas:
            raise _Failure(404, 40403, f"Schema {text[:20]} not found")
        return number

    def _ids(self, request: web.Request) -> list[int]:
        subject = request.match_info["subject"]
        if subject not in self._subjects.versions:
            raise _Failure(404, 40401, f"Subject '{subject[:200]}' not found.")
        return self._subjects.versions[subject]

    async def _find(self, request: web.Request) -> int:
        """The version whose schema is in the body."""
        ids = self._ids(request)
        try:
            wanted = json.loads((await request.json())["schema"])
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise _Failure(422, 42201, "The body must hold an Avro schema as text") from error
        for version, number in enumerate(ids, 1):
            if self._parsed[number] == wanted:
                return version
        raise _Failure(404, 40403, "Schema not found")

    def _described(self, request: web.Request, version: int) -> dict[str, Any]:
        number = self._ids(request)[version - 1]
        return {
            "subject": request.match_info["subject"],
            "version": version,
            "id": number,
            "schema": self._subjects.schemas[number],
        }


def _answer(answer: Any, headers: dict[str, str] = _FOR_NOW) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        try:
            value, status, sent = await answer(request), 200, headers
        except _Failure as failure:
            value = {"error_code": failure.code, "message": str(failure)}
            status, sent = failure.status, _FOR_NOW
        return web.Response(
            text=json.dumps(value), status=status, content_type=CONTENT_TYPE, headers=sent
        )

    return handler
