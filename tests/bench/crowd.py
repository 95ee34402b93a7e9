"""Real clients that hold thousands of tiny stopped torrents, and what somebody does in them by their own interface."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import httpx

from bench.figures import SEED
from support.clients import LAUNCHERS, RealClient
from support.torrents import PIECE, Torrent, bencode, raw_torrent

MARKED = {"qbittorrent": "category", "transmission": "state"}  # the field of our rows that `mark` changes
CATEGORIES = ("bench-off", "bench-on")
STATES = ("paused", "downloading")
PATIENCE = 600.0  # a client that loads 10,000 torrents answers nobody meanwhile
_ADDED = 1_760_000_000  # Unix seconds
_AT_ONCE = 200  # files in one request
_SESSION_HEADER = "X-Transmission-Session-Id"
_FIELDS = (
    *("id", "hashString", "name", "status", "error", "errorString", "percentDone", "leftUntilDone", "sizeWhenDone"),
    *("totalSize", "rateDownload", "rateUpload", "eta", "uploadRatio", "uploadedEver", "downloadedEver", "addedDate"),
    *("doneDate", "activityDate", "downloadDir", "labels", "peersConnected", "peersSendingToUs", "trackers"),
)


@contextmanager
def crowded(kind: str, directory: Path, count: int) -> Iterator[tuple[RealClient, list[str], float]]:
    """A running client with so many torrents, their ids in the order of their names, and the seconds it took.

    Raises `ClientMissing` where the client is not installed.
    """
    random, began = Random(SEED), time.monotonic()
    torrents = [raw_torrent(_name(index), random.randbytes(PIECE)) for index in range(count)]
    directory.mkdir(parents=True, exist_ok=True)
    client = LAUNCHERS[kind](directory)
    if kind == "transmission":
        _store(directory, torrents)
    try:
        client.start()
        http = reach(kind, client.url, client.username or "", client.password)
        if kind == "qbittorrent":
            _upload(http, torrents)
        _await(lambda: _stopped(kind, http) >= count)
        http.close()
        yield client, [torrent.id for torrent in torrents], time.monotonic() - began
    finally:
        client.stop()


def reach(kind: str, url: str, username: str, password: str) -> httpx.Client:
    """The client's own interface, logged in."""
    if kind == "transmission":
        http = httpx.Client(base_url=url, auth=(username, password), timeout=PATIENCE, trust_env=False)
        reply = http.post("/transmission/rpc", content=b"{}")
        http.headers[_SESSION_HEADER] = reply.headers[_SESSION_HEADER]
        return http
    http = httpx.Client(base_url=f"{url}/api/v2", timeout=PATIENCE, trust_env=False)
    http.post("/auth/login", data={"username": username, "password": password}).raise_for_status()
    return http


def list_marks(kind: str, http: httpx.Client) -> dict[str, str]:
    """What `mark` changes, of every torrent, out of the whole list as anybody would ask for it."""
    if kind == "transmission":
        rows = _rpc(http, "torrent-get", fields=_FIELDS)["torrents"]
        return {row["hashString"]: STATES[row["status"] != 0] for row in rows}
    reply = http.get("/torrents/info").raise_for_status()
    return {row["hash"]: row["category"] for row in reply.json()}


def mark(kind: str, http: httpx.Client, torrent_id: str, *, on: bool) -> str:
    """The change that is followed, and what the row's `MARKED` is after it. It touches nothing on the disk.

    In Transmission a torrent without peers is started or stopped: 3.00 counts new labels as no activity.
    """
    if kind == "transmission":
        _rpc(http, "torrent-start" if on else "torrent-stop", ids=[torrent_id])
        return STATES[on]
    form = {"hashes": torrent_id, "category": CATEGORIES[on]}
    http.post("/torrents/setCategory", data=form).raise_for_status()
    return CATEGORIES[on]


def _stopped(kind: str, http: httpx.Client) -> int:
    """How many of its torrents are at rest: Transmission may look at the disk first."""
    if kind == "transmission":
        return sum(row["status"] == 0 for row in _rpc(http, "torrent-get", fields=["status"])["torrents"])
    return len(http.get("/torrents/info").raise_for_status().json())


def _name(index: int) -> str:
    return f"Crowd.Show.S{index // 25:03}E{index % 25:02}.1080p.WEB-DL.x264-GRP.mkv"


def _upload(http: httpx.Client, torrents: Sequence[Torrent]) -> None:
    for category in CATEGORIES:
        http.post("/torrents/createCategory", data={"category": category, "savePath": ""}).raise_for_status()
    form = {"paused": "true", "stopped": "true"}
    for begin in range(0, len(torrents), _AT_ONCE):
        files = [("torrents", (f"{each.id}.torrent", each.data)) for each in torrents[begin : begin + _AT_ONCE]]
        http.post("/torrents/add", data=form, files=files).raise_for_status()


def _store(directory: Path, torrents: Sequence[Torrent]) -> None:
    """Where Transmission keeps them, before it starts: adding one takes it longer the more it has."""
    for name in ("torrents", "resume"):
        (directory / name).mkdir()
    checked = {"blocks": "none", "time-checked": [_ADDED]}  # without it every one is looked for on the disk
    for index, torrent in enumerate(torrents):
        (directory / "torrents" / f"{torrent.id}.torrent").write_bytes(torrent.data)
        known = {"added-date": _ADDED + index, "destination": str(directory / "downloads"), "paused": 1}
        kept = known | {"name": torrent.name, "progress": checked}
        (directory / "resume" / f"{torrent.id}.resume").write_bytes(bencode(kept))


def _rpc(http: httpx.Client, method: str, **arguments: object) -> Mapping[str, Any]:
    reply = http.post("/transmission/rpc", json={"method": method, "arguments": arguments})
    if reply.status_code == 409:
        http.headers[_SESSION_HEADER] = reply.headers[_SESSION_HEADER]
        reply = http.post("/transmission/rpc", json={"method": method, "arguments": arguments})
    told: Mapping[str, Any] = reply.raise_for_status().json()
    assert told["result"] == "success", told["result"]
    return told["arguments"]  # type: ignore[no-any-return]


def _await(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"the client does not list its torrents after {PATIENCE:g} s")
        time.sleep(0.5)
