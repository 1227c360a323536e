"""Workers as the platform runs them, for `TestWorker`: everything but a broker."""

from infra.clock import Clock, ManualClock
from infra.streaming import App, make_app
from infra.streaming.testing import BEGINNING
from millrace.bootstrap import register
from schemas.registry import registry
from topologies import chat, engagement

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


class HoldsOnRequest:
    """An AutoMod that holds what asks for it."""

    version = "test-1"

    def held(self, text: str, levels: dict[str, int]) -> tuple[str, int] | None:
        """Whether the text says that it wants to be held."""
        return ("toxicity", 1) if text.startswith("hold") else None


def chat_app(clock: Clock | None = None) -> App:
    """What is said and done together in channels; AutoMod is at work everywhere."""
    app = make_app(
        "chat",
        bootstrap="unused:9092",
        codec=registry(),
        partitions=lambda topic: PARTITIONS,
        dead_letter_topic=lambda topic: f"{topic}-dlq",
        clock=clock or ManualClock(BEGINNING),
    )
    chat.register(app, judge=HoldsOnRequest())
    engagement.register(app)
    return app
