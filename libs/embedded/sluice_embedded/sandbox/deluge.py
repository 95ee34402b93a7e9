"""A real Deluge in a directory of its own: its configuration, its two commands, and whether they answer.

On loopback only, without DHT or local discovery. No process is started here: the demo and the tests each have their
own way to run one.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
DAEMON = "deluged"
WEB = "deluge-web"


@dataclass(frozen=True)
class DelugeSandbox:
    """Where one Deluge lives and how it is reached. `programs` is the `bin` that has it."""

    programs: Path
    directory: Path
    password: str = field(repr=False)
    daemon_password: str = field(repr=False)
    web_port: int
    daemon_port: int
    peer_port: int

    @property
    def url(self) -> str:
        """What goes into our configuration as the client's `url`."""
        return f"http://{HOST}:{self.web_port}"

    @property
    def download_dir(self) -> Path:
        """Where it puts downloads."""
        return self.directory / "downloads"

    def command(self, name: str) -> tuple[str, ...]:
        """The command that runs `DAEMON` or `WEB` in the foreground; it needs `environment`."""
        options: dict[str, Sequence[str]] = {
            DAEMON: ("-u", HOST, "-p", str(self.daemon_port), "-i", HOST),
            WEB: ("-i", HOST, "-p", str(self.web_port)),
        }
        return (str(self.programs / name), "-d", "-c", str(self.directory), *options[name])

    @property
    def environment(self) -> dict[str, str]:
        """Ours, with a home of its own: it must not find a configuration that is somebody's."""
        return {**os.environ, "HOME": str(self.directory), "PYTHONWARNINGS": "ignore"}

    def answers(self, name: str) -> bool:
        """Whether the program takes connections; waits a second at most."""
        return _listens(self.daemon_port) if name == DAEMON else _greets(self.url)

    def write_config(self, *, label_plugin: bool = True) -> None:
        """Write everything that it reads at its start. The directory must be there, without a Deluge in it."""
        self.download_dir.mkdir(parents=True)
        (self.directory / "plugins").mkdir()  # both programs make it where it is missing, and the slower one dies
        _write(self.directory / "core.conf", 1, _core(self, label_plugin=label_plugin))
        _write(self.directory / "web.conf", 2, _web(self.password))
        host = ["a" * 40, HOST, self.daemon_port, "localclient", self.daemon_password]
        _write(self.directory / "hostlist.conf", 3, {"hosts": [host]})
        _write_private(self.directory / "auth", f"localclient:{self.daemon_password}:10\n")


def _listens(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


def _greets(url: str) -> bool:
    body = json.dumps({"method": "auth.check_session", "params": [], "id": 1}).encode()
    request = urllib.request.Request(f"{url}/json", body, {"Content-Type": "application/json"})  # noqa: S310 - our own
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=1) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _web(password: str) -> dict[str, Any]:
    salt = os.urandom(20).hex()
    digest = hashlib.sha1((salt + password).encode(), usedforsecurity=False).hexdigest()
    return {"pwd_salt": salt, "pwd_sha1": digest, "first_login": False, "show_session_speed": False}


def _core(deluge: DelugeSandbox, *, label_plugin: bool) -> dict[str, Any]:
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


def _write(path: Path, version: int, values: dict[str, Any]) -> None:
    """Deluge's files are two JSON objects in a row: the versions, then the values."""
    _write_private(path, json.dumps({"file": version, "format": 1}) + json.dumps(values, indent=1))


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
