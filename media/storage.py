"""Where media objects live: a folder, an S3 bucket or memory, behind one small protocol.

Keys are slash-separated and relative; an object that exists is never changed, only deleted.
"""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import unquote, urlparse

import msgspec
import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, MemoryStore, from_url

from infra.errors import ConfigurationError, NotFound, Unavailable
from infra.settings import LocalSettings, StorageSettings

_PAGE: Final = 1000
_CLIENT: Final[Any] = {"allow_http": True, "connect_timeout": "3s", "timeout": "10s"}
"""Whether there is TLS, the endpoint's URL says; without one there is."""
_RETRIES: Final[Any] = {"max_retries": 2, "retry_timeout": timedelta(seconds=10)}
"""A few quick ones: what needs a longer breath, like packaging, has its own."""


class Stored(msgspec.Struct, frozen=True):
    """An object as a listing shows it."""

    key: str
    size: int
    modified_at: int
    """Microseconds since 1970-01-01T00:00:00Z."""


class ObjectStore(Protocol):
    """Media objects by key. Every method raises Unavailable if the storage fails."""

    async def put(self, key: str, data: bytes) -> None:
        """Write an object whole: nobody sees a part of it."""
        ...

    async def get(self, key: str) -> bytes:
        """The object's bytes. Raises NotFound."""
        ...

    async def get_range(self, key: str, start: int, end: int) -> bytes:
        """Bytes `start` up to `end` (not included) or the object's end. Raises NotFound."""
        ...

    async def size(self, key: str) -> int:
        """The object's size in bytes. Raises NotFound."""
        ...

    async def delete(self, keys: list[str]) -> None:
        """Delete objects; those that do not exist are passed over."""
        ...

    def list(self, prefix: str) -> AsyncIterator[Stored]:
        """The objects below a folder (`live/`), in no order."""
        ...


def object_store(url: str, default: Path) -> ObjectStore:
    """The storage at a URL: `file:///folder`, `s3://bucket/prefix` (credentials, region and
    AWS_ENDPOINT_URL from the environment, as AWS tools read them), `memory://`; without one the
    folder `default`, which is created.

    Raises ConfigurationError if there cannot be one.
    """
    try:
        if not url or url.startswith("file://"):
            folder = Path(unquote(urlparse(url).path)) if url else default
            return _Store(LocalStore(folder.absolute(), mkdir=True))
        if url == "memory://":
            return _Store(MemoryStore())
        return _Store(from_url(url, client_options=_CLIENT, retry_config=_RETRIES))
    except (BaseError, ValueError, OSError) as error:
        raise ConfigurationError(f"MILLRACE_STORAGE_URL {url!r}: {error}") from error


def configured_store() -> ObjectStore:
    """The object storage of the settings. Raises ConfigurationError."""
    return object_store(StorageSettings().url, LocalSettings().data / "objects")


class _Store:
    """ObjectStore on obstore, which is Apache's object_store crate."""

    def __init__(self, store: Any) -> None:
        self._store = store

    async def put(self, key: str, data: bytes) -> None:
        try:
            await obstore.put_async(self._store, key, data, use_multipart=False)
        except (BaseError, OSError) as error:  # not found here is a bucket that does not exist
            raise _unavailable(key, error) from error

    async def get(self, key: str) -> bytes:
        try:
            found = await obstore.get_async(self._store, key)
            return bytes(await found.bytes_async())
        except (BaseError, OSError) as error:
            raise _translated(key, error) from error

    async def get_range(self, key: str, start: int, end: int) -> bytes:
        size = await self.size(key)
        if start >= min(end, size):
            return b""
        try:
            return bytes(
                await obstore.get_range_async(self._store, key, start=start, end=min(end, size))
            )
        except (BaseError, OSError) as error:
            raise _translated(key, error) from error

    async def size(self, key: str) -> int:
        try:
            return int((await obstore.head_async(self._store, key))["size"])
        except (BaseError, OSError) as error:
            raise _translated(key, error) from error

    async def delete(self, keys: list[str]) -> None:
        try:
            await obstore.delete_async(self._store, keys)  # one request to S3
        except (NotFoundError, FileNotFoundError):
            for key in keys:
                await self._delete(key)
        except (BaseError, OSError) as error:
            raise _unavailable(keys[0], error) from error

    async def _delete(self, key: str) -> None:
        try:
            await obstore.delete_async(self._store, key)
        except (NotFoundError, FileNotFoundError):
            return
        except (BaseError, OSError) as error:
            raise _unavailable(key, error) from error

    async def list(self, prefix: str) -> AsyncIterator[Stored]:
        try:
            async for page in obstore.list(self._store, prefix.rstrip("/"), chunk_size=_PAGE):
                for found in page:
                    modified = round(found["last_modified"].timestamp() * 1e6)
                    yield Stored(found["path"], found["size"], modified)
        except BaseError as error:
            raise _translated(prefix, error) from error


def _translated(key: str, error: Exception) -> Exception:
    if isinstance(error, NotFoundError | FileNotFoundError):
        return NotFound(f"object {key} does not exist")
    return _unavailable(key, error)


def _unavailable(key: str, error: Exception) -> Unavailable:
    told = str(error).partition("\n")[0]
    return Unavailable(f"object storage, {key}: {told}")
