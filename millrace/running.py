"""Runs a role until it is told to stop, or stops itself."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
import uvloop

from infra.errors import MillraceError
from infra.observability import logs

log = structlog.get_logger()

STOPPED: Final = 70
"""Exit code of a role that stopped itself: the supervisor starts it again, with back-off."""


def run_role(role: str, main: Callable[[], Awaitable[None]]) -> None:
    """Run a role until SIGTERM or SIGINT. A MillraceError ends it with exit code 70."""
    logs.configure(role)

    async def until_stopped() -> None:
        task = asyncio.ensure_future(main())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            log.info("stopped")

    try:
        uvloop.run(until_stopped())
    except MillraceError as error:
        log.critical("role stops", reason=str(error), exit_code=STOPPED)
        sys.exit(STOPPED)
