"""deluge-web as recorded, behind `Replay`: one password, one cookie, connected to its daemon or not, six torrents."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from contract.adapter_suite import SAMPLES
from sluice_client_poller.adapters.deluge import wire
from sluice_client_poller.adapters.deluge.client import DelugeAdapter
from sluice_common.kit.clock import Clock
from sluice_common.kit.settings import ClientSettings
from support.hurried import Hurried
from support.replay import Answer

VERSION = "deluge-2.0.3"
PASSWORD = "the-right-one"
HASH = "7202b0b5e451bfb8bd36e75ee472fe36018698ff"


def sample(name: str) -> bytes:
    """A recorded reply's bytes."""
    return (SAMPLES / VERSION / name).read_bytes()


def result(name: str) -> msgspec.Raw:
    """A recorded reply's raw result."""
    return wire.parse_reply("recorded", 200, "application/json", sample(name))


class Recorded:
    """deluge-web as recorded: knows one password and one cookie, is connected or not, and has six torrents."""

    def __init__(self) -> None:
        self.connected = False
        self.list = sample("get_torrents_status_all.json")
        self.sessions: set[str] = set()
        self.fixed: dict[str, object] = {
            "web.get_hosts": json.loads(sample("web_get_hosts.json"))["result"],
            "daemon.get_version": "2.0.3",
            "core.get_session_state": list(json.loads(self.list)["result"]),
            "core.get_free_space": 1_000_000,
            "core.get_config_values": {"max_download_speed": -1.0, "max_upload_speed": -1.0},
            "core.get_session_status": {"payload_download_rate": 5.0, "net.recv_bytes": 7},
            "core.get_torrent_status": {},
            "core.get_enabled_plugins": [],
            "core.get_available_plugins": ["Blocklist"],
        }

    def __call__(self, call: dict[str, Any]) -> Answer:
        """The answer to one request, as deluge-web gives it."""
        method, params = call["method"], call["params"]
        if method == "auth.login":
            return self._login(params[0])
        if not self.sessions:
            return Answer(body=sample("no_auth.json"))
        if method == "web.connected":
            return success(self.connected)
        if method == "web.connect":
            self.connected = True
            return success([])
        if not self.connected and method.startswith("core."):
            return Answer(body=sample("web_not_connected.json"))
        return Answer(body=self.list) if method == "core.get_torrents_status" else success(self.fixed[method])

    def _login(self, password: str) -> Answer:
        if password != PASSWORD:
            return Answer(body=sample("login_bad.json"))
        self.sessions.add("s")
        cookie = "_session_id=s; Expires=Fri, 20 Nov 1970 18:52:01 GMT; Path=/elsewhere/json"
        return Answer(body=b'{"result": true, "error": null, "id": 1}', headers=(("Set-Cookie", cookie),))


def success(value: object) -> Answer:
    """A reply with this result."""
    return Answer(body=json.dumps({"result": value, "error": None, "id": 1}).encode())


def adapter_of(url: str, password: str | None = PASSWORD, clock: Clock | None = None) -> DelugeAdapter:
    """The adapter as the registry makes it, in a hurry."""
    settings = ClientSettings.model_validate({"type": "deluge", "url": url, "password": password})
    return DelugeAdapter("deluge", settings, clock or Hurried())
