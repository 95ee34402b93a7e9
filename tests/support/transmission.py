"""The real transmission-daemon of this machine (Debian's package): on loopback, in a directory of its own."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from support.clients import HOST, ClientMissing, free_ports

PROGRAM = "transmission-daemon"
PACKAGE = "transmission-daemon"
USERNAME = "sluice"
PASSWORD = "transmission-test-password"
START_SECONDS = 120.0


class Transmission:
    """One daemon. A context manager: started on entry, stopped on exit.

    `url`, `username` and `password` are what a user gives us, `download_dir` is where its data lies on this disk.
    With `incomplete_dir`, what is not complete lies there.
    """

    def __init__(self, directory: Path, *, incomplete_dir: Path | None = None) -> None:
        self.type = "transmission"
        self.directory = directory
        self.download_dir = directory / "downloads"
        self.username = USERNAME
        self.password = PASSWORD
        self.rpc_port, self.peer_port = free_ports(2)
        self._program = _program()
        self._session_id = ""
        self._process: subprocess.Popen[bytes] | None = None
        self.download_dir.mkdir(parents=True)
        (directory / "settings.json").write_text(json.dumps(_settings(self, incomplete_dir)))

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
        return f"http://{HOST}:{self.rpc_port}"

    def start(self, *, wait: bool = True) -> None:
        """Start it unless it runs; with `wait` until it answers, with a list that may still be empty."""
        if self._process is None:
            self._process = self._spawn()
        deadline = time.monotonic() + START_SECONDS
        while wait and not self._greets():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{PROGRAM} did not start on port {self.rpc_port}\n{self.log()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Ask to end, and insist after ten seconds."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Let it hang: connections are taken, nothing answers."""
        self._running().send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Undo `freeze`."""
        self._running().send_signal(signal.SIGCONT)

    def log(self) -> str:
        """What it said, for the message of a failed test."""
        path = self.directory / "daemon.log"
        return path.read_text(errors="replace")[-3000:] if path.exists() else ""

    def rpc(self, method: str, **arguments: object) -> dict[str, Any]:
        """Do what another program of the user would do; the reply's arguments. `_` in names stands for `-`."""
        asked = {name.replace("_", "-"): value for name, value in arguments.items()}
        body = json.dumps({"method": method, "arguments": asked}).encode()
        for _ in range(2):
            try:
                with urllib.request.urlopen(self._request(body), timeout=30) as reply:  # noqa: S310
                    answer: dict[str, Any] = json.load(reply)
                    assert answer["result"] == "success", answer["result"]
                    return dict(answer["arguments"])
            except urllib.error.HTTPError as conflict:
                self._session_id = conflict.headers["X-Transmission-Session-Id"]
        raise RuntimeError(f"{method}: no session id")

    def _request(self, body: bytes) -> urllib.request.Request:
        credentials = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
        headers = {"Authorization": f"Basic {credentials}", "X-Transmission-Session-Id": self._session_id}
        return urllib.request.Request(f"{self.url}/transmission/rpc", body, headers)  # noqa: S310

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "it does not run"
        return self._process

    def _spawn(self) -> subprocess.Popen[bytes]:
        setpriv = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        arguments = ["--foreground", "--config-dir", str(self.directory)]
        environ = {**os.environ, "HOME": str(self.directory)}
        with (self.directory / "daemon.log").open("ab") as log:
            return subprocess.Popen(
                [*setpriv, self._program, *arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environ, start_new_session=True,
            )  # fmt: skip

    def _greets(self) -> bool:
        """409 is its answer to whoever has the password and no session id of this run."""
        try:
            with urllib.request.urlopen(self._request(b"{}"), timeout=1):  # noqa: S310
                return True
        except urllib.error.HTTPError as answer:
            return answer.code == 409
        except (urllib.error.URLError, OSError):
            return False

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        process.send_signal(how)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=10)


def _program() -> str:
    path = shutil.which(PROGRAM)
    if path is None:
        raise ClientMissing(PROGRAM, PACKAGE)
    return path


def _settings(daemon: Transmission, incomplete_dir: Path | None) -> dict[str, Any]:
    off = ("dht-enabled", "pex-enabled", "lpd-enabled", "utp-enabled", "port-forwarding-enabled", "blocklist-enabled")
    queues = ("download-queue-enabled", "seed-queue-enabled", "queue-stalled-enabled")
    return {
        **dict.fromkeys((*off, *queues), False),
        "rpc-enabled": True,
        "rpc-bind-address": HOST,
        "rpc-port": daemon.rpc_port,
        "rpc-authentication-required": True,
        "rpc-username": USERNAME,
        "rpc-password": PASSWORD,
        "rpc-whitelist": "127.0.0.1,::1",
        "bind-address-ipv4": HOST,
        "peer-port": daemon.peer_port,
        "peer-port-random-on-start": False,
        "download-dir": str(daemon.download_dir),
        "incomplete-dir": str(incomplete_dir or daemon.directory / "incomplete"),
        "incomplete-dir-enabled": incomplete_dir is not None,
        "preallocation": 0,
        "message-level": 2,
        "umask": 2,
    }
