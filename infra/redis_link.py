"""One connection to Redis that many ask over: what is asked at one moment goes in one write."""

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Any, Final, Protocol

import hiredis
import structlog
from redis.asyncio.connection import SSLConnection, parse_url

from infra.errors import Unavailable

log = structlog.get_logger()

CONNECT_SECONDS: Final = 1.0
ANSWER_SECONDS: Final = 1.5
"""For the oldest question; then the connection counts as broken."""
MOST_WAITING: Final = 20_000
"""Questions without an answer yet; more are refused."""
_LOOK_SECONDS: Final = 0.25


Word = str | int | float | bytes


class RedisRefused(Unavailable):
    """Redis answered with an error. `code` is its first word, such as NOSCRIPT."""

    def __init__(self, text: str) -> None:
        super().__init__(f"Redis: {text}")
        self.code = text.partition(" ")[0]


class Listener(Protocol):
    """Hears what Redis says unasked (RESP3 pushes), in order with the answers."""

    greetings: tuple[tuple[str, ...], ...]
    """Commands with which each connection begins."""

    def pushed(self, message: list[Any]) -> None:
        """Redis said this."""
        ...

    def lost(self) -> None:
        """The connection is gone: whatever was said meanwhile is not known."""
        ...


class RedisLink:
    """Asks Redis in RESP3, and connects again when it is asked next.

    Answers come in the order of the questions, and pushes at their place between them.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._listeners: list[Listener] = []
        self._connection: _Connection | None = None
        self._connecting: asyncio.Task[_Connection] | None = None
        self._closed = False

    def listen(self, listener: Listener) -> None:
        """Tell somebody what is pushed, on connections that are made from now on."""
        self._listeners.append(listener)

    @property
    def heard_at(self) -> float:
        """All that Redis pushed before this moment (monotonic) has been heard."""
        return self._connection.heard_at if self._connection else float("-inf")

    async def ask(self, *words: Word) -> Any:
        """One command's answer. Raises Unavailable, RedisRefused."""
        connection = self._connection or await self._connected()
        return await connection.ask(words)

    async def ask_all(self, commands: Iterable[tuple[Word, ...]]) -> list[Any]:
        """The answers to several commands that are sent together. Raises as `ask`."""
        connection = self._connection or await self._connected()
        answers = [connection.ask(words) for words in commands]
        return [await answer for answer in answers]

    async def tell(self, *words: Word) -> None:
        """Send a command that is answered by a push, such as SUBSCRIBE. Raises Unavailable."""
        connection = self._connection or await self._connected()
        connection.tell(words)

    async def close(self) -> None:
        """Let go of the connection."""
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        if self._connection is not None:
            self._connection.abort("closed here")

    async def _connected(self) -> "_Connection":
        if self._closed:
            raise Unavailable("Redis: the link is closed")
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect())
            self._connecting.add_done_callback(self._connect_ended)
        return await asyncio.shield(self._connecting)

    async def _connect(self) -> "_Connection":
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                connection = await _open(self._url, self._listeners, self._lost)
        except (OSError, TimeoutError) as error:
            raise Unavailable(f"Redis: {error!r}") from error
        self._connection = connection
        return connection

    def _connect_ended(self, task: "asyncio.Task[_Connection]") -> None:
        self._connecting = None
        if not task.cancelled():
            task.exception()  # whoever waited has it

    def _lost(self, connection: "_Connection") -> None:
        if self._connection is connection:
            self._connection = None
        for listener in self._listeners:
            listener.lost()


class _Connection(asyncio.Protocol):
    def __init__(self, listeners: list[Listener], on_lost: Callable[["_Connection"], None]) -> None:
        self._listeners = listeners
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._parser = hiredis.Reader(protocolError=ValueError, replyError=RedisRefused)
        self._waiting: deque[tuple[asyncio.Future[Any], float]] = deque()
        self._unsent: list[bytes] = []
        self._transport: Any = None
        self._looking: asyncio.TimerHandle | None = None
        self._why = "the connection broke"
        self._gone = False
        self.heard_at = float("-inf")

    def ask(self, words: tuple[Word, ...]) -> "asyncio.Future[Any]":
        answer: asyncio.Future[Any] = self._loop.create_future()
        if self._gone or len(self._waiting) >= MOST_WAITING:
            answer.set_exception(Unavailable(f"Redis: {self._why if self._gone else 'overrun'}"))
            return answer
        self.tell(words)
        self._waiting.append((answer, monotonic()))
        return answer

    def tell(self, words: tuple[Word, ...]) -> None:
        if not self._unsent:
            self._loop.call_soon(self._send)
        self._unsent.append(hiredis.pack_command(words))  # type: ignore[arg-type]

    def abort(self, why: str) -> None:
        self._why = why
        self._transport.abort()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._looking = self._loop.call_later(_LOOK_SECONDS, self._look)

    def data_received(self, data: bytes) -> None:
        self._parser.feed(data)
        try:
            while (message := self._parser.gets()) is not False:
                self._take(message)
        except ValueError as error:
            self.abort(f"what came is no answer: {error}")

    def connection_lost(self, error: Exception | None) -> None:
        self._gone = True
        if self._looking is not None:
            self._looking.cancel()
        if error is not None:
            self._why = repr(error)
        for answer, _ in self._waiting:
            if not answer.done():
                answer.set_exception(Unavailable(f"Redis: {self._why}"))
        self._waiting.clear()
        self._on_lost(self)

    def _take(self, message: Any) -> None:
        if isinstance(message, hiredis.PushNotification):
            for listener in self._listeners:
                listener.pushed(message)
            return
        answer, self.heard_at = self._waiting.popleft()
        if answer.done():
            return
        if isinstance(message, RedisRefused):
            answer.set_exception(message)
        else:
            answer.set_result(message)

    def _send(self) -> None:
        if not self._gone:
            self._transport.write(b"".join(self._unsent))
        self._unsent.clear()

    def _look(self) -> None:
        """Break what is silent; keep knowing that everything pushed was heard."""
        now = monotonic()
        self._looking = self._loop.call_later(_LOOK_SECONDS, self._look)
        if self._waiting:
            if now - self._waiting[0][1] > ANSWER_SECONDS:
                log.warning("redis does not answer", seconds=ANSWER_SECONDS)
                self.abort(f"no answer for {ANSWER_SECONDS} s")
        elif now - self.heard_at > _LOOK_SECONDS:
            self.ask(("PING",)).add_done_callback(_seen)


async def _open(
    url: str, listeners: list[Listener], on_lost: Callable[[_Connection], None]
) -> _Connection:
    """A connection that has signed in and greeted."""
    where = parse_url(url)
    loop, make = asyncio.get_running_loop(), lambda: _Connection(listeners, on_lost)
    if "path" in where:
        _, connection = await loop.create_unix_connection(make, where["path"])
    else:
        secure = where.get("connection_class") is SSLConnection
        _, connection = await loop.create_connection(
            make,
            where.get("host", "localhost"),
            where.get("port", 6379),
            ssl=ssl.create_default_context() if secure else None,
        )
    try:
        who = where.get("username") or "default"
        secret = where.get("password")
        await connection.ask(("HELLO", 3, *(("AUTH", who, secret) if secret else ())))
        if database := int(where.get("db") or 0):
            await connection.ask(("SELECT", database))
        for listener in listeners:
            for words in listener.greetings:
                await connection.ask(words)
    except BaseException:
        with contextlib.suppress(Exception):
            connection.abort("it did not begin")
        raise
    return connection


def _seen(answer: "asyncio.Future[Any]") -> None:
    if not answer.cancelled():
        answer.exception()
