"""The alembic environment that every owner shares. Run by alembic in a thread of its own, never imported by us.

What to connect to comes from `migrate`, in `config.attributes`; no URL, hence no password, is written anywhere.
"""

from __future__ import annotations

import asyncio
from typing import Any

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool


def _run(connection: Connection, schema: str) -> None:
    context.configure(
        connection=connection,
        target_metadata=None,
        transaction_per_migration=True,
        version_table_schema=schema,
    )
    with context.begin_transaction():
        context.run_migrations()


async def _main(attributes: dict[str, Any]) -> None:
    engine = create_async_engine("postgresql+asyncpg://", async_creator=attributes["connect"], poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_run, attributes["schema"])
    finally:
        await engine.dispose()


asyncio.run(_main(context.config.attributes))
