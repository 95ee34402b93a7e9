"""qBittorrent as recorded, behind `Replay`: one user, sessions with deltas of their own, a list that tests change."""

from __future__ import annotations

import ast
import copy
import json
import re
from pathlib import Path
from typing import Any

from sluice_client_poller.adapters.port import Poll
from sluice_client_poller.adapters.qbittorrent.client import QbittorrentAdapter
from sluice_common.kit.clock import Clock
from sluice_common.kit.settings import ClientSettings
from support.hurried import Hurried
from support.replay import Answer, Replay

USERNAME = "admin"
PASSWORD = "the-right-one"
BAN_AFTER = 5
API = "api/v2/"
OLD, NEW = "qbittorrent-4.5.2", "qbittorrent-5.1.0"
MULTI = "7202b0b5e451bfb8bd36e75ee472fe36018698ff"
TRUSTED = "SID=trusted"  # the session of an address that needs no log-in


def adapter_of(url: str, password: str | None = PASSWORD, clock: Clock | None = None) -> QbittorrentAdapter:
    """The adapter as the registry makes it, in a hurry."""
    values = {"type": "qbittorrent", "url": url, "username": USERNAME, "password": password}
    return QbittorrentAdapter("qbittorrent", ClientSettings.model_validate(values), clock or Hurried())


async def polls(adapter: QbittorrentAdapter, count: int) -> list[Poll]:
    """Some polls in a row; the adapter is closed."""
    found = [await adapter.poll() for _ in range(count)]
    await adapter.close()
    return found


def count(replay: Replay, method: str) -> int:
    """How often something was asked of it."""
    return [call["method"] for call in replay.calls].count(API + method)


def instead(replay: Replay, method: str, answer: Answer) -> None:
    """Another answer to one call."""
    sound = replay.answer
    replay.answer = lambda call: answer if call["method"] == API + method else sound(call)


def posted(replay: Replay) -> list[str]:
    """What was sent besides log-ins."""
    sent = [call["method"].removeprefix(API) for call in replay.calls if call["verb"] == "POST"]
    return [method for method in sent if method != "auth/login"]


def recorded_answer(path: Path) -> Answer:
    """A recorded answer: `HTTP <status>`, the body; where headers count, before it they and a blank line."""
    first, _, rest = path.read_text().partition("\n")
    headers, blank, body = rest.partition("\n\n")
    kept = {name: value for name, value in ast.literal_eval(headers).items() if name == "set-cookie"} if blank else {}
    body = body if blank else rest
    return Answer(
        body=body.strip().encode(),
        status=int(first.removeprefix("HTTP ")),
        content_type="text/plain; charset=UTF-8",
        headers=tuple(kept.items()),
    )


def plain(text: str, status: int = 200) -> Answer:
    """A short answer in words."""
    return Answer(body=text.encode(), status=status, content_type="text/plain; charset=UTF-8")


