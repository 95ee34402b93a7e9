"""An `up` whose services are small programs: what is tried here is the supervision."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.processes import until
from support.up import UpForTest, data_directory, processes_in

_RUN_UP = str(Path(__file__).with_name("run_up.py"))
Make = Callable[..., UpForTest]


@pytest.fixture
def data() -> Iterator[Path]:
    """A data directory that does not exist yet."""
    with data_directory() as place:
        yield place


@pytest.fixture
def make_up(data: Path) -> Iterator[Make]:
    """`make_up("api,plain")` is an `up` on `data` with these modes of the small program; all are ended afterwards."""
    with ExitStack() as stack:

        def make(modes: str = "api,plain", port: int | None = None, before: tuple[str, ...] = ()) -> UpForTest:
            up = UpForTest(data, (*before, sys.executable, _RUN_UP, modes), port)
            stack.callback(up.end)
            return up

        yield make
    try:
        until(lambda: not processes_in(data), "every child is gone")
    finally:
        for left in processes_in(data):
            os.kill(left, signal.SIGKILL)


@pytest.fixture(scope="session")
def used_data() -> Iterator[Path]:
    """A data directory after a first start and stop, to be copied: making a database takes seconds on a busy box."""
    with data_directory() as place:
        up = UpForTest(place, (sys.executable, _RUN_UP, "api"))
        up.start()
        up.ready()
        up.stop()
        yield place


@pytest.fixture
def running(make_up: Make, used_data: Path, data: Path) -> UpForTest:
    """An `up` that is ready, with the services `api` and `plain`, on a data directory that was used before."""
    subprocess.run(["cp", "-a", used_data, data], check=True)
    up = make_up()
    up.start()
    up.ready()
    return up
