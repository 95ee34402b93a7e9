"""Restore into a PostgreSQL of one's own (compose, Kubernetes): a new database, filled, then renamed into place.

Both renames are one transaction, and PostgreSQL refuses them while anybody is connected: no service of Sluice can be
surprised by it, and a crash leaves either the old database or the restored one under the name.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from sluice_common.db.connect import address
from sluice_common.kit.settings import PostgresSettings
from sluice_embedded.backup import archive, tables
from sluice_embedded.backup.manifest import BackupRefused, Manifest
from sluice_embedded.backup.owners import OWNERS, Owners
from sluice_embedded.backup.tables import Connection

_LONGEST = 63
_OTHERS = """
    SELECT DISTINCT coalesce(nullif(application_name, ''), usename, 'somebody') AS who FROM pg_stat_activity
    WHERE datname = $1 AND pid <> pg_backend_pid() AND backend_type = 'client backend' ORDER BY 1
"""
_MAY_CREATE = "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
_USER_TABLES = """
    SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
      AND n.nspname NOT LIKE 'pg\\_toast%' AND n.nspname NOT LIKE 'pg\\_temp%'
"""


async def restore(
    file: Path, settings: PostgresSettings, replace: bool, now: datetime, owners: Owners = OWNERS
) -> tuple[Manifest, str | None]:
    """Make the configured database what the backup says; also the name under which the old one is kept, if any.

    Raises BackupRefused, nothing changed, and what asyncpg raises.
    """
    manifest = archive.check(file)
    tables.check_known(manifest, owners)
    name = _name(settings)
    fresh, kept = f"{name}_restoring", f"{name}_before_{now:%Y%m%d_%H%M%S}"
    if len(kept) > _LONGEST:
        raise BackupRefused(f"the name of the database {name} is too long to keep it under another beside the new one")
    old = await _old(settings, name, replace)
    steward = await tables.connect(_in(settings, "postgres"))
    try:
        await _check_alone(steward, name)
        await _make(steward, fresh)
        try:
            await tables.load(_in(settings, fresh), owners, manifest, archive.pieces(file, manifest))
            await tables.settle_down(_in(settings, fresh))
            await _take_its_place(steward, name, fresh, kept if old else None)
        except BaseException:
            await steward.execute(f'DROP DATABASE IF EXISTS "{fresh}"')
            raise
    finally:
        await steward.close(timeout=5)
    return manifest, kept if old else None


async def _old(settings: PostgresSettings, name: str, replace: bool) -> bool:
    """Whether there is a database of this name."""
    try:
        connection = await tables.connect(settings)
    except asyncpg.InvalidCatalogNameError:
        return False
    try:
        holds = await connection.fetchval(_USER_TABLES)
    finally:
        await connection.close(timeout=5)
    if holds and not replace:
        raise BackupRefused(
            f"the database {address(settings)} is not empty; with --replace it is kept under another name. "
            "Nothing was changed."
        )
    return True


async def _check_alone(steward: Connection, name: str) -> None:
    others = [row["who"] for row in await steward.fetch(_OTHERS, name)]
    if others:
        raise BackupRefused(
            f"the database {name} is in use ({', '.join(others[:5])}): stop Sluice, every replica of every service. "
            "Nothing was changed."
        )


async def _make(steward: Connection, fresh: str) -> None:
    """An earlier attempt that was killed may have left one."""
    if not await steward.fetchval(_MAY_CREATE):
        raise BackupRefused(
            "this user may not make databases, and a restore needs a new one: as an administrator run "
            '`ALTER ROLE "…" CREATEDB` for the user of postgres.dsn. Nothing was changed.'
        )
    await steward.execute(f'DROP DATABASE IF EXISTS "{fresh}"')
    await steward.execute(f"CREATE DATABASE \"{fresh}\" TEMPLATE template0 ENCODING 'UTF8'")


async def _take_its_place(steward: Connection, name: str, fresh: str, kept: str | None) -> None:
    try:
        async with steward.transaction():
            if kept is not None:
                await steward.execute(f'ALTER DATABASE "{name}" RENAME TO "{kept}"')
            await steward.execute(f'ALTER DATABASE "{fresh}" RENAME TO "{name}"')
    except asyncpg.ObjectInUseError as error:
        raise BackupRefused(
            f"somebody connected to the database {name} meanwhile: stop Sluice, every replica of every service. "
            "Nothing was changed."
        ) from error


def _name(settings: PostgresSettings) -> str:
    name = urlsplit(settings.dsn).path.lstrip("/")
    if not name or '"' in name or name in ("postgres", "template0", "template1"):
        raise BackupRefused("postgres.dsn must name a database of Sluice's own, like …/sluice")
    return name


def _in(settings: PostgresSettings, database: str) -> PostgresSettings:
    parts = urlsplit(settings.dsn)
    return settings.model_copy(update={"dsn": parts._replace(path=f"/{database}").geturl()})
