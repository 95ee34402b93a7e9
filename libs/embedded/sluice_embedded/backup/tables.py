"""The database's side of a backup: rows out of one snapshot, and rows into tables that our own migrations made.

COPY in its text format does not depend on PostgreSQL's version, and asyncpg speaks it: no program of PostgreSQL is
needed, so that this works wherever Sluice runs.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from graphlib import TopologicalSorter
from itertools import groupby
from typing import Any

import asyncpg

from sluice_common.db.connect import options
from sluice_common.db.migrate import migrate
from sluice_common.kit.settings import PostgresSettings
from sluice_embedded.backup.archive import PIECE, Writer
from sluice_embedded.backup.manifest import BackupRefused, Manifest, Sequence, Table
from sluice_embedded.backup.owners import Owners

Connection = Any  # asyncpg's stubs know the parameters of COPY for some of its connections only
APPLICATION = "sluice-backup"
_STEADY = {
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "iso_8601",
    "extra_float_digits": "3",
    "bytea_output": "hex",
    "idle_in_transaction_session_timeout": "0",
    "statement_timeout": "0",
}
_TABLES = """
    SELECT n.nspname || '.' || c.relname AS name, c.oid,
           array_agg(a.attname::text ORDER BY a.attnum) AS columns
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    WHERE c.relkind = 'r' AND n.nspname = ANY($1::text[]) AND c.relname <> 'alembic_version'
    GROUP BY 1, 2 ORDER BY 1
"""
_REFERENCES = """
    SELECT conrelid AS table, confrelid AS needs FROM pg_constraint
    WHERE contype = 'f' AND conrelid <> confrelid AND conrelid = ANY($1::oid[])
"""
_SEQUENCES = """
    SELECT schemaname || '.' || sequencename AS name FROM pg_sequences WHERE schemaname = ANY($1::text[]) ORDER BY 1
"""
_WITH_REVISION = """
    SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname = 'alembic_version' AND n.nspname = ANY($1::text[])
"""


async def connect(settings: PostgresSettings) -> Connection:
    """A connection for a backup, whose texts do not depend on the server's settings."""
    wanted = options(settings, APPLICATION)
    return await asyncpg.connect(**{**wanted, "server_settings": {**wanted["server_settings"], **_STEADY}})


async def present(connection: Connection, owners: Owners) -> list[str]:
    """The schemas of ours that are there, with tables in them."""
    rows = await connection.fetch(_WITH_REVISION, [owner.schema for owner in owners])
    return sorted(row["nspname"] for row in rows)


async def dump(settings: PostgresSettings, owners: Owners, writer: Writer) -> Manifest:
    """Every row of every schema of ours, all of one moment, into the archive; the manifest lacks the time."""
    connection = await connect(settings)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return await _dump(connection, owners, writer)
    finally:
        await connection.close(timeout=5)


async def _dump(connection: Connection, owners: Owners, writer: Writer) -> Manifest:
    schemas = await _revisions(connection, owners)
    tables = await _in_order(connection, list(schemas))
    for name in tables:
        await connection.execute(f"LOCK TABLE {_quoted(name)} IN ACCESS SHARE MODE")
    written = {name: await _dump_table(connection, name, columns, writer) for name, columns in tables.items()}
    version = connection.get_server_version()
    return Manifest(
        made_at=await connection.fetchval("SELECT now()"),
        sluice="",
        postgres=f"{version.major}.{version.minor}",
        schemas=schemas,
        tables=written,
        sequences=await _sequences(connection, list(schemas)),
    )


async def _revisions(connection: Connection, owners: Owners) -> dict[str, str]:
    """Schema to revision. BackupRefused for a schema of a newer Sluice: what we made of it could be less than whole."""
    packages = {owner.schema: owner for owner in owners}
    found: dict[str, str] = {}
    for schema in await present(connection, owners):
        revision = await connection.fetchval(f'SELECT version_num FROM "{schema}".alembic_version')  # noqa: S608 - ours
        if revision is None:
            continue
        if revision not in packages[schema].known:
            raise BackupRefused(
                f"the schema {schema} is of a newer Sluice (revision {revision}): make the backup with that version"
            )
        found[schema] = revision
    return found


async def _in_order(connection: Connection, schemas: list[str]) -> dict[str, tuple[str, ...]]:
    """Tables to their columns, each behind those that it refers to."""
    rows = {row["oid"]: row for row in await connection.fetch(_TABLES, schemas)}
    sorter: TopologicalSorter[int] = TopologicalSorter(dict.fromkeys(rows, ()))
    for row in await connection.fetch(_REFERENCES, list(rows)):
        sorter.add(row["table"], row["needs"])
    return {rows[oid]["name"]: tuple(rows[oid]["columns"]) for oid in sorter.static_order()}


