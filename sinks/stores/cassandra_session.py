"""The Cassandra driver on asyncio: many replies from its thread wake the loop once."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from cassandra import ConsistencyLevel, DriverException, RequestValidationException
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.connection import ConnectionException
from cassandra.policies import ConstantReconnectionPolicy, RoundRobinPolicy, TokenAwarePolicy
from cassandra.protocol import ErrorMessageSub
from cassandra.query import tuple_factory

from infra.errors import Unavailable

REQUEST_SECONDS: Final = 10.0
RECONNECT_SECONDS: Final = 1.0
"""Between two attempts: the driver's own policy waits for ten minutes in the end."""
_AWAY: Final = (DriverException, ErrorMessageSub, NoHostAvailable, ConnectionException, OSError)


Rows = list[tuple[Any, ...]]


class CassandraSession:
    """Connects on first use, and again when there was no server then."""

    def __init__(self, hosts: list[str], port: int, keyspace: str, replication_factor: int) -> None:
        self._hosts, self._port = hosts, port
        self._keyspace, self._replication = keyspace, replication_factor
        self._cluster: Any = None
        self._session: Any = None
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._prepared: dict[str, Any] = {}
        self._replies = _Replies()

    async def run(self, cql: str) -> None:
        """Run a statement that is not worth preparing, such as a change of schema."""
        session = await self._connected()
        async with _away():
            await self._replies.of(session.execute_async(cql))

    async def prepare(self, cql: str) -> Any:
        """The prepared statement, prepared once."""
        session = await self._connected()
        if cql not in self._prepared:

            def prepare() -> None:
                self._prepared[cql] = session.prepare(cql)

            await self._once(cql, prepare)
        return self._prepared[cql]

    async def execute(self, cql: str, values: tuple[Any, ...] = ()) -> Rows:
        """Run a prepared statement. A whole answer must fit into one page of the driver (5000)."""
        return await self.send((await self.prepare(cql)).bind(values))

    async def send(self, statement: Any) -> Rows:
        """Run a bound statement or a batch."""
        session = await self._connected()
        async with _away():
            return await self._replies.of(session.execute_async(statement))

    async def close(self) -> None:
        """Let go of the connections."""
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)
        if self._cluster is not None:
            await asyncio.to_thread(self._cluster.shutdown)
            self._cluster = self._session = None

    async def _connected(self) -> Any:
        if self._session is None:
            await self._once("connect", self._connect)
        return self._session

    async def _once(self, name: str, work: Callable[[], None]) -> None:
        """Work in a thread, once for all who wait; whoever gives up leaves it to the others."""
        task = self._under_way.get(name)
        if task is None:
            task = self._under_way[name] = asyncio.create_task(asyncio.to_thread(work))
            task.add_done_callback(lambda done: self._ended(name, done))
        async with _away():
            await asyncio.shield(task)

    def _ended(self, name: str, task: "asyncio.Task[None]") -> None:
        del self._under_way[name]
        if not task.cancelled():
            task.exception()  # whoever waited has it; nobody may have

    def _connect(self) -> None:
        profile = ExecutionProfile(
            load_balancing_policy=TokenAwarePolicy(RoundRobinPolicy()),
            consistency_level=ConsistencyLevel.LOCAL_QUORUM,
            row_factory=tuple_factory,
            request_timeout=REQUEST_SECONDS,
        )
        cluster = Cluster(
            self._hosts,
            port=self._port,
            protocol_version=4,
            execution_profiles={EXEC_PROFILE_DEFAULT: profile},
            connect_timeout=5,
            reconnection_policy=ConstantReconnectionPolicy(RECONNECT_SECONDS, max_attempts=None),
        )
        try:
            session = cluster.connect()
            session.execute(
                f"CREATE KEYSPACE IF NOT EXISTS {self._keyspace} WITH replication = "
                f"{{'class': 'SimpleStrategy', 'replication_factor': {self._replication}}}"
            )
        except BaseException:
            cluster.shutdown()
            raise
        self._cluster, self._session = cluster, session


class _Replies:
    """Hands the driver's callbacks over to the loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[tuple[asyncio.Future[Rows], Any, BaseException | None]] = deque()

    async def of(self, request: Any) -> Rows:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Rows] = loop.create_future()

        def done(rows: Any) -> None:
            self._hand_over(loop, future, list(rows or ()), None)

        def failed(error: BaseException) -> None:
            self._hand_over(loop, future, None, error)

        request.add_callbacks(done, failed)
        return await future

    def _hand_over(
        self,
        loop: asyncio.AbstractEventLoop,
        future: "asyncio.Future[Rows]",
        answer: Any,
        error: BaseException | None,
    ) -> None:
        with self._lock:
            first = not self._waiting
            self._waiting.append((future, answer, error))
        if first:
            loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, deque()
        for future, answer, error in waiting:
            if future.done():
                continue
            if error is None:
                future.set_result(answer)
            else:
                future.set_exception(error)


@asynccontextmanager
async def _away() -> AsyncIterator[None]:
    try:
        yield
    except RequestValidationException:
        raise
    except _AWAY as error:
        raise Unavailable(f"Cassandra: {error}") from error
