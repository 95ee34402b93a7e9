"""The API's documents as rich tables. Pure: a document in, something printable out. All text is taken as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from sluice_cli import advice, grid
from sluice_cli.words import NOTHING, clean, id_length, moment, share, size, span, speed

Row = dict[str, Any]

_HEALTH = {"ok": "green", "warning": "yellow", "error": "red"}
_VERDICT = {"ok": "green", "warning": "yellow", "failed": "red", "unknown": "yellow"}
_IMPORT = {"imported": "green", "blocked": "yellow", "failed": "red"}


def queue(document: Row, empty: str | None = None) -> RenderableType:
    """A page of the queue, or a watched view of it, and the clients that have a problem; `empty` says why it is so."""
    rows: list[Row] = document["items"]
    notes = [*_troubles(document["clients"]), _more(len(rows), document["total"])]
    if not rows:
        return grid.lines(empty or "The queue is empty.", *notes)
    table = _Queue(rows)
    return Group(table, grid.lines(*notes)) if any(notes) else table


class _Queue:
    """The table of the queue; in a narrow terminal without the columns that matter least."""

    _COLUMNS = ("ID", "Name", "Client", "State", "Done", "Size", "Down", "Up", "ETA", "Import")
    _RIGHT = ("Done", "Size", "Down", "Up", "ETA")
    _DISPENSABLE = ("Up", "ETA", "Size", "Down", "Import")
    _NAME_WIDTH = 16

    def __init__(self, rows: Sequence[Row]) -> None:
        length = id_length(row["id"] for row in rows)
        self._cells = [dict(zip(self._COLUMNS, _queue_cells(row, length), strict=True)) for row in rows]

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> Iterator[Table]:
        columns = list(self._COLUMNS)
        for column in self._DISPENSABLE:
            if self._width(columns) > options.max_width:
                columns.remove(column)
        table = grid.table(*columns, right=self._RIGHT, wide="Name")
        for cells in self._cells:
            grid.add(table, *(cells[column] for column in columns))
        yield table

    def _width(self, columns: Sequence[str]) -> int:
        widths = {column: max(cell_len(str(cells[column])) for cells in self._cells) for column in columns}
        widths["Name"] = min(widths["Name"], self._NAME_WIDTH)
        return sum(max(width, len(column)) + 1 for column, width in widths.items())


def _queue_cells(row: Row, length: int) -> tuple[str | Text, ...]:
    rates = speed(row["down_speed"]), speed(row["up_speed"]), span(row["eta"])
    name = clean(row["id"])[:length], clean(row["name"]), row["client"]
    return *name, _state(row), share(row["progress"]), size(row["size"]), *rates, _import(row)


def _state(row: Row) -> Text:
    reason = f" ({clean(row.get('reason') or row['health'])})" if row["health"] != "ok" else ""
    text = Text(f"{clean(row['state'])}{reason}", style=_HEALTH.get(row["health"], "") if reason else "")
    return text.append(" stale", style="dim") if row["stale"] else text


def _import(row: Row) -> Text:
    state, reason = row["import"]["state"], row["import"].get("reason")
    if state == "none":
        return Text(NOTHING)
    return Text(clean(f"{state}: {reason}" if reason else state), style=_IMPORT.get(state, ""))


def _troubles(clients: Iterable[Row]) -> list[str]:
    return [f"! {client['name']}: {_trouble(client)}" for client in clients]


def _trouble(client: Row) -> str:
    why = clean(client.get("message") or client.get("reason") or client["health"])
    since = f"; last seen {moment(client['last_good_poll'])}" if client.get("last_good_poll") else ""
    return f"{why}{since}" + ("; its rows may be out of date" if client["stale"] else "")


def _more(shown: int, total: int) -> str:
    return f"{shown} of {total}; --limit shows more" if shown < total else ""


def download(row: Row) -> Text:
    """One row, as a command's result."""
    done = share(row["progress"])
    return grid.lines(f"{clean(row['name'])}  {clean(row['state'])}, {done} of {size(row['size'])}", where(row))


def where(row: Row) -> str:
    """`client/id`, as every verb takes it."""
    return f"{row['client']}/{clean(row['id'])}"


def clients(document: Row) -> RenderableType:
    """The configured clients."""
    if not document["items"]:
        return grid.lines("No client is configured; add one under `clients:` in sluice.yaml.")
    table = grid.table("Client", "Type", "Health", "Downloads", "Down", "Up", "Free", "Version", "Last seen",
                   right=("Downloads", "Down", "Up", "Free"))  # fmt: skip
    for client in document["items"]:
        health = Text(clean(client["health"]), style=_HEALTH.get(client["health"], ""))
        health.append(" stale" if client["stale"] else "", style="dim")
        grid.add(table, client["name"], client["type"], health, str(client["downloads"]), speed(client["down_speed"]),
             speed(client["up_speed"]), size(client["free_space"]), clean(client["version"]),
             moment(client["last_good_poll"]))  # fmt: skip
    notes = list(_troubles(each for each in document["items"] if each["health"] != "ok"))
    return Group(table, grid.lines(*notes)) if notes else table


