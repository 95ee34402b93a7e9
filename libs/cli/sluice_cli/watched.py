"""A view of the queue kept current from the stream's events. Pure."""

from __future__ import annotations

from typing import Any

Key = tuple[str, str]


class Watched:
    """Feed it events in order; `document` is then what `GET queue` would say."""

    def __init__(self) -> None:
        self._rows: dict[Key, dict[str, Any]] = {}
        self._order: list[Key] = []
        self._total = 0
        self._clients: list[dict[str, Any]] = []

    @property
    def document(self) -> dict[str, Any]:
        """The rows in order, how many match in all, and the clients in trouble."""
        rows = [self._rows[key] for key in self._order if key in self._rows]
        return {"items": rows, "total": self._total, "clients": self._clients}

    def take(self, event: str, document: dict[str, Any]) -> None:
        """One event: `view` replaces everything, `change` says what is different; others mean nothing to us."""
        if event == "view":
            self._rows = {_key(row): row for row in document["items"]}
            self._order = list(self._rows)
            self._total, self._clients = document["total"], document["clients"]
        elif event == "change":
            self._change(document)

    def _change(self, document: dict[str, Any]) -> None:
        for client, download_id in document["removed"]:
            self._rows.pop((client, download_id), None)
        self._rows.update({_key(row): row for row in document["upserts"]})
        if "order" in document:
            self._order = [(client, download_id) for client, download_id in document["order"]]
        self._total = document["total"]
        self._clients = document.get("clients", self._clients)


def _key(row: dict[str, Any]) -> Key:
    return row["client"], row["id"]
