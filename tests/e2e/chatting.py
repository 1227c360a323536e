"""A chat edge as a browser meets it, played by the test, and what is said in its channel."""

import json
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, WebSocketRoute, expect

from infra.names import id_of

CHANNEL = "brook"
CHANNEL_ID = id_of(CHANNEL)
START = 1_763_770_000_000_000
SETTINGS: dict[str, Any] = {
    "slow_seconds": 0,
    "followers_only_minutes": -1,
    "subscribers_only": False,
    "emote_only": False,
    "unique_chat": False,
    "links": "everybody",
    "permitted_domains": [],
    "chat_delay_seconds": 0,
}


def said(offset: int, login: str, text: str, **more: Any) -> dict[str, Any]:
    """A message as the edge tells it."""
    event = {
        "offset": offset,
        "at": START + offset * 1_000_000,
        "kind": "MessageSent",
        "channel_id": CHANNEL_ID,
        "message_id": f"m{offset}",
        "user_id": id_of(login),
        "login": login,
        "display_name": login,
        "colour": "",
        "badges": [],
        "text": text,
        "style": "text",
        "announcement_colour": "",
        "emotes": [],
        "reply_to": "",
        "reply_user_id": "",
        "reply_login": "",
        "reply_display_name": "",
        "reply_text": "",
        "thread_id": "",
        "approved_by": "",
        "rules": "chat-1",
    }
    return {**event, **more}


def happened(offset: int, kind: str, **fields: Any) -> dict[str, Any]:
    """Another event."""
    at = START + offset * 1_000_000
    return {"offset": offset, "at": at, "kind": kind, "channel_id": CHANNEL_ID, **fields}


class FakeEdge:
    """What a page says to the edge, and what the edge says to it. Set `roles` and more before."""

    def __init__(self, page: Page, account: str = "") -> None:
        self.page = page
        self.account = account
        self.roles: list[str] = []
        self.settings = dict(SETTINGS)
        self.recent: list[dict[str, Any]] = []
        self.away = False
        self.heard: list[dict[str, Any]] = []
        self.connections = 0
        self.answer: Callable[[dict[str, Any]], list[dict[str, Any]]] = lambda _: []
        """What is said to a message; nothing unless a test sets it."""
        self._socket: WebSocketRoute | None = None
        self._offset = -1
        ticket = {"data": {"url": "ws://edge.test/chat", "token": "ticket", "expires_in": 300}}
        page.route("**/session/chat/ticket", lambda route: route.fulfill(json=ticket))
        page.route("**/session/chat/emotes", lambda route: route.fulfill(json=EMOTES))
        page.route_web_socket("ws://edge.test/chat", self._opened)

    def say(self, *messages: dict[str, Any]) -> None:
        """Messages of the protocol to the page."""
        assert self._socket is not None
        for message in messages:
            self._socket.send(json.dumps(message))

    def tell(self, *events: dict[str, Any]) -> None:
        """Events of the channel to the page."""
        self._offset = max(self._offset, *(event["offset"] for event in events))
        self.say({"type": "events", "channel_id": CHANNEL_ID, "events": list(events)})

    def verdict(self, outcome: str, **more: Any) -> dict[str, Any]:
        """A verdict about what the page said last."""
        nonce = [each["nonce"] for each in self.heard if each["type"] == "say"][-1]
        found = {"reason": "", "detail": "", "retry_after_seconds": None, "message_id": "mine"}
        return {"type": "verdict", "nonce": nonce, "outcome": outcome, **found, **more}

    def close(self, code: int = 1006) -> None:
        """Break the connection."""
        assert self._socket is not None
        self._socket.close(code=code if code != 1006 else 1011)

    def joins(self) -> list[dict[str, Any]]:
        """Each time the page came in."""
        return [each for each in self.heard if each["type"] == "join"]

    def _opened(self, socket: WebSocketRoute) -> None:
        self.connections += 1
        if self.away:
            socket.close(code=1013)
            return
        self._socket = socket
        socket.on_message(self._message)

    def _message(self, raw: str | bytes) -> None:
        message = json.loads(raw)
        self.heard.append(message)
        match message["type"]:
            case "hello":
                user_id = id_of(self.account) if self.account else ""
                self.say({"type": "welcome", "user_id": user_id, "login": self.account})
            case "join":
                self.say(self._joined(message["since"]))
            case "say":
                self.say(*self.answer(message))

    def _joined(self, since: int | None) -> dict[str, Any]:
        self._offset = max([self._offset, *(event["offset"] for event in self.recent)])
        missed = [event for event in self.recent if since is None or event["offset"] > since]
        return {
            "type": "joined",
            "channel_id": CHANNEL_ID,
            "channel": CHANNEL,
            "offset": self._offset,
            "settings": self.settings,
            "you": {"roles": self.roles, "followed_at": None, "subscribed_months": 0},
            "resumed": since is not None,
            "messages": missed,
        }


PIXEL = (
    "data:image/svg+xml;utf8,<svg xmlns='http://www.w3.org/2000/svg' width='28' height='28'>"
    "<circle cx='14' cy='14' r='12' fill='%23e0a020'/></svg>"
)
EMOTES = {
    "data": [
        {"id": "wave", "name": "MillWave", "images": {"url_1x": PIXEL, "url_2x": PIXEL}},
        {"id": "fish", "name": "MillFish", "images": {"url_1x": PIXEL, "url_2x": PIXEL}},
    ],
    "template": "",
}


def open_chat(page: Page, url: str) -> None:
    """The page of the channel, once its chat is there."""
    page.goto(f"{url}/c/{CHANNEL}")
    expect(page.locator("#chat")).to_have_attribute("data-state", "here", timeout=10_000)
