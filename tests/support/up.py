"""`sluice up` as a process of a test: started, waited for, signalled; its children found by the run file and /proc."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from sluice_embedded.ports import free_ports
from support.processes import until

SLUICE = (str(Path(sys.executable).parent / "sluice"), "up")


@contextmanager
def data_directory() -> Iterator[Path]:
    """A directory that PostgreSQL's uid can get to when the tests run as root, which pytest's own are not."""
    home = Path(tempfile.mkdtemp(prefix="sluice-test-up-"))
    home.chmod(0o711)
    try:
        yield home / "data"
    finally:
        shutil.rmtree(home)


def processes_in(data: Path) -> list[int]:
    """Pids of the processes whose working directory is `data` or below it; zombies have none."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _works_in(entry, data)]


def _works_in(entry: Path, data: Path) -> bool:
    with contextlib.suppress(OSError):
        return Path(os.readlink(entry / "cwd")).is_relative_to(data)
    return False


class UpForTest:
    """One `up` on `data` with its API on a free `port`. `program` is the command before the options."""

    def __init__(self, data: Path, program: Sequence[str] = SLUICE, port: int | None = None) -> None:
        self.data = data
        self.port = port or next(free_ports(Random()))
        self._program = tuple(program)
        self._process: subprocess.Popen[bytes] | None = None
        self._output = data.parent / f"up-{secrets.token_hex(4)}.out"

    def start(self, environ: Mapping[str, str] | None = None) -> None:
        """Start it without waiting for anything."""
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                (*self._program, "--data", str(self.data), "--port", str(self.port)),
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **(environ or {})},
                start_new_session=True,
            )

    def ready(self, within: float = 60.0) -> float:
        """Wait for the banner; returns the seconds that took."""
        began = time.monotonic()
        until(lambda: "Sluice is ready" in self.output() or self.ended() is not None, "up is ready", within)
        assert self.ended() is None, self.output()
        return time.monotonic() - began

    def output(self) -> str:
        """What it printed so far."""
        return self._output.read_text() if self._output.exists() else ""

    def ended(self) -> int | None:
        """Its exit code, None while it runs."""
        assert self._process is not None
        return self._process.poll()

    def wait(self, within: float = 20.0) -> int:
        """Its exit code once it has ended."""
        assert self._process is not None
        return self._process.wait(within)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def signal(self, sign: signal.Signals) -> None:
        """Send it to `up` alone."""
        assert self._process is not None
        self._process.send_signal(sign)

    def stop(self) -> float:
        """Ctrl-C; returns the seconds until it had ended."""
        began = time.monotonic()
        self.signal(signal.SIGINT)
        self.wait()
        return time.monotonic() - began

    def state(self) -> dict[str, Any]:
        """The run file."""
        state: dict[str, Any] = json.loads((self.data / "run.json").read_text())
        return state

    def child(self, name: str) -> int:
        """A child's pid."""
        pid: int = self.state()["children"][name]["pid"]
        return pid

    def processes(self) -> list[int]:
        """Every process that works in the data directory: the children and theirs."""
        return processes_in(self.data)

    def end(self) -> None:
        """Whatever the test did: it does not run any more."""
        if self._process is not None and self._process.poll() is None:
            self.signal(signal.SIGTERM)
            try:
                self.wait()
            finally:
                self._process.kill()
