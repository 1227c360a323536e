"""What subscribers are sent, as the public reference of EventSub shows it."""

import hashlib
import hmac
import json
import uuid
from typing import Any, Final

import msgspec

from schemas.eventsub_fields import timestamp
from schemas.records.eventsub import DeliveryRequested

NOTIFICATION: Final = "notification"
VERIFICATION: Final = "webhook_callback_verification"
REVOCATION: Final = "revocation"
DELIVERIES: Final = "eventsub-deliveries"
"""The topic of DeliveryRequested."""


class Session(msgspec.Struct, frozen=True):
    """A WebSocket session, as it is described to its client."""

    id: str
    status: str
    connected_at: str
    keepalive_timeout_seconds: int | None
    reconnect_url: str | None = None
    recovery_url: str | None = None


def described(delivery: DeliveryRequested) -> dict[str, Any]:
    """The subscription of a message."""
    return {
        "id": delivery.subscription_id,
        "status": delivery.status,
        "type": delivery.type,
        "version": delivery.version,
        "condition": json.loads(delivery.condition),
        "transport": transport(delivery.method, delivery.callback, delivery.session_id),
        "created_at": timestamp(delivery.created_at),
        "cost": delivery.cost,
    }


def transport(method: str, callback: str | None, session_id: str | None) -> dict[str, str]:
    """Where a subscription's messages go; nothing secret."""
    if method == "webhook":
        return {"method": method, "callback": callback or ""}
    return {"method": method, "session_id": session_id or ""}


def webhook_headers(
    delivery: DeliveryRequested, secret: str, body: bytes, now: int
) -> dict[str, str]:
    """What a webhook's request carries: who it is from is proved by its signature."""
    time = timestamp(now)
    signed = f"{delivery.message_id}{time}".encode() + body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "Twitch-Eventsub-Message-Id": delivery.message_id,
        "Twitch-Eventsub-Message-Retry": str(delivery.attempt - 1),
        "Twitch-Eventsub-Message-Type": delivery.kind,
        "Twitch-Eventsub-Message-Signature": f"sha256={digest}",
        "Twitch-Eventsub-Message-Timestamp": time,
        "Twitch-Eventsub-Subscription-Type": delivery.type,
        "Twitch-Eventsub-Subscription-Version": delivery.version,
    }


def socket_message(delivery: DeliveryRequested, event: dict[str, Any] | None, now: int) -> str:
    """A notification or a revocation on a WebSocket."""
    payload = {"subscription": described(delivery)}
    if event is not None:
        payload["event"] = event
    more = {"subscription_type": delivery.type, "subscription_version": delivery.version}
    return _text(delivery.kind, delivery.message_id, now, payload, more)


def session_message(kind: str, now: int, session: Session | None = None) -> str:
    """A message about the session itself: session_welcome, session_keepalive, …"""
    payload = {} if session is None else {"session": msgspec.to_builtins(session)}
    return _text(kind, str(uuid.uuid4()), now, payload, {})


def _text(
    kind: str, message_id: str, now: int, payload: dict[str, Any], more: dict[str, str]
) -> str:
    metadata = {"message_id": message_id, "message_type": kind, "message_timestamp": timestamp(now)}
    return msgspec.json.encode({"metadata": metadata | more, "payload": payload}).decode()
