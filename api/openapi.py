"""The OpenAPI 3.1 document, from the routes: what they say is what is checked.

https://spec.openapis.org/oas/v3.1.1.html
"""

import inspect
import re
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec

from api import problems
from api.access import Rule, listed
from api.oauth2.scopes import description
from api.problems import Problem
from api.routes import Route

_REF: Final = "#/components/schemas/{name}"
_PATTERN = re.compile(r"{(\w+)(:[^}]*)?}")
Json = dict[str, Any]


def document(routes: Iterable[Route], *, version: str) -> Json:
    """The document of all routes that say what they take and give."""
    said = [route for route in routes if route.said is not None]
    schemas = _Schemas(said)
    scopes = {scope: description(scope) or "" for scope in listed(r.rule for r in said)}
    paths: dict[str, Json] = {}
    for route in said:
        address = _PATTERN.sub(r"{\1}", route.path)
        paths.setdefault(address, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Millrace",
            "version": version,
            "description": "Live streaming on a log of events. Errors are problems (RFC 9457).",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {
                "client": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "An application's id and secret; the form may bring them, too.",
                },
                "bearer": {
                    "type": "oauth2",
                    "description": "A bearer token from `/oauth2/token`.",
                    "flows": {
                        "clientCredentials": {
                            "tokenUrl": "/oauth2/token",
                            "scopes": scopes,
                        },
                        "authorizationCode": {
                            "authorizationUrl": "/oauth2/authorize",
                            "tokenUrl": "/oauth2/token",
                            "refreshUrl": "/oauth2/token",
                            "scopes": scopes,
                        },
                    },
                },
            },
        },
    }


class _Schemas:
    """JSON schemas of all types that routes speak of, made at once so that names agree."""

    def __init__(self, routes: Sequence[Route]) -> None:
        types: list[Any] = [Problem]
        for route in routes:
            said = route.said
            assert said is not None
            types += [each for each in (said.body, said.answer, said.failure) if each is not None]
            for kind in (said.path, said.query, said.headers):
                if kind is not None:
                    types += [field.type for field in msgspec.structs.fields(kind)]
        _, self.components = msgspec.json.schema_components(types, ref_template=_REF)

    def of(self, kind: Any) -> Json:
        """The schema of a type."""
        schemas, _ = msgspec.json.schema_components([kind], ref_template=_REF)
        return dict(schemas[0])


def _operation(route: Route, schemas: _Schemas) -> Json:
    said = route.said
    assert said is not None
    summary, _, rest = inspect.cleandoc(route.doc).partition("\n\n")
    parts = route.path.strip("/").split("/")
    operation: Json = {
        "operationId": f"{route.handler.__name__}",
        "summary": " ".join(summary.split()),
        "tags": [parts[0] if said.failure or len(parts) == 1 else parts[1]],
        "parameters": _parameters(route, schemas),
        "responses": _responses(route, schemas),
    }
    if rest:
        operation["description"] = rest
    if said.body is not None:
        content = {said.body_type: {"schema": schemas.of(said.body)}}
        operation["requestBody"] = {"required": True, "content": content}
    if route.rule.alternatives or route.rule.by:
        operation["security"] = _security(route.rule)
    return operation


def _parameters(route: Route, schemas: _Schemas) -> list[Json]:
    said = route.said
    assert said is not None
    found = []
    if said.path is None:
        found = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in route.parameters
        ]
    for place, kind in (("path", said.path), ("query", said.query), ("header", said.headers)):
        for field in msgspec.structs.fields(kind) if kind is not None else ():
            name = field.encode_name
            schema = schemas.of(field.type)
            if not field.required and field.default not in (msgspec.NODEFAULT, None):
                schema = {**schema, "default": field.default}
            parameter = {
                "name": name.replace("_", "-") if place == "header" else name,
                "in": place,
                "required": place == "path" or field.required,
                "schema": _without_null(schema),
            }
            if description := _description(schema):
                parameter["description"] = description
            found.append(parameter)
    if route.method in ("POST", "PUT", "PATCH", "DELETE") and route.rule.alternatives:
        found.append(_IDEMPOTENCY)
    return found


_IDEMPOTENCY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key and the same request within 24 hours give the same outcome.",
    "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$"},
}


def _without_null(schema: Json) -> Json:
    """A parameter that may be left out cannot be null as well."""
    others: list[Json] = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(others) == 1:
        return others[0]
    return schema


def _description(schema: Json) -> str:
    if "description" in schema:
        return str(schema["description"])
    return next(
        (each["description"] for each in schema.get("anyOf", ()) if "description" in each), ""
    )


def _responses(route: Route, schemas: _Schemas) -> Json:
    said = route.said
    assert said is not None
    good: Json = {"description": HTTPStatus(said.status).phrase}
    if said.answer is not None:
        good["content"] = {
            kind: {
                "schema": schemas.of(said.answer) if kind.endswith("json") else {"type": "string"}
            }
            for kind in said.media_types
        }
    if said.failure is None:
        problem = {problems.MEDIA_TYPE: {"schema": schemas.of(Problem)}}
    else:
        problem = {"application/json": {"schema": schemas.of(said.failure)}}
    found = {str(said.status): good}
    found |= {str(status): {"description": text} for status, text in said.others.items()}
    for status in sorted(_errors(route)):
        found[str(status)] = {"description": HTTPStatus(status).phrase, "content": problem}
    return found


def _errors(route: Route) -> set[int]:
    said = route.said
    assert said is not None
    found = {*said.errors, 400, 429, 503}
    if route.rule.alternatives:
        found |= {401, 403}
    if route.parameters:
        found |= {404}
    if said.body is not None:
        found |= {413, 415, 422}
    return found if said.failure is None else found - {403, 422}


def _security(rule: Rule) -> list[Json]:
    if rule.by == "client":
        return [{"client": []}, {}]
    if rule.by:
        return [{"bearer": []}]
    found: list[Json] = []
    for needs in rule.alternatives:
        each = {"bearer": sorted(needs.scopes)}
        if each not in found:
            found.append(each)
    return found
