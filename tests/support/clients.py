"""The real download clients that tests run, by the `type` of the configuration; the only list of them.

What every launcher needs stands here too; a launcher is imported when it is asked for.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TypeVar

import pytest

HOST = "127.0.0.1"
T = TypeVar("T")


class ClientMissing(RuntimeError):
    """The program is not installed on this machine; the message names the Debian package that has it."""

    def __init__(self, program: str, package: str) -> None:
        super().__init__(f"{program} is not installed; on Debian and Ubuntu: apt install {package}")


class RealClient(AbstractContextManager["RealClient"], Protocol):
    """One client on loopback in a directory of its own. A context manager: started on entry, stopped on exit.

    `url`, `username` and `password` are what a user gives us, `download_dir` is where its data lies on this disk,
    `peer_port` where other peers reach it. After `stop` and `kill`, `start` brings it back with what it had saved.
    """

    @property
    def type(self) -> str:
        """What the configuration calls this kind of client."""

    @property
    def version(self) -> str:
        """What the program says that it is, as `4.5.2`."""

    @property
    def url(self) -> str:
        """What goes into the configuration as the client's `url`."""

    @property
    def username(self) -> str | None:
        """The user to log in as; None for a client that knows only a password."""

    @property
    def password(self) -> str:
        """The password to log in with."""

    @property
    def directory(self) -> Path:
        """Everything it has on this disk."""

    @property
    def download_dir(self) -> Path:
        """Where it puts downloads unless told otherwise."""

    @property
    def peer_port(self) -> int:
        """The port at which peers dial it."""

    def start(self) -> None:
        """Start what does not run, and wait until it answers."""

    def stop(self) -> None:
        """Ask it to end, and insist after some seconds."""

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""

    def freeze(self) -> None:
        """Let it hang: connections are taken, nothing answers."""

    def thaw(self) -> None:
        """Undo `freeze`."""

    def log(self) -> str:
        """What it said, for the message of a failed test."""


def free_ports(count: int) -> list[int]:
    """Ports on loopback that nobody listens on now."""
    sockets = [socket.create_server((HOST, 0)) for _ in range(count)]
    ports = [int(listening.getsockname()[1]) for listening in sockets]
    for listening in sockets:
        listening.close()
    return ports


def _deluge(directory: Path) -> RealClient:
    from support.deluge import Deluge

    return Deluge(directory)


def _qbittorrent(directory: Path) -> RealClient:
    from support.qbittorrent import Qbittorrent

    return Qbittorrent(directory)


def _transmission(directory: Path) -> RealClient:
    from support.transmission import Transmission

    return Transmission(directory)


LAUNCHERS: Mapping[str, Callable[[Path], RealClient]] = {
    "deluge": _deluge,
    "qbittorrent": _qbittorrent,
    "transmission": _transmission,
}
DIALLED = frozenset({"transmission"})  # it dials no peer on loopback that a tracker names: the seeder must


def launch(kind: str, directory: Path) -> RealClient:
    """A client of this type, not started yet, or a test that is skipped (see `or_skip`)."""
    directory.mkdir(parents=True, exist_ok=True)
    return or_skip(lambda: LAUNCHERS[kind](directory))


def or_skip(make: Callable[[], T]) -> T:
    """The client that `make` makes. Where its Debian package is missing the test is skipped, saying so.

    Deluge comes from PyPI with `make setup-dev`: without it a test fails.
    """
    try:
        return make()
    except ClientMissing as missing:
        pytest.skip(str(missing))


class SharedClients:
    """Running clients that tests share, one of each type, started by the first test that asks. A context manager."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._running: dict[str, RealClient] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def get(self, kind: str) -> RealClient:
        """The running client of this type. Every test uses torrents of its own in it."""
        if kind not in self._running:
            self._running[kind] = self._stack.enter_context(launch(kind, self._directory / kind))
        return self._running[kind]
