"""The real Deluge 2.2 out of `.venv-deluge`: deluged and deluge-web on loopback, in a directory of their own."""

from __future__ import annotations

import os
from functools import cached_property, partial
from pathlib import Path

from typing_extensions import override

from sluice_embedded.sandbox.deluge import DAEMON, WEB, DelugeSandbox
from support.clients import free_ports
from support.launched import Program, Started, version_of

PASSWORD = "deluge-test-password"
DAEMON_PASSWORD = "daemon-test-password"
STOP_SECONDS = 5.0
ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = Path(os.environ.get("SLUICE_DELUGE_VENV", ROOT / ".venv-deluge"))


class DelugeMissing(RuntimeError):
    """The environment with the real Deluge is not there; tests fail rather than skip."""


class Deluge(Started):
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
        self._programs = {name: Program(name, directory / f"{name}.log") for name in (DAEMON, WEB)}
        for name in self._programs:
            _check_program(name)
        self._sandbox.write_config(label_plugin=label_plugin)

    @cached_property
    def version(self) -> str:
        """What the daemon says that it is."""
        return version_of((str(ENVIRONMENT / "bin" / DAEMON),), self._sandbox.environment)

    @property
    def url(self) -> str:
        """What goes into the configuration as the client's `url`."""
        return self._sandbox.url

    @override
    def start(self, *names: str) -> None:
        """Start what does not run and wait until it answers."""
        for name in names or self._programs:
            self._programs[name].start(self._sandbox.command(name), self._sandbox.environment)
        for name in names or self._programs:
            self._programs[name].await_ready(partial(self._sandbox.answers, name), self.log)

    @override
    def stop(self, *names: str) -> None:
        """Ask to end, and insist after five seconds."""
        for name in names or tuple(reversed(self._programs)):
            self._programs[name].end(within=STOP_SECONDS)

    def kill(self, *names: str) -> None:
        """SIGKILL, as a power cut would."""
        for name in names or self._programs:
            self._programs[name].end(kill=True)
            (self.directory / f"{name}.pid").unlink(missing_ok=True)

    def freeze(self, name: str = DAEMON) -> None:
        """Let it hang: connections are taken, nothing answers."""
        self._programs[name].freeze()

    def thaw(self, name: str = DAEMON) -> None:
        """Undo `freeze`."""
        self._programs[name].thaw()

    def log(self) -> str:
        """What both programs said, for the message of a failed test."""
        parts = [f"{path.name}:\n{path.read_text(errors='replace')[-3000:]}" for path in self.directory.glob("*.log")]
        return "\n".join(parts)


def _check_program(name: str) -> None:
    path = ENVIRONMENT / "bin" / name
    if not path.exists():
        raise DelugeMissing(f"{path} is missing; run `make setup-dev`, which installs the real Deluge for the tests")
