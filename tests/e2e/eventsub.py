"""twitchAPI's own receivers of events, against the running platform."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from twitchAPI.eventsub.base import EventSubBase
from twitchAPI.eventsub.webhook import EventSubWebhook
from twitchAPI.eventsub.websocket import EventSubWebsocket
from twitchAPI.twitch import Twitch

from infra.local.ports import free_ports
from tests.certificates import Certificate
from tests.e2e.whole import Platform


class Heard:
    """What a receiver was told, by type, in order."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []

    def of(self, kind: str) -> list[Any]:
        return [event for name, event in self.events if name == kind]

    async def hear(self, told: Any) -> None:
        self.events.append((told.subscription.type, told.event))


async def listen(receiver: EventSubBase, user_id: str, heard: Heard) -> None:
    """Subscribe to all that there is about a user's channel."""
    await receiver.listen_channel_follow_v2(user_id, user_id, heard.hear)
    await receiver.listen_channel_update_v2(user_id, heard.hear)
    await receiver.listen_stream_online(user_id, heard.hear)
    await receiver.listen_stream_offline(user_id, heard.hear)


@asynccontextmanager
async def webhook(twitch: Twitch, certificate: Certificate) -> AsyncIterator[EventSubWebhook]:
    """A receiver of webhooks, over TLS."""
    (port,) = free_ports(1)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.chain, certificate.key)
    receiver = EventSubWebhook(
        f"https://127.0.0.1:{port}",
        port,
        twitch,
        ssl_context=context,
        host_binding="127.0.0.1",
        callback_loop=asyncio.get_running_loop(),
    )
    receiver.start()
    try:
        yield receiver
    finally:
        # It shuts its server down from another loop than the server's: fails once unsubscribed.
        with contextlib.suppress(RuntimeError):
            await receiver.stop()


@asynccontextmanager
async def websocket(twitch: Twitch, platform: Platform) -> AsyncIterator[EventSubWebsocket]:
    """A receiver of a WebSocket session."""
    address = platform.gateway.replace("http", "ws", 1)
    receiver = EventSubWebsocket(
        twitch, connection_url=f"{address}/ws", callback_loop=asyncio.get_running_loop()
    )
    await asyncio.to_thread(receiver.start)
    try:
        yield receiver
    finally:
        await receiver.stop()
