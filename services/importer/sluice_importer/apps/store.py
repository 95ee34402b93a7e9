"""The SQL of what was taken over from apps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from sluice_common.contracts.catalogue import EntryProblem
from sluice_importer.apps.due import Taken

if TYPE_CHECKING:
    from sluice_common.db.pool import Connection

PROBLEMS_KEPT = 20


async def taken(connection: Connection, app: str) -> dict[int, Taken]:
    """Everything that was taken over from this app, by its id there."""
    rows = await connection.fetch("SELECT number, digest, taken_at FROM library.app_items WHERE app = $1", app)
    return {row["number"]: Taken(row["digest"], row["taken_at"]) for row in rows}


async def note(connection: Connection, app: str, number: int, digest: str, item: str, now: datetime) -> None:
    """This item was taken over, as it was told."""
    await connection.execute(
        "INSERT INTO library.app_items (app, number, digest, media_item, taken_at) VALUES ($1, $2, $3, $4, $5) "
        "ON CONFLICT (app, number) DO UPDATE SET digest = excluded.digest, media_item = excluded.media_item, "
        "taken_at = excluded.taken_at",
        app,
        number,
        digest,
        item,
        now,
    )


async def forget(connection: Connection, app: str, numbers: list[int]) -> None:
    """The app no longer has these; what the catalogue knows of them stays."""
    await connection.execute("DELETE FROM library.app_items WHERE app = $1 AND number = ANY($2)", app, numbers)


async def try_lock(connection: Connection, app: str) -> bool:
    """Whether this session is the one that takes over from this app; false while another replica is at it."""
    return bool(await connection.fetchval("SELECT pg_try_advisory_lock(hashtextextended($1, 2))", app))


async def unlock(connection: Connection, app: str) -> None:
    """Let another replica do it."""
    await connection.execute("SELECT pg_advisory_unlock(hashtextextended($1, 2))", app)


async def succeeded(
    connection: Connection, app: str, version: str, problems: Sequence[EntryProblem], now: datetime
) -> None:
    """Everything was asked for, and taken over but for what the problems say."""
    await connection.execute(
        "INSERT INTO library.apps (app, version, tried_at, synced_at, left_out, problems) "
        "VALUES ($1, $2, $3, $3, $4, $5) ON CONFLICT (app) DO UPDATE SET version = excluded.version, "
        "tried_at = excluded.tried_at, synced_at = excluded.synced_at, reason = NULL, message = NULL, "
        "left_out = excluded.left_out, problems = excluded.problems",
        app,
        version,
        now,
        len(problems),
        msgspec.to_builtins(problems[:PROBLEMS_KEPT]),
    )


async def failed(connection: Connection, app: str, reason: str, message: str, now: datetime) -> None:
    """The attempt came to nothing; what was known of the app stays."""
    await connection.execute(
        "INSERT INTO library.apps (app, tried_at, reason, message) VALUES ($1, $2, $3, $4) "
        "ON CONFLICT (app) DO UPDATE SET tried_at = excluded.tried_at, reason = excluded.reason, "
        "message = excluded.message",
        app,
        now,
        reason,
        message,
    )


async def told(connection: Connection) -> dict[str, dict[str, Any]]:
    """What is known of each app that was ever asked, by the fields of AppStatus."""
    rows = await connection.fetch(
        "SELECT a.app, a.version, a.tried_at, a.synced_at, a.reason, a.message, a.left_out, a.problems, "
        "(SELECT count(*) FROM library.app_items i WHERE i.app = a.app) AS items FROM library.apps a"
    )
    return {row["app"]: {name: value for name, value in row.items() if name != "app"} for row in rows}
