"""The SQL of schema `gateway`: API keys. Nothing else here, and no SQL of the gateway elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice_common.db.pool import Database

if TYPE_CHECKING:
    from sluice_common.db.pool import Connection


class KeyStore:
    """Rows of `gateway.api_keys`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def valid(self) -> frozenset[bytes]:
        """The hashes of all keys that are not revoked."""
        async with self._db.connection() as connection:
            return await valid(connection)


async def valid(connection: Connection) -> frozenset[bytes]:
    """The hashes of all keys that are not revoked."""
    rows = await connection.fetch("SELECT digest FROM gateway.api_keys WHERE revoked_at IS NULL")
    return frozenset(bytes(row["digest"]) for row in rows)


async def revoked(connection: Connection) -> frozenset[bytes]:
    """The hashes of all keys that must never be valid again."""
    rows = await connection.fetch("SELECT digest FROM gateway.api_keys WHERE revoked_at IS NOT NULL")
    return frozenset(bytes(row["digest"]) for row in rows)


async def lock(connection: Connection) -> None:
    """One gateway at a time makes the first key; held until the transaction ends."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('sluice gateway first key', 0))")


async def insert(connection: Connection, name: str, digest: bytes) -> None:
    """A new key's hash; one that is there already stays as it is."""
    await connection.execute(
        "INSERT INTO gateway.api_keys (name, digest) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING", name, digest
    )
