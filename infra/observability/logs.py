"""Logs: pretty on a terminal, JSON lines elsewhere; nothing secret in either."""

import logging
import sys
from typing import Any, Final, NamedTuple

import structlog

_SECRET: Final = ("password", "secret", "token", "stream_key", "authorization")


class Shape(NamedTuple):
    """How this process logs."""

    role: str = ""
    pretty: bool = True
    info: bool = True
    """Whether lines of level info are written."""


_shape = Shape()


def shape() -> Shape:
    """As `configure` was told; pretty until then."""
    return _shape


def configure(role: str, level: int = logging.INFO) -> None:
    """Log as `role` from now on, on standard error; the logs of libraries come the same way."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        mask_secrets,
    ]
    global _shape
    pretty = sys.stderr.isatty()
    _shape = Shape(role, pretty, level <= logging.INFO)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    last: list[Any] = (
        [structlog.dev.ConsoleRenderer()]
        if pretty
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("aiokafka", "cassandra", "faust", "mode", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.contextvars.bind_contextvars(role=role)


def mask_secrets(logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Replace the values of fields whose names say that they are secret."""
    for name in event:
        if any(word in name.lower() for word in _SECRET):
            event[name] = "***"
    return event