def imports(document: Row) -> RenderableType:
    """A page of imports."""
    if not document["items"]:
        return grid.lines("There are no imports.")
    table = grid.table("ID", "Name", "State", "Files", "Library", "Client", "Updated", right=("Files",), wide="Name")
    length = id_length(row["id"] for row in document["items"])
    for row in document["items"]:
        grid.add(table, clean(row["id"])[:length], clean(row["name"]), _import_state(row), _files(row),
             clean(row.get("library")), row["client"], moment(row.get("updated_at")))  # fmt: skip
    return grid.with_next(table, document)


def _import_state(row: Row) -> Text:
    text = clean(f"{row['state']}: {row['reason']}" if row.get("reason") else row["state"])
    return Text(text, style=_IMPORT.get(row["state"], ""))


def _files(row: Row) -> str:
    return f"{row.get('files_done', 0)}/{row.get('files_total', 0)}"


def one_import(row: Row, short: str) -> RenderableType:
    """One import with its files, and what to type where it waits for a person; `short` is enough of its id."""
    head = Text(f"{clean(row['name'])}  ").append_text(_import_state(row))
    lines = [f"import {clean(short)} of {where({'client': row['client'], 'id': row['download_id']})}",
             clean(row.get("message") or ""), *advice.words(row), *_commands(row, short)]  # fmt: skip
    if not row.get("files"):
        return Group(head, grid.lines(*lines))
    table = grid.table("File", "Size", "Verdict", "Placed", "Target", right=("Size",), wide="File")
    for file in row["files"]:
        verdict = f"{file['verdict']}: {file['reason']}" if file.get("reason") else file["verdict"]
        placed = clean(file.get("method") or "yes") if file.get("placed") else NOTHING
        grid.add(table, clean(file["path"]), size(file["size"]), clean(verdict), placed, clean(file.get("target")))
    return Group(head, grid.lines(*lines), table)


def _commands(row: Row, short: str) -> list[str]:
    wanted = [f"  {command}" for command in advice.commands(row, short)]
    return ["If this is what it is, make it known and try again:", *wanted] if wanted else []


def libraries(document: Row) -> RenderableType:
    """The configured libraries."""
    if not document["items"]:
        return grid.lines("No library is configured; add one under `libraries:` in sluice.yaml.")
    table = grid.table("Library", "Kind", "Root", "State", "Files", "Free", right=("Files", "Free"))
    for row in document["items"]:
        state = Text("ready", style="green") if row["available"] else Text("unavailable", style="red")
        grid.add(table, row["name"], row["kind"], clean(row["root"]), state, str(row.get("files", 0)),
             size(row.get("free_space")))  # fmt: skip
    notes = [f"! {row['name']}: {clean(row['problem'])}" for row in document["items"] if row.get("problem")]
    return Group(table, grid.lines(*notes)) if notes else table


def doctor(document: Row) -> RenderableType:
    """Every check, and of those that are not well what is the case and what to do."""
    table = grid.table("Check", "Subject", "Result", "Detail", wide="Detail")
    for row in document["items"]:
        detail = clean(row["detail"]) if row["status"] == "ok" else ""
        grid.add(table, clean(row["check"]), clean(row["subject"]), _verdict(row), detail)
    notes = [_diagnosis(row) for row in document["items"] if row["status"] != "ok"]
    return Group(table, *notes, Text(f"\n{_tally(document['items'])}"))


def _verdict(row: Row) -> Text:
    said = f"{row['status']}: {row['code']}" if row.get("code") else row["status"]
    return Text(clean(said), style=_VERDICT.get(row["status"], ""))


def _diagnosis(row: Row) -> Text:
    text = Text("\n").append("! ", style=_VERDICT.get(row["status"], ""))
    text.append(f"{clean(row['check'])}  {clean(row['subject'])}", style="bold").append(f"\n  {clean(row['detail'])}")
    return text.append(f"\n  What to do: {clean(row['advice'])}") if row.get("advice") else text


def _tally(rows: Sequence[Row]) -> str:
    counts = {word: sum(row["status"] == word for row in rows) for word in _VERDICT}
    return f"{len(rows)} checks: " + ", ".join(f"{count} {word}" for word, count in counts.items() if count)
