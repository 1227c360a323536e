"""Workers as the platform runs them, for `TestWorker`: everything but a broker."""

from infra.streaming import App, make_app
from millrace.bootstrap import register
from schemas.registry import registry

PARTITIONS = 4


def worker_app(name: str) -> App:
    """A worker of that name with all agents that it runs."""
    app = make_app(
        name,
        bootstrap="unused:9092",
        codec=registry(),
        partitions=lambda topic: PARTITIONS,
        dead_letter_topic=lambda topic: f"{topic}-dlq",
    )
    register(name)(app)
    return app


def identity_app() -> App:
    """Users, grants, channels and follows."""
    return worker_app("identity")
