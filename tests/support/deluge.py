"""The real Deluge 2.2 out of `.venv-deluge`: deluged and deluge-web on loopback, in a directory of their own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from sluice_embedded.sandbox.deluge import DAEMON, WEB, DelugeSandbox
from support.clients import free_ports

PASSWORD = "deluge-test-password"
DAEMON_PASSWORD = "daemon-test-password"
START_SECONDS = 120.0
ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = Path(os.environ.get("SLUICE_DELUGE_VENV", ROOT / ".venv-deluge"))


class DelugeMissing(RuntimeError):
    """The environment with the real Deluge is not there; tests fail rather than skip."""


class Deluge:
    """One daemon and its web interface. A context manager: started on entry, stopped on exit.

    `url` and `password` are what a user gives us, `download_dir` is where its data lies on this disk. Names in
    `start`, `stop`, `kill`, `freeze` and `thaw` are "deluged" and "deluge-web"; none means both.
    """

    def __init__(self, directory: Path, *, label_plugin: bool = True) -> None:
        self.type = "deluge"
        self.username: str | None = None  # deluge-web knows only a password
        self.directory = directory
        self.password = PASSWORD
        self.web_port, self.daemon_port, self.peer_port = free_ports(3)
        self._sandbox = DelugeSandbox(
            ENVIRONMENT / "bin", directory, PASSWORD, DAEMON_PASSWORD, self.web_port, self.daemon_port, self.peer_port
        )
        self.download_dir = self._sandbox.download_dir
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        for name in (DAEMON, WEB):
            _check_program(name)
        self._sandbox.write_config(label_plugin=label_plugin)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """What goes into the configuration as the client's `url`."""
        return self._sandbox.url

    def start(self, *names: str) -> None:
        """Start what does not run and wait until it answers."""
        for name in names or (DAEMON, WEB):
            if name not in self._processes:
                self._processes[name] = self._spawn(name)
        for name in names or (DAEMON, WEB):
            self._await_ready(name)

    def stop(self, *names: str) -> None:
        """Ask to end, and insist after five seconds."""
        for name in names or tuple(reversed(tuple(self._processes))):
            self._end(name, signal.SIGTERM)

    def kill(self, *names: str) -> None:
        """SIGKILL, as a power cut would."""
        for name in names or tuple(self._processes):
            self._end(name, signal.SIGKILL)

    def freeze(self, name: str = "deluged") -> None:
        """Let it hang: connections are taken, nothing answers."""
        self._processes[name].send_signal(signal.SIGSTOP)

    def thaw(self, name: str = "deluged") -> None:
        """Undo `freeze`."""
        self._processes[name].send_signal(signal.SIGCONT)

    def log(self) -> str:
        """What both programs said, for the message of a failed test."""
        parts = [f"{path.name}:\n{path.read_text(errors='replace')[-3000:]}" for path in self.directory.glob("*.log")]
        return "\n".join(parts)

    def _spawn(self, name: str) -> subprocess.Popen[bytes]:
        log = (self.directory / f"{name}.log").open("ab")
        setpriv = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        with log:
            return subprocess.Popen(
                [*setpriv, *self._sandbox.command(name)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._sandbox.environment, start_new_session=True,
            )  # fmt: skip

    def _await_ready(self, name: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._sandbox.answers(name):
            if self._processes[name].poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{name} did not start\n{self.log()}")
            time.sleep(0.05)

    def _end(self, name: str, how: signal.Signals) -> None:
        process = self._processes.pop(name, None)
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        process.send_signal(how)
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=5)
        if how == signal.SIGKILL:
            (self.directory / f"{name}.pid").unlink(missing_ok=True)


def _check_program(name: str) -> None:
    path = ENVIRONMENT / "bin" / name
    if not path.exists():
        raise DelugeMissing(f"{path} is missing; run `make setup-dev`, which installs the real Deluge for the tests")
