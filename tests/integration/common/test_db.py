"""The pool and the migrations against a real PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import msgspec
import pytest
from pydantic import SecretStr

from sluice_common.db.connect import wait_for
from sluice_common.db.migrate import migrate
from sluice_common.db.pool import Database, is_transient, open_pool
from sluice_common.kit.errors import SettingsError
from sluice_common.kit.settings import PostgresSettings
from support.postgres import PostgresForTest

TABLES = """
from sluice_common.db.migrate import run_sql
revision = "0001"
down_revision = None
def upgrade() -> None:
    run_sql('''
        CREATE TABLE demo.things (id int PRIMARY KEY, body jsonb NOT NULL DEFAULT '{"a":1}');
        INSERT INTO demo.things (id) VALUES (1);
    ''')
"""
INDEX = """
from alembic import op
revision = "0002"
down_revision = "0001"
def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("CREATE INDEX CONCURRENTLY things_body ON demo.things (body)")
"""
BROKEN = """
from sluice_common.db.migrate import run_sql
revision = "0003"
down_revision = "0002"
def upgrade() -> None:
    run_sql("CREATE TABLE demo.half (id int)")
    run_sql("CREATE TABLE demo.other (id int); SELECT 1/0;")
"""


@pytest.fixture
def own_server() -> Iterator[PostgresForTest]:
    """A PostgreSQL that a test may kill or freeze."""
    server = PostgresForTest()
    server.start()
    try:
        yield server
    finally:
        server.remove()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Makes an importable package with these migrations, in order, and answers its name."""

    def make(*migrations: str) -> str:
        versions = tmp_path / "demo_owner" / "migrations" / "versions"
        versions.mkdir(parents=True, exist_ok=True)
        (tmp_path / "demo_owner" / "__init__.py").touch()
        for old in versions.glob("*.py"):
            old.unlink()
        for number, text in enumerate(migrations, 1):
            (versions / f"{number:04}_step.py").write_text(text, encoding="utf-8")
        return "demo_owner"

    monkeypatch.syspath_prepend(str(tmp_path))
    yield make
    sys.modules.pop("demo_owner", None)


async def _until(condition: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(60):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.02)


async def _is_ready(database: Database) -> bool:
    return await database.ready() is None


async def test_json_columns_are_values_and_times_are_utc(database: PostgresSettings) -> None:
    """Structs, dicts and arrays of them go into jsonb as they are; times come back aware, in UTC."""

    class Body(msgspec.Struct):
        when: datetime

    at = datetime(2024, 5, 1, 12, tzinfo=UTC)
    async with open_pool(database, application="t") as db, db.connection() as connection:
        bodies = await connection.fetchval(
            "SELECT array_agg(b) FROM unnest($1::jsonb[]) AS t(b)", [{"k": "ü"}, Body(at)]
        )
        assert bodies == [{"k": "ü"}, {"when": "2024-05-01T12:00:00Z"}]
        assert await connection.fetchval("SELECT $1::json", [1, None]) == [1, None]
        assert await connection.fetchval("SELECT $1::timestamptz", at) == at
        assert await connection.fetchval("SHOW timezone") == "UTC"
        assert await connection.fetchval("SHOW application_name") == "t"


async def test_a_transaction_is_undone_when_its_block_raises(database: PostgresSettings) -> None:
    """What a handler wrote before it failed is not there."""
    async with open_pool(database, application="t") as db:
        async with db.transaction() as connection:
            await connection.execute("CREATE TABLE kept (id int)")
        with pytest.raises(RuntimeError):  # noqa: PT012 - the block is what is tested
            async with db.transaction() as connection:
                await connection.execute("INSERT INTO kept VALUES (1)")
                raise RuntimeError
        async with db.connection() as connection:
            assert await connection.fetchval("SELECT count(*) FROM kept") == 0


async def test_a_connection_that_is_dying_is_a_lost_connection(database: PostgresSettings) -> None:
    """asyncpg's own confusion on a connection whose server just went counts as a server that went, and only that."""
    async with open_pool(database, application="t") as db:
        with pytest.raises(asyncpg.ConnectionDoesNotExistError):
            async with db.transaction():
                raise asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in progress")
        with pytest.raises(asyncpg.InternalClientError, match="a bug"):
            async with db.connection():
                raise asyncpg.InternalClientError("a bug")


async def test_a_pool_recovers_from_a_killed_server(own_server: PostgresForTest) -> None:
    """A kill -9 costs the calls under way, with errors that say `try again`; the same pool works after the restart."""
    settings = own_server.settings("postgres")
    async with open_pool(settings, application="t") as db:
        async with db.connection() as connection:
            sleeping = asyncio.create_task(connection.execute("SELECT pg_sleep(60)"))
            running = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'"
            async with db.connection() as other:
                await _until(lambda: other.fetchval(running))
            await asyncio.to_thread(own_server.kill)
            with pytest.raises(Exception) as lost:  # noqa: PT011 - whatever it is, it must count as transient
                await sleeping
        assert is_transient(lost.value)
        with pytest.raises(Exception) as refused:  # noqa: PT011 - as above
            async with db.transaction():
                raise AssertionError("there is no server")
        assert is_transient(refused.value)
        reason = await db.ready()
        assert reason is not None
        assert "connection refused" in reason
        assert "only-for-tests" not in reason
        await asyncio.to_thread(own_server.start)
        await _until(lambda: _is_ready(db))


