"""The HTTP API of one running Sluice, and its live queue, as a user's program has them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
from typing_extensions import override

from support.waiting import wait


class Api:
    """The API at `url`. `open(key)` before anything is asked, `close()` at the end."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._key = ""
        self._client: httpx.Client | None = None

    def open(self, key: str) -> None:
        """Ask with this API key from now on."""
        self.close()
        self._key = key
        self._client = httpx.Client(base_url=self.url, headers={"X-API-Key": key}, timeout=30, trust_env=False)

    def close(self) -> None:
        """Let go of the connections; nothing when there are none."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def request(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        """One request with the first API key; `path` is below /api/v1."""
        assert self._client is not None, "not started"
        return self._client.request(method, f"/api/v1{path}", **kwargs)

    def get(self, path: str, **params: Any) -> Any:
        """The JSON of a GET that must succeed."""
        return _json(self.request("GET", path, params=params))

    def post(self, path: str, body: object = None) -> Any:
        """The JSON of a POST that must succeed."""
        return _json(self.request("POST", path, json=body) if body is not None else self.request("POST", path))

    def await_clients(self) -> None:
        """Wait until every client's first table is committed: what is added before is part of it, and has no event."""

        def polled() -> bool:
            return all(client.get("last_good_poll") for client in self.get("/clients")["items"])

        wait(polled, seconds=60, what=lambda: f"a first poll of every client; {self.logs()}")

    def logs(self) -> str:
        """What its processes said lately, for the message of a failed test."""
        return ""

    def queue(self, **params: Any) -> dict[str, dict[str, Any]]:
        """The queue's rows by id."""
        return {row["id"]: row for row in self.get("/queue", limit=500, **params)["items"]}

    def history(self, client: str, download_id: str) -> list[dict[str, Any]]:
        """The timeline of a download, oldest first."""
        entries: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = self.get(f"/downloads/{client}/{download_id}/history", **_after(cursor))
            entries += page["items"]
            cursor = page.get("next")
            if cursor is None:
                return entries

    def imports(self, **params: Any) -> list[dict[str, Any]]:
        """All imports."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = self.get("/imports", limit=100, **_after(cursor), **params)
            found += page["items"]
            cursor = page.get("next")
            if cursor is None:
                return found

    @contextmanager
    def following(self, **params: Any) -> Iterator[Follower]:
        """The queue's event stream while the block runs."""
        follower = Follower(self.url, self._key, params)
        follower.start()
        try:
            yield follower
        finally:
            follower.stop()


class Follower(threading.Thread):
    """Reads server-sent events; `rows` is the view as a subscriber sees it, `frames` every (event, data)."""

    def __init__(self, url: str, key: str, params: Mapping[str, Any]) -> None:
        super().__init__(daemon=True)
        self.frames: list[tuple[str, Any]] = []
        self._url = f"{url}/api/v1/queue/events"
        self._key = key
        self._params = dict(params)
        self._over = threading.Event()

    @override
    def run(self) -> None:
        """Read until stopped or disconnected; how it ends after `stop` is nobody's concern."""
        try:
            self._read()
        except httpx.TransportError:
            if not self._over.is_set():
                raise

    def _read(self) -> None:
        headers = {"X-API-Key": self._key, "Accept": "text/event-stream"}
        with httpx.stream(
            "GET", self._url, params=self._params, headers=headers, timeout=httpx.Timeout(10, read=20), trust_env=False
        ) as answer:
            answer.raise_for_status()
            event = "message"
            for line in answer.iter_lines():
                if self._over.is_set():
                    return
                if line.startswith("event:"):
                    event = line[6:].strip()
                elif line.startswith("data:"):
                    self.frames.append((event, json.loads(line[5:])))

    def stop(self) -> None:
        """Stop reading; the thread ends with the next line."""
        self._over.set()

    def saw(self, predicate: Callable[[Mapping[str, Any]], bool]) -> bool:
        """Whether any row in any event fitted."""
        return any(predicate(row) for _, data in list(self.frames) for row in _rows(data))


def _after(cursor: str | None) -> dict[str, str]:
    return {"cursor": cursor} if cursor else {}


def _rows(data: Any) -> list[Mapping[str, Any]]:
    return [*data.get("items", ()), *data.get("upserts", ())]


def _json(answer: httpx.Response) -> Any:
    assert answer.status_code < 400, f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
    return answer.json() if answer.content else None
