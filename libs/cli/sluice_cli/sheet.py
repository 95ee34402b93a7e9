"""One download, whole: everything that its row, its client and the importer tell; and its files. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sluice_cli import grid, tables
from sluice_cli.words import NOTHING, clean, moment, share, size, span, speed

Row = dict[str, Any]
Line = tuple[str, str]


def download(row: Row) -> RenderableType:
    """Name and id, then a line for everything that is known; what is not is left out."""
    head = Text(f"{clean(row['name'])}\n{tables.where(row)}")
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in _lines(row):
        if value and value != NOTHING:
            table.add_row(Text(label, style="bold"), Text(clean(value)))
    problem = row.get("settings_problem")
    return Group(head, table, Text(f"! its limits and trackers: {clean(problem)}")) if problem else Group(head, table)


def _lines(row: Row) -> Iterator[Line]:
    yield from _axes(row)
    yield from _transfer(row)
    yield "Category", str(row.get("category") or "none")
    yield "Imported by", str(row["owner"])
    yield "Tags", ", ".join(row.get("tags") or ())
    yield from _settings(row.get("settings"))
    yield "Private", _yes(row.get("private"))
    yield "Folder", str(row.get("save_path") or "")
    yield "Content", str(row.get("content_path") or "")
    for label, name in (("Added", "added_at"), ("Completed", "completed_at"), ("First seen", "first_seen")):
        yield label, moment(row.get(name))
    yield "Epoch", str(row["epoch"])
    yield "Also called", ", ".join(alias for alias in row.get("aliases") or () if alias != row["id"])


def _axes(row: Row) -> Iterator[Line]:
    """How far it is, how it is, how far its import is."""
    forced = ", forced past the queue" if row.get("forced") else ""
    age = f", as of {span(row.get('age_seconds'))} ago: its client does not answer" if row["stale"] else ""
    complete = ", complete" if row["is_complete"] else ""
    yield "State", f"{row['state']}{complete}{forced}{age}"
    yield "Health", f"{row['health']}: {row['reason']}" if row.get("reason") else str(row["health"])
    yield "Client says", str(row.get("message") or "")
    overlay = row["import"]
    words = [overlay.get("reason"), overlay.get("message")]
    yield "Import", ": ".join(str(word) for word in (overlay["state"], *words) if word)
    if overlay.get("id"):
        yield "", f"`sluice imports {overlay['id'][:8]}` shows its files"
    yield "Added for", _association(row.get("association"))


def _association(found: Row | None) -> str:
    if found is None:
        return ""
    item = found.get("media_item")
    what = f"media item {item}" if item else "what its name says"
    return f"{what} ({found['state']})"


def _transfer(row: Row) -> Iterator[Line]:
    whole = row.get("total_size")
    skipped = f", {size(whole)} with the files that are not wanted" if whole and whole != row.get("size") else ""
    yield "Done", f"{share(row.get('progress'))} of {size(row.get('size'))}{skipped}"
    if row.get("down_speed") or row.get("up_speed"):
        yield "Speed", f"down {speed(row.get('down_speed'))}, up {speed(row.get('up_speed'))}"
    yield "ETA", span(row.get("eta"))
    if row.get("seeds") is not None or row.get("peers") is not None:
        yield "Connected", f"{_count(row.get('seeds'))} seeds, {_count(row.get('peers'))} peers"
    ratio = row.get("ratio")
    yield "Ratio", f"{ratio:.2f}" if ratio is not None else ""
    yield "Seeding for", span(row.get("seeding_time"))


def _yes(value: bool | None) -> str:
    return "" if value is None else "yes" if value else "no"


def _count(number: int | None) -> str:
    return NOTHING if number is None else str(number)


def _settings(own: Row | None) -> Iterator[Line]:
    if own is None:
        return
    limits = [
        f"{label} {shown}"
        for label, name, words in (
            ("download", "download_limit", speed),
            ("upload", "upload_limit", speed),
            ("ratio", "ratio_limit", str),
            ("seeding", "seeding_time_limit", span),
        )
        if own.get(name) is not None and (shown := words(own[name]))
    ]
    yield "Limits", ", ".join(limits) or "none of its own"
    yield "Trackers", ", ".join(own.get("trackers") or ("none",))


def files(page: Row, start: int, limit: int) -> RenderableType:
    """A page's first `limit` files, with the numbers that `choose` takes."""
    rows, total = page["items"][:limit], page["total"]
    if not total:
        return grid.lines("Its files are not known yet: its metadata is still to come.")
    if not rows:
        return grid.lines(f"It has {total} files, numbered from 0.")
    table = grid.table("No.", "File", "Size", "Done", "Wanted", right=("No.", "Size", "Done"), wide="File")
    for file in rows:
        grid.add(table, str(file["index"]), clean(file["path"]), size(file["size"]), _done(file),
                 "yes" if file["wanted"] else "no")  # fmt: skip
    end = start + len(rows)
    return Group(table, grid.lines(f"{len(rows)} of {total}; --start {end} shows more")) if end < total else table


def _done(file: Row) -> str:
    if file.get("done") is None:
        return NOTHING
    return share(file["done"] / file["size"]) if file["size"] else share(1.0)


def chosen(rows: Sequence[Row]) -> str:
    """What is wanted of all files now."""
    wanted = [file for file in rows if file["wanted"]]
    return f"{len(wanted)} of {len(rows)} files are wanted, {size(sum(file['size'] for file in wanted))}"
