"""Pages of a worker: `/healthz`, `/metrics`, and `/table/…` for operators."""

import hmac
from typing import Any, Final

import aiohttp
import msgspec
from yarl import URL

UNHEALTHY_AFTER: Final = 10.0
"""Age of the oldest unacknowledged record, in seconds, above which a worker is unhealthy."""
FORWARD_TIMEOUT: Final = aiohttp.ClientTimeout(total=3)


def add_pages(app: Any) -> None:
    """Serve the pages on the app's web server."""

    @app.page("/healthz", name="healthz")
    async def healthz(view: Any, request: Any) -> Any:
        body = health(app)
        return view.json(body, status=200 if body["ok"] else 503)

    @app.page("/metrics", name="metrics")
    async def metrics(view: Any, request: Any) -> Any:
        return view.text(app.metrics.text().decode(), content_type="text/plain")

    @app.page("/table/{table}/{key}/", name="table-key")
    async def row(view: Any, request: Any, table: str, key: str) -> Any:
        if not app.config.web_token:
            return view.json({"error": "tables are not served"}, status=404)
        if not _is_operator(request, app.config.web_token):
            return view.json({"error": "needs the operators' bearer token"}, status=401)
        if table not in app.tables_by_name:
            return view.json({"error": f"no table {table}"}, status=404)
        status, body = await find(app, table, key, forward="local" not in request.query)
        return view.json(body, status=status)


def health(app: Any) -> dict[str, Any]:
    """Whether records flow and are acknowledged in time."""
    flowing = bool(app.tables.actives_ready) and not app.rebalancing
    age = app.consumer.oldest_wait
    return {
        "ok": flowing and age <= UNHEALTHY_AFTER,
        "flowing": flowing,
        "oldest_unacknowledged_seconds": round(age, 3),
        "partitions": sorted(f"{tp.topic}/{tp.partition}" for tp in app.consumer.expected),
    }


async def find(app: Any, table: str, key: str, *, forward: bool) -> tuple[int, dict[str, Any]]:
    """Status and body for a row: from this worker's partitions, or from the other workers'.

    A row lives in the partition of the message that wrote it, which its own key need not tell
    (`channel|user`). So all workers are asked; they are few, and only operators ask.
    """
    for partition in sorted({tp.partition for tp in app.consumer.expected}):
        raw = app.outbox.states[partition].table(table).get(key)
        if raw is not None:
            return 200, {"key": key, "partition": partition, "value": msgspec.msgpack.decode(raw)}
    silent = []
    for peer in sorted(_peers(app)) if forward else []:
        try:
            found = await _ask(app, peer, table, key)
        except (aiohttp.ClientError, TimeoutError):
            silent.append(peer)
            continue
        if found is not None:
            return 200, found
    if silent or not app.consumer.expected:
        return 503, {"error": "not every worker answered; ask again", "silent": silent}
    return 404, {"error": f"table {table} has no key {key}"}


async def _ask(app: Any, peer: str, table: str, key: str) -> dict[str, Any] | None:
    url = URL(peer) / "table" / table / key / ""
    headers = {"Authorization": f"Bearer {app.config.web_token}"}
    async with app.http_client.get(
        url % {"local": "1"}, headers=headers, timeout=FORWARD_TIMEOUT
    ) as response:
        if response.status == 503:
            raise aiohttp.ClientError("worker is not ready")
        body: dict[str, Any] = await response.json()
        return body if response.status == 200 else None


def _peers(app: Any) -> set[str]:
    """Web addresses of the other workers, as the group's assignment tells them."""
    own = str(app.conf.canonical_url)
    return {url for url in app.assignor.external_topics_metadata() if url and url != own}


def _is_operator(request: Any, token: str) -> bool:
    given = request.headers.get("Authorization", "")
    return hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
