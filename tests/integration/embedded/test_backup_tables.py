"""Rows leave one database in one moment and arrive in another as they were, also in a newer schema."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from sluice_common.db.migrate import migrate
from sluice_common.kit.settings import PostgresSettings
from sluice_embedded.backup import archive, tables
from sluice_embedded.backup.make import Source, write
from sluice_embedded.backup.manifest import BackupRefused, Manifest, Table
from sluice_embedded.backup.owners import OWNERS, Owner, Owners
from support import old_cluster, schema
from support.postgres import PostgresForTest
from support.waiting import until

pytestmark = pytest.mark.timeout(240)
FIRST = """
from sluice_common.db.migrate import run_sql
revision = "0001"
down_revision = None
def upgrade() -> None:
    run_sql('''
        CREATE TABLE demo.parents (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text,
                                   twice text GENERATED ALWAYS AS (name || name) STORED);
        CREATE TABLE demo.children (id int PRIMARY KEY, parent int REFERENCES demo.parents, made timestamptz);
        INSERT INTO demo.parents (name) VALUES ('made by the migration');
    ''')
"""
SECOND = """
from sluice_common.db.migrate import run_sql
revision = "0002"
down_revision = "0001"
def upgrade() -> None:
    run_sql("ALTER TABLE demo.parents ADD COLUMN size int NOT NULL DEFAULT 7")
"""


@pytest.fixture
def other(postgres_server: PostgresForTest, database: PostgresSettings) -> Iterator[PostgresSettings]:
    """A second, empty database."""
    name = database.dsn.rpartition("/")[2] + "_other"
    postgres_server.create(name)
    try:
        yield postgres_server.settings(name)
    finally:
        postgres_server.drop(name)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Owners]:
    """Makes a package of these migrations, in order, which owns the schema `demo`."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "demo_backup", raising=False)  # of the test before

    def make(*migrations: str) -> Owners:
        versions = tmp_path / "demo_backup" / "migrations" / "versions"
        versions.mkdir(parents=True, exist_ok=True)
        (tmp_path / "demo_backup" / "__init__.py").touch()
        for old in versions.glob("*.py"):
            old.unlink()
        for number, text in enumerate(migrations, 1):
            (versions / f"{number:04}_step.py").write_text(text, encoding="utf-8")
        return (Owner("demo", "demo_backup"),)

    return make


async def _backup(settings: PostgresSettings, path: Path, owners: Owners = OWNERS) -> Manifest:
    with path.open("wb") as file:
        await write(Source(settings, None, None), file, owners)
    return archive.check(path)


async def test_every_row_arrives_as_it_was(database: PostgresSettings, other: PostgresSettings, tmp_path: Path) -> None:
    """Quotes, tabs, backslashes, nulls, bytes, JSON, big numbers, times; identities go on after the last one."""
    await old_cluster.fill(database)
    manifest = await _backup(database, tmp_path / "b")
    await tables.load(other, OWNERS, manifest, archive.pieces(tmp_path / "b", manifest))
    assert await old_cluster.everything(other) == await old_cluster.everything(database)
    assert schema.dump(other) == schema.dump(database)
    insert = "INSERT INTO library.episodes (media_item, season, number) VALUES ('m1', 9, 9) RETURNING id"
    assert await old_cluster.fetch(other, insert) == [(8,)]
    assert manifest.rows == sum(table.rows for table in manifest.tables.values()) > old_cluster.EVENTS


