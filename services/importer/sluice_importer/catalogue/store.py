"""The catalogue's SQL: media items."""

# ruff: noqa: S608 - what is put into statements is our own lists of columns, values are parameters
from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from sluice_common.contracts.library import MediaItem
from sluice_importer.match.values import MediaItem as Known
from sluice_names import fold_title

if TYPE_CHECKING:
    from sluice_common.db.pool import Connection

_ITEM = (
    "m.id, m.kind, m.title, m.year, m.library, m.created_at, "
    "(SELECT count(*) FROM library.files f WHERE f.media_item = m.id) AS files"
)


async def ensure(
    connection: Connection, item_id: str, kind: str, title: str, year: int | None, library: str | None, now: datetime
) -> MediaItem:
    """The new item, or the one that has this kind, title and year already."""
    folded = fold_title(title) or title.casefold()
    await connection.execute(
        "INSERT INTO library.media_items (id, kind, title, folded_title, year, library, created_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (kind, folded_title, year) DO NOTHING",
        item_id,
        kind,
        title,
        folded,
        year,
        library,
        now,
    )
    row = await connection.fetchrow(
        f"SELECT {_ITEM} FROM library.media_items m "
        "WHERE kind = $1 AND folded_title = $2 AND year IS NOT DISTINCT FROM $3",
        kind,
        folded,
        year,
    )
    assert row is not None, "inserted or there before"
    return msgspec.convert(dict(row), MediaItem)


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
    return [msgspec.convert(dict(row), MediaItem) for row in rows]


async def files_per_library(connection: Connection) -> dict[str, int]:
    """How many files are registered in each library."""
    rows = await connection.fetch("SELECT library, count(*) AS files FROM library.files GROUP BY library")
    return {row["library"]: row["files"] for row in rows}
