"""What the ingest counts, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector


class Metrics:
    """The metrics of one ingest; each has its own registry, so that tests may make many."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.connections = Gauge(
            "millrace_ingest_connections", "Open connections.", registry=registry
        )
        self.sessions = Gauge("millrace_ingest_sessions", "Publishers on air.", registry=registry)
        self.received = Counter(
            "millrace_ingest_received_bytes", "Media received.", registry=registry
        )
        self.refused = Counter(
            "millrace_ingest_refused", "Connections turned away.", ["reason"], registry=registry
        )
        self.waits = Counter(
            "millrace_ingest_back_pressure",
            "Times a publisher was made to wait: packaging was too far behind.",
            registry=registry,
        )
        self.behind = Gauge(
            "millrace_ingest_behind_bytes",
            "Media in the spool that is not packaged.",
            registry=registry,
        )
        self.storage_away = Gauge(
            "millrace_ingest_storage_away_seconds",
            "Longest time for which storage has not taken the media of a session.",
            registry=registry,
        )
        self.unsent = Counter(
            "millrace_ingest_unsent_events", "Events given up or dropped.", registry=registry
        )
        self.degraded = Gauge(
            "millrace_ingest_degraded", "1 while the log does not take events.", registry=registry
        )
