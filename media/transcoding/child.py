"""The process of one stream: fetches the source's parts, makes renditions, publishes them.

`python -m media.transcoding.child`, started by a worker, which it talks to over its standard input
and output (`media.transcoding.messages`). It ends when its input does.
"""

import asyncio
import os
import sys
from typing import Final

import structlog
import uvloop

from infra.clock import SystemClock
from infra.errors import InvalidRecord, MillraceError
from infra.observability import logs
from infra.settings import TranscoderSettings
from media.storage import configured_store
from media.transcoding.messages import (
    Begin,
    Change,
    Feed,
    Finish,
    ToParent,
    framed,
    read_body,
    to_child,
)
from media.transcoding.session import Session

log = structlog.get_logger()

_FAILED: Final = 1


async def main() -> int:
    """Talk to the worker until it ends the conversation; returns the process's exit code."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    output = sys.stdout.buffer

    def write(message: ToParent) -> None:
        output.write(framed(message))
        output.flush()

    body = await read_body(reader)
    if body is None:
        return 0
    begin = to_child(body)
    if not isinstance(begin, Begin):
        raise InvalidRecord("the first message must be `Begin`")
    structlog.contextvars.bind_contextvars(stream_id=begin.stream_id)
    patience = TranscoderSettings().storage_patience
    session = Session(begin, configured_store(), write, SystemClock(), patience)
    working = asyncio.create_task(session.run())
    listening = asyncio.create_task(_listen(reader, session))
    await asyncio.wait((working, listening), return_when=asyncio.FIRST_COMPLETED)
    if not working.done() and listening.result():
        await working
    if working.done():
        working.result()
    return 0


async def _listen(reader: asyncio.StreamReader, session: Session) -> bool:
    """Pass on what the worker says; False if it is gone."""
    while (body := await read_body(reader)) is not None:
        match to_child(body):
            case Feed() as feed:
                session.feed(feed)
            case Change() as change:
                session.change(change)
            case Finish():
                session.finish()
                return True
    return False


def run() -> None:
    """The process."""
    logs.configure("transcoder-stream")
    try:
        code = uvloop.run(main())
    except* MillraceError as errors:
        log.critical("stops", reason=[str(error) for error in errors.exceptions])
        code = _FAILED
    # Threads of codecs that hang must not keep the process.
    os._exit(code)


if __name__ == "__main__":
    run()
