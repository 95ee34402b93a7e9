"""Transmission as recorded, behind `Replay`: one user, a session id, rows and a window of changes that tests move."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from contract.adapter_suite import SAMPLES
from sluice_client_poller.adapters.transmission import wire
from sluice_client_poller.adapters.transmission.client import TransmissionAdapter
from sluice_common.kit.clock import Clock
from sluice_common.kit.settings import ClientSettings
from support.hurried import Hurried
from support.replay import Answer

OLD, NEW = "transmission-3.00", "transmission-4.1.0-beta.2"
PASSWORD = "the-right-one"
MULTI = "7202b0b5e451bfb8bd36e75ee472fe36018698ff"
OTHER = "ab" * 20
NOT_RECORDED = {
    "trackers": [],
    "downloadedEver": 1,
    "downloadLimit": 0,
    "downloadLimited": False,
    "seedRatioLimit": 2.0,
    "seedRatioMode": 0,
    "sequential_download": 0,
    "uploadLimit": 0,
    "uploadLimited": False,
    "wanted": [1, 1, 1],
}


def sample(folder: str, name: str) -> bytes:
    """A recorded reply's bytes."""
    return (SAMPLES / folder / name).read_bytes()


def arguments(folder: str, name: str) -> Any:
    """A recorded reply's arguments."""
    return json.loads(sample(folder, name))["arguments"]


def recorded_answer(folder: str, name: str) -> Answer:
    """A recorded HTTP answer of a `.txt`."""
    head, _, body = sample(folder, name).decode().partition("\n\n")
    status, *lines = head.splitlines()
    headers = [tuple(line.split(": ", 1)) for line in lines]
    kept = tuple((key, value) for key, value in headers if key not in ("Content-Length", "Content-Type", "Date"))
    return Answer(status=int(status.split()[1]), body=body.encode(), headers=kept, content_type="text/html")


