"""Dumps and loads the whole database schema with PostgreSQL's own programs."""

from __future__ import annotations

import os
import subprocess
from urllib.parse import urlsplit

from sluice_common.db.migrate import migrate
from sluice_common.kit.settings import PostgresSettings
from sluice_embedded.postgres import wheel_programs

OWNERS = {"gateway": "sluice_gateway", "library": "sluice_importer", "history": "sluice_history"}


async def migrate_all(settings: PostgresSettings) -> None:
    """Bring every owner's schema to the newest revision."""
    for schema, package in OWNERS.items():
        await migrate(settings, package=package, schema=schema)


def dump(settings: PostgresSettings) -> str:
    """The schemas and their revisions as SQL, without what differs from dump to dump."""
    schemas = [f"--schema={schema}" for schema in OWNERS]
    structure = _run(settings, "pg_dump", "--schema-only", "--no-owner", "--no-privileges", *schemas)
    versions = [f"--table={schema}.alembic_version" for schema in OWNERS]
    revisions = _run(settings, "pg_dump", "--data-only", "--inserts", "--no-owner", *versions)
    return _steady(structure) + "\n" + _steady(revisions)


def load(settings: PostgresSettings, script: str) -> None:
    """Run a dump in an empty database; any error fails."""
    _run(settings, "psql", "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", script=script)


def _run(settings: PostgresSettings, program: str, *arguments: str, script: str = "") -> str:
    address = urlsplit(settings.dsn)
    password = settings.password.get_secret_value() if settings.password else ""
    environment = {
        **os.environ,
        "PGHOST": address.hostname or "127.0.0.1",
        "PGPORT": str(address.port),
        "PGUSER": address.username or "sluice",
        "PGPASSWORD": password,
        "PGDATABASE": address.path.lstrip("/"),
    }
    command = [str(wheel_programs() / "bin" / program), *arguments]
    ran = subprocess.run(command, env=environment, input=script, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def _steady(script: str) -> str:
    """Without comments, blank lines and the random key that newer dumps carry."""
    lines = [line for line in script.splitlines() if line.strip() and not line.startswith(("--", "\\"))]
    return "\n".join(lines) + "\n"
