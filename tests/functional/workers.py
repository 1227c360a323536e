"""Workers as the platform runs them, for `TestWorker`: everything but a broker."""

from infra.streaming import App, make_app
from millrace.bootstrap import register
from schemas.registry import registry

PARTITIONS = 4


def worker_app(name: str, *more: str) -> App:
    """A worker of that name with all agents that it runs, and those of other workers."""
    app = make_app(
        name,
        bootstrap="unused:9092",
        codec=registry(),
        partitions=lambda topic: PARTITIONS,
        dead_letter_topic=lambda topic: f"{topic}-dlq",
    )
    for each in (name, *more):
        register(each)(app)
    return app


def identity_app() -> App:
    """Users, grants, channels and follows."""
    return worker_app("identity")


def platform_app() -> App:
    """All that decides about what a gateway asks."""
    return worker_app("identity", "broadcast")


def transcode_app() -> App:
    """Who gets which renditions."""
    return worker_app("transcode")
