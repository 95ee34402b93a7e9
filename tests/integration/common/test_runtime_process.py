"""A service as a process: what it promises to whoever starts, watches and stops it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.processes import end, until

PROGRAM = """
import asyncio, sys, time
from sluice_common.kit.errors import SettingsError
from sluice_common.runtime.run import run, run_several
from sluice_common.runtime.service import Service

async def loop():
    if {behaviour!r} in ("dies", "several, one dies"):
        raise ValueError("http://bob:hunter2@host/ is odd")
    if {behaviour!r} == "thread":
        await asyncio.to_thread(time.sleep, 60)
    await asyncio.Future()

async def build(settings, stack):
    return Service(loops=[loop])

async def healthy(settings, stack):
    return Service(loops=[asyncio.Event().wait])

async def misconfigured(settings, stack):
    raise SettingsError(["postgres: refused us"])

if {behaviour!r}.startswith("several"):
    refusing = {behaviour!r}.endswith("misconfigured")
    run_several("services", {{"one": healthy, "two": misconfigured if refusing else build}})
run("demo", build)
"""


@contextmanager
def started(tmp_path: Path, behaviour: str = "fine", **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(behaviour=behaviour), encoding="utf-8")
    with (tmp_path / "stderr").open("wb") as log:
        process = subprocess.Popen([sys.executable, str(program)], stderr=log, env=os.environ | environment)
    try:
        yield process
    finally:
        end(process, kill=True)


def said(tmp_path: Path) -> str:
    return (tmp_path / "stderr").read_text(encoding="utf-8")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_with_0(tmp_path: Path, number: signal.Signals) -> None:
    """SIGTERM and Ctrl-C, even both and twice, end a process in order."""
    with started(tmp_path) as process:
        until(lambda: "running" in said(tmp_path), "the service runs")
        process.send_signal(number)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    events = [json.loads(line)["event"] for line in said(tmp_path).splitlines()]
    assert events == ["health_listening", "running", "stopping", "stopped"]


def test_a_thread_that_hangs_does_not_hold_the_process(tmp_path: Path) -> None:
    """Even what cannot be cancelled at all ends under 10 s after the signal."""
    with started(tmp_path, "thread") as process:
        until(lambda: "running" in said(tmp_path), "the service runs")
        before = time.monotonic()
        process.terminate()
        assert process.wait(12) == 0
        assert time.monotonic() - before < 10


def test_a_dead_loop_ends_the_process_with_1_and_a_reason(tmp_path: Path) -> None:
    """Whoever supervises sees exit code 1, and the log says why, without the password in the exception."""
    with started(tmp_path, "dies") as process:
        assert process.wait(10) == 1
    died = next(line for line in map(json.loads, said(tmp_path).splitlines()) if line["event"] == "service_died")
    assert died["reason"] == "ValueError: http://***@host/ is odd"
    assert "Traceback" in died["exception"]
    assert "hunter2" not in said(tmp_path)


def test_of_several_services_the_dead_one_is_named(tmp_path: Path) -> None:
    """Exit code 1, and the log line carries the name of the service whose loop it was."""
    with started(tmp_path, "several, one dies") as process:
        assert process.wait(10) == 1
    events = [json.loads(line) for line in said(tmp_path).splitlines()]
    assert {event["service"] for event in events if event["event"] == "running"} == {"one", "two"}
    assert [event["service"] for event in events if event["event"] == "ends_the_process"] == ["two"]
    (died,) = [event for event in events if event["event"] == "service_died"]
    assert died["reason"] == "ValueError: http://***@host/ is odd"


def test_of_several_services_a_refused_setting_is_exit_code_2(tmp_path: Path) -> None:
    """The supervisor must not start again what can never run, also when only one of them refuses."""
    with started(tmp_path, "several, misconfigured") as process:
        assert process.wait(10) == 2
    assert "postgres: refused us" in said(tmp_path)


def test_every_fault_of_the_configuration_is_told_with_exit_code_2(tmp_path: Path) -> None:
    """A wrong configuration starts nothing, and names each wrong key."""
    faults = {"SLUICE_HEALTH__PORT": "x", "SLUICE_NATS__REPLICAS": "99"}
    with started(tmp_path, **faults) as process:
        assert process.wait(10) == 2
    assert "health.port: " in said(tmp_path)
    assert "nats.replicas: " in said(tmp_path)


def test_a_port_in_use_ends_the_process_with_1_and_says_what_to_do(tmp_path: Path) -> None:
    """Nobody has to guess why a service does not start: the address and the way out are in one line."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with started(tmp_path, SLUICE_HEALTH__PORT=str(port)) as process:
            assert process.wait(10) == 1
    (died,) = map(json.loads, said(tmp_path).splitlines())
    assert died["reason"].startswith(f"cannot listen on 127.0.0.1:{port}: another program uses this port")
