"""What every object store does."""

import asyncio
import logging
import time
import urllib.request
import uuid

import pytest
from moto.server import ThreadedMotoServer

from infra.errors import ConfigurationError, NotFound, Unavailable
from media.storage import object_store


@pytest.fixture(scope="module")
def s3():
    """The address of an S3 double."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def bucket(s3, monkeypatch):
    """The URL of a new bucket; the environment leads to the double."""
    name = f"media-{uuid.uuid4().hex}"
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    urllib.request.urlopen(urllib.request.Request(f"{s3}/{name}", method="PUT")).close()
    return f"s3://{name}/of/millrace"


@pytest.fixture(params=["folder", "file url", "memory", "s3"])
def store(request, tmp_path):
    if request.param == "s3":
        return object_store(request.getfixturevalue("bucket"), tmp_path)
    urls = {"folder": "", "file url": f"file://{tmp_path}/a%20b", "memory": "memory://"}
    return object_store(urls[request.param], tmp_path / "objects")


async def listed(store, prefix):
    return {found.key: found.size async for found in store.list(prefix)}


async def test_an_object_comes_back_as_it_was_put(store):
    data = bytes(range(256)) * 1000
    await store.put("live/a/b/1.m4s", data)
    assert await store.get("live/a/b/1.m4s") == data
    assert await store.size("live/a/b/1.m4s") == len(data)


async def test_an_empty_object_is_an_object(store):
    await store.put("empty", b"")
    assert await store.get("empty") == b""


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(0, 3, b"012"), (3, 7, b"3456"), (7, 99, b"789"), (10, 12, b""), (4, 4, b"")],
)
async def test_a_range_ends_where_the_object_ends(store, start, end, expected):
    await store.put("digits", b"0123456789")
    assert await store.get_range("digits", start, end) == expected


async def test_what_does_not_exist_is_not_found(store):
    for attempt in (store.get("none"), store.size("none"), store.get_range("none", 0, 1)):
        with pytest.raises(NotFound, match="none"):
            await attempt


async def test_deleting_is_for_good_and_may_be_repeated(store):
    await store.put("x/1", b"1")
    await store.put("x/2", b"2")
    await store.put("x/3", b"3")
    await store.delete(["x/1", "x/none", "x/3"])
    await store.delete(["x/1"])
    await store.delete([])
    with pytest.raises(NotFound):
        await store.get("x/1")
    assert await listed(store, "x/") == {"x/2": 1}


async def test_a_listing_holds_what_is_below_a_folder(store):
    for key in ("live/a/1", "live/a/b/2", "live/ab/3", "other/4"):
        await store.put(key, b"12345")
    assert await listed(store, "live/a/") == {"live/a/1": 5, "live/a/b/2": 5}
    assert len(await listed(store, "live/")) == 3
    assert await listed(store, "nothing/") == {}


async def test_readers_beside_a_writer_see_all_or_nothing(store):
    data = bytes(5_000_000)

    async def read():
        try:
            return len(await store.get("big"))
        except NotFound:
            return 0

    writing = asyncio.ensure_future(store.put("big", data))
    sizes = {await read() for _ in range(20)}
    await writing
    assert sizes | {await read()} <= {0, len(data)}


@pytest.mark.parametrize("key", ["../outside", "a/../../outside"])
async def test_no_key_leads_outside(store, key):
    with pytest.raises(Exception, match=r"outside|\.\."):
        await store.put(key, b"x")


def test_a_url_that_means_nothing_is_a_configuration_error(tmp_path):
    with pytest.raises(ConfigurationError, match="nonsense"):
        object_store("nonsense://x", tmp_path)


async def test_storage_that_is_away_is_unavailable_soon(bucket, monkeypatch, unused_tcp_port):
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{unused_tcp_port}")
    store = object_store(bucket, None)
    began = time.monotonic()
    for attempt in (store.put("live/a", b"x"), store.get("live/a"), store.delete(["live/a"])):
        with pytest.raises(Unavailable, match="live/a"):
            await attempt
    with pytest.raises(Unavailable):
        await listed(store, "live/")
    assert time.monotonic() - began < 20


async def test_a_bucket_that_does_not_exist_is_no_empty_one(bucket, tmp_path):
    store = object_store("s3://no-such-bucket", tmp_path)
    with pytest.raises(Unavailable, match="live/a"):
        await store.put("live/a", b"x")
