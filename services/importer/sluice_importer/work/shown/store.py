"""The SQL behind the list of imports."""

# ruff: noqa: S608 - what is put into statements is our own lists of columns, values are parameters
from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from sluice_common.contracts.library import Import, ImportFile, ImportState, Listing
from sluice_common.kit.errors import Problem
from sluice_importer.work.announce import facts
from sluice_importer.work.announce import store as outbox

if TYPE_CHECKING:
    from sluice_common.db.pool import Connection

_SHOWN = (
    "i.id, i.client, i.download_id, i.epoch, i.name, i.state, i.version, i.reason, i.message, i.media_item, i.library, "
    "i.attempt, i.files_done, i.files_total, i.created_at, i.updated_at, i.next_retry_at"
)
# What a person may ask for again. What runs is running, what is imported is done.
RETRIABLE = ("blocked", "failed", "waiting", "ignored")


async def page(connection: Connection, asked: Listing, after: tuple[datetime, str] | None, limit: int) -> list[Import]:
    """Newest first, after a position, without files."""
    created, import_id = after or (None, None)
    rows = await connection.fetch(
        f"SELECT {_SHOWN} FROM library.imports i LEFT JOIN library.media_items m ON m.id = i.media_item "
        "WHERE ($1::text IS NULL OR i.client = $1) AND ($2::text IS NULL OR i.download_id = $2) "
        "AND ($3::text IS NULL OR i.state = $3) AND ($4::text IS NULL OR m.kind = $4) "
        "AND ($5::text IS NULL OR position(lower($5) IN lower(i.name)) > 0) "
        "AND ($6::timestamptz IS NULL OR (i.created_at, i.id) < ($6, $7)) "
        "ORDER BY i.created_at DESC, i.id DESC LIMIT $8",
        asked.client,
        asked.id,
        asked.state,
        asked.kind,
        asked.search,
        created,
        import_id,
        limit,
    )
    return [_import(row) for row in rows]


async def one(connection: Connection, import_id: str) -> Import | None:
    """One import with the verdict of each file."""
    row = await connection.fetchrow(
        f"SELECT {_SHOWN} FROM library.imports i WHERE i.id = $1",
        import_id,
    )
    if row is None:
        return None
    files = await connection.fetch(
        "SELECT path, size, verdict, reason, target, method, placed FROM library.import_files "
        "WHERE import_id = $1 ORDER BY position",
        import_id,
    )
    return msgspec.structs.replace(_import(row), files=tuple(msgspec.convert(dict(file), ImportFile) for file in files))


async def retry(connection: Connection, import_id: str, media_item: str | None, now: datetime) -> None:
    """Due at once, as if it had never failed, with the association as it is now; whoever works on it is fenced out.

    `media_item` is a person's word about what it is for: the association takes it over, so that later tries keep it.

    Raises Problem: unknown_import, or not_retriable.
    """
    row = await connection.fetchrow("SELECT state FROM library.imports WHERE id = $1 FOR UPDATE", import_id)
    if row is None:
        raise Problem("unknown_import", 404, f"there is no import {import_id}")
    if row["state"] not in RETRIABLE:
        raise Problem(
            "not_retriable", 409, f"the import is {row['state']}; only {', '.join(RETRIABLE)} ones are tried again"
        )
    if media_item is not None:
        await _bind(connection, import_id, media_item)
    after = await connection.fetchrow(
        "UPDATE library.imports i SET state = $2, reason = NULL, message = NULL, failures = 0, next_retry_at = $3, "
        "attempt = attempt + 1, lease_until = NULL, version = version + 1, updated_at = $3, bound_item = coalesce("
        "(SELECT d.media_item FROM library.downloads d WHERE d.client = i.client AND d.download_id = i.download_id), "
        f"i.bound_item) WHERE i.id = $1 RETURNING {_SHOWN}",
        import_id,
        ImportState.WAITING,
        now,
    )
    assert after is not None, "the row is locked"
    event = facts.of_state(dict(after), now)
    if event is not None:
        await outbox.put(connection, import_id, [event], now)


async def _bind(connection: Connection, import_id: str, media_item: str) -> None:
    await connection.execute("UPDATE library.imports SET bound_item = $2 WHERE id = $1", import_id, media_item)
    await connection.execute(
        "UPDATE library.downloads d SET media_item = $2 FROM library.imports i "
        "WHERE i.id = $1 AND d.client = i.client AND d.download_id = i.download_id",
        import_id,
        media_item,
    )


def _import(row: Any) -> Import:
    return msgspec.convert(dict(row), Import)
