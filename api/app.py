"""The gateway: pages, and `/v1` over the views. It writes no store."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from functools import partial
from pathlib import Path

from aiohttp import web

from api import (
    chat_pages,
    doorman,
    edge,
    engagement_pages,
    helix,
    limits,
    pages,
    recordings,
    reference,
    session,
)
from api.access import NoTokens, Tokens, public
from api.call import COMMANDS, MAX_BODY, VIEWS
from api.chatters import CHATTERS, Chatters
from api.commands import Commands
from api.deadline import in_time
from api.eventsub import sockets, subscriptions
from api.health import HEALTH, Check, Health, healthz
from api.helix.dialect import failures
from api.helix.live import LIVE, Live
from api.kept import KEPT, KeptAnswers, again
from api.oauth2.answers import faults
from api.oauth2.authority import AUTHORITY, Authority
from api.oauth2.rendering import notices
from api.oauth2.routes import ROUTES as OAUTH2
from api.operations.routes import ROUTES as OPERATIONS
from api.places import Places
from api.problems import problems
from api.proxies import DIRECT, PROXIES, Proxies
from api.routes import TOKENS, Route, add_routes, authorise
from api.stream_keys import MASTER
from api.studio.routes import ROUTES as STUDIO
from api.v1 import (
    browsing,
    channels,
    chat,
    chat_backtests,
    chat_moderation,
    chat_warnings,
    commands,
    config,
    engagement,
    events,
    followers,
    history,
    ingests,
    ladders,
    polls,
    pools,
    predictions,
    raids,
    stream_keys,
    streams,
    trace,
)
from api.views import CHANNELS, Views
from infra.clock import Clock
from infra.observability.request_log import RequestLog
from infra.sealing import MasterKeys

ROUTES = (
    Route("GET", "/", pages.browse, public),
    Route("GET", "/c/{name}", pages.watch, public),
    Route("GET", "/moderation/{name}", pages.moderation, public),
    Route("GET", "/static/{path:.+}", pages.asset, public),
    Route("GET", "/metrics", edge.metrics, public),
    *recordings.ROUTES,
    *config.ROUTES,
    *browsing.ROUTES,
    *channels.ROUTES,
    *streams.ROUTES,
    *ladders.ROUTES,
    *pools.ROUTES,
    *ingests.ROUTES,
    *followers.ROUTES,
    *chat.ROUTES,
    *chat_moderation.ROUTES,
    *engagement.ROUTES,
    *helix.ROUTES,
    *reference.ROUTES,
)


def make_app(
    views: Views,
    *,
    clock: Clock,
    places: Places,
    folder: Path,
    tokens: Tokens | None = None,
    asking: Commands | None = None,
    following: events.Events | None = None,
    counting: limits.Limits | None = None,
    past: history.History | None = None,
    master: MasterKeys | None = None,
    authority: Authority | None = None,
    servers: Mapping[str, Check] | None = None,
    proxies: Proxies | None = None,
    eventsub: subscriptions.Offer | None = None,
    pool: str = "default",
    offered: ingests.Offered | None = None,
    chatters: Chatters | None = None,
    backtests: chat_backtests.BackTests | None = None,
    recorded: recordings.Recordings | None = None,
    more: Iterable[Route] = (),
) -> web.Application:
    """The gateway's application.

    `folder` holds the pages; `more` are the routes of others, such as the schema registry's. What
    is left out is not offered: without `tokens` nobody is known, without `asking` nothing is asked
    of the platform, without `following` no topic is read or written, without
    `counting` anyone may ask as often as they like, without `past` nothing is known as it was,
    without `master` no stream key is shown or replaced,
    without `authority` nobody signs in and no token is issued. `servers` are those whose health
    is told beside that of Redis; `proxies` are believed who asks. Without `eventsub` nobody
    subscribes to events. `pool` names the transcoders that the streams belong to,
    `offered` where publishers may send to, if not only to the one of `places`; `chatters` knows who
    is in a chat, without it nobody is; without `backtests` no other rules are tried,
    without `recorded` no broadcast is played that is over.
    """
    app = web.Application(
        middlewares=[
            edge.observe,
            again,
            edge.cors,
            failures,
            faults,
            notices,
            problems,
            in_time,
            authorise,
        ],
        client_max_size=MAX_BODY,
    )
    app[VIEWS] = views
    app[PROXIES] = proxies or DIRECT
    app[KEPT] = KeptAnswers(views)
    app[edge.LOG] = RequestLog()
    redis = {"redis": partial(views.get, CHANNELS, "healthz")}
    app[HEALTH] = Health({**redis, **(servers or {})}, clock)
    app[LIVE] = live = Live(views, clock)
    app[browsing.BROWSING] = browsing.Browsing(live)
    app[TOKENS] = tokens or NoTokens()
    app[edge.CLOCK] = clock
    app[edge.PLACES] = places
    app[pages.FOLDER] = folder
    app[ladders.POOL] = pool
    app[ingests.OFFERED] = offered or ingests.Offered()
    add_routes(app, [*ROUTES, Route("GET", "/healthz", healthz, public)])
    if asking is not None:
        app[COMMANDS] = asking
        add_routes(app, [*commands.ROUTES, *followers.ASKING, *pools.ASKING, *helix.ASKING])
        add_routes(app, chat_warnings.ASKING)
        add_routes(app, [*polls.ASKING, *predictions.ASKING, *raids.ASKING])
        if master is not None:
            app[MASTER] = master
            add_routes(app, [*helix.SEALED, *stream_keys.ASKING, *ladders.ASKING])
    if chatters is not None:
        app[CHATTERS] = chatters
    if backtests is not None:
        app[chat_backtests.BACK_TESTS] = backtests
        add_routes(app, chat_backtests.ROUTES)
    if recorded is not None:
        app[recordings.RECORDINGS] = recorded
        add_routes(app, recordings.PLAYING)
    if following is not None:
        app[events.EVENTS] = following
        add_routes(app, [*events.ROUTES, *trace.ROUTES])
        app.on_shutdown.append(_let_go)
    if authority is not None:
        app[AUTHORITY] = authority
        add_routes(app, [*OAUTH2, *session.ROUTES, *chat_pages.ROUTES, *STUDIO, *OPERATIONS])
        add_routes(app, engagement_pages.ROUTES)
        if asking is not None:
            add_routes(app, [*chat_pages.ASKING, *engagement_pages.ASKING])
        add_routes(app, chat_pages.TRYING if backtests is not None else ())
    if eventsub is not None:
        app[subscriptions.OFFER] = eventsub
        add_routes(app, subscriptions.LISTS)
        add_routes(app, subscriptions.ASKING if asking is not None else ())
        app[sockets.SOCKETS] = eventsub.sockets
        add_routes(app, sockets.ROUTES)
        app.on_shutdown.insert(0, _move_sessions)
    add_routes(app, more)
    if past is not None:
        app[history.HISTORY] = past
    if counting is not None:
        app[limits.LIMITS] = counting
    app.on_response_prepare.append(edge.add_headers)
    app.on_response_prepare.append(limits.add_headers)
    return app


def make_runner(app: web.Application) -> web.AppRunner:
    """A runner with the gateway's limits: 8 KiB a header line, cancelled when the caller leaves.

    Connections that bring no request are closed (`api.doorman`).
    """
    runner = web.AppRunner(
        app,
        access_log=None,
        handler_cancellation=True,
        keepalive_timeout=30,
        max_line_size=8190,
        max_field_size=8190,
        shutdown_timeout=5,
    )
    app.cleanup_ctx.append(partial(_doorman, runner))
    return runner


async def _doorman(runner: web.AppRunner, app: web.Application) -> AsyncIterator[None]:
    watching = asyncio.create_task(doorman.watch(runner))
    yield
    watching.cancel()


async def _move_sessions(app: web.Application) -> None:
    """WebSocket clients go over to another gateway."""
    await app[sockets.SOCKETS].move_all()


async def _let_go(app: web.Application) -> None:
    """Those who follow hear that the gateway stops, and come back to another."""
    await app[events.EVENTS].feeds.close()
