"""The real transmission-daemon of this machine (Debian's package): on loopback, in a directory of its own."""

from __future__ import annotations

import base64
import json
import os
import urllib.error
import urllib.request
from functools import cached_property
from pathlib import Path
from typing import Any

from typing_extensions import override

from support.clients import HOST, free_ports
from support.launched import OneProgram, Program, installed, version_of

PROGRAM = "transmission-daemon"
PACKAGE = "transmission-daemon"
USERNAME = "sluice"
PASSWORD = "transmission-test-password"


class Transmission(OneProgram):
    """One daemon. A context manager: started on entry, stopped on exit.

    `url`, `username` and `password` are what a user gives us, `download_dir` is where its data lies on this disk.
    With `incomplete_dir`, what is not complete lies there.
    """

    def __init__(self, directory: Path, *, incomplete_dir: Path | None = None) -> None:
        super().__init__(Program(PROGRAM, directory / "daemon.log"))
        self.type = "transmission"
        self.directory = directory
        self.download_dir = directory / "downloads"
        self.username = USERNAME
        self.password = PASSWORD
        self.rpc_port, self.peer_port = free_ports(2)
        self._command = installed(PROGRAM, PACKAGE)
        self._session_id = ""
        self.download_dir.mkdir(parents=True)
        (directory / "settings.json").write_text(json.dumps(_settings(self, incomplete_dir)))

    @cached_property
    def version(self) -> str:
        """What the program says that it is."""
        return version_of(self._command, os.environ)

    @property
    def url(self) -> str:
        """What goes into the configuration as the client's `url`."""
        return f"http://{HOST}:{self.rpc_port}"

    @override
    def start(self, *, wait: bool = True) -> None:
        """Start it unless it runs; with `wait` until it answers, with a list that may still be empty."""
        command = (*self._command, "--foreground", "--config-dir", str(self.directory))
        self._program.start(command, {**os.environ, "HOME": str(self.directory)})
        if wait:
            self._program.await_ready(self._greets, self.log)

    @override
    def stop(self) -> None:
        """Ask to end, and insist after ten seconds."""
        self._program.end()

    def log(self) -> str:
        """What it said, for the message of a failed test."""
        path = self._program.log
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

    def _greets(self) -> bool:
        """409 is its answer to whoever has the password and no session id of this run."""
        try:
            with urllib.request.urlopen(self._request(b"{}"), timeout=1):  # noqa: S310
                return True
        except urllib.error.HTTPError as answer:
            return answer.code == 409
        except (urllib.error.URLError, OSError):
            return False


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
