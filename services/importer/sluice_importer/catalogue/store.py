"""The catalogue's SQL: media items."""

# ruff: noqa: S608 - what is put into statements is our own lists of columns, values are parameters
from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec

from sluice_common.contracts.library import KnownMediaItem, MediaItem
from sluice_common.kit.errors import Problem
from sluice_importer.catalogue.entries import folded
from sluice_importer.match.values import MediaItem as Known
from sluice_names import fold_title

if TYPE_CHECKING:
    from sluice_common.db.pool import Connection

_ITEM = (
    "m.id, m.kind, m.title, m.year, m.library, m.created_at, m.sort_title, m.alternative_titles, "
    "(SELECT count(*) FROM library.files f WHERE f.media_item = m.id) AS files, "
    "(SELECT count(*) FROM library.episodes e WHERE e.media_item = m.id) AS episodes, "
    "(SELECT array_agg(ARRAY[x.source, x.value] ORDER BY x.source) FROM library.external_ids x "
    "WHERE x.media_item = m.id) AS external_ids"
)


async def ensure(
    connection: Connection, item_id: str, kind: str, title: str, year: int | None, library: str | None, now: datetime
) -> KnownMediaItem:
    """The new item, or the one that has this kind, title and year already."""
    form = folded(title)
    await connection.execute(
        "INSERT INTO library.media_items (id, kind, title, folded_title, year, library, created_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (kind, folded_title, year) DO NOTHING",
        item_id,
        kind,
        title,
        form,
        year,
        library,
        now,
    )
    row = await connection.fetchrow(
        f"SELECT {_ITEM} FROM library.media_items m "
        "WHERE kind = $1 AND folded_title = $2 AND year IS NOT DISTINCT FROM $3",
        kind,
        form,
        year,
    )
    assert row is not None, "inserted or there before"
    return msgspec.convert({**_item(row), "is_new": row["id"] == item_id}, KnownMediaItem)


def _item(row: Any) -> dict[str, Any]:
    return {**dict(row), "external_ids": dict(row["external_ids"] or ())}


async def rename(connection: Connection, item_id: str, title: str, year: int | None) -> MediaItem:
    """The item under its new title, and year where one is given. Needs a transaction.

    Raises Problem: unknown_media_item, or media_item_exists where another one has that kind, title and year.
    """
    before = await _locked(connection, item_id)
    year = before.year if year is None else year
    other = await connection.fetchval(
        "SELECT id FROM library.media_items WHERE kind = $1 AND folded_title = $2 AND year IS NOT DISTINCT FROM $3 "
        "AND id <> $4",
        before.kind,
        folded(title),
        year,
        item_id,
    )
    if other is not None:
        raise _exists(before.kind, f": {other}")
    try:
        await connection.execute(
            "UPDATE library.media_items SET title = $2, folded_title = $3, year = $4 WHERE id = $1",
            item_id,
            title,
            folded(title),
            year,
        )
    except asyncpg.UniqueViolationError:  # made in this very moment
        raise _exists(before.kind, "") from None
    return msgspec.structs.replace(before, title=title, year=year)


def _exists(kind: str, which: str) -> Problem:
    detail = f"another {kind} has this title and year{which}; use that one, or another title or year"
    return Problem("media_item_exists", 409, detail)


async def remove(connection: Connection, item_id: str) -> MediaItem:
    """Forget an item that nothing depends on; what it was. Needs a transaction.

    Raises Problem: unknown_media_item, or media_item_in_use where files, imports or downloads are its.
    """
    item = await _locked(connection, item_id)
    row = await connection.fetchrow(
        "SELECT (SELECT count(*) FROM library.files WHERE media_item = $1) AS files, "
        "(SELECT count(*) FROM library.imports WHERE $1 IN (media_item, bound_item)) AS imports, "
        "(SELECT count(*) FROM library.downloads WHERE media_item = $1) AS downloads",
        item_id,
    )
    assert row is not None, "a row of counts"
    held = ", ".join(f"{count} {what}" for what, count in row.items() if count)
    if held:
        detail = (
            f"{item.title!r} is in use ({held}) and is not removed: what is in the library stays known by it. A wrong "
            "title can be corrected (`sluice media rename`); an import that is not done can be given another item "
            "(`sluice imports retry ID --media ITEM`), and a download that is not, be removed from its client"
        )
        raise Problem("media_item_in_use", 409, detail)
    await connection.execute("DELETE FROM library.media_items WHERE id = $1", item_id)
    return item


async def _locked(connection: Connection, item_id: str) -> MediaItem:
    """The item, to which nothing can be bound until the transaction ends. Raises Problem unknown_media_item."""
    held = await connection.fetchval("SELECT id FROM library.media_items WHERE id = $1 FOR UPDATE", item_id)
    if held is None:
        raise unknown(item_id)
    return await one(connection, item_id)


async def one(connection: Connection, item_id: str) -> MediaItem:
    """The item. Raises Problem unknown_media_item."""
    row = await connection.fetchrow(f"SELECT {_ITEM} FROM library.media_items m WHERE m.id = $1", item_id)
    if row is None:
        raise unknown(item_id)
    return msgspec.convert(_item(row), MediaItem)


def unknown(item_id: str) -> Problem:
    """There is no such item."""
    return Problem("unknown_media_item", 404, f"there is no media item {item_id}; `GET /api/v1/media` lists them")


async def exists(connection: Connection, item_id: str) -> bool:
    """Whether the catalogue has this item."""
    return bool(await connection.fetchval("SELECT true FROM library.media_items WHERE id = $1", item_id))


async def known(connection: Connection, default_library: dict[str, str]) -> Sequence[Known]:
    """Every item as matching needs it; one without a library of its own is filed in its kind's default, else in ""."""
    rows = await connection.fetch(
        "SELECT id, kind, title, year, library, alternative_titles FROM library.media_items ORDER BY id"
    )
    return [_known(row, default_library) for row in rows]


def _known(row: Any, default_library: dict[str, str]) -> Known:
    return Known(
        id=row["id"],
        kind=row["kind"],
        title=row["title"],
        year=row["year"],
        library=row["library"] or default_library.get(row["kind"], ""),
        alternative_titles=tuple(row["alternative_titles"]),
    )


async def page(
    connection: Connection,
    *,
    kind: str | None,
    search: str | None,
    after: tuple[datetime, str] | None,
    limit: int,
) -> list[MediaItem]:
    """Newest first, after a position."""
    created, item_id = after or (None, None)
    rows = await connection.fetch(
        f"SELECT {_ITEM} FROM library.media_items m WHERE ($1::text IS NULL OR m.kind = $1) "
        "AND ($2::text IS NULL OR position($2 IN m.folded_title) > 0) "
        "AND ($3::timestamptz IS NULL OR (m.created_at, m.id) < ($3, $4)) "
        "ORDER BY m.created_at DESC, m.id DESC LIMIT $5",
        kind,
        None if search is None else fold_title(search),
        created,
        item_id,
        limit,
    )
    return [msgspec.convert(_item(row), MediaItem) for row in rows]


async def files_per_library(connection: Connection) -> dict[str, int]:
    """How many files are registered in each library."""
    rows = await connection.fetch("SELECT library, count(*) AS files FROM library.files GROUP BY library")
    return {row["library"]: row["files"] for row in rows}
