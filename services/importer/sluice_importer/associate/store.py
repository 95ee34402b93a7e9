"""The associations' SQL."""

# ruff: noqa: S608 - what is put into statements is our own lists of columns, values are parameters
from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from sluice_common.contracts.library import Associate, Association, Source
from sluice_common.kit.errors import Problem
from sluice_importer.associate.lifecycle import Delete, Life
from sluice_importer.work.values import storable

if TYPE_CHECKING:
    from sluice_common.db.pool import Connection

SLICE = 400_000
_SHOWN = "client, download_id, state, epoch, media_item, request_id"


async def upsert(connection: Connection, asked: Associate, now: datetime) -> Association:
    """The association of (client, download id): made, or the one that exists, which stays its own request's.

    One that waits or closes takes the new source and begins anew; a bound one keeps its own. A media item that is
    given replaces the one it had. Raises Problem key_reused where the request made another download's association.
    """
    await _refuse_reused(connection, asked)
    source = asked.source
    row = await connection.fetchrow(
        "INSERT INTO library.downloads AS d (client, download_id, request_id, state, media_item, name, magnet, "
        "torrent, save_path, category, created_at, updated_at) "
        "VALUES ($1, $2, $3, 'pending', $4, $5, $6, $7, $8, $9, $10, $10) "
        "ON CONFLICT (client, download_id) DO UPDATE SET "
        "media_item = coalesce(excluded.media_item, d.media_item), name = coalesce(excluded.name, d.name), "
        "magnet = CASE WHEN d.state = 'bound' THEN d.magnet ELSE excluded.magnet END, "
        "torrent = CASE WHEN d.state = 'bound' THEN d.torrent ELSE excluded.torrent END, "
        "save_path = CASE WHEN d.state = 'bound' THEN d.save_path ELSE excluded.save_path END, "
        "category = CASE WHEN d.state = 'bound' THEN d.category ELSE excluded.category END, "
        "state = CASE WHEN d.state = 'bound' THEN 'bound' ELSE 'pending' END, closing_reason = NULL, "
        "epoch = CASE WHEN d.state = 'bound' THEN d.epoch END, missed_polls = 0, missed_at = NULL, "
        f"updated_at = excluded.updated_at RETURNING {_SHOWN}",
        asked.client,
        asked.download_id,
        asked.request_id,
        asked.media_item,
        None if asked.name is None else storable(asked.name),
        source.magnet,
        source.torrent,
        source.save_path,
        source.category,
        now,
    )
    assert row is not None, "inserted or updated"
    return msgspec.convert(dict(row), Association)


async def _refuse_reused(connection: Connection, asked: Associate) -> None:
    """A request is one download's for as long as its association lasts."""
    # Two at once with the same request id: the second waits here, and sees the row of the first.
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 1))", asked.request_id)
    taken = await connection.fetchval(
        "SELECT true FROM library.downloads WHERE request_id = $1 AND (client, download_id) <> ($2, $3)",
        asked.request_id,
        asked.client,
        asked.download_id,
    )
    if taken:
        raise Problem("key_reused", 422, "this Idempotency-Key added another download; use a new one for each command")


async def withdraw(connection: Connection, request_id: str) -> None:
    """The add did not happen. What is bound already stays, and so does what another request made."""
    await connection.execute("DELETE FROM library.downloads WHERE request_id = $1 AND state = 'pending'", request_id)


async def of(connection: Connection, client: str, download_id: str) -> Association | None:
    """The association of a download; None where it has none."""
    row = await connection.fetchrow(
        f"SELECT {_SHOWN} FROM library.downloads WHERE client = $1 AND download_id = $2", client, download_id
    )
    return msgspec.convert(dict(row), Association) if row is not None else None


async def source(connection: Connection, client: str, download_id: str, start: int) -> Source | None:
    """Where a download came from; the .torrent's bytes from `start`, at most SLICE of them."""
    row = await connection.fetchrow(
        "SELECT magnet, save_path, category, octet_length(torrent) AS size, "
        "substring(torrent FROM $3 + 1 FOR $4) AS torrent FROM library.downloads "
        "WHERE client = $1 AND download_id = $2",
        client,
        download_id,
        start,
        SLICE,
    )
    if row is None:
        return None
    end = start + SLICE
    return Source(
        magnet=row["magnet"],
        torrent=row["torrent"],
        save_path=row["save_path"],
        category=row["category"],
        next=end if row["size"] is not None and end < row["size"] else None,
    )


async def lives(connection: Connection, client: str) -> list[Life]:
    """Every association of a client."""
    rows = await connection.fetch(
        "SELECT download_id, state, closing_reason, epoch, missed_polls, missed_at, updated_at "
        "FROM library.downloads WHERE client = $1 ORDER BY download_id",
        client,
    )
    return [msgspec.convert(dict(row), Life) for row in rows]


async def rename(connection: Connection, client: str, life: Life, download_id: str) -> Life:
    """The association under the name that the table has for its download; one that is over there makes way.

    One that lives there stays, and this one keeps its name.
    """
    await connection.execute(
        "DELETE FROM library.downloads WHERE client = $1 AND download_id = $2 AND state = 'closing'",
        client,
        download_id,
    )
    renamed = await connection.fetchval(
        "UPDATE library.downloads SET download_id = $3 WHERE client = $1 AND download_id = $2 "
        "AND NOT EXISTS (SELECT FROM library.downloads WHERE client = $1 AND download_id = $3) RETURNING true",
        client,
        life.download_id,
        download_id,
    )
    return msgspec.structs.replace(life, download_id=download_id) if renamed else life


async def save(connection: Connection, client: str, before: Life, after: Life | Delete) -> None:
    """Take one step, unless somebody changed the association since it was read."""
    if isinstance(after, Delete):
        await connection.execute(
            "DELETE FROM library.downloads WHERE client = $1 AND download_id = $2 AND updated_at = $3",
            client,
            before.download_id,
            before.updated_at,
        )
        return
    await connection.execute(
        "UPDATE library.downloads SET state = $4, closing_reason = $5, epoch = $6, missed_polls = $7, missed_at = $8, "
        "updated_at = $9 WHERE client = $1 AND download_id = $2 AND updated_at = $3",
        client,
        before.download_id,
        before.updated_at,
        after.state,
        after.closing_reason,
        after.epoch,
        after.missed_polls,
        after.missed_at,
        after.updated_at,
    )
