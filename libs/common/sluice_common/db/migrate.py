"""Schema migrations of one owner: alembic with raw SQL, one versions folder and one version table per schema.

Several replicas may start at once: one migrates, the others wait. Nothing here knows any table, and nothing here
imports alembic before there is something to migrate: with SQLAlchemy it costs 0.7 s of CPU and 20 MB.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import asyncpg

from sluice_common.db.connect import options, wait_for
from sluice_common.kit import log
from sluice_common.kit.settings import PostgresSettings

Connect = Callable[[], Awaitable[Any]]

_log = log.get(__name__)
_SCHEMA = re.compile(r"[a-z][a-z0-9_]{0,31}")
_POLL = 0.2
_NAMED = re.compile(r"^(revision|down_revision)\b[^=\n]*=(.*)$", re.MULTILINE)
_QUOTED = re.compile(r"[\"']([^\"']+)[\"']")


def run_sql(script: str) -> None:
    """For migration files: run a script of several statements as it is, inside the migration's transaction.

    `op.execute` takes one statement only (the driver prepares it) and reads `:word` as a parameter.
    """
    from alembic import op

    bind = op.get_bind()
    bind.exec_driver_sql("SELECT 1")  # the driver's transaction begins with the first statement it sees itself
    bind.connection.run_async(lambda connection: connection.execute(script))


async def migrate(settings: PostgresSettings, *, package: str, schema: str, to: str | None = None) -> None:
    """Bring `schema` to the newest revision in `<package>/migrations/versions`; waits until PostgreSQL answers.

    `to` stops at an older revision, which a backup was made of.

    A schema that is newer than this program (an old replica restarted during an upgrade) is left as it is.
    Raises SettingsError when PostgreSQL refuses us, and whatever a migration raises; a failed one changed nothing.
    """
    if _SCHEMA.fullmatch(schema) is None:
        raise ValueError(f"not a schema name: {schema!r}")
    versions = Path(str(files(package))) / "migrations" / "versions"
    known, newest = revisions(versions)
    async with _exclusive(settings, schema) as connection:
        before = await _current(connection, schema)
        if before is not None and before not in known:
            _log.warning("schema_is_newer", schema=schema, revision=before)
            return
        if (newest if to is None else {to}) != {before}:
            connect = partial(asyncpg.connect, **options(settings, f"{package} migrations"))
            await asyncio.to_thread(_upgrade, connect, versions, schema, to or "head")
            _log.info("schema_migrated", schema=schema, before=before, after=await _current(connection, schema))


def revisions(versions: Path) -> tuple[set[str], set[str]]:
    """Every revision of a versions folder, and those on which no other is built (one, unless a merge was forgotten).

    Read from the files' `revision = "…"` and `down_revision = …` lines; the files are not run.
    """
    found: dict[str, set[str]] = {"revision": set(), "down_revision": set()}
    for path in versions.glob("*.py"):
        for name, value in _NAMED.findall(path.read_text(encoding="utf-8")):
            found[name].update(_QUOTED.findall(value))
    return found["revision"], found["revision"] - found["down_revision"]


def _upgrade(connect: Connect, versions: Path, schema: str, to: str) -> None:
    from sluice_common.db.upgrade import upgrade

    upgrade(connect, versions, schema, to)


@asynccontextmanager
async def _exclusive(settings: PostgresSettings, schema: str) -> AsyncIterator[Any]:
    """A connection that holds the schema's migration lock; the schema exists.

    Waiters poll outside any transaction: one that waited inside would block CREATE INDEX CONCURRENTLY for ever.
    """
    connection = await wait_for(lambda: asyncpg.connect(**options(settings, f"{schema} migrations")), settings)
    try:
        await _lock(connection, f"sluice migrations of {schema}")
        if await connection.fetchval("SELECT to_regnamespace($1)", schema) is None:
            await connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
        yield connection
    finally:
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await connection.close(timeout=2)  # ends the session, and with it the lock


async def _lock(connection: Any, name: str) -> None:
    while True:
        if await connection.fetchval("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", name):
            return
        await asyncio.sleep(_POLL)


async def _current(connection: Any, schema: str) -> str | None:
    if await connection.fetchval("SELECT to_regclass($1)", f"{schema}.alembic_version") is None:
        return None
    revision: str | None = await connection.fetchval(f'SELECT version_num FROM "{schema}".alembic_version')  # noqa: S608 - checked
    return revision
