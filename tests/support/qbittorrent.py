"""The real qbittorrent-nox of this machine: one daemon on loopback, in a profile of its own."""

from __future__ import annotations

import base64
import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from typing_extensions import override

from support import client_root
from support.clients import HOST, free_ports
from support.launched import OneProgram, Program, installed, version_of

USERNAME = "admin"
PASSWORD = "qbittorrent-test-password"
PROGRAM = "qbittorrent-nox"
PACKAGE = "qbittorrent-nox"
STOP_SECONDS = 20.0
_ITERATIONS = 100_000  # of PBKDF2, fixed in qBittorrent's source
_SALT = b"0123456789abcdef"


class Qbittorrent(OneProgram):
    """One qbittorrent-nox. A context manager: started on entry, stopped on exit.

    `url`, `username` and `password` are what a user gives us, `download_dir` is where its data lies on this disk.
    `preferences` are further keys of its configuration's `[BitTorrent]` section, e.g. `Session\\TempPathEnabled`.
    """

    def __init__(self, directory: Path, *, preferences: Mapping[str, str] | None = None) -> None:
        super().__init__(Program(PROGRAM, directory / "nox.log"))
        self.directory = directory
        self.download_dir = directory / "downloads"
        self.username = USERNAME
        self.password = PASSWORD
        self.web_port, self.peer_port = free_ports(2)
        self._command = installed(PROGRAM, PACKAGE)
        _write_config(self, preferences or {})

    @property
    def type(self) -> str:
        """What the configuration calls this kind of client."""
        return "qbittorrent"

    @property
    def url(self) -> str:
        """What goes into the configuration as the client's `url`."""
        return f"http://{HOST}:{self.web_port}"

    @cached_property
    def version(self) -> str:
        """What the program says that it is."""
        return version_of(self._command, _environ(self))

    @override
    def start(self) -> None:
        """Start it unless it runs, and wait until it answers."""
        command = (*self._command, f"--profile={self.directory}", f"--webui-port={self.web_port}")
        self._program.start(command, _environ(self))
        self._program.await_ready(lambda: _answers(self.url), self.log)

    @override
    def stop(self) -> None:
        """Ask it to end, and insist when it does not: it saves its torrents first."""
        self._program.end(within=STOP_SECONDS)

    def log(self) -> str:
        """What it said, for the message of a failed test."""
        paths = [self._program.log, *self.directory.rglob("qbittorrent.log")]
        return "\n".join(f"{path.name}:\n{path.read_text(errors='replace')[-3000:]}" for path in paths if path.exists())


def _environ(qbittorrent: Qbittorrent) -> dict[str, str]:
    own = {"HOME": str(qbittorrent.directory), "QT_QPA_PLATFORM": "offscreen", "LC_ALL": "C.UTF-8"}
    return {**os.environ, **client_root.environment(), **own}


def _answers(url: str) -> bool:
    """Any answer of its web interface will do; without a log-in it is a refusal."""
    try:
        urllib.request.urlopen(f"{url}/api/v2/app/version", timeout=1).close()  # noqa: S310
    except urllib.error.HTTPError as refusal:
        return refusal.code == 403
    except OSError:
        return False
    return True


def _write_config(qbittorrent: Qbittorrent, preferences: Mapping[str, str]) -> None:
    qbittorrent.download_dir.mkdir(parents=True)
    key = hashlib.pbkdf2_hmac("sha512", PASSWORD.encode(), _SALT, _ITERATIONS)
    secret = f"{base64.b64encode(_SALT).decode()}:{base64.b64encode(key).decode()}"
    off = ("DHTEnabled", "PeXEnabled", "LSDEnabled", "QueueingSystemEnabled")
    session = {
        **{f"Session\\{name}": "false" for name in off},
        "Session\\Port": str(qbittorrent.peer_port),
        "Session\\Interface": "lo",
        "Session\\InterfaceName": "lo",
        "Session\\InterfaceAddress": HOST,
        "Session\\MultiConnectionsPerIp": "true",
        "Session\\DefaultSavePath": str(qbittorrent.download_dir),
        "Session\\GlobalMaxRatio": "-1",
        **preferences,
    }
    web = {
        "WebUI\\Address": HOST,
        "WebUI\\Port": str(qbittorrent.web_port),
        "WebUI\\Username": USERNAME,
        "WebUI\\Password_PBKDF2": f'"@ByteArray({secret})"',
        "WebUI\\LocalHostAuth": "true",
    }
    sections = {
        "LegalNotice": {"Accepted": "true"},
        "BitTorrent": session,
        "Network": {"PortForwardingEnabled": "false"},
        "Preferences": web,
    }
    path = qbittorrent.directory / "qBittorrent" / "config" / "qBittorrent.conf"
    path.parent.mkdir(parents=True)
    lines = [line for name, keys in sections.items() for line in (f"[{name}]", *(f"{k}={v}" for k, v in keys.items()))]
    path.write_text("\n".join(lines) + "\n")
