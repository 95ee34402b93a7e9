"""A Sonarr or Radarr that is not real: their published API description (`/docs/v3/openapi.json`), as far as it is read.

Answers with the whole resources of the description's fields, so that what is skipped is skipped for a reason.
"""

from __future__ import annotations

import json
from typing import Any

from support.replay import Answer, Replay

KEY = "0123456789abcdef0123456789abcdef"
PREFIX = "api/v3/"
_EPISODE_TITLE = "Episode {number}"


class PlayedArr:
    """A context manager. What it holds may be changed while it answers; `asked` are the paths of the calls."""

    def __init__(self, kind: str = "sonarr", base_path: str = "") -> None:
        self.kind = kind
        self.key = KEY
        self.down = False
        self.items: dict[int, dict[str, Any]] = {}
        self.episodes: dict[int, list[dict[str, Any]]] = {}
        self.queue: list[dict[str, Any]] = []
        self.download_clients: list[dict[str, Any]] = []
        self.root_folders: list[dict[str, Any]] = []
        self._prefix = f"{base_path.strip('/')}/{PREFIX}".lstrip("/")
        self._base_path = base_path
        self._replay = Replay(self._answer)

    def __enter__(self) -> PlayedArr:
        self._replay.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._replay.__exit__(*error)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"{self._replay.url}{self._base_path}"

    @property
    def asked(self) -> list[str]:
        """The paths of all calls so far, below the API's own."""
        return [call["method"].removeprefix(self._prefix) for call in self._replay.calls]

    @property
    def settings(self) -> dict[str, Any]:
        """Of the configuration's `apps`."""
        return {"type": self.kind, "url": self.url, "api_key": self.key}

    def add_series(self, title: str, seasons: dict[int, int], **fields: Any) -> int:
        """A series with so many episodes a season; its id here."""
        number = len(self.items) + 1
        self.items[number] = _series(number, title) | fields
        self.episodes[number] = [
            _episode(number, season, episode) for season, count in seasons.items() for episode in range(1, count + 1)
        ]
        return number

    def add_movie(self, title: str, **fields: Any) -> int:
        """A movie; its id here."""
        number = len(self.items) + 1
        self.items[number] = _movie(number, title) | fields
        return number

    def _answer(self, call: dict[str, Any]) -> Answer:
        if self.down:
            return Answer(body=b"<html>Bad Gateway</html>", status=502, content_type="text/html")
        if not call["method"].startswith(self._prefix):
            return Answer(body=b"<!doctype html><html></html>", content_type="text/html")
        if call["headers"].get("x-api-key") != self.key:
            return Answer(body=b'{"error": "Unauthorized"}', status=401)
        found = self._resource(call["method"].removeprefix(self._prefix), call["query"])
        if found is None:
            return Answer(body=b'{"message": "NotFound"}', status=404)
        return Answer(body=json.dumps(found).encode())

    def _resource(self, path: str, query: dict[str, str]) -> Any:
        if path == "episode":
            return self.episodes.get(int(query["seriesId"]), [])
        if path == "queue":
            return self._queue(int(query["page"]), int(query["pageSize"]))
        held: dict[str, Any] = {
            "system/status": {"appName": self.kind.capitalize(), "version": "4.0.15.2941", "isDocker": True},
            "series" if self.kind == "sonarr" else "movie": list(self.items.values()),
            "downloadclient": self.download_clients,
            "rootfolder": self.root_folders,
            "tag": [{"id": 1, "label": "kids"}],
        }
        return held.get(path)

    def _queue(self, page: int, size: int) -> dict[str, Any]:
        start = (page - 1) * size
        return {
            "page": page, "pageSize": size, "sortKey": "timeleft", "sortDirection": "ascending",
            "totalRecords": len(self.queue), "records": self.queue[start : start + size],
        }  # fmt: skip


def _series(number: int, title: str) -> dict[str, Any]:
    return {
        "id": number, "title": title, "sortTitle": title.lower(), "status": "continuing", "ended": False,
        "alternateTitles": [], "overview": "…", "network": "Net", "images": [], "seasons": [],
        "year": 2000 + number % 25,
        "path": f"/tv/{title}", "rootFolderPath": "/tv/", "qualityProfileId": 1, "seasonFolder": True,
        "monitored": True, "useSceneNumbering": False, "runtime": 45, "tvdbId": 100_000 + number, "tvRageId": 0,
        "tvMazeId": 0, "tmdbId": 0, "imdbId": f"tt{number:07}", "seriesType": "standard", "cleanTitle": title.lower(),
        "titleSlug": f"series-{number}", "genres": [], "tags": [], "added": "2024-01-01T00:00:00Z",
        "ratings": {"votes": 0, "value": 0}, "statistics": {"seasonCount": 1, "episodeCount": 0},
    }  # fmt: skip


def _episode(series: int, season: int, number: int) -> dict[str, Any]:
    return {
        "id": series * 100_000 + season * 1000 + number, "seriesId": series, "tvdbId": 0, "episodeFileId": 0,
        "seasonNumber": season, "episodeNumber": number, "title": _EPISODE_TITLE.format(number=number),
        "airDate": f"20{season % 100:02}-{number % 12 + 1:02}-01", "airDateUtc": "2024-01-01T02:00:00Z",
        "runtime": 45, "hasFile": False, "monitored": True, "unverifiedSceneNumbering": False,
    }  # fmt: skip


def _movie(number: int, title: str) -> dict[str, Any]:
    return {
        "id": number, "title": title, "originalTitle": title, "sortTitle": title.lower(), "sizeOnDisk": 0,
        "status": "released", "overview": "…", "images": [], "year": 2000 + number % 25, "hasFile": False,
        "path": f"/movies/{title}", "rootFolderPath": "/movies/", "qualityProfileId": 1, "monitored": True,
        "isAvailable": True, "runtime": 90, "tmdbId": 500_000 + number, "imdbId": f"tt{9_000_000 + number}",
        "cleanTitle": title.lower(), "titleSlug": str(500_000 + number), "genres": [], "tags": [],
        "added": "2024-01-01T00:00:00Z", "alternateTitles": [],
    }  # fmt: skip
