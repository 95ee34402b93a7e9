"""The connection pool of a service. No SQL here but the one that asks whether PostgreSQL answers.

A killed and restarted PostgreSQL costs the calls that were under way (`is_transient`); the next ones connect anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg

from sluice_common.db.connect import (
    COMMAND_TIMEOUT,
    CONNECT_TIMEOUT,
    address,
    describe,
    is_transient,
    options,
    prepare,
    wait_for,
)
from sluice_common.kit import log
from sluice_common.kit.settings import PostgresSettings

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection = PoolConnectionProxy[asyncpg.Record]

__all__ = ["Database", "is_transient", "open_pool"]

CLOSE_DEADLINE = 3.0
READY_DEADLINE = 1.5
_log = log.get(__name__)


class Database:
    """A pool of connections to one PostgreSQL. json and jsonb are Python values, times are aware and in UTC."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], where: str) -> None:
        self.pool = pool
        self._where = where

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection without a transaction: every statement commits by itself."""
        try:
            async with self.pool.acquire(timeout=CONNECT_TIMEOUT) as connection:
                yield connection
        except asyncpg.InternalClientError as error:
            if not is_transient(error):
                raise
            raise asyncpg.ConnectionDoesNotExistError("the server went away") from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection inside a transaction: committed at the end of the block, rolled back when it raises."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def ready(self) -> str | None:
        """None when PostgreSQL answers a query; else why not."""
        try:
            async with asyncio.timeout(READY_DEADLINE), self.connection() as connection:
                await connection.fetchval("SELECT 1")
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            return f"PostgreSQL at {self._where}: {describe(error)}"
        return None


@asynccontextmanager
async def open_pool(settings: PostgresSettings, *, application: str) -> AsyncIterator[Database]:
    """A `Database`, once PostgreSQL answers; `application` is how its sessions are named there.

    Raises SettingsError when PostgreSQL refuses the user, the password or the database.
    """

    async def attempt() -> asyncpg.Pool[asyncpg.Record]:
        return await asyncpg.create_pool(
            **options(settings, application),
            init_size=1,
            min_size=0,  # with a minimum, asyncpg logs a traceback every second while PostgreSQL is down
            max_size=settings.pool_size,
            command_timeout=COMMAND_TIMEOUT,
            init=prepare,
        )

    pool = await wait_for(attempt, settings)
    try:
        yield Database(pool, address(settings))
    finally:
        await _close(pool)


async def _close(pool: asyncpg.Pool[asyncpg.Record]) -> None:
    """`Pool.close` waits for ever on a frozen server or a connection still in use; terminating does not."""
    try:
        async with asyncio.timeout(CLOSE_DEADLINE):
            await pool.close()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        _log.warning("pool_terminated", reason=describe(error))
        pool.terminate()