async def _dump_table(connection: Connection, name: str, columns: tuple[str, ...], writer: Writer) -> Table:
    schema, _, table = name.partition(".")
    held, number = bytearray(), 0

    async def take(content: bytes) -> None:
        nonlocal number
        held.extend(content)
        while len(held) >= PIECE:
            writer.add_piece(name, number, bytes(held[:PIECE]))
            del held[:PIECE]
            number += 1

    status = await connection.copy_from_table(
        table, schema_name=schema, columns=columns, output=take, format="text", encoding="utf-8"
    )
    if held:
        writer.add_piece(name, number, bytes(held))
    return Table(columns, _count(status))


async def _sequences(connection: Connection, schemas: list[str]) -> dict[str, Sequence]:
    found = {}
    for row in await connection.fetch(_SEQUENCES, schemas):
        state = await connection.fetchrow(f"SELECT last_value, is_called FROM {_quoted(row['name'])}")  # noqa: S608
        found[row["name"]] = Sequence(state["last_value"], state["is_called"])
    return found


def check_known(manifest: Manifest, owners: Owners) -> None:
    """BackupRefused unless this program can make every schema of the backup as it was."""
    packages = {owner.schema: owner for owner in owners}
    newer = [
        f"{schema} {revision}"
        for schema, revision in manifest.schemas.items()
        if schema not in packages or revision not in packages[schema].known
    ]
    if newer:
        raise BackupRefused(
            f"the backup was made by a newer Sluice ({manifest.sluice}; {', '.join(newer)} is not known here): "
            "upgrade Sluice, then restore"
        )


async def load(
    settings: PostgresSettings, owners: Owners, manifest: Manifest, pieces: Iterator[tuple[str, bytes]]
) -> None:
    """Fill an empty database: the schemas as they were, the rows, the migrations since. BackupRefused if unlike."""
    wanted = [owner for owner in owners if owner.schema in manifest.schemas]
    for owner in wanted:
        await migrate(settings, package=owner.package, schema=owner.schema, to=manifest.schemas[owner.schema])
    connection = await connect(settings)
    try:
        async with connection.transaction():
            await _load(connection, manifest, pieces)
    finally:
        await connection.close(timeout=5)
    for owner in wanted:
        await migrate(settings, package=owner.package, schema=owner.schema)


async def _load(connection: Connection, manifest: Manifest, pieces: Iterator[tuple[str, bytes]]) -> None:
    await _check_same(connection, manifest)
    if manifest.tables:  # a migration may have put rows there; the backup has those already
        await connection.execute(f"TRUNCATE {', '.join(map(_quoted, manifest.tables))}")
    loaded = dict.fromkeys(manifest.tables, 0)
    for name, some in groupby(pieces, key=lambda piece: piece[0]):
        loaded[name] += await _load_table(connection, name, manifest.tables[name].columns, some)
    for name, table in manifest.tables.items():
        if loaded[name] != table.rows:
            raise BackupRefused(f"{name} has {loaded[name]} rows in the backup, where {table.rows} were promised")
    for name, sequence in manifest.sequences.items():
        await connection.fetchval(
            "SELECT setval($1::text::regclass, $2, $3)", _quoted(name), sequence.last, sequence.called
        )


async def _check_same(connection: Connection, manifest: Manifest) -> None:
    """The tables that the migrations made are those of the backup: names from the archive get no further than this."""
    schemas = list(manifest.schemas)
    here = await _in_order(connection, schemas)
    there = {name: table.columns for name, table in manifest.tables.items()}
    unlike = {name for name in here.keys() | there.keys() if set(here.get(name, ())) != set(there.get(name, ()))}
    unlike |= manifest.sequences.keys() ^ {row["name"] for row in await connection.fetch(_SEQUENCES, schemas)}
    if unlike:
        raise BackupRefused(f"the backup's tables are not those of its revision: {', '.join(sorted(unlike)[:3])}")


async def _load_table(
    connection: Connection, name: str, columns: tuple[str, ...], some: Iterator[tuple[str, bytes]]
) -> int:
    async def source() -> AsyncIterator[bytes]:
        for _, content in some:
            yield content

    schema, _, table = name.partition(".")
    try:
        status = await connection.copy_to_table(
            table, schema_name=schema, columns=columns, source=source(), format="text", encoding="utf-8"
        )
    except asyncpg.PostgresError as error:
        raise BackupRefused(f"{name} cannot be restored: {error.args[0]}") from error
    return _count(status)


def _quoted(name: str) -> str:
    schema, _, table = name.partition(".")
    return ".".join('"' + part.replace('"', '""') + '"' for part in (schema, table))


def _count(status: str) -> int:
    """Of `COPY 12`."""
    return int(status.split()[-1])


async def settle_down(settings: PostgresSettings) -> None:
    """Statistics for the planner. What was committed is in the write-ahead log; a stop in order writes it out."""
    connection = await connect(settings)
    try:
        await connection.execute("ANALYZE")
    finally:
        await connection.close(timeout=5)
