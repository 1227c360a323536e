"""`/openapi.json`, and the same for people at `/docs`: one page without scripts."""

import html
import re
from pathlib import Path
from typing import Any, Final

import msgspec
from aiohttp import web

from api import openapi
from api.access import public
from api.routes import ROUTES as DECLARED
from api.routes import Route

VERSION: Final = "1"
_STYLE: Final = Path(__file__).with_name("reference.css")
_KEPT: Final = {"Cache-Control": "public, max-age=300"}
_Json = dict[str, Any]


async def get_openapi(request: web.Request) -> web.Response:
    """The OpenAPI 3.1 document."""
    return web.Response(
        body=msgspec.json.format(msgspec.json.encode(_document(request))),
        content_type="application/json",
        headers={**_KEPT, "Access-Control-Allow-Origin": "*"},
    )


async def get_page(request: web.Request) -> web.Response:
    """The document as a page."""
    return web.Response(text=page(_document(request)), content_type="text/html", headers=_KEPT)


async def get_style(_request: web.Request) -> web.Response:
    """The page's style."""
    return web.Response(text=_STYLE.read_text(), content_type="text/css", headers=_KEPT)


ROUTES = (
    Route("GET", "/openapi.json", get_openapi, public),
    Route("GET", "/docs", get_page, public),
    Route("GET", "/docs/style.css", get_style, public),
)


def _document(request: web.Request) -> _Json:
    routes: list[Route] = request.app[DECLARED]
    return openapi.document(routes, version=VERSION)


def page(document: _Json) -> str:
    """The document as HTML."""
    by_tag: dict[str, list[tuple[str, str, _Json]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            by_tag.setdefault(operation["tags"][0], []).append((method, path, operation))
    links = "".join(f'<a href="#{_text(tag)}">{_text(tag)}</a>' for tag in by_tag)
    sections = "".join(
        f'<section id="{_text(tag)}"><h2>{_text(tag)}</h2>'
        + "".join(_operation(*each) for each in found)
        + "</section>"
        for tag, found in by_tag.items()
    )
    schemas = "".join(
        _schema(name, schema) for name, schema in document["components"]["schemas"].items()
    )
    return _PAGE.format(
        description=_prose(document["info"]["description"]),
        links=links,
        sections=sections,
        schemas=schemas,
    )


_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Millrace API</title>
<link rel="stylesheet" href="/docs/style.css">
</head>
<body>
<header>
<h1>Millrace API</h1>
<p>{description} <a href="/openapi.json">openapi.json</a></p>
<nav aria-label="Sections">{links}<a href="#shapes">shapes</a></nav>
</header>
<main>
{sections}
<section id="shapes"><h2>shapes</h2>{schemas}</section>
</main>
</body>
</html>
"""


def _operation(method: str, path: str, operation: _Json) -> str:
    body = operation.get("requestBody", {}).get("content", {})
    parts = [f"<p>{_prose(operation['description'])}</p>" if "description" in operation else ""]
    parts.append(f'<p class="needs">{_needs(operation)}</p>')
    if operation["parameters"]:
        rows = "".join(_parameter(each) for each in operation["parameters"])
        parts.append(f"<h4>Parameters</h4><dl>{rows}</dl>")
    for kind, content in body.items():
        parts.append(f"<h4>Body <small>{_text(kind)}</small></h4><p>{_kind(content['schema'])}</p>")
    rows = "".join(_response(status, each) for status, each in operation["responses"].items())
    parts.append(f"<h4>Answers</h4><dl>{rows}</dl>")
    return (
        f'<details class="operation" id="{_text(operation["operationId"])}"><summary>'
        f'<span class="method {method}">{method.upper()}</span> <code>{_breakable(path)}</code>'
        f"<span>{_prose(operation['summary'])}</span></summary>{''.join(parts)}</details>"
    )


def _needs(operation: _Json) -> str:
    alternatives = operation.get("security")
    if not alternatives:
        return "Open to anyone."
    if {"client": []} in alternatives:
        return "Needs the application's id, and its secret if it has one."
    scopes = [
        " and ".join(f"<code>{_text(scope)}</code>" for scope in each["bearer"])
        for each in alternatives
    ]
    return "Needs a token" + (f" with {' or '.join(scopes)}." if all(scopes) else ".")


def _parameter(each: _Json) -> str:
    needed = " <strong>needed</strong>" if each["required"] else ""
    default = each["schema"].get("default")
    shown = f" default <code>{_text(default)}</code>" if default is not None else ""
    return (
        f"<dt><code>{_text(each['name'])}</code> <small>{_text(each['in'])}</small>{needed}</dt>"
        f"<dd>{_kind(each['schema'])}{shown}<br>{_prose(each.get('description', ''))}</dd>"
    )


def _response(status: str, each: _Json) -> str:
    kinds = [
        f"<small>{_text(kind)}</small> {_kind(content['schema'])}"
        for kind, content in each.get("content", {}).items()
    ]
    return (
        f"<dt><code>{_text(status)}</code> {_prose(each['description'])}</dt>"
        f"<dd>{'<br>'.join(kinds)}</dd>"
    )


def _schema(name: str, schema: _Json) -> str:
    needed = schema.get("required", ())
    fields = "".join(
        f"<dt><code>{_text(field)}</code>{' <strong>needed</strong>' if field in needed else ''}"
        f"</dt><dd>{_kind(each)}</dd>"
        for field, each in schema.get("properties", {}).items()
    )
    return (
        f'<details id="shape-{_text(name)}"><summary><code>{_text(name)}</code>'
        f"<span>{_prose(schema.get('description', ''))}</span></summary><dl>{fields}</dl></details>"
    )


def _kind(schema: _Json) -> str:
    """A type in a few words, with links to shapes."""
    match schema:
        case {"$ref": str(ref)}:
            name = _text(ref.rpartition("/")[2])
            return f'<a href="#shape-{name}">{name}</a>'
        case {"anyOf": list(kinds)}:
            return " or ".join(_kind(each) for each in kinds)
        case {"enum": list(values)}:
            return " · ".join(f"<code>{_text(value)}</code>" for value in values)
        case {"type": "array", "items": dict(items)}:
            return f"list of {_kind(items)}"
        case {"type": str(name)}:
            limits = [
                f"{_text(word)} {_text(schema[key])}"
                for key, word in _LIMITS.items()
                if key in schema
            ]
            return _text(name) + (f" <small>({', '.join(limits)})</small>" if limits else "")
    return "anything"


_LIMITS: Final = {
    "minimum": "from",
    "maximum": "to",
    "minLength": "characters from",
    "maxLength": "characters to",
    "minItems": "items from",
    "maxItems": "items to",
    "pattern": "form",
}


def _prose(text: Any) -> str:
    """Sentences, in which `this` is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", _text(text))


def _text(value: object) -> str:
    return html.escape(str(value))


def _breakable(path: str) -> str:
    return _text(path).replace("/", "/<wbr>")
