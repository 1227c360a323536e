"""`/helix/eventsub/subscriptions`: what an application wants to hear of."""

import json
from http import HTTPStatus
from typing import Annotated, Final, Literal, NoReturn

import msgspec
from aiohttp import web

from api.access import anyone
from api.call import Call
from api.commands import uuid7
from api.errors import CommandRefused, Conflict, Forbidden, TooMany
from api.eventsub.addresses import checked_callback
from api.eventsub.consent import cost_of
from api.eventsub.rows import BY_APPLICATION, SUBSCRIPTIONS, TOTALS, Listed, Row, Subscription
from api.eventsub.sockets import Sockets, Totals
from api.helix.dialect import Failure, Pagination, helix
from api.v1.parameters import Cursor, Id
from api.views import CHANNELS_BY_ID, typed
from infra.errors import InvalidRecord, NotFound
from infra.sealing import MasterKeys
from schemas.eventsub import BY_NAME, Kind
from schemas.records.eventsub import CreateSubscription, DeleteSubscription, SubscriptionCreated
from schemas.records.eventsub import SubscriptionDeleted as Deleted

COMMANDS: Final = "eventsub-commands"

MOST_COST: Final = 10_000
"""What the webhooks of an application may cost in all."""
MOST_SOCKET_COST: Final = 10
"""What the subscriptions of a WebSocket session may cost in all."""
_PAGE: Final = 100
_LOOKED_AT: Final = 1000
"""Subscriptions looked at for one page of a filtered list."""


class Offer(msgspec.Struct, frozen=True):
    """What the gateway needs for subscriptions."""

    sockets: Sockets
    master: MasterKeys
    private: bool = False
    """Whether webhooks may be at private addresses, at any port, and without TLS."""


OFFER: web.AppKey[Offer] = web.AppKey("eventsub", Offer)


class Transport(msgspec.Struct, frozen=True):
    """Where messages are to go."""

    method: Literal["webhook", "websocket"]
    callback: str | None = None
    secret: str | None = None
    session_id: str | None = None


class NewSubscription(msgspec.Struct, frozen=True):
    """What is asked for."""

    type: str
    version: str
    condition: dict[str, str]
    transport: Transport


class Subscriptions(msgspec.Struct, frozen=True):
    """Subscriptions, and how many there may be."""

    data: list[Subscription]
    total: int
    total_cost: int
    max_total_cost: int
    pagination: Pagination = Pagination()


Text = Annotated[str, msgspec.Meta(max_length=100)]


class ListQuery(msgspec.Struct, frozen=True):
    """Which subscriptions; one filter at most."""

    status: Text | None = None
    type: Text | None = None
    user_id: Id | None = None
    subscription_id: Id | None = None
    after: Cursor | None = None


class DeleteQuery(msgspec.Struct, frozen=True):
    """Which subscription."""

    id: Id


async def create_subscription(call: Call, body: NewSubscription) -> Subscriptions | web.Response:
    """Subscribe to something that happens on a channel.

    Webhooks take the token of an application, WebSockets that of a user. What needs the consent
    of a user (the scope of its type) answers 403 without it.
    """
    try:
        return await _created(call, body)
    except Forbidden as error:
        return _failure(403, str(error))
    except CommandRefused as error:
        _raise_refused(error)


async def _created(call: Call, body: NewSubscription) -> Subscriptions:
    kind = _kind(body)
    offer = call.request.app[OFFER]
    principal, where = call.principal, body.transport
    user_id = _user_of(call, where.method)
    channel_id = kind.channel_of(body.condition)
    if await call.views.get(CHANNELS_BY_ID, channel_id) is None:
        name = next(name for name in kind.subjects if name in body.condition)
        raise InvalidRecord(f"condition.{name}: there is no such user")
    cost = await cost_of(call, kind, body.condition, user_id)
    now, callback, secret = call.now, None, None
    subscription_id = str(uuid7(now))
    if where.method == "webhook":
        totals = await _totals(call)
        if totals.cost + cost > MOST_COST or totals.subscriptions >= MOST_COST:
            raise TooMany("the application has as many subscriptions as it may have", 60)
        callback, secret = _webhook(where, offer.private)
    else:
        totals = await offer.sockets.totals(
            where.session_id or "", principal.client_id, user_id or ""
        )
        if totals.cost + cost > MOST_SOCKET_COST:
            raise TooMany("the session's subscriptions cost as much as they may", 60)
    command = CreateSubscription(
        channel_id=channel_id,
        subscription_id=subscription_id,
        client_id=principal.client_id,
        user_id=user_id,
        type=body.type,
        version=body.version,
        condition=json.dumps(body.condition, sort_keys=True, separators=(",", ":")),
        method=where.method,
        callback=callback,
        sealed_secret=None
        if secret is None
        else offer.master.seal(purpose(subscription_id), secret),
        session_id=where.session_id if where.method == "websocket" else None,
        cost=cost,
    )
    made = await call.ask(COMMANDS, channel_id, command, SubscriptionCreated)
    offer.sockets.subscribed(made)
    shown = typed(msgspec.to_builtins(made), Row).shown
    most = MOST_COST if where.method == "webhook" else MOST_SOCKET_COST
    return Subscriptions([shown], totals.subscriptions + 1, totals.cost + cost, most)