async def test_opening_waits_for_the_server(own_server: PostgresForTest) -> None:
    """A service that starts before PostgreSQL waits for it."""
    settings = own_server.settings("postgres")
    await asyncio.to_thread(own_server.kill)
    tries = 0

    async def attempt() -> None:
        nonlocal tries
        tries += 1
        if tries == 2:
            await asyncio.to_thread(own_server.start)
        await (await asyncpg.connect(settings.dsn, password="only-for-tests")).close()

    await wait_for(attempt, settings)
    assert tries >= 2
    async with open_pool(settings, application="t") as db:
        assert await db.ready() is None


async def test_closing_does_not_wait_for_a_frozen_server(own_server: PostgresForTest) -> None:
    """A server that is stopped in its tracks keeps no service from ending, and readiness says that it is silent."""
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(open_pool(own_server.settings("postgres"), application="t"))
        held = await db.pool.acquire()  # a connection in use is what closing waits for
        with _frozen(own_server.pid, await held.fetchval("SELECT pg_backend_pid()")):
            assert await db.ready() == f"PostgreSQL at {_where(own_server)}: no answer in time"
            async with asyncio.timeout(20):
                await stack.aclose()


def _where(server: PostgresForTest) -> str:
    found = re.search(r"@([^/]+/\w+)", server.settings("postgres").dsn)
    assert found is not None
    return found[1]


@contextmanager
def _frozen(*pids: int) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("wrong", ["password", "database"])
async def test_a_refusal_is_a_fault_of_the_configuration(database: PostgresSettings, wrong: str) -> None:
    """A wrong password or database is told at once, with its place and without the password; waiting would not help."""
    settings = (
        database.model_copy(update={"password": SecretStr("hunter2")})
        if wrong == "password"
        else database.model_copy(update={"dsn": database.dsn + "_absent"})
    )
    with pytest.raises(SettingsError, match=r"postgres: 127\.0\.0\.1:\d+/\w+ refused us: .*" + wrong) as refused:
        async with asyncio.timeout(10), open_pool(settings, application="t"):
            raise AssertionError("it was opened")
    assert "hunter2" not in str(refused.value)


async def test_replicas_that_migrate_at_once_migrate_once(
    database: PostgresSettings, package: Callable[..., str]
) -> None:
    """Four replicas start together: each returns with the newest schema, and every migration ran once; also one that
    builds an index concurrently, which waits for every transaction there is."""
    name = package(TABLES, INDEX)
    async with asyncio.timeout(30):
        await asyncio.gather(*(migrate(database, package=name, schema="demo") for _ in range(4)))
    async with open_pool(database, application="t") as db, db.connection() as connection:
        assert await connection.fetchval("SELECT version_num FROM demo.alembic_version") == "0002"
        assert await connection.fetchval("SELECT array_agg(body) FROM demo.things") == [{"a": 1}]
        assert await connection.fetchval("SELECT to_regclass('demo.things_body')") is not None


async def test_a_failed_migration_leaves_nothing_and_the_lock_free(
    database: PostgresSettings, package: Callable[..., str]
) -> None:
    """Half of a migration is never there, what came before it is kept, and the next attempt can go on."""
    with pytest.raises(Exception, match="division by zero"):
        await migrate(database, package=package(TABLES, INDEX, BROKEN), schema="demo")
    async with open_pool(database, application="t") as db, db.connection() as connection:
        assert await connection.fetchval("SELECT to_regclass('demo.half')") is None
        assert await connection.fetchval("SELECT version_num FROM demo.alembic_version") == "0002"
    async with asyncio.timeout(10):
        await migrate(database, package=package(TABLES, INDEX), schema="demo")


async def test_an_older_program_leaves_a_newer_schema_alone(
    database: PostgresSettings, package: Callable[..., str]
) -> None:
    """A replica of the version before, restarted in the middle of an upgrade, starts and changes nothing."""
    await migrate(database, package=package(TABLES, INDEX), schema="demo")
    await migrate(database, package=package(TABLES), schema="demo")
    async with open_pool(database, application="t") as db, db.connection() as connection:
        assert await connection.fetchval("SELECT version_num FROM demo.alembic_version") == "0002"


async def test_a_waiting_migrator_can_be_cancelled(database: PostgresSettings, package: Callable[..., str]) -> None:
    """A service that waits for another's migration can still be stopped."""
    name = package(TABLES)
    async with open_pool(database, application="t") as db, db.connection() as connection:
        await connection.execute("SELECT pg_advisory_lock(hashtextextended('sluice migrations of demo', 0))")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await migrate(database, package=name, schema="demo")
        await connection.execute("SELECT pg_advisory_unlock_all()")
    await migrate(database, package=name, schema="demo")


@pytest.mark.parametrize(
    ("error", "transient"),
    [
        (ConnectionResetError(), True),
        (TimeoutError(), True),
        (asyncpg.AdminShutdownError("x"), True),
        (asyncpg.CannotConnectNowError("x"), True),
        (asyncpg.ConnectionDoesNotExistError("x"), True),
        (asyncpg.InterfaceError("connection is closed"), True),
        (asyncpg.InterfaceError("cannot perform operation: another operation is in progress"), False),
        (asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in progress"), True),
        (asyncpg.InternalClientError("x"), False),
        (ExceptionGroup("x", [OSError(), asyncpg.AdminShutdownError("x")]), True),
        (ExceptionGroup("x", [OSError(), ValueError()]), False),
        (asyncpg.UniqueViolationError("x"), False),
        (ValueError(), False),
    ],
)
def test_what_passes_by_itself_is_told_from_what_does_not(error: BaseException, transient: bool) -> None:
    """A loop backs off for a lost connection, and lets its own fault end the process."""
    assert is_transient(error) is transient
