"""All of history's SQL. Callers open the transactions; nothing here decides what is recorded."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sluice_common.contracts.history import HistoryEntry, HistoryQuery
from sluice_history.entry import Entry
from sluice_history.fold import OF_A_LIFE, Fact

if TYPE_CHECKING:
    from sluice_common.db.pool import Connection

_READ_AHEAD = 500

_RECORD = """
    INSERT INTO history.events (id, type, client, download_id, epoch, time, source, data)
    SELECT id, type, client, download_id, epoch, time, source, data
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[], $8::jsonb[])
        AS new (id, type, client, download_id, epoch, time, source, data)
    ON CONFLICT (id) DO NOTHING
    RETURNING id
"""

_FACTS = """
    SELECT download_id, type, epoch, time, data -> 'size' AS size, data -> 'name' AS name
    FROM history.events
    WHERE client = $1 AND type = ANY ($2::text[]) AND download_id IS NOT NULL AND epoch IS NOT NULL
    ORDER BY download_id
"""

_PAGE = """
    SELECT id, type, client, download_id, epoch, time, source, data, recorded_at
    FROM history.events
    WHERE {conditions}
    ORDER BY time {direction}, id {direction}
    LIMIT {limit}
"""


async def record(connection: Connection, entries: Sequence[Entry]) -> set[str]:
    """Store the entries; the ids of those that were new. Sorted, so that two recorders never wait for each other."""
    ordered = sorted(entries, key=lambda entry: entry.id)
    rows = await connection.fetch(
        _RECORD,
        [entry.id for entry in ordered],
        [entry.type for entry in ordered],
        [entry.client for entry in ordered],
        [entry.download_id for entry in ordered],
        [entry.epoch for entry in ordered],
        [entry.time for entry in ordered],
        [entry.source for entry in ordered],
        [entry.data for entry in ordered],
    )
    return {row["id"] for row in rows}


async def page(
    connection: Connection, query: HistoryQuery, after: tuple[datetime, str] | None, limit: int
) -> list[HistoryEntry]:
    """Up to `limit` entries in the query's order, from after the entry at (time, id) on."""
    statement, values = _page_statement(query, after, limit)
    return [HistoryEntry(**row) for row in await connection.fetch(statement, *values)]


def _page_statement(query: HistoryQuery, after: tuple[datetime, str] | None, limit: int) -> tuple[str, list[Any]]:
    """Only the filters that are set, so that the planner sees which index serves them; values are parameters."""
    conditions, values = ["true"], list[Any]()

    def where(condition: str, *given: Any) -> None:
        numbers = [f"${len(values) + index}" for index in range(1, len(given) + 1)]
        conditions.append(condition.format(*numbers))
        values.extend(given)

    if query.client is not None:
        where("client = {0}", query.client)
    if query.id is not None:
        where("download_id = {0}", query.id)
    if query.type is not None:
        where("(type = {0} OR split_part(type, '.', 1) = {0})", query.type)
    if after is not None:
        where("(time, id) " + (">" if query.oldest_first else "<") + " ({0}, {1})", *after)
    direction = "ASC" if query.oldest_first else "DESC"
    return _PAGE.format(conditions=" AND ".join(conditions), direction=direction, limit=int(limit)), values


async def become_reconciler(connection: Connection) -> bool:
    """Whether this transaction is the only one that reconciles now; it is until its end."""
    held = await connection.fetchval(
        "SELECT pg_try_advisory_xact_lock(hashtextextended('sluice history reconciler', 0))"
    )
    return bool(held)


async def facts(connection: Connection, client: str) -> AsyncIterator[tuple[str, Fact]]:
    """Every recorded fact of the lives of a client's downloads, by download id. Inside a transaction."""
    async for row in connection.cursor(_FACTS, client, list(OF_A_LIFE), prefetch=_READ_AHEAD):
        size, name = row["size"], row["name"]
        fact = Fact(
            type=row["type"],
            epoch=row["epoch"],
            time=row["time"],
            size=size if isinstance(size, int) else None,
            name=name if isinstance(name, str) else "",
        )
        yield row["download_id"], fact
