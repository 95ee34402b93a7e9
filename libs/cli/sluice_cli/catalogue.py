"""The catalogue's documents as rich tables. Pure: a document in, something printable out. All text is taken as text."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType

from sluice_cli import grid
from sluice_cli.words import NOTHING, clean, id_length, moment, size

Row = dict[str, Any]
_PROBLEMS_SHOWN = 20


def media(document: Row) -> RenderableType:
    """Media items."""
    if not document["items"]:
        return grid.lines("No media item is known; `sluice media add TITLE --kind movie` makes one.")
    table = grid.table(
        "ID", "Title", "Year", "Kind", "Library", "Episodes", "Files",
        right=("Year", "Episodes", "Files"), wide="Title",
    )  # fmt: skip
    length = id_length(item["id"] for item in document["items"])
    for item in document["items"]:
        grid.add(table, clean(item["id"])[:length], clean(item["title"]), clean(item.get("year")), clean(item["kind"]),
                 clean(item.get("library")), str(item["episodes"]) if item.get("episodes") else NOTHING,
                 str(item.get("files", 0)))  # fmt: skip
    return grid.with_next(table, document)


def known_media(item: Row) -> RenderableType:
    """An item that was asked to be known, and whether it was before."""
    if item.get("is_new") is None:  # an importer of before does not tell
        return media({"items": [item]})
    said = "Known from now on:" if item["is_new"] else "It was known already, and stays as it is:"
    return Group(grid.lines(said), media({"items": [item]}))


def renamed_media(item: Row) -> RenderableType:
    """An item under its new title, and what keeps the old one."""
    files = item.get("files", 0)
    kept = f"{files} files that are in the library already keep their names." if files else ""
    return Group(media({"items": [item]}), grid.lines(kept)) if kept else media({"items": [item]})


def removed_media(item: Row) -> RenderableType:
    """What an item was."""
    year = f" ({item['year']})" if item.get("year") else ""
    return grid.lines(f"{clean(item['title'])}{year} is no longer known.")


def one_item(item: Row) -> RenderableType:
    """One item with what else is known of it."""
    ids = ", ".join(f"{clean(source)} {clean(value)}" for source, value in (item.get("external_ids") or {}).items())
    others = "; ".join(clean(title) for title in item.get("alternative_titles") or ())
    told = (("Id", item["id"]), ("Sorted as", item.get("sort_title")), ("Also called", others), ("Known as", ids))
    lines = [f"{label}: {clean(value)}" for label, value in told if value]
    return Group(media({"items": [item]}), grid.lines(*lines))


def episodes(document: Row) -> RenderableType:
    """A series' episodes."""
    if not document["items"]:
        return grid.lines("No episode is known; `sluice media import FILE` or an app (`sluice apps`) makes them known.")
    table = grid.table(
        "Episode", "Absolute", "Scene", "Aired", "Title", "Files", right=("Absolute", "Files"), wide="Title"
    )
    for row in document["items"]:
        grid.add(table, _number(row["season"], row["number"]), clean(row.get("absolute")),
                 _number(row.get("scene_season"), row.get("scene_number")), clean(row.get("air_date")),
                 clean(row.get("title")), str(row.get("files", 0)))  # fmt: skip
    return grid.with_next(table, document)


def _number(season: int | None, number: int | None) -> str:
    if season is None and number is None:
        return NOTHING
    return f"S{season or 0:02}E{number or 0:02}"


def files(document: Row) -> RenderableType:
    """What the libraries hold of something."""
    if not document["items"]:
        return grid.lines("No library holds a file of it.")
    table = grid.table("Library", "Path", "Size", "Placed by", "Since", right=("Size",), wide="Path")
    for row in document["items"]:
        grid.add(table, row["library"], clean(row["path"]), size(row["size"]), row["method"],
                 moment(row.get("registered_at")))  # fmt: skip
    return grid.with_next(table, document)


def merged(document: Row) -> RenderableType:
    """What became of a list of items."""
    told = f"{document['created']} new, {document['updated']} changed, {document['unchanged']} as they were"
    return grid.lines(f"{told}; {document['episodes']} episodes made or changed.", *_problems(document["problems"]))


def apps(document: Row) -> RenderableType:
    """The Sonarrs and Radarrs."""
    if not document["items"]:
        return grid.lines("No app is configured; add one under `apps:` in sluice.yaml.")
    table = grid.table("App", "Kind", "URL", "Version", "Items", "Taken over", right=("Items",), wide="URL")
    for row in document["items"]:
        taken = moment(row.get("synced_at")) if row.get("sync", True) and row.get("enabled", True) else "off"
        grid.add(table, row["name"], row["kind"], clean(row["url"]), clean(row.get("version")),
                 str(row.get("items", 0)), taken)  # fmt: skip
    troubled = [row for row in document["items"] if row.get("reason")]
    notes = [f"! {row['name']}: {clean(row['reason'])}: {clean(row.get('message'))}" for row in troubled]
    left_out = [line for row in document["items"] for line in _problems(row.get("problems") or [])]
    return Group(table, grid.lines(*notes, *left_out)) if notes or left_out else table


def _problems(problems: list[Row]) -> list[str]:
    shown = [f"! {clean(one['title'])}: {clean(one['detail'])} ({one['code']})" for one in problems[:_PROBLEMS_SHOWN]]
    more = len(problems) - _PROBLEMS_SHOWN
    return [*shown, f"… and {more} more"] if more > 0 else shown
