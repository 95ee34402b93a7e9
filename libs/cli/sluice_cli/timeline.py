"""History as a table: what happened, and of commands what was asked for, by whom and from where. Pure."""

from __future__ import annotations

from typing import Any

from rich.console import RenderableType

from sluice_cli import grid
from sluice_cli.words import clean, moment, span, speed

Row = dict[str, Any]

_SPEEDS = ("download_limit", "upload_limit")
_LABELS = {
    "wanted": "files wanted",
    "unwanted": "files not wanted",
    "first_last": "first and last pieces first",
    "queue": "place in the queue",
    "save_path": "folder",
}


def history(document: Row) -> RenderableType:
    """Events, in the order of the page."""
    if not document["items"]:
        return grid.lines("Nothing is recorded.")
    table = grid.table("Time", "Event", "Client", "Name", "Detail", wide="Name")
    for entry in document["items"]:
        data = entry["data"]
        name = data.get("name") or data.get("path") or entry.get("download_id")
        grid.add(table, moment(entry["time"]), clean(entry["type"]), clean(entry["client"]), clean(name),
                 clean(detail(entry)))  # fmt: skip
    return grid.with_next(table, document)


def detail(entry: Row) -> str:
    """What is to be said of an event beside its type."""
    data = entry["data"]
    if data.get("verb"):
        return _command(data)
    words = [data.get("reason"), data.get("message"), "noticed later" if entry.get("source") == "reconciled" else None]
    return ": ".join(str(word) for word in words if word)


def _command(data: Row) -> str:
    """What was asked of a client, by whom and from where, and why it failed where it did."""
    outcome = f" ({data['outcome']})" if data.get("outcome") != "ok" else ""
    origin = f" from {data['origin']}" if data.get("origin") else ""
    return f"{_deed(data)}{outcome}, by {data.get('actor')}{origin}"


def _deed(data: Row) -> str:
    """An edit is told by what it sets; anything else by its verb, an add with how it was added."""
    verb = f"{data['verb']} with data" if data.get("with_data") else str(data["verb"])
    told = ", ".join(_changed(change) for change in data.get("changes", ()))
    if not told:
        return verb
    return f"{verb} ({told})" if data["verb"] == "add" else told


def _changed(change: Row) -> str:
    field = str(change["field"])
    label = _LABELS.get(field, field.replace("_", " "))
    to, was = (_value(field, change.get(name)) for name in ("to", "was"))
    return f"{label}: {was} → {to}" if "was" in change else f"{label}: {to}"


def _value(field: str, value: Any) -> str:
    if value is None or value == []:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if value == 0 and field.endswith("_limit"):
        return "none"
    if field in _SPEEDS:
        return speed(value)
    return span(value) if field == "seeding_time_limit" else str(value)