class Recorded:
    """Transmission as recorded, with a life of its own: one password, a session id, rows, and what changed lately.

    `rows` by number; `recent` and `removed` are numbers; `age` in seconds; so many looks are `hidden` from before it
    has loaded its rows, and to so many stops it is `deaf`. With `undeletable` it keeps what it should delete with its
    data, as 4.1 does. What is set is set unless it is not `is_obedient`.
    """

    def __init__(self, folder: str = OLD) -> None:
        self.folder = folder
        self.session = json.loads(sample(folder, "session_get.json"))
        self.rows = {row["id"]: row for row in arguments(folder, "torrent_get_all.json")["torrents"]}
        self.recent: set[int] = set()
        self.removed: list[int] = []
        self.session_id = "one"
        self.age = 5000
        self.hidden = 0
        self.deaf = 0
        self.undeletable = False
        self.is_obedient = True

    def start_again(self) -> None:
        """As after a restart: another session id, other numbers, a new age, nothing remembered of what was removed."""
        self.session_id = secrets.token_hex(4)
        self.rows = {100 + number: row | {"id": 100 + number} for number, row in self.rows.items()}
        self.recent, self.removed, self.age = set(), [], 0

    def remove(self, number: int) -> None:
        """Take a torrent out."""
        del self.rows[number]
        self.recent.discard(number)
        self.removed.append(number)

    def __call__(self, call: dict[str, Any]) -> Answer:
        """The answer to one request: password first, then session id, as Transmission checks them."""
        headers = call["headers"]
        wanted = "Basic " + base64.b64encode(f"sluice:{PASSWORD}".encode()).decode()
        if headers.get("authorization") != wanted:
            return recorded_answer(self.folder, "bad_auth_401.txt")
        if headers.get("x-transmission-session-id") != self.session_id:
            answer = recorded_answer(self.folder, "no_session_409.txt")
            return Answer(
                status=409,
                body=answer.body,
                content_type="text/html",
                headers=((wire.SESSION_HEADER, self.session_id),),
            )
        return self._answer(call["method"], call["arguments"])

    def _answer(self, method: str, asked: dict[str, Any]) -> Answer:
        match method:
            case "session-get":
                return Answer(body=json.dumps(self.session).encode())
            case "session-stats":
                return self._stats()
            case "free-space":
                return Answer(body=sample(self.folder, "free_space.json"))
            case "torrent-get":
                return success(self._listed(asked))
            case "torrent-add":
                return self._add(asked)
            case "torrent-stop":
                return self._stop(asked)
            case "torrent-remove":
                return self._remove(asked)
            case "torrent-set":
                return self._set(asked)
            case "torrent-start" | "torrent-verify":
                return success({})
            case _:
                return Answer(body=sample(self.folder, "bogus_method.json"))

    def _set(self, asked: dict[str, Any]) -> Answer:
        if not self.is_obedient:
            return success({})
        for number, row in self.rows.items():
            if row["hashString"] in asked["ids"]:
                self.rows[number] = row | {name: value for name, value in asked.items() if name != "ids"}
        return success({})

    def _stop(self, asked: dict[str, Any]) -> Answer:
        self.deaf -= 1
        for number, row in self.rows.items():
            if row["hashString"] in asked.get("ids", [row["hashString"]]) and self.deaf < 0:
                self.rows[number] = row | {"status": 0}
        return success({})

    def _remove(self, asked: dict[str, Any]) -> Answer:
        for number in [number for number, row in self.rows.items() if row["hashString"] in asked["ids"]]:
            if self.undeletable and asked["delete-local-data"]:
                words = "Couldn't remove all torrent files: Permission denied (13)"
                self.rows[number] |= {"status": 0, "error": 3, "errorString": words}
            else:
                self.remove(number)
        return success({})

    def _stats(self) -> Answer:
        loaded = self.hidden == 0
        self.hidden = max(0, self.hidden - 1)
        stats = arguments(self.folder, "session_stats.json")
        stats["torrentCount"] = len(self.rows) if loaded else 0
        stats["current-stats"]["secondsActive"] = self.age
        return success(stats)

    def _listed(self, asked: dict[str, Any]) -> dict[str, Any]:
        ids = asked.get("ids")
        rows = [] if self.hidden else list(self.rows.values())
        reply: dict[str, Any] = {}
        if ids == wire.RECENT:
            rows = [row for row in rows if row["id"] in self.recent]
            reply["removed"] = self.removed
        elif ids is not None:
            rows = [row for row in rows if row["hashString"] in ids]
        cells = [{field: (NOT_RECORDED | row)[field] for field in asked["fields"]} for row in rows]
        table = asked.get("format") == "table"
        reply["torrents"] = [list(asked["fields"]), *(list(row.values()) for row in cells)] if table else cells
        return reply

    def _add(self, asked: dict[str, Any]) -> Answer:
        garbage = "metainfo" in asked or "btih" not in asked["filename"]
        if garbage:
            return Answer(body=sample(self.folder, "add_garbage.json"))
        row = next(iter(self.rows.values())) | {"id": 50, "hashString": OTHER, "labels": asked.get("labels", [])}
        self.rows[50] = row
        self.recent.add(50)
        return success({"torrent-added": {"hashString": OTHER, "id": 50, "name": "x"}})


def success(value: object) -> Answer:
    """A reply with these arguments."""
    return Answer(body=json.dumps({"result": "success", "arguments": value}).encode())


def adapter_of(url: str, password: str | None = PASSWORD, clock: Clock | None = None) -> TransmissionAdapter:
    """The adapter as the registry makes it, in a hurry."""
    values = {
        "type": "transmission",
        "url": url,
        "username": "sluice",
        "password": password,
        "owners": {"tv": "sluice"},
    }
    return TransmissionAdapter("transmission", ClientSettings.model_validate(values), clock or Hurried())


@asynccontextmanager
async def closing(adapter: TransmissionAdapter) -> AsyncIterator[TransmissionAdapter]:
    """Close it at the end, whatever happened."""
    try:
        yield adapter
    finally:
        await adapter.close()
