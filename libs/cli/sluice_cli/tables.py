"""The API's documents as rich tables. Pure: a document in, something printable out. All text is taken as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from sluice_cli import advice
from sluice_cli.words import NOTHING, clean, id_length, moment, share, size, span, speed

Row = dict[str, Any]

_HEALTH = {"ok": "green", "warning": "yellow", "error": "red"}
_VERDICT = {"ok": "green", "warning": "yellow", "failed": "red", "unknown": "yellow"}
_IMPORT = {"imported": "green", "blocked": "yellow", "failed": "red"}


def _table(*columns: str, right: Sequence[str] = (), wide: str | None = None) -> Table:
    """Where the terminal is too narrow, the `wide` column gives way first; see `_add`."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", no_wrap=column != wide)
    return table


def _add(table: Table, *cells: str | Text) -> None:
    """A row. Rich shrinks columns that may wrap before others; the cells themselves are cut and never wrapped."""
    row = [cell if isinstance(cell, Text) else Text(cell) for cell in cells]
    for cell in row:
        cell.no_wrap, cell.overflow = True, "ellipsis"
    table.add_row(*row)


def _words(*lines: str) -> Text:
    return Text("\n".join(line for line in lines if line))


def queue(document: Row) -> RenderableType:
    """A page of the queue, or a watched view of it, and the clients that have a problem."""
    rows: list[Row] = document["items"]
    notes = [*_troubles(document["clients"]), _more(len(rows), document["total"])]
    if not rows:
        return _words("The queue is empty.", *notes)
    table = _Queue(rows)
    return Group(table, _words(*notes)) if any(notes) else table


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
        table = _table(*columns, right=self._RIGHT, wide="Name")
        for cells in self._cells:
            _add(table, *(cells[column] for column in columns))
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
    return _words(f"{clean(row['name'])}  {clean(row['state'])}, {done} of {size(row['size'])}", where(row))


def where(row: Row) -> str:
    """`client/id`, as every verb takes it."""
    return f"{row['client']}/{clean(row['id'])}"


def clients(document: Row) -> RenderableType:
    """The configured clients."""
    if not document["items"]:
        return _words("No client is configured; add one under `clients:` in sluice.yaml.")
    table = _table("Client", "Type", "Health", "Downloads", "Down", "Up", "Free", "Version", "Last seen",
                   right=("Downloads", "Down", "Up", "Free"))  # fmt: skip
    for client in document["items"]:
        health = Text(clean(client["health"]), style=_HEALTH.get(client["health"], ""))
        health.append(" stale" if client["stale"] else "", style="dim")
        _add(table, client["name"], client["type"], health, str(client["downloads"]), speed(client["down_speed"]),
             speed(client["up_speed"]), size(client["free_space"]), clean(client["version"]),
             moment(client["last_good_poll"]))  # fmt: skip
    notes = list(_troubles(each for each in document["items"] if each["health"] != "ok"))
    return Group(table, _words(*notes)) if notes else table


def history(document: Row) -> RenderableType:
    """Events, in the order of the page."""
    if not document["items"]:
        return _words("Nothing is recorded.")
    table = _table("Time", "Event", "Client", "Name", "Detail", wide="Name")
    for entry in document["items"]:
        data = entry["data"]
        name = data.get("name") or data.get("path") or entry.get("download_id")
        _add(table, moment(entry["time"]), clean(entry["type"]), clean(entry["client"]), clean(name), _detail(entry))
    return _with_next(table, document)


def _detail(entry: Row) -> str:
    data = entry["data"]
    if data.get("verb"):
        return clean(_command(data))
    words = [data.get("reason"), data.get("message"), "noticed later" if entry.get("source") == "reconciled" else None]
    return clean(": ".join(str(word) for word in words if word))


def _command(data: Row) -> str:
    """What was asked of a client, by whom and from where, and why it failed where it did."""
    what = f"{data['verb']} with data" if data.get("with_data") else data["verb"]
    outcome = f": {data['outcome']}" if data.get("outcome") != "ok" else ""
    origin = f" from {data['origin']}" if data.get("origin") else ""
    return f"{what}{outcome}, by {data.get('actor')}{origin}"


def _with_next(table: Table, document: Row) -> RenderableType:
    if not document.get("next"):
        return table
    return Group(table, _words("There is more; --limit shows it."))


