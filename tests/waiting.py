"""Waiting for a condition, with a deadline: what tests do instead of sleeping."""

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any


async def until(
    condition: Callable[[], Any], seconds: float = 30, explain: Callable[[], str] = lambda: ""
) -> Any:
    """Wait until a condition, which may be a coroutine function, holds; returns what it gave."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {seconds} s\n{explain()}"
        await asyncio.sleep(0.02)
