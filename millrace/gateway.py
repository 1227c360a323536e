"""Puts the gateway together: views, log, commands, and who may."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from typing import Any

from aiohttp import web

from api.app import make_app
from api.chat.presence import Presence
from api.commands import Commands
from api.errors import Unprocessable
from api.eventsub.naming import Names
from api.eventsub.presence import RedisPresence
from api.eventsub.sockets import Sockets
from api.eventsub.subscriptions import Offer
from api.feed import Feeds
from api.idempotency import RedisMemory
from api.ingests import Place
from api.limits import Limits
from api.log import Log
from api.oauth2.authority import Authority
from api.oauth2.keyring import Keyring
from api.oauth2.signing_keys import SigningKeys
from api.oauth2.standing import GrantTokens
from api.oauth2.tokens import AccessTokens
from api.places import Places
from api.proxies import Proxies
from api.publishing import Publishing
from api.recordings import Recordings
from api.registry import routes as schema_routes
from api.sender import Sender
from api.v1.events import Events
from api.v1.history import Key
from api.v1.ingests import Offered
from api.views import STREAM_HISTORY
from infra.clock import Clock, SystemClock
from infra.local.master_key import master_keys
from infra.passwords import Passwords
from infra.settings import (
    ChatEdgeSettings,
    GatewaySettings,
    IngestSettings,
    KafkaSettings,
    OriginSettings,
    RedisSettings,
    TranscodeSettings,
    WebhooksSettings,
)
from millrace.backtest_runs import BackTestRuns
from millrace.connections import LateProducer, lifetimes, stores
from schemas import sources
from schemas.registry import registry
from schemas.subjects import subjects
from sinks.history import TooMuch, ViewHistory
from sinks.reader import ViewReader
from sinks.stores.redis import RedisStore
from sinks.watch import RedisWatch
from web import built


@asynccontextmanager
async def gateway() -> AsyncIterator[web.Application]:
    """The gateway of the settings. It starts, and reads views, without Kafka as well."""
    settings, clock = GatewaySettings(), SystemClock()
    redis = RedisSettings().url.get_secret_value()
    topics = sources.topics()
    async with AsyncExitStack() as closing:
        kept = await closing.enter_async_context(stores())
        views, hot = ViewReader(kept), kept["redis"]
        assert isinstance(hot, RedisStore)
        sender = Sender(await closing.enter_async_context(LateProducer("gateway")))
        reading = Log(KafkaSettings().bootstrap, registry(), sources.partitions)
        feeds = Feeds(KafkaSettings().bootstrap, registry(), reading)
        memory = RedisMemory(redis)
        counting = Limits(redis, token=settings.token_limit, address=settings.address_limit)
        for each in (memory, counting, reading, feeds):
            closing.push_async_callback(each.close)
        commands = Commands(sender, RedisWatch(hot), views, memory, reading, clock)
        authority = await closing.enter_async_context(
            _authority(views, commands, sender, counting, clock)
        )
        presence = RedisPresence(redis)
        closing.push_async_callback(presence.close)
        sockets = Sockets(
            *(feeds, reading, Names(views), sender, commands, presence),
            *(authority.master, clock),
            url=settings.url,
            drain=settings.drain,
        )
        await closing.enter_async_context(sockets.running())
        yield make_app(
            views,
            clock=clock,
            places=_places(),
            folder=built(),
            tokens=authority.checking,
            asking=commands,
            following=Events(
                topics,
                reading,
                feeds,
                Publishing(topics, registry(), sender, memory, reading, clock),
            ),
            counting=counting,
            recorded=Recordings(reading),
            past=Past(ViewHistory(KafkaSettings().bootstrap, registry(), lifetimes=lifetimes())),
            master=authority.master,
            authority=authority,
            proxies=Proxies(settings.trusted_proxies, settings.proxy_header),
            servers={
                "cassandra": partial(views.scan, STREAM_HISTORY, 1, within="healthz"),
                "kafka": partial(reading.span, next(iter(topics))),
            },
            eventsub=Offer(sockets, authority.master, WebhooksSettings().private),
            pool=TranscodeSettings().pool,
            offered=_offered(),
            chatters=Presence(hot.link, clock),
            backtests=BackTestRuns(KafkaSettings().bootstrap),
            more=schema_routes(subjects()),
        )


@asynccontextmanager
async def _authority(
    views: ViewReader, commands: Commands, sender: Sender, limits: Limits, clock: Clock
) -> AsyncIterator[Authority]:
    """Who signs in, and what tokens are worth; the keys are read, and renewed, meanwhile."""
    settings, master = GatewaySettings(), master_keys()
    url = settings.url or f"http://localhost:{settings.port}"
    tokens = AccessTokens(url, url, SigningKeys([], master), clock)
    passwords = Passwords()
    try:
        async with Keyring(tokens, views, sender, master, clock):
            yield Authority(
                url=url,
                views=views,
                commands=commands,
                sender=sender,
                tokens=tokens,
                checking=GrantTokens(tokens, views, clock),
                master=master,
                passwords=passwords,
                clock=clock,
                limits=limits,
            )
    finally:
        passwords.close()


def _places() -> Places:
    settings, edge = GatewaySettings(), ChatEdgeSettings()
    return Places(
        origin_url=settings.origin_url,
        rtmp_url=settings.rtmp_url,
        origin_port=OriginSettings().port,
        rtmp_port=IngestSettings().rtmp_port,
        chat_url=edge.url,
        chat_port=edge.port,
    )


def _offered() -> Offered:
    settings = GatewaySettings()
    places = tuple(Place(**each.model_dump()) for each in settings.ingests)
    return Offered(places, settings.country_header)


class Past:
    """Views as they were, with the gateway's own error for what would cost too much."""

    def __init__(self, history: ViewHistory) -> None:
        self._history = history

    async def row(self, view: str, key: Key, time: int) -> Mapping[str, Any] | None:
        """A row at a time. Raises Unprocessable, Unavailable."""
        with _too_much():
            return await self._history.row(view, key, time)

    async def rows(
        self, view: str, within: str, time: int, limit: int, start: int
    ) -> tuple[Sequence[Mapping[str, Any]], int | None]:
        """Some rows at a time. Raises Unprocessable, Unavailable."""
        with _too_much():
            return await self._history.rows(view, within, time, limit, start)


@contextmanager
def _too_much() -> Iterator[None]:
    try:
        yield
    except TooMuch as error:
        raise Unprocessable(str(error), code="as-of-costs-too-much") from error
