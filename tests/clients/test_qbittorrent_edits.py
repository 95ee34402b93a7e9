"""Every change on the real qBittorrent, seen in its own WebAPI."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from typing_extensions import override

from clients.edit_suite import EditSuite, Told
from sluice_common.model.edits import Limits
from support.clients import RealClient

pytestmark = pytest.mark.client

_STOPPED_OR_WAITING = ("paused", "stopped", "queued", "checking")
_BUILT_IN = ("** [DHT] **", "** [PeX] **", "** [LSD] **")  # listed among the trackers


class TestQbittorrentEdits(EditSuite):
    """The suite of edits; there is nothing of it that qBittorrent cannot do."""

    CLIENT = "qbittorrent"

    @override
    def told(self, client: RealClient, download_id: str) -> Told:
        """From the list, the files and the trackers."""
        with _own(client) as http:
            (found,) = _json(http, "torrents/info", hashes=download_id)
            files = _json(http, "torrents/files", hash=download_id)
            trackers = {tracker["url"] for tracker in _json(http, "torrents/trackers", hash=download_id)}
        return Told(
            name=found["name"],
            save_path=found["save_path"].rstrip("/"),
            active=not found["state"].startswith(_STOPPED_OR_WAITING),
            category=found["category"] or None,
            tags=frozenset(tag.strip() for tag in found["tags"].split(",") if tag),
            forced=found["force_start"],
            queue=found["priority"],
            download_limit=_limit(found["dl_limit"]),
            upload_limit=_limit(found["up_limit"]),
            ratio=found["ratio_limit"] if found["ratio_limit"] >= 0 else None,
            seeding_time=found["seeding_time_limit"] * 60 if found["seeding_time_limit"] >= 0 else None,
            wanted=tuple(file["priority"] > 0 for file in files),
            trackers=frozenset(trackers.difference(_BUILT_IN)),
            sequential=found["seq_dl"],
            first_last=found["f_l_piece_prio"],
        )

    @override
    def told_limits(self, client: RealClient) -> Limits:
        """From its preferences, which hold the ordinary limits whatever is in force."""
        with _own(client) as http:
            preferences = _json(http, "app/preferences")
            mode = _json(http, "transfer/speedLimitsMode")
        download, upload = (_limit(preferences[name]) for name in ("dl_limit", "up_limit"))
        return Limits(download=download, upload=upload, alternative=mode == 1)

    @override
    def let_one_download(self, client: RealClient) -> None:
        """By its preferences."""
        one = dict.fromkeys(("max_active_downloads", "max_active_torrents", "max_active_uploads"), 1)
        with _own(client) as http:
            wanted = json.dumps({"queueing_enabled": True, "dont_count_slow_torrents": False, **one})
            http.post("app/setPreferences", data={"json": wanted}).raise_for_status()


@contextmanager
def _own(client: RealClient) -> Iterator[httpx.Client]:
    """A log-in of the test's own."""
    with httpx.Client(base_url=f"{client.url}/api/v2/", timeout=30) as http:
        http.post("auth/login", data={"username": client.username, "password": client.password}).raise_for_status()
        yield http


def _json(http: httpx.Client, path: str, **query: str) -> Any:
    return http.get(path, params=query).raise_for_status().json()


def _limit(value: int) -> int | None:
    return value if value > 0 else None
