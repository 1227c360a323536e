"""What all sessions of an edge work with."""

from dataclasses import dataclass, field

from prometheus_client import Counter, Gauge

from api.chat.channels import Channels
from api.chat.facts import Facts
from api.chat.presence import Presence
from api.chat.rates import Rates
from api.chat.speaking import Speaking
from api.chat.tickets import Doorman
from infra.clock import Clock

JOINS = Counter("millrace_chat_edge_joins_total", "Channels that were joined.", ["kind"])
SEATS = Gauge("millrace_chat_edge_seats", "Places in channels that are taken.")
LAGGING = Gauge("millrace_chat_edge_lagging", "Connections that are behind.")
FAILED = Counter("millrace_chat_edge_failures_total", "What was asked for in vain.", ["reason"])


@dataclass(frozen=True)
class Desk:
    """The parts, joined."""

    doorman: Doorman
    facts: Facts
    channels: Channels
    speaking: Speaking
    presence: Presence
    rates: Rates
    clock: Clock
    buffer: int = field(default=65_536)
    """Bytes that may wait for a connection before it counts as behind."""
