"""Every version that was ever closed can be upgraded to this one: its database, and its messages on the bus.

What is kept of a version lies in tests/upgrade/<version>; tests/tools/keep_version.py writes it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice_common.kit.settings import PostgresSettings
from support import golden, schema
from support.postgres import PostgresForTest

KEPT = Path(__file__).parents[2] / "upgrade"
VERSIONS = sorted(path.name for path in KEPT.iterdir() if path.is_dir())
MESSAGES = golden.wires()


def test_a_version_is_kept() -> None:
    """There is something to upgrade from."""
    assert VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
async def test_an_old_database_becomes_what_a_new_one_is(
    version: str, database: PostgresSettings, postgres_server: PostgresForTest
) -> None:
    """The old schema is migrated in place and ends as a fresh one begins."""
    schema.load(database, (KEPT / version / "schema.sql").read_text())
    await schema.migrate_all(database)
    postgres_server.create("fresh_for_comparison")
    try:
        fresh = postgres_server.settings("fresh_for_comparison")
        await schema.migrate_all(fresh)
        assert schema.dump(database) == schema.dump(fresh)
    finally:
        postgres_server.drop("fresh_for_comparison")


@pytest.mark.parametrize("version", VERSIONS)
def test_an_old_versions_messages_are_read(version: str) -> None:
    """Replicas are upgraded one by one: what an old one says is understood, every field of it."""
    kept = sorted((KEPT / version / "messages").iterdir())
    assert kept
    for path in kept:
        kind, wire = MESSAGES[path.stem]
        golden.decode(path.read_bytes(), kind, wire)
