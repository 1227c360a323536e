"""Prunes the spools as they grow."""

import asyncio
from contextlib import suppress
from typing import Final

import structlog

from media.spool.retention import Retention
from media.spool.spool import Spool

log = structlog.get_logger()

_EVERY: Final = 60.0
_PAUSE: Final = 1.0


async def keep(spool: Spool, retention: Retention) -> None:
    """Prune once a minute and soon after a file is complete, until cancelled.

    A folder that cannot be read or changed is logged, and tried again.
    """
    while True:
        spool.rolled.clear()
        try:
            gone = await asyncio.to_thread(spool.prune, retention)
        except OSError as error:
            log.error("cannot delete old spool files", error=str(error))
        else:
            if gone:
                log.info("deleted old spool files", files=len(gone))
        await asyncio.sleep(_PAUSE)
        with suppress(TimeoutError):
            async with asyncio.timeout(_EVERY):
                await spool.rolled.wait()
