"""Answers that are given again: to the same request, while nothing that was read for them changes.

Who asks is looked at, and counted, each time; only what is said is kept. An answer stands on the
rows that were read for it (`sinks.reader.NotingReader`) and falls with the first that is written.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any, Final, Protocol, runtime_checkable

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import SERVER_SOFTWARE

from api.deadline import in_time
from api.edge import CLOCK, static_headers
from api.limits import charge, headers_of_limits
from api.problems import REQUEST_ID, Handler
from api.proxies import proxies
from api.routes import REFUSAL, anyone_may, authorise
from api.v1.resources import timestamp
from api.views import Views
from infra.errors import MillraceError

MOST_BYTES: Final = 32 << 20
"""Of all bodies; what was kept first goes first."""


class Standing(Protocol):
    """Something that an answer stands on."""

    @property
    def stands(self) -> bool:
        """Whether it is as it was."""
        ...


@runtime_checkable
class Noting(Views, Protocol):
    """Views that note what was read."""

    @property
    def basis(self) -> Iterable[Standing]:
        """All that was read."""
        ...

    def note(self, *basis: Standing) -> None:
        """Something else that the answer stands on."""
        ...


@runtime_checkable
class CanNote(Protocol):
    """Views that can tell when what was read is written. Implemented by `sinks.reader`."""

    def noting(self) -> Noting:
        """Views for one answer."""
        ...


NOTING: web.RequestKey[Noting | None] = web.RequestKey("noting")


class Kept:
    """An answer."""

    __slots__ = ("_basis", "_body", "_dated", "_head", "for_anyone", "size")

    def __init__(
        self, basis: Iterable[Standing], head: str, body: bytes, as_of: str, *, for_anyone: bool
    ) -> None:
        self.for_anyone = for_anyone
        self._basis = tuple(basis)
        self._head = head
        end = f'"{as_of}"}}'.encode()
        self._dated = bool(as_of) and body.endswith(end)
        self._body = body.removesuffix(end) if self._dated else body
        self.size = len(head) + len(body)

    @property
    def stands(self) -> bool:
        """Whether it would be the same if it were made anew, but for its time."""
        for each in self._basis:  # noqa: SIM110 - `all` with a generator takes twice as long
            if not each.stands:
                return False
        return True

    def told(self, request: web.Request) -> "Again":
        """The answer to this request."""
        body = self._body
        if self._dated:
            body = b'%b"%b"}' % (body, timestamp(request.app[CLOCK].now()).encode())
        head = (
            f"{self._head}Content-Length: {len(body)}\r\nDate: {rfc822_formatted_time()}\r\n"
            f"X-Request-Id: {request[REQUEST_ID]}\r\n"
        )
        for name, value in headers_of_limits(request).items():
            head += f"{name}: {value}\r\n"
        return Again(b"%b\r\n%b" % (head.encode(), body))


class KeptAnswers:
    """Those of one gateway, by what was asked."""

    def __init__(self, views: Views) -> None:
        """`views` is what answers are made from: where it cannot note, none are kept."""
        self._views = views if isinstance(views, CanNote) else None
        self._kept: dict[str, Kept] = {}
        self._size = 0

    def noting(self) -> Noting | None:
        """Views for an answer that is to be kept; None if it cannot be."""
        return self._views.noting() if self._views else None

    def find(self, request: web.Request) -> Kept | None:
        """The answer to a request, if it still stands."""
        kept = self._kept.get(_key(request))
        if kept is None or kept.stands:
            return kept
        self._drop(_key(request))
        return None

    def keep(
        self, request: web.Request, noting: Noting, response: web.StreamResponse, as_of: str
    ) -> None:
        """Remember a good answer. Only one that is the same for everybody."""
        if not isinstance(response, web.Response) or not isinstance(response.body, bytes):
            return
        kept = Kept(
            noting.basis,
            _head(request, response),
            response.body,
            as_of,
            for_anyone=anyone_may(request),
        )
        if not kept.stands:
            return
        key = _key(request)
        self._drop(key)
        self._kept[key] = kept
        self._size += kept.size
        while self._size > MOST_BYTES:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: str) -> None:
        if kept := self._kept.pop(key, None):
            self._size -= kept.size


KEPT: web.AppKey[KeptAnswers] = web.AppKey("kept", KeptAnswers)


class Again(web.StreamResponse):
    """A response that was made before: its bytes go out as they are."""

    _status, _keep_alive = 200, True

    def __init__(self, content: bytes) -> None:
        # Without what the base class does: it gets headers ready to be changed.
        self._bytes = content

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter:
        """Nothing is left to be prepared."""
        self._writer: Any = request.writer
        return request.writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Write it."""
        await self._writer.write(self._bytes)
        await self._writer.write_eof()


@web.middleware
async def again(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer as before, if the answer stands and who asks may have it."""
    request[REFUSAL] = None
    if request.method != "GET" or request.version != HttpVersion11 or not request.keep_alive:
        return await handler(request)
    kept = request.app[KEPT].find(request)
    if kept is None:
        return await handler(request)
    try:
        if kept.for_anyone:
            await charge(request, None)  # bounds by itself how long it waits
            return kept.told(request)
        return await in_time(request, partial(authorise, handler=partial(_tell, kept)))
    except MillraceError as refusal:
        request[REFUSAL] = refusal  # is said as any other
        return await handler(request)


async def _tell(kept: Kept, request: web.Request) -> web.StreamResponse:
    return kept.told(request)


def _head(request: web.Request, response: web.Response) -> str:
    """The status and those headers that are the same each time."""
    headers = response.headers.copy()
    headers.update(static_headers(request.path))
    headers["Server"] = SERVER_SOFTWARE
    lines = [f"HTTP/1.1 {response.status} {response.reason}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, ""])


def _key(request: web.Request) -> str:
    """Path and query as they were sent, and the host: addresses in the answer may be on it."""
    return f"{request.raw_path} {proxies(request).site(request)}"
