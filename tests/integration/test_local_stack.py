"""`millrace up` and its neighbours, as a person meets them: one command, real servers."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaProducer
from cassandra.cluster import Cluster
from redis.asyncio import Redis

from infra.kafka import LogReader
from infra.local import state
from infra.local.layout import Layout
from infra.local.ports import free_ports
from tests import local_stack

pytestmark = [pytest.mark.alone, pytest.mark.timeout(180)]


@pytest.fixture
def ports() -> list[int]:
    return free_ports(5)


def millrace(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "millrace", *arguments],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=90,
    )


def everything(supervisor: int) -> list[psutil.Process]:
    process = psutil.Process(supervisor)
    return [process, *process.children(recursive=True)]


def wait_gone(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return [each for each in alive if each.status() != psutil.STATUS_ZOMBIE]


async def write(ports: list[int]) -> None:
    """A fact in each server."""
    millrace_settings = local_stack.environment(Path(), ports)
    assert millrace("topics", "apply", **millrace_settings).returncode == 0
    producer = AIOKafkaProducer(bootstrap_servers=f"127.0.0.1:{ports[0]}", acks="all")
    await producer.start()
    await producer.send_and_wait("broadcast-events", b"kept", partition=0)
    await producer.stop()
    async with Redis(port=ports[4]) as redis:
        await redis.set("fact", "kept")
    with session(ports[2]) as cassandra:
        cassandra.execute(
            "CREATE KEYSPACE kept WITH replication = "
            "{'class': 'SimpleStrategy', 'replication_factor': 1}"
        )
        cassandra.execute("CREATE TABLE kept.fact (name text PRIMARY KEY)")
        cassandra.execute("INSERT INTO kept.fact (name) VALUES ('kept')")


async def read(ports: list[int]) -> tuple[int, bytes, list[str]]:
    """The facts again."""
    async with LogReader(f"127.0.0.1:{ports[0]}") as log:
        first = (await log.partitions("broadcast-events"))[0]
        end = (await log.ends([first]))[first]
    async with Redis(port=ports[4]) as redis:
        fact = await redis.get("fact")
    with session(ports[2]) as cassandra:
        return end, fact, [row.name for row in cassandra.execute("SELECT name FROM kept.fact")]


@contextmanager
def session(port: int) -> "Iterator[object]":
    with Cluster(["127.0.0.1"], port=port) as cluster:
        yield cluster.connect()


def test_a_second_start_keeps_the_data_and_no_end_leaves_a_process(
    tmp_path: Path, ports: list[int]
) -> None:
    settings = local_stack.environment(tmp_path, ports)

    first = local_stack.start(tmp_path, ports, "--servers-only")
    processes = everything(first.pid)
    assert len(processes) >= 4
    asyncio.run(write(ports))
    again = millrace("up", "--servers-only", **settings)
    assert again.returncode == 1
    assert f"runs already in {tmp_path} (pid {first.pid})" in again.stderr.replace("\n", "")
    assert local_stack.stop(first) == 0
    assert wait_gone(processes, 1) == []
    found = state.read(Layout(tmp_path, tmp_path))
    assert found is not None
    assert found.phase == "stopped"
    assert millrace("status", "--json", **settings).returncode == 1

    second = local_stack.start(tmp_path, ports, "--servers-only")
    processes = everything(second.pid)
    assert asyncio.run(read(ports)) == (1, b"kept", ["kept"])
    second.kill()
    second.wait()
    assert wait_gone(processes, 10) == []


def test_status_logs_and_down_work_from_another_terminal(tmp_path: Path, ports: list[int]) -> None:
    settings = local_stack.environment(tmp_path, ports)
    process = local_stack.start(tmp_path, ports, "--servers-only")
    processes = everything(process.pid)

    told = json.loads(millrace("status", "--json", **settings).stdout)
    assert told["running"]
    names = {each["name"]: each for each in told["stack"]["processes"]}
    assert set(names) == {"kafka", "cassandra", "redis"}
    assert names["redis"]["port"] == ports[4]
    assert names["redis"]["pid"] in [each.pid for each in processes]

    assert "Ready to accept connections" in millrace("logs", "redis", **settings).stdout
    unknown = millrace("logs", "nothing", **settings)
    assert unknown.returncode == 1
    assert "choose cassandra, kafka" in unknown.stderr

    psutil.Process(names["redis"]["pid"]).kill()
    layout = Layout(tmp_path, tmp_path)
    found = local_stack.wait_for(layout, process, lambda now: now.processes[2].restarts == 1, 10)
    local_stack.wait_for(layout, process, lambda now: now.processes[2].phase == "ready", 10)
    assert found.processes[2].last_exit == -9
    assert "Redis stopped itself (signal 9)" in layout.log("millrace").read_text()

    began = time.monotonic()
    assert millrace("down", **settings).stdout == "Stopped.\n"
    assert time.monotonic() - began < 70
    assert process.wait(1) == 0
    assert wait_gone(processes, 1) == []


def test_a_taken_port_is_found_and_its_holder_named(tmp_path: Path, ports: list[int]) -> None:
    settings = local_stack.environment(tmp_path, ports)
    with socket.create_server(("127.0.0.1", ports[0])):
        doctor = millrace("doctor", "--json", **settings)
        up = millrace("up", "--servers-only", **settings)
    assert doctor.returncode == 1
    [broken] = [each for each in json.loads(doctor.stdout) if each["verdict"] == "broken"]
    assert broken["subject"] == f"Port {ports[0]}"
    assert f"(pid {os.getpid()})" in broken["text"]
    assert "MILLRACE_KAFKA_BOOTSTRAP" in broken["remedy"]
    assert up.returncode == 1
    assert "is taken by" in up.stderr
    assert str(os.getpid()) in up.stderr
    assert "Traceback" not in up.stderr


def test_an_unwritable_folder_is_one_clear_line(ports: list[int]) -> None:
    settings = local_stack.environment(Path("/proc/nowhere"), ports)
    up = millrace("up", "--servers-only", **settings)
    assert up.returncode == 1
    assert "cannot be written" in up.stderr
    assert "MILLRACE_DATA" in up.stderr
    assert "Traceback" not in up.stderr