def imports(document: Row) -> RenderableType:
    """A page of imports."""
    if not document["items"]:
        return _words("There are no imports.")
    table = _table("ID", "Name", "State", "Files", "Library", "Client", "Updated", right=("Files",), wide="Name")
    length = id_length(row["id"] for row in document["items"])
    for row in document["items"]:
        _add(table, clean(row["id"])[:length], clean(row["name"]), _import_state(row), _files(row),
             clean(row.get("library")), row["client"], moment(row.get("updated_at")))  # fmt: skip
    return _with_next(table, document)


def _import_state(row: Row) -> Text:
    text = clean(f"{row['state']}: {row['reason']}" if row.get("reason") else row["state"])
    return Text(text, style=_IMPORT.get(row["state"], ""))


def _files(row: Row) -> str:
    return f"{row.get('files_done', 0)}/{row.get('files_total', 0)}"


def one_import(row: Row, short: str) -> RenderableType:
    """One import with its files, and what to type where it waits for a person; `short` is enough of its id."""
    head = Text(f"{clean(row['name'])}  ").append_text(_import_state(row))
    lines = [f"import {clean(short)} of {where({'client': row['client'], 'id': row['download_id']})}",
             clean(row.get("message") or ""), *_commands(row, short)]  # fmt: skip
    if not row.get("files"):
        return Group(head, _words(*lines))
    table = _table("File", "Size", "Verdict", "Placed", "Target", right=("Size",), wide="File")
    for file in row["files"]:
        verdict = f"{file['verdict']}: {file['reason']}" if file.get("reason") else file["verdict"]
        placed = clean(file.get("method") or "yes") if file.get("placed") else NOTHING
        _add(table, clean(file["path"]), size(file["size"]), clean(verdict), placed, clean(file.get("target")))
    return Group(head, _words(*lines), table)


def _commands(row: Row, short: str) -> list[str]:
    wanted = [f"  {command}" for command in advice.commands(row, short)]
    return ["If this is what it is, make it known and try again:", *wanted] if wanted else []


def media(document: Row) -> RenderableType:
    """Media items."""
    if not document["items"]:
        return _words("No media item is known; `sluice media add TITLE --kind movie` makes one.")
    table = _table("ID", "Title", "Year", "Kind", "Library", "Files", right=("Year", "Files"), wide="Title")
    length = id_length(item["id"] for item in document["items"])
    for item in document["items"]:
        _add(table, clean(item["id"])[:length], clean(item["title"]), clean(item.get("year")), clean(item["kind"]),
             clean(item.get("library")), str(item.get("files", 0)))  # fmt: skip
    return _with_next(table, document)


def known_media(item: Row) -> RenderableType:
    """An item that was asked to be known, and whether it was before."""
    if item.get("is_new") is None:  # an importer of before does not tell
        return media({"items": [item]})
    said = "Known from now on:" if item["is_new"] else "It was known already, and stays as it is:"
    return Group(_words(said), media({"items": [item]}))


def renamed_media(item: Row) -> RenderableType:
    """An item under its new title, and what keeps the old one."""
    files = item.get("files", 0)
    kept = f"{files} files that are in the library already keep their names." if files else ""
    return Group(media({"items": [item]}), _words(kept)) if kept else media({"items": [item]})


def removed_media(item: Row) -> RenderableType:
    """What an item was."""
    year = f" ({item['year']})" if item.get("year") else ""
    return _words(f"{clean(item['title'])}{year} is no longer known.")


def libraries(document: Row) -> RenderableType:
    """The configured libraries."""
    if not document["items"]:
        return _words("No library is configured; add one under `libraries:` in sluice.yaml.")
    table = _table("Library", "Kind", "Root", "State", "Files", "Free", right=("Files", "Free"))
    for row in document["items"]:
        state = Text("ready", style="green") if row["available"] else Text("unavailable", style="red")
        _add(table, row["name"], row["kind"], clean(row["root"]), state, str(row.get("files", 0)),
             size(row.get("free_space")))  # fmt: skip
    notes = [f"! {row['name']}: {clean(row['problem'])}" for row in document["items"] if row.get("problem")]
    return Group(table, _words(*notes)) if notes else table


def doctor(document: Row) -> RenderableType:
    """Every check, and of those that are not well what is the case and what to do."""
    table = _table("Check", "Subject", "Result", "Detail", wide="Detail")
    for row in document["items"]:
        detail = clean(row["detail"]) if row["status"] == "ok" else ""
        _add(table, clean(row["check"]), clean(row["subject"]), _verdict(row), detail)
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
