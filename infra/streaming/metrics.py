"""What a worker counts, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
_RECORDS = (1, 2, 5, 10, 50, 100, 500, 1000, 2000, 4000, 8000)


class Metrics:
    """The metrics of one app. Each app has its own registry, so that tests may make many."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.events = Counter(
            "millrace_worker_events", "Records handled and journaled.", registry=self.registry
        )
        self.dead_letters = Counter(
            "millrace_worker_dead_letters", "Records put aside.", ["topic"], registry=self.registry
        )
        self.repeats = Counter(
            "millrace_worker_repeats", "Repeated records dropped.", registry=self.registry
        )
        self.gaps = Counter(
            "millrace_worker_gaps", "Messages of producers that never came.", registry=self.registry
        )
        self.restored = Counter(
            "millrace_worker_restored_records", "Journal records read.", registry=self.registry
        )
        self.flush_seconds = Histogram(
            "millrace_worker_flush_seconds",
            "From sending a group's outputs to its journal's acknowledgement.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.batch_records = Histogram(
            "millrace_worker_batch_records",
            "Records flushed together.",
            buckets=_RECORDS,
            registry=self.registry,
        )
        self.lag = Gauge(
            "millrace_worker_lag_records",
            "Records of a source partition not yet journaled.",
            ["topic", "partition"],
            registry=self.registry,
        )

    def flushed(self, records: int, seconds: float) -> None:
        """A group of records is journaled."""
        self.events.inc(records)
        self.flush_seconds.observe(seconds)
        self.batch_records.observe(records)

    def text(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self.registry)
