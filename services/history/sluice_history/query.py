"""Answers `sluice.rpc.history.list`. Reads only."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime

import msgspec

from sluice_common.bus.connect import Bus
from sluice_common.bus.rpc import Stoppable, serve
from sluice_common.contracts import rpc, subjects
from sluice_common.contracts.history import HistoryEntry, HistoryQuery
from sluice_common.contracts.rpc import Page
from sluice_common.db.connect import describe
from sluice_common.db.pool import Database, is_transient
from sluice_common.kit.errors import Problem
from sluice_history import store

MAX_LIMIT = 1000


async def serve_queries(bus: Bus, db: Database) -> Stoppable:
    """Answer from now on; one replica answers each request."""

    async def list_entries(query: HistoryQuery, _request: rpc.Request) -> Page[HistoryEntry]:
        return await answer(db, query)

    return await serve(bus, subjects.rpc("history", "list"), HistoryQuery, list_entries, queue="history")


async def answer(db: Database, query: HistoryQuery) -> Page[HistoryEntry]:
    """A page of at most `PAGE_BYTES`, newest or oldest first. Raises Problem."""
    after = read_cursor(query.cursor)
    limit = min(max(query.limit, 1), MAX_LIMIT)
    try:
        async with db.connection() as connection:
            entries = await store.page(connection, query, after, limit + 1)
    except Exception as error:
        if not is_transient(error):
            raise
        detail = f"the history's database does not answer now ({describe(error)}); try again in a moment"
        raise Problem("database_unavailable", 503, detail) from error
    return rpc.cut(entries, write_cursor, limit=limit)


def write_cursor(entry: HistoryEntry) -> str:
    """An opaque place after `entry`, good in any later query of the same order."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode((entry.time, entry.id))).decode().rstrip("=")


def read_cursor(cursor: str | None) -> tuple[datetime, str] | None:
    """Where `write_cursor` was; raises Problem for anything else."""
    if cursor is None:
        return None
    try:
        packed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        time, entry_id = msgspec.msgpack.decode(packed, type=tuple[datetime, str])
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise _bad_cursor() from None
    if time.tzinfo is None or "\x00" in entry_id:
        raise _bad_cursor()
    return time, entry_id


def _bad_cursor() -> Problem:
    return Problem("bad_cursor", 400, "this cursor is not one of ours; take `next` from the page before, unchanged")
