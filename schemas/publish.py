"""Registers every schema at a Confluent-compatible registry, under the ids that are on the log."""

import asyncio
import json
from typing import Any

import aiohttp
import msgspec

from infra.errors import ConfigurationError, Unavailable
from schemas.subjects import Subjects, subjects

_TIMEOUT = aiohttp.ClientTimeout(total=30)
_CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"


class Published(msgspec.Struct, frozen=True):
    """A schema that the registry has under our id."""

    subject: str
    version: int
    id: int
    new: bool
    """False where the registry had it before."""


async def publish(url: str, wanted: Subjects | None = None) -> list[Published]:
    """Register all subjects; safe to run again.

    Uses IMPORT mode, which takes ids from us; a registry without it (404, 405 or 501 for `/mode`)
    registers in order of id, which gives the same ids if it was empty. Raises ConfigurationError
    if the registry ends up with another id than the one on the log, Unavailable if it is away.
    """
    known = wanted or subjects()
    order = sorted(
        (ids[index], subject, index + 1)
        for subject, ids in known.versions.items()
        for index in range(len(ids))
    )
    try:
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
            remote = _Remote(session, url.rstrip("/"))
            return [
                await _publish(remote, subject, version, number, known.schemas[number])
                for number, subject, version in order
            ]
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Unavailable(
            f"the registry does not answer: {error or type(error).__name__}"
        ) from error


async def _publish(
    remote: "_Remote", subject: str, version: int, number: int, schema: str
) -> Published:
    found = await remote.look_up(subject, schema)
    new = found is None
    if new:
        found = await remote.register(subject, version, number, schema)
    if found != number:
        raise ConfigurationError(
            f"{subject}: the registry has it as schema {found}, the log as {number};"
            " publish to an empty registry, or to one with IMPORT mode"
        )
    return Published(subject, version, number, new)


class _Remote:
    """A registry over HTTP."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def look_up(self, subject: str, schema: str) -> int | None:
        """The id of a schema in a subject; None if it is not there."""
        status, body = await self._ask("POST", f"/subjects/{subject}", {"schema": schema})
        if status == 404:
            return None
        return self._id(subject, status, body)

    async def register(self, subject: str, version: int, number: int, schema: str) -> int:
        """Add a schema under our id where the registry lets us choose; returns the id it has."""
        status, body = await self._ask("PUT", f"/mode/{subject}", {"mode": "IMPORT"})
        imports = status == 200
        if not imports and status not in (404, 405, 501):
            raise ConfigurationError(f"{subject}: the registry refused IMPORT mode: {_say(body)}")
        asked: dict[str, Any] = {"schema": schema}
        if imports:
            asked |= {"id": number, "version": version}
        try:
            status, body = await self._ask("POST", f"/subjects/{subject}/versions", asked)
        finally:
            if imports:
                await asyncio.shield(self._ask("PUT", f"/mode/{subject}", {"mode": "READWRITE"}))
        return self._id(subject, status, body)

    def _id(self, subject: str, status: int, body: Any) -> int:
        if status == 200 and isinstance(body, dict) and isinstance(body.get("id"), int):
            return int(body["id"])
        raise ConfigurationError(f"{subject}: the registry answered {status}: {_say(body)}")

    async def _ask(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        async with self._session.request(
            method,
            self._url + path,
            data=json.dumps(body),
            headers={"Content-Type": _CONTENT_TYPE, "Accept": _CONTENT_TYPE},
        ) as response:
            if response.status >= 500 and response.status != 501:
                raise Unavailable(f"the registry answered {response.status} to {method} {path}")
            try:
                return response.status, json.loads(await response.text())
            except ValueError:
                return response.status, None


def _say(body: Any) -> str:
    return str(body.get("message", "")) if isinstance(body, dict) else "no JSON"
