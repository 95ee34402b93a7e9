"""What the database may hold: what no client knows, and nothing that a client does."""

from __future__ import annotations

import asyncpg

from sluice_common.db.connect import options
from sluice_common.db.migrate import migrate
from sluice_common.kit.settings import PostgresSettings

SCHEMAS = {"gateway": "sluice_gateway", "library": "sluice_importer", "history": "sluice_history"}
# A client's own live state, by the names that such columns have.
LIVE = (
    "progress",
    "speed",
    "eta",
    "ratio",
    "seeds",
    "peers",
    "seeders",
    "leechers",
    "percent",
    "downloaded",
    "uploaded",
)


async def test_no_table_holds_a_progress(database: PostgresSettings) -> None:
    """Status, progress, speed and ETA are the client's; a copy of them in a table is a phantom in the making."""
    for schema, package in SCHEMAS.items():
        await migrate(database, package=package, schema=schema)
    connection = await asyncpg.connect(**options(database, "test"))
    try:
        columns = await connection.fetch(
            "SELECT table_schema, table_name, column_name FROM information_schema.columns WHERE table_schema = ANY($1)",
            list(SCHEMAS),
        )
    finally:
        await connection.close()
    names = [(f"{c['table_schema']}.{c['table_name']}", c["column_name"]) for c in columns]
    assert {table for table, _ in names} >= {"library.downloads", "library.imports", "history.events"}
    assert [name for name in names if any(word in name[1] for word in LIVE)] == []
    associations = {column for table, column in names if table == "library.downloads"}
    assert not associations & {"size", "done", "status"}, "an association says what a download is for, and no more"
