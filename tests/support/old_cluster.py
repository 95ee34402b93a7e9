"""A data directory whose database an older PostgreSQL of the wheel wrote, with Sluice's schemas and rows in it."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import asyncpg

from sluice_common.kit.clock import SYSTEM_CLOCK
from sluice_common.kit.settings import PostgresSettings
from sluice_embedded import account, postgres, servers
from sluice_embedded.alone import alone
from sluice_embedded.layout import Layout, occupied
from sluice_embedded.ports import free_ports
from support.schema import OWNERS, migrate_all

OLD = "16"
EVENTS = 5_000
# One row in each table that a household fills, and what could go wrong on the way: quotes, tabs, nulls, bytes, JSON.
FILL = """
    INSERT INTO library.clients VALUES ('deluge', '2026-01-02 03:04:05.678901+00', '{tv,"mo,vies"}');
    INSERT INTO library.media_items (id, kind, title, folded_title, year, created_at)
        VALUES ('m1', 'series', E'Ein "Titel"\\twith\\\\ \\n lines – ü', 'ein titel', NULL, now());
    INSERT INTO library.episodes (media_item, season, number) SELECT 'm1', 1, n FROM generate_series(1, 7) n;
    DELETE FROM library.episodes WHERE number = 7;
    INSERT INTO library.imports
        (id, client, download_id, epoch, wanted, name, state, created_at, updated_at, media_item)
        VALUES ('i1', 'deluge', repeat('a', 40), 'c1', 9007199254740993, 'Name', 'imported', now(), now(), 'm1');
    INSERT INTO library.import_files (import_id, position, path, size, verdict, episodes)
        VALUES ('i1', 0, 'a/b.mkv', 12, 'import', '{1,2}');
    INSERT INTO library.files (library, path, size, method, media_item, import_id, registered_at)
        VALUES ('tv', 'a/b.mkv', 12, 'hardlink', 'm1', 'i1', now());
    INSERT INTO library.file_episodes SELECT 1, min(id) FROM library.episodes;
    INSERT INTO library.outbox (import_id, event, created_at) VALUES ('i1', '\\x00ff0a5c', now());
    INSERT INTO library.downloads (client, download_id, request_id, state, torrent, created_at, updated_at)
        VALUES ('deluge', repeat('b', 40), 'r1', 'bound', '\\x64313a00', now(), now());
    INSERT INTO gateway.api_keys (name, digest) VALUES ('first', decode(repeat('ab', 32), 'hex'));
    INSERT INTO history.events (id, type, client, download_id, epoch, time, source, data)
        SELECT 'e' || n, 'download.added', 'deluge', 'd' || n, 'c1', now() - n * interval '1 s', 'poller',
               jsonb_build_object('name', 'Ü "' || n || '"', 'n', n, 'none', null)
        FROM generate_series(1, :events) n;
""".replace(":events", str(EVENTS))

_RELATIONS = """
    SELECT n.nspname || '.' || c.relname, c.relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'S') AND n.nspname = ANY($1::text[]) ORDER BY 1
"""


async def make_ours(layout: Layout) -> None:
    """The same data in a cluster of the version that Sluice runs; stopped again at the end."""
    with occupied(layout, root=os.geteuid() == 0):
        server = servers.cluster(layout, layout.postgres / "data", next(free_ports(Random())))
        await postgres.initialise(server)
        async with alone(server, layout, SYSTEM_CLOCK, print):
            await postgres.create_database(server, servers.DATABASE)
            await fill(server.settings(servers.DATABASE))


async def fill(settings: PostgresSettings) -> None:
    """Sluice's schemas, and rows in them."""
    await migrate_all(settings)
    await execute(settings, FILL)


async def everything(settings: PostgresSettings) -> dict[str, list[str]]:
    """Every row of every table of ours as PostgreSQL writes it, and where every sequence stands."""
    connection = await connect(settings)
    try:
        await connection.execute("SET timezone = 'UTC'")
        found = {}
        for name, kind in await connection.fetch(_RELATIONS, list(OWNERS)):
            what = "t::text" if kind == b"r" else "last_value::text"
            rows = await connection.fetch(f"SELECT {what} FROM {name} t ORDER BY 1")  # noqa: S608 - of the catalogue
            found[name] = [row[0] for row in rows]
        return found
    finally:
        await connection.close()


async def make(layout: Layout) -> None:
    """Make it, with another user's role and database besides; stopped again at the end."""
    with occupied(layout, root=os.geteuid() == 0):
        tree = postgres.programs_of(OLD)
        assert tree is not None, "the wheel has no older PostgreSQL any more"
        data, ports = layout.postgres / "data", free_ports(Random())
        who = account.for_directory(data)
        programs = postgres.reachable_programs(tree, servers.older_programs(layout, OLD), who)
        server = postgres.PostgresServer(data, next(ports), servers.secret(layout), programs, who, OLD)
        await postgres.initialise(server)
        async with alone(server, layout, SYSTEM_CLOCK, print):
            await postgres.create_database(server, servers.DATABASE)
            settings = server.settings(servers.DATABASE)
            await fill(settings)
            await execute(server.settings("postgres"), "CREATE ROLE grafana LOGIN PASSWORD 'g'")
            await execute(server.settings("postgres"), 'CREATE DATABASE "other one" OWNER grafana')
            await execute(server.settings("other one"), "CREATE TABLE t AS SELECT 1 AS a; CREATE SEQUENCE s START 5")
            await execute(settings, "GRANT USAGE ON SCHEMA history TO grafana")


async def execute(settings: PostgresSettings, script: str) -> None:
    """Run the script as the owner."""
    connection = await connect(settings)
    try:
        await connection.execute(script)
    finally:
        await connection.close()


async def fetch(settings: PostgresSettings, statement: str) -> list[tuple[object, ...]]:
    """The rows of a statement as plain tuples."""
    connection = await connect(settings)
    try:
        return [tuple(row) for row in await connection.fetch(statement)]
    finally:
        await connection.close()


async def connect(settings: PostgresSettings) -> asyncpg.Connection[asyncpg.Record]:
    """A bare connection."""
    password = settings.password.get_secret_value() if settings.password else None
    return await asyncpg.connect(settings.dsn, password=password, timeout=20, ssl=False)


def majors_in(layout: Layout) -> dict[str, str]:
    """Every cluster below `postgres/`: its directory's name to its major."""
    return {path.parent.name: path.read_text().strip() for path in Path(layout.postgres).glob("*/PG_VERSION")}
