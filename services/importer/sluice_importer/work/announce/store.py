"""The outbox's SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sluice_common.contracts import codec
from sluice_common.contracts.events import Event

if TYPE_CHECKING:
    from sluice_common.db.pool import Connection

KEPT = timedelta(days=1)
_LOCK = "sluice importer outbox"


async def put(connection: Connection, import_id: str, events: Sequence[Event], now: datetime) -> None:
    """Write events down beside the fact they tell, in its transaction, in their order."""
    await connection.executemany(
        "INSERT INTO library.outbox (import_id, event, created_at) VALUES ($1, $2, $3)",
        [(import_id, codec.to_json(event), now) for event in events],
    )


async def lock(connection: Connection) -> bool:
    """Whether this transaction is the one relay; false while another is at work."""
    return bool(await connection.fetchval("SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))", _LOCK))


async def unsent(connection: Connection, limit: int) -> list[tuple[int, Event]]:
    """What waits, oldest first. Rows of one import are in order, because its row was locked when they were written."""
    rows = await connection.fetch(
        "SELECT id, event FROM library.outbox WHERE sent_at IS NULL ORDER BY id LIMIT $1", limit
    )
    return [(row["id"], codec.from_json(row["event"], Event)) for row in rows]


async def mark_sent(connection: Connection, ids: Sequence[int], now: datetime) -> None:
    """The bus has acknowledged these."""
    await connection.execute("UPDATE library.outbox SET sent_at = $2 WHERE id = ANY($1::bigint[])", list(ids), now)


async def forget_sent(connection: Connection, now: datetime) -> None:
    """What was sent a day ago is in the history."""
    await connection.execute("DELETE FROM library.outbox WHERE sent_at < $1", now - KEPT)
