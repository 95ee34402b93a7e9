"""The real Deluge 2.2 out of `.venv-deluge`: deluged and deluge-web on loopback, in a directory of their own."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from support.clients import HOST, free_ports

PASSWORD = "deluge-test-password"
DAEMON_PASSWORD = "daemon-test-password"
START_SECONDS = 45.0
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
        self.download_dir = directory / "downloads"
        self.password = PASSWORD
        self.web_port, self.daemon_port, self.peer_port = free_ports(3)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._programs = {"deluged": _program("deluged"), "deluge-web": _program("deluge-web")}
        _write_config(self, label_plugin=label_plugin)

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
        return f"http://{HOST}:{self.web_port}"

    def start(self, *names: str) -> None:
        """Start what does not run and wait until it answers."""
        for name in names or ("deluged", "deluge-web"):
            if name not in self._processes:
                self._processes[name] = self._spawn(name)
        for name in names or ("deluged", "deluge-web"):
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
        arguments = {
            "deluged": ["-d", "-c", self.directory, "-u", HOST, "-p", str(self.daemon_port), "-i", HOST],
            "deluge-web": ["-d", "-c", self.directory, "-i", HOST, "-p", str(self.web_port)],
        }[name]
        log = (self.directory / f"{name}.log").open("ab")
        setpriv = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        environ = {**os.environ, "HOME": str(self.directory), "PYTHONWARNINGS": "ignore"}
        with log:
            return subprocess.Popen(
                [*setpriv, str(self._programs[name]), *map(str, arguments)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environ, start_new_session=True,
            )  # fmt: skip

    def _await_ready(self, name: str) -> None:
        port = self.daemon_port if name == "deluged" else self.web_port
        answers: Callable[[], bool] = (lambda: _listens(port)) if name == "deluged" else (lambda: _greets(self.url))
        deadline = time.monotonic() + START_SECONDS
        while not answers():
            if self._processes[name].poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{name} did not start on port {port}\n{self.log()}")
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


def _program(name: str) -> Path:
    path = ENVIRONMENT / "bin" / name
    if not path.exists():
        raise DelugeMissing(f"{path} is missing; run `make setup-dev`, which installs the real Deluge for the tests")
    return path


def _listens(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


def _greets(url: str) -> bool:
    body = json.dumps({"method": "auth.check_session", "params": [], "id": 1}).encode()
    request = urllib.request.Request(f"{url}/json", body, {"Content-Type": "application/json"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=1) as reply:  # noqa: S310
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _write_config(deluge: Deluge, *, label_plugin: bool) -> None:
    deluge.download_dir.mkdir(parents=True)
    host = ["a" * 40, HOST, deluge.daemon_port, "localclient", DAEMON_PASSWORD]
    salt = "b" * 40
    digest = hashlib.sha1((salt + PASSWORD).encode(), usedforsecurity=False).hexdigest()
    web = {"pwd_salt": salt, "pwd_sha1": digest, "first_login": False, "show_session_speed": False}
    _write(deluge.directory / "core.conf", 1, _core(deluge, label_plugin=label_plugin))
    _write(deluge.directory / "web.conf", 2, web)
    _write(deluge.directory / "hostlist.conf", 3, {"hosts": [host]})
    auth = deluge.directory / "auth"
    auth.touch(mode=0o600)
    auth.write_text(f"localclient:{DAEMON_PASSWORD}:10\n")


def _write(path: Path, version: int, values: dict[str, Any]) -> None:
    """Deluge's files are two JSON objects in a row: the versions, then the values."""
    path.write_text(json.dumps({"file": version, "format": 1}) + json.dumps(values, indent=1))


def _core(deluge: Deluge, *, label_plugin: bool) -> dict[str, Any]:
    off = dict.fromkeys(("dht", "upnp", "natpmp", "lsd", "utpex", "new_release_check", "allow_remote"), False)
    unlimited = dict.fromkeys(("max_active_seeding", "max_active_downloading", "max_active_limit"), -1)
    return {
        **off,
        **unlimited,
        "download_location": str(deluge.download_dir),
        "torrentfiles_location": str(deluge.directory),
        "move_completed_path": str(deluge.directory),
        "daemon_port": deluge.daemon_port,
        "listen_interface": HOST,
        "outgoing_interface": HOST,
        "random_port": False,
        "listen_ports": [deluge.peer_port, deluge.peer_port],
        "enabled_plugins": ["Label"] if label_plugin else [],
    }
