"""Rows of the views of subscriptions, and how they are shown."""

import json
from typing import Final

import msgspec

from api.eventsub.messages import transport
from schemas.eventsub_fields import timestamp

SUBSCRIPTIONS: Final = "eventsub-subscriptions"
"""By id."""
BY_APPLICATION: Final = "eventsub-by-application"
"""Ids by client_id, oldest first."""
TOTALS: Final = "eventsub-totals"
"""How many webhooks an application has."""
CONSENTS: Final = "consents"
"""What a user gave to whom, by user_id."""


class Subscription(msgspec.Struct, frozen=True):
    """A subscription, as it is shown."""

    id: str
    status: str
    type: str
    version: str
    condition: dict[str, str]
    created_at: str
    transport: dict[str, str]
    cost: int


class Row(msgspec.Struct, frozen=True):
    """A row of `eventsub-subscriptions`."""

    subscription_id: str
    channel_id: str = ""
    client_id: str = ""
    user_id: str | None = None
    type: str = ""
    version: str = ""
    condition: str = "{}"
    method: str = ""
    callback: str | None = None
    session_id: str | None = None
    status: str = ""
    cost: int = 0
    created_at: int = 0

    @property
    def shown(self) -> Subscription:
        """As clients see it."""
        return Subscription(
            id=self.subscription_id,
            status=self.status,
            type=self.type,
            version=self.version,
            condition=json.loads(self.condition),
            created_at=timestamp(self.created_at),
            transport=transport(self.method, self.callback, self.session_id),
            cost=self.cost,
        )


class Listed(msgspec.Struct, frozen=True):
    """A row of `eventsub-by-application`."""

    subscription_id: str
    method: str = ""
    user_id: str | None = None


class Consent(msgspec.Struct, frozen=True):
    """A row of `consents`."""

    client_id: str = ""
    scopes: str = ""
    given: bool = False
