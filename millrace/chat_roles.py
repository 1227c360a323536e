"""The roles that chat is delivered by; `bootstrap` has the others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import structlog

from infra.clock import Clock, SystemClock
from infra.files import room_for
from infra.local.master_key import master_keys
from infra.observability.web import Health, serve
from infra.redis_link import RedisLink
from infra.settings import (
    ChatEdgeSettings,
    ChatFanoutSettings,
    GatewaySettings,
    KafkaSettings,
    RedisSettings,
)
from infra.tls import server_context
from millrace.connections import LateProducer, stores
from millrace.running import run_role
from schemas.registry import registry

if TYPE_CHECKING:
    from api.chat.edge import Edge
    from api.chat.irc.tcp import LineServer
    from api.chat.sockets import Limits

log = structlog.get_logger()


def run_chat_fanout() -> None:
    """Copy what happens in chats to Redis until SIGTERM."""
    from infra.dead_letters import KafkaDeadLetters
    from topologies.chat_fanout import ChatFanout

    settings, kafka = ChatFanoutSettings(), KafkaSettings()

    async def main() -> None:
        link = RedisLink(RedisSettings().url.get_secret_value())
        async with KafkaDeadLetters(kafka.bootstrap) as dead_letters:
            fanout = ChatFanout(kafka.bootstrap, link, registry(), dead_letters)
            try:
                async with serve(settings.web_host, settings.web_port, lambda: Health(fanout.well)):
                    await fanout.run()
            finally:
                await link.close()

    run_role("chat-fanout", main)


def run_chat_edge() -> None:
    """Serve chat's clients until SIGTERM."""
    from api.chat.addresses import Addresses
    from api.chat.edge import Talk
    from api.chat.irc.client import Irc
    from api.chat.irc.tcp import LineServer
    from api.chat.sockets import Server
    from api.proxies import Proxies

    settings, gateway, clock = ChatEdgeSettings(), GatewaySettings(), SystemClock()
    proxies = Proxies(gateway.trusted_proxies, gateway.proxy_header)

    async def main() -> None:
        limits = _limits(settings.connections)
        addresses = Addresses(settings.connections_per_address, proxies)
        async with chat_edge(clock) as edge:
            irc = Irc(edge.desk)
            talk = Talk(edge, addresses, {"/": irc.client})
            server = Server(
                talk, limits, admit=talk.admit, subprotocols=("irc",), count=edge.__len__
            )
            lines = LineServer(edge, irc, limits, addresses)

            def health() -> Health:
                return Health(edge.desk.channels.hears, {"connections": len(edge)})

            async with serve(settings.web_host, settings.web_port, health):
                await server.start(settings.host, settings.port)
                await _listen_for_irc(lines, settings)
                log.info("chat edge listens", host=settings.host, port=server.port)
                try:
                    await edge.until_broken()
                finally:
                    edge.say_goodbye(settings.drain)
                    over = settings.drain
                    await asyncio.gather(server.close(over=over), lines.close(over=over))

    run_role("chat-edge", main)


def _limits(connections: int) -> "Limits":
    """Of so many connections, or of as many as the machine lets an edge have."""
    from api.chat.sockets import Limits

    limits = Limits(connections)
    room = room_for(connections, limits.handshakes)
    if room < connections:
        log.warning(
            "the limit of open files leaves room for fewer connections (ulimit -n)",
            setting="MILLRACE_CHAT_EDGE_CONNECTIONS",
            allowed=connections,
            room=room,
        )
    return limits._replace(connections=room)


async def _listen_for_irc(lines: "LineServer", settings: ChatEdgeSettings) -> None:
    if settings.irc_port:
        await lines.start(settings.host, settings.irc_port)
    if settings.tls_certificate is not None and settings.tls_key is not None:
        tls = server_context(settings.tls_certificate, settings.tls_key)
        port = await lines.start(settings.host, settings.irc_tls_port, tls)
        log.info("chat edge speaks IRC over TLS", port=port)


@asynccontextmanager
async def chat_edge(clock: Clock) -> "AsyncIterator[Edge]":
    """An edge of the settings, without the ports that it is reached at."""
    from api.chat.channels import Channels
    from api.chat.desk import Desk
    from api.chat.edge import Edge
    from api.chat.facts import Facts
    from api.chat.presence import Presence
    from api.chat.rates import Rates
    from api.chat.speaking import Speaking
    from api.chat.tickets import Doorman, read_keys
    from api.oauth2.signing_keys import SigningKeys
    from api.oauth2.standing import GrantTokens
    from api.oauth2.tokens import AccessTokens
    from sinks.reader import ViewReader

    gateway, master = GatewaySettings(), master_keys()
    url = gateway.url or f"http://localhost:{gateway.port}"
    redis = RedisSettings().url.get_secret_value()
    async with AsyncExitStack() as closing:
        views = ViewReader(await closing.enter_async_context(stores()))
        speaking = Speaking(await closing.enter_async_context(LateProducer("chat-edge")), clock)
        hearing, asking = RedisLink(redis), RedisLink(redis)
        for link in (hearing, asking):
            closing.push_async_callback(link.close)
        tokens = AccessTokens(url, url, SigningKeys([], master), clock)
        facts = Facts(views, clock)
        edge = Edge(
            lambda silent: Desk(
                doorman=Doorman(GrantTokens(tokens, views, clock)),
                facts=facts,
                channels=Channels(hearing, facts.settings, clock, silent=silent),
                speaking=speaking,
                presence=Presence(asking, clock),
                rates=Rates(clock),
                clock=clock,
            )
        )
        keys = asyncio.create_task(read_keys(tokens, views, master))
        closing.callback(keys.cancel)
        await closing.enter_async_context(edge.running())
        yield edge
