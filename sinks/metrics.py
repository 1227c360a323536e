"""Metrics of the views."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

MESSAGES: Final = Counter(
    "millrace_views_messages_total",
    "Messages a view has taken, by outcome: applied, repeat or dead-lettered.",
    ["view", "outcome"],
)
HOLES: Final = Counter(
    "millrace_views_holes_total", "Holes seen in a producer's sequence.", ["view"]
)
LAG: Final = Gauge(
    "millrace_views_lag_messages",
    "Messages of a partition that are not in a view yet.",
    ["view", "topic", "partition"],
)
UNAPPLIED: Final = Gauge(
    "millrace_views_oldest_unapplied_seconds",
    "Age of the oldest message that is not in the views yet.",
    ["store"],
)
UNAVAILABLE: Final = Counter(
    "millrace_views_unavailable_total",
    "Attempts that failed because a server was away.",
    ["store", "server"],
)
DELAY: Final = Histogram(
    "millrace_views_delay_seconds",
    "From a message being written to the log until it is in the views.",
    ["store"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 60),
)
