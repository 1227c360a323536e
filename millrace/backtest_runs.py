"""Back-tests for the gateway: each in a process of its own, few at once, and not for long."""

import asyncio
import os
import sys
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from api.errors import TooMany, Unprocessable
from api.v1.chat_backtests import SECONDS
from infra.errors import InvalidRecord, MillraceError, Unavailable

AT_ONCE: Final = 2
"""Back-tests of one gateway; each takes a core."""
MOST: Final = 200_000
"""Commands of a window, those of other channels of the partition included."""
_NICE: Final = 10
_RETRY_SECONDS: Final = 15


class Request(msgspec.Struct, frozen=True):
    """What the process is given on its standard input."""

    bootstrap: str
    channel_id: str
    start: int
    end: int
    rules: dict[str, Any]
    examples: int


class Failure(msgspec.Struct, frozen=True):
    """What it says if nothing came of it."""

    invalid: bool
    """Whether it was asked for what cannot be."""
    error: str


class BackTestRuns:
    """Runs back-tests in processes, which end with who asked."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._channels: set[str] = set()

    async def run(
        self, channel_id: str, start: int, end: int, rules: Mapping[str, Any], examples: int
    ) -> dict[str, Any]:
        """The report as JSON has it. Raises Unprocessable, TooMany, Unavailable."""
        if channel_id in self._channels or len(self._channels) >= AT_ONCE:
            raise TooMany("another back-test is under way", _RETRY_SECONDS)
        self._channels.add(channel_id)
        try:
            request = Request(self._bootstrap, channel_id, start, end, dict(rules), examples)
            return await _in_a_process(msgspec.json.encode(request))
        finally:
            self._channels.discard(channel_id)


async def _in_a_process(request: bytes) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "millrace.backtest_runs"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(SECONDS):
            answer, _ = await process.communicate(request)
    except TimeoutError as slow:
        raise Unavailable("the back-test took too long: try a shorter window") from slow
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise Unavailable("the back-test failed")
    found: dict[str, Any] | Failure = _answer(answer)
    if not isinstance(found, Failure):
        return found
    raise Unprocessable(found.error, "/rules") if found.invalid else Unavailable(found.error)


def _answer(answer: bytes) -> dict[str, Any] | Failure:
    found: dict[str, Any] = msgspec.json.decode(answer)
    return msgspec.convert(found, Failure) if "error" in found else found


async def _report(request: Request) -> Any:
    from agents.chat.backtest import Changes
    from infra.streaming.run import spare_garbage_collector
    from millrace.backtests import Asked, back_test, judge_of

    spare_garbage_collector()
    try:
        changes = Changes.read(request.rules)
        asked = Asked(
            *(request.channel_id, request.start, request.end, changes, request.examples),
            most=MOST,
        )
        return await back_test(request.bootstrap, asked, judge_of(changes))
    except MillraceError as error:
        return Failure(isinstance(error, InvalidRecord), str(error))


def main() -> None:
    """Run what the standard input asks for, and say what came of it on the standard output."""
    os.nice(_NICE)
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=Request)
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(_report(request))))


if __name__ == "__main__":
    main()