async def test_rows_of_many_pieces_arrive_in_order(
    database: PostgresSettings, other: PostgresSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pieces end anywhere, also inside a row or a character."""
    monkeypatch.setattr(tables, "PIECE", 1_001)
    await old_cluster.fill(database)
    manifest = await _backup(database, tmp_path / "b")
    assert "tables/history.events/000100" in manifest.members
    await tables.load(other, OWNERS, manifest, archive.pieces(tmp_path / "b", manifest))
    assert await old_cluster.everything(other) == await old_cluster.everything(database)


async def test_all_schemas_are_of_one_moment(database: PostgresSettings, tmp_path: Path) -> None:
    """While rows are written to two schemas in one transaction, a backup holds both or neither."""
    await old_cluster.fill(database)
    connection = await old_cluster.connect(database)
    written, enough = 0, asyncio.Event()

    async def keep_writing() -> None:
        nonlocal written
        while not enough.is_set():
            async with connection.transaction():
                await connection.execute(
                    "INSERT INTO history.events (id, type, client, time, source, data) "
                    "VALUES ($1, 'pair', 'c', now(), 's', '{}')",
                    f"pair{written}",
                )
                await connection.execute(
                    "INSERT INTO library.outbox (import_id, event, created_at) VALUES ($1, '', now())", "pair"
                )
            written += 1

    writer = asyncio.create_task(keep_writing())
    try:
        await until(lambda: written > 0, what="a first pair")
        for number in range(5):
            path = tmp_path / f"b{number}"
            manifest = await _backup(database, path)
            content = dict.fromkeys(manifest.tables, b"")
            for name, piece in archive.pieces(path, manifest):
                content[name] += piece
            pairs = content["history.events"].count(b"\tpair\t"), content["library.outbox"].count(b"\tpair\t")
            assert pairs[0] == pairs[1] > 0
    finally:
        enough.set()
        await writer
        await connection.close()


async def test_an_older_backup_is_migrated(
    database: PostgresSettings, other: PostgresSettings, tmp_path: Path, package: Callable[..., Owners]
) -> None:
    """The schema is made as it was, filled, then brought up to date; what migrations put there comes once."""
    owners = package(FIRST)
    await migrate(database, package="demo_backup", schema="demo")
    fill = "INSERT INTO demo.parents (name) VALUES ('a'); INSERT INTO demo.children VALUES (1, 2, now())"
    await old_cluster.execute(database, fill)
    manifest = await _backup(database, tmp_path / "b", owners)
    assert manifest.schemas == {"demo": "0001"}
    owners = package(FIRST, SECOND)
    tables.check_known(manifest, owners)
    await tables.load(other, owners, manifest, archive.pieces(tmp_path / "b", manifest))
    rows = await old_cluster.fetch(other, "SELECT id, name, twice, size FROM demo.parents ORDER BY id")
    assert rows == [(1, "made by the migration", "made by the migration" * 2, 7), (2, "a", "aa", 7)]
    assert await old_cluster.fetch(other, "SELECT version_num FROM demo.alembic_version") == [("0002",)]
    children = "SELECT id, parent, made FROM demo.children"
    assert await old_cluster.fetch(other, children) == await old_cluster.fetch(database, children)


async def test_a_newer_backup_is_refused(
    database: PostgresSettings, tmp_path: Path, package: Callable[..., Owners]
) -> None:
    """An old program does not make half of a new schema, neither when reading nor when writing."""
    owners = package(FIRST, SECOND)
    await migrate(database, package="demo_backup", schema="demo")
    manifest = await _backup(database, tmp_path / "b", owners)
    older = package(FIRST)
    with pytest.raises(BackupRefused, match=r"made by a newer Sluice .*demo 0002"):
        tables.check_known(manifest, older)
    with pytest.raises(BackupRefused, match="newer"):
        tables.check_known(manifest, ())
    with pytest.raises(BackupRefused, match="of a newer Sluice"):
        await _backup(database, tmp_path / "c", older)


async def test_nothing_to_keep_is_said(database: PostgresSettings, tmp_path: Path) -> None:
    """An empty database is no backup that somebody should rely on."""
    with pytest.raises(BackupRefused, match="nothing of Sluice"):
        await _backup(database, tmp_path / "b")


@pytest.mark.parametrize(
    ("table", "columns"),
    [("demo.parents", ("id", 'name"; DROP TABLE x; --')), ("demo.others", ("id",)), ("pg_catalog.pg_authid", ("oid",))],
)
async def test_names_of_the_archive_never_reach_the_database(
    database: PostgresSettings, other: PostgresSettings, tmp_path: Path, package: Callable[..., Owners],
    table: str, columns: tuple[str, ...],
) -> None:  # fmt: skip
    """Tables and columns must be those that our own migrations made."""
    owners = package(FIRST)
    await migrate(database, package="demo_backup", schema="demo")
    manifest = await _backup(database, tmp_path / "b", owners)
    forged = msgspec.structs.replace(manifest, tables={**manifest.tables, table: Table(columns, 0)})
    with pytest.raises(BackupRefused, match="not those of its revision"):
        await tables.load(other, owners, forged, iter(()))


async def test_rows_that_do_not_fit_are_refused_as_a_whole(
    database: PostgresSettings, other: PostgresSettings, tmp_path: Path, package: Callable[..., Owners]
) -> None:
    """Fewer rows than promised, or rows that are none: not one of them stays."""
    owners = package(FIRST)
    await migrate(database, package="demo_backup", schema="demo")
    manifest = await _backup(database, tmp_path / "b", owners)
    with pytest.raises(BackupRefused, match="where 1 were promised"):
        await tables.load(other, owners, manifest, iter(()))
    with pytest.raises(BackupRefused, match="cannot be restored"):
        await tables.load(other, owners, manifest, iter([("demo.parents", b"no number\tx\n")]))
    assert await old_cluster.fetch(other, "SELECT name FROM demo.parents") == [("made by the migration",)]
