"""The intake's SQL: adoption of clients, and finished downloads as rows of library.imports."""

# ruff: noqa: S608 - what is put into statements is our own lists of columns, values are parameters
from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from sluice_importer.associate.lifecycle import EXPIRED, GONE, REOPENS_WITHIN
from sluice_importer.work.announce import facts
from sluice_importer.work.announce import store as outbox
from sluice_importer.work.intake.decide import Create, Finished, Keep, Known, decide
from sluice_importer.work.values import storable

if TYPE_CHECKING:
    from sluice_common.db.pool import Connection

_LOCK = "sluice importer intake"
_PREEXISTING = "it was complete before Sluice first saw this client; retry the import to import it after all"
_ROW = (
    "id, client, download_id, epoch, name, state, reason, message, version, media_item, library, "
    "files_done, files_total"
)


class Adopted(msgspec.Struct, frozen=True):
    """Since when a client is followed, and the categories whose backlog was judged."""

    adopted_at: datetime
    categories: frozenset[str]


async def try_lock(connection: Connection) -> bool:
    """Whether this transaction is the one intake; false while another is at work."""
    return bool(await connection.fetchval("SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))", _LOCK))


async def lock(connection: Connection) -> None:
    """Wait until this transaction is the one intake, so that what it decides is still so when it is written."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", _LOCK)


async def adopted(connection: Connection, client: str) -> Adopted | None:
    """None for a client whose table was never judged."""
    row = await connection.fetchrow("SELECT adopted_at, categories FROM library.clients WHERE client = $1", client)
    return None if row is None else Adopted(row["adopted_at"], frozenset(row["categories"]))


async def adopt(connection: Connection, client: str, categories: Iterable[str], now: datetime) -> None:
    """The backlog of these categories is judged from here on."""
    await connection.execute(
        "INSERT INTO library.clients AS c (client, adopted_at, categories) VALUES ($1, $2, $3) "
        "ON CONFLICT (client) DO UPDATE SET categories = "
        "(SELECT array_agg(DISTINCT one) FROM unnest(c.categories || excluded.categories) AS one)",
        client,
        now,
        sorted(categories),
    )


async def associated(connection: Connection, client: str) -> dict[str, str | None]:
    """The downloads of a client that were added through us and are not done with: the category asked for each."""
    rows = await connection.fetch(
        "SELECT download_id, category FROM library.downloads WHERE client = $1 AND state <> 'closing'", client
    )
    return {row["download_id"]: row["category"] for row in rows}


async def known(connection: Connection, client: str, ids: Sequence[str]) -> dict[str, list[Known]]:
    """The imports of these downloads, oldest first, by download id."""
    rows = await connection.fetch(
        "SELECT id, download_id, epoch, incarnation, wanted, state, reason FROM library.imports "
        "WHERE client = $1 AND download_id = ANY($2::text[]) ORDER BY created_at, id",
        client,
        list(ids),
    )
    found: dict[str, list[Known]] = defaultdict(list)
    for row in rows:
        found[row["download_id"]].append(msgspec.convert(dict(row), Known))
    return found


async def take(
    connection: Connection,
    client: str,
    downloads: Sequence[Finished],
    *,
    preexisting: Callable[[Finished], bool],
    new_id: Callable[[], str],
    now: datetime,
) -> int:
    """Upsert finished downloads of one client as imports, under the lock; how many there is work for."""
    imports = await known(connection, client, [download.download_id for download in downloads])
    work, noted = 0, list[Finished]()
    for download in downloads:
        match decide(download, imports.get(download.download_id, ()), preexisting=preexisting(download)):
            case Create(preexisting=True):
                noted.append(download)
            case Create():
                work += await _create(connection, download, new_id(), now)
            case Keep(import_id, _, reopen):
                work += await _keep(connection, import_id, download, reopen, now)
            case None:
                pass
    await _note(connection, noted, new_id, now)
    return work


async def _note(
    connection: Connection, downloads: Sequence[Finished], new_id: Callable[[], str], now: datetime
) -> None:
    """What was complete before the client was first seen: listed, with a reason, and left alone."""
    await connection.executemany(
        "INSERT INTO library.imports (id, client, download_id, epoch, incarnation, wanted, name, category, state, "
        "reason, message, created_at, updated_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'ignored', 'preexisting', $9, $10, $10) "
        "ON CONFLICT (client, download_id, epoch) DO NOTHING",
        [(new_id(), *_columns(download), _PREEXISTING, now) for download in downloads],
    )


def _columns(download: Finished) -> tuple[object, ...]:
    category = None if download.category is None else storable(download.category)
    return (
        download.client,
        download.download_id,
        download.epoch,
        download.incarnation,
        download.wanted,
        storable(download.name),
        category,
    )


async def _create(connection: Connection, download: Finished, import_id: str, now: datetime) -> int:
    """The association is copied into the import, where there is one that is this epoch's or that it would reopen."""
    row = await connection.fetchrow(
        "INSERT INTO library.imports (id, client, download_id, epoch, incarnation, wanted, name, category, state, "
        "next_retry_at, bound_item, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'waiting', $9, "
        "(SELECT media_item FROM library.downloads WHERE client = $2 AND download_id = ANY($13::text[]) "
        "AND (state <> 'closing' OR epoch = $4 OR closing_reason = $10 "
        "OR (closing_reason = $11 AND updated_at > $12)) ORDER BY download_id <> $3 LIMIT 1), $9, $9) "
        f"ON CONFLICT (client, download_id, epoch) DO NOTHING RETURNING {_ROW}",
        import_id,
        *_columns(download),
        now,
        EXPIRED,
        GONE,
        now - REOPENS_WITHIN,
        list(download.names),
    )
    return 0 if row is None else await _tell(connection, row, now)


async def _keep(connection: Connection, import_id: str, download: Finished, reopen: bool, now: datetime) -> int:
    """A reopened import begins anew: whoever still works on it is fenced out."""
    row = await connection.fetchrow(
        "UPDATE library.imports SET epoch = $2, incarnation = coalesce($3, incarnation), "
        "wanted = CASE WHEN $5 THEN $4 ELSE wanted END, "
        "version = version + CASE WHEN $5 OR epoch <> $2 THEN 1 ELSE 0 END, "
        "state = CASE WHEN $5 THEN 'waiting' ELSE state END, reason = CASE WHEN $5 THEN NULL ELSE reason END, "
        "message = CASE WHEN $5 THEN NULL ELSE message END, failures = CASE WHEN $5 THEN 0 ELSE failures END, "
        "next_retry_at = CASE WHEN $5 THEN $6 ELSE next_retry_at END, "
        "attempt = attempt + CASE WHEN $5 THEN 1 ELSE 0 END, "
        "lease_until = CASE WHEN $5 THEN NULL ELSE lease_until END, "
        f"updated_at = CASE WHEN $5 THEN $6 ELSE updated_at END WHERE id = $1 RETURNING {_ROW}",
        import_id,
        download.epoch,
        download.incarnation,
        download.wanted,
        reopen,
        now,
    )
    return await _tell(connection, row, now) if reopen and row is not None else 0


async def _tell(connection: Connection, row: Any, now: datetime) -> int:
    event = facts.of_state(dict(row), now)
    if event is not None:
        await outbox.put(connection, row["id"], [event], now)
    return 1