class RecordedQbittorrent:
    """Answers as the recorded version does. `torrents` is its list, by id; `log_in` answers for `auth/login`.

    A delta is what differs from what the session was last told, as in 4.5; another `rid` gets everything.
    """

    def __init__(self, samples: Path) -> None:
        self.samples = samples
        rows = json.loads((samples / "torrents_info_all.json").read_text())
        self.torrents: dict[str, dict[str, Any]] = {row.pop("hash"): row for row in rows}
        self.ghosts: dict[str, dict[str, Any]] = {}  # what only sync/maindata goes on telling
        self.state = json.loads((samples / "sync_full.json").read_text())["server_state"]
        self.categories: dict[str, dict[str, str]] = {}
        self.needs_log_in = True
        self.failed = 0
        self.accepted: Answer = recorded_answer(samples / "login_ok.txt")
        self.refused: Answer = recorded_answer(samples / "login_bad.txt")
        self._told: dict[str, tuple[int, dict[str, Any]]] = {}

    @property
    def sessions(self) -> int:
        """How many sessions it knows."""
        return len(self._told)

    def forget_sessions(self) -> None:
        """As a restart does."""
        self._told.clear()

    def __call__(self, call: dict[str, Any]) -> Answer:
        """The answer to one request."""
        method = call["method"].removeprefix(API)
        if method == "auth/login":
            return self._log_in(call["form"])
        if self.needs_log_in and call["cookie"] not in self._told:
            return recorded_answer(self.samples / ("cookie_expired.txt" if call["cookie"] else "no_cookie.txt"))
        answer = getattr(self, "_" + method.replace("/", "_").lower(), None)
        return answer(call) if answer is not None else plain("Not Found", 404)

    def _log_in(self, form: dict[str, str]) -> Answer:
        if self.failed >= BAN_AFTER:
            return recorded_answer(self.samples / "login_banned.txt")
        if form != {"username": USERNAME, "password": PASSWORD}:
            self.failed += 1
            return self.refused
        cookie = dict(self.accepted.headers)["set-cookie"].partition(";")[0]
        self._told[cookie] = (0, {})
        return self.accepted

    def _app_version(self, _: dict[str, Any]) -> Answer:
        return Answer(body=(self.samples / "app_version.txt").read_bytes(), content_type="text/plain")

    def _app_webapiversion(self, _: dict[str, Any]) -> Answer:
        return Answer(body=(self.samples / "app_webapiVersion.txt").read_bytes(), content_type="text/plain")

    def _app_defaultsavepath(self, _: dict[str, Any]) -> Answer:
        return Answer(body=(self.samples / "app_defaultSavePath.txt").read_bytes(), content_type="text/plain")

    def _torrents_categories(self, _: dict[str, Any]) -> Answer:
        return _json(self.categories)

    def _torrents_createcategory(self, call: dict[str, Any]) -> Answer:
        name = call["form"]["category"]
        if "//" in name:
            return plain("Incorrect category name", 409)
        self.categories[name] = {"name": name, "savePath": call["form"]["savePath"]}
        return plain("")

    def _torrents_info(self, call: dict[str, Any]) -> Answer:
        ids = call["query"].get("hashes", "|".join(self.torrents)).split("|")
        return _json([{**self.torrents[key], "hash": key} for key in ids if key in self.torrents])

    def _torrents_files(self, call: dict[str, Any]) -> Answer:
        known = call["query"]["hash"] in self.torrents
        files = (self.samples / "state_stalledUP__multi.files.json").read_bytes()
        return Answer(body=files) if known else plain("Not Found", 404)

    def _torrents_add(self, call: dict[str, Any]) -> Answer:
        """A magnet of a torrent that it lists when it is asked the next time; any file is a duplicate."""
        found = re.search(r"btih:([0-9a-f]{40})", call["form"].get("urls", ""))
        if found is None or found[1] in self.torrents:
            return recorded_answer(self.samples / "add_duplicate.txt")
        self.torrents[found[1]] = next(iter(self.torrents.values())) | {"infohash_v1": found[1]}
        return recorded_answer(self.samples / "add_ok.txt")

    def _done(self, _: dict[str, Any]) -> Answer:
        return plain("")

    _torrents_recheck = _done
    _torrents_pause = _torrents_resume = _torrents_stop = _torrents_start = _done

    def _torrents_delete(self, call: dict[str, Any]) -> Answer:
        for key in call["form"]["hashes"].split("|"):
            self.torrents.pop(key, None)
        return plain("")

    def _sync_maindata(self, call: dict[str, Any]) -> Answer:
        cookie = call["cookie"] or TRUSTED
        rid, (last, told) = int(call["query"].get("rid", 0)), self._told.get(cookie, (0, {}))
        listed = self.ghosts | self.torrents
        self._told[cookie] = (last + 1, copy.deepcopy(listed))
        if rid == 0 or rid != last:
            body = {"rid": last + 1, "full_update": True, "torrents": listed, "server_state": self.state}
            return _json(body)
        return _json({"rid": last + 1, **_delta(told, listed)})


def _delta(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    changed = {
        key: {name: value for name, value in row.items() if key not in before or before[key].get(name) != value}
        for key, row in after.items()
    }
    told = {"torrents": {key: fields for key, fields in changed.items() if fields or key not in before}}
    gone = {"torrents_removed": [key for key in before if key not in after]}
    return {name: value for name, value in (told | gone).items() if value}


def _json(value: object) -> Answer:
    return Answer(body=json.dumps(value).encode())