async def list_subscriptions(call: Call, query: ListQuery) -> Subscriptions:
    """Your subscriptions, oldest first: an application's webhooks, or a user's WebSockets."""
    filters = [query.status, query.type, query.user_id, query.subscription_id]
    if sum(each is not None for each in filters) > 1:
        raise InvalidRecord("status, type, user_id and subscription_id: at most one may be given")
    user_id = call.principal.user_id
    method = "webhook" if user_id is None else "websocket"
    found: list[Row] = []
    cursor, looked_at = query.after, 0
    while True:
        rows, cursor = await call.views.scan(
            BY_APPLICATION, _PAGE, cursor, within=call.principal.client_id
        )
        looked_at += len(rows)
        for listed in (typed(row, Listed) for row in rows):
            if (listed.method, listed.user_id) == (method, user_id):
                row = await call.views.get(SUBSCRIPTIONS, listed.subscription_id)
                if row is not None and _wanted(subscription := typed(row, Row), query):
                    found.append(subscription)
        if cursor is None or found or looked_at >= _LOOKED_AT:
            break
    totals = await _totals(call)
    if method == "websocket":
        totals = Totals(len(found), sum(each.cost for each in found))
    return Subscriptions(
        [each.shown for each in found],
        totals.subscriptions,
        totals.cost,
        MOST_COST if method == "webhook" else MOST_SOCKET_COST,
        Pagination(cursor),
    )


async def delete_subscription(call: Call, query: DeleteQuery) -> None:
    """Subscribe no longer."""
    row = await call.views.get(SUBSCRIPTIONS, query.id)
    found = typed(row, Row) if row is not None else None
    principal = call.principal
    if found is None or (found.client_id, found.user_id) != (
        principal.client_id,
        principal.user_id,
    ):
        raise NotFound("There is no such subscription.")
    command = DeleteSubscription(
        channel_id=found.channel_id,
        subscription_id=found.subscription_id,
        client_id=principal.client_id,
    )
    try:
        await call.ask(COMMANDS, found.channel_id, command, Deleted)
    except CommandRefused as error:
        raise NotFound("There is no such subscription.") from error


def purpose(subscription_id: str) -> str:
    """What a webhook's secret is sealed for."""
    return f"eventsub-secret/{subscription_id}"


def _kind(body: NewSubscription) -> Kind:
    kind = BY_NAME.get((body.type, body.version))
    if kind is None:
        raise InvalidRecord("type, version: there is no such type of subscription")
    if body.condition.keys() not in kind.conditions:
        names = ", or ".join(" and ".join(sorted(each)) for each in kind.conditions)
        raise InvalidRecord(f"condition: {body.type} takes {names}")
    for name, value in body.condition.items():
        try:
            msgspec.convert(value, Id)
        except msgspec.ValidationError as error:
            raise InvalidRecord(f"condition.{name}: must be the id of a user") from error
    return kind


def _user_of(call: Call, method: str) -> str | None:
    """Whose token it is, which must be of the kind that the method takes."""
    user_id = call.principal.user_id
    if method == "webhook" and user_id is not None:
        raise InvalidRecord("transport.method: a webhook takes the token of an application")
    if method == "websocket" and user_id is None:
        raise InvalidRecord("transport.method: a WebSocket takes the token of a user")
    return user_id


def _webhook(where: Transport, private: bool) -> tuple[str, str]:
    """Callback and secret."""
    if where.callback is None or where.session_id is not None:
        raise InvalidRecord("transport: a webhook has a callback, and no session_id")
    url = checked_callback(where.callback, private=private)
    secret = where.secret or ""
    if not (10 <= len(secret) <= 100 and secret.isascii()):
        raise InvalidRecord("transport.secret: must have 10 to 100 ASCII characters")
    return str(url), secret


async def _totals(call: Call) -> Totals:
    row = await call.views.get(TOTALS, call.principal.client_id)
    return typed(row, Totals) if row else Totals()


def _wanted(row: Row, query: ListQuery) -> bool:
    return (
        query.status in (None, row.status)
        and query.type in (None, row.type)
        and query.subscription_id in (None, row.subscription_id)
        and (query.user_id is None or query.user_id in json.loads(row.condition).values())
    )


def _raise_refused(error: CommandRefused) -> NoReturn:
    if error.reason == "conflict":
        raise Conflict(error.reason, "the subscription exists already") from error
    if error.reason.startswith("too-many"):
        raise TooMany(str(error), 60) from error
    raise error


def _failure(status: int, message: str) -> web.Response:
    failure = Failure(HTTPStatus(status).phrase, status, message)
    return web.Response(
        status=status, body=msgspec.json.encode(failure), content_type="application/json"
    )


_PATH: Final = "/eventsub/subscriptions"
LISTS: Final = (helix("GET", _PATH, list_subscriptions, anyone),)
ASKING: Final = (
    helix(
        "POST",
        _PATH,
        create_subscription,
        anyone,
        status=202,
        errors=(403, 409),
        answer=Subscriptions,
    ),
    helix("DELETE", _PATH, delete_subscription, anyone, errors=(404,)),
)
