"""`backup` and `restore` against a PostgreSQL of one's own, as in compose and Kubernetes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.cli.conftest import Cli
from sluice_cli.keep import configured
from sluice_common.kit.settings import PostgresSettings
from sluice_embedded.backup import archive
from support import old_cluster
from support.postgres import PostgresForTest
from support.processes import background

pytestmark = pytest.mark.timeout(240)
CONFIG = "clients:\n  box: {type: deluge, url: http://box:8112, password_file: %s}\n"


@pytest.fixture
def own(postgres_server: PostgresForTest, database: PostgresSettings) -> Iterator[PostgresSettings]:
    """The test's database; whatever it became is dropped at the end."""
    name = _name(database)
    yield database
    for (other,) in _databases(postgres_server, name):
        postgres_server.drop(str(other))


def _name(settings: PostgresSettings) -> str:
    return settings.dsn.rpartition("/")[2]


def _databases(server: PostgresForTest, name: str) -> list[tuple[object, ...]]:
    query = f"SELECT datname FROM pg_database WHERE datname LIKE '{name}\\_%'"  # noqa: S608 - a test's name
    return background(old_cluster.fetch(server.settings("postgres"), query))


def _environ(settings: PostgresSettings, tmp_path: Path) -> dict[str, str]:
    secret, config = tmp_path / "secret", tmp_path / "sluice.yaml"
    secret.write_text("s3cret\n")
    config.write_text(CONFIG % secret)
    assert settings.password is not None
    return {
        "SLUICE_CONFIG": str(config),
        "SLUICE_POSTGRES__DSN": settings.dsn,
        "SLUICE_POSTGRES__PASSWORD": settings.password.get_secret_value(),
    }


async def test_there_and_back(
    nowhere: Cli, own: PostgresSettings, postgres_server: PostgresForTest, tmp_path: Path
) -> None:
    """The rows come back; what was there is kept under another name; the secret file is named, not taken."""
    environ, file = _environ(own, tmp_path), tmp_path / "b.tar.gz"
    await old_cluster.fill(own)
    before = await old_cluster.everything(own)
    ran = await nowhere("backup", str(file), **environ)
    assert ran.code == 0, ran
    assert f"Not in it: {tmp_path / 'secret'}" in ran.err
    assert environ["SLUICE_POSTGRES__PASSWORD"] not in ran.err + ran.out
    assert archive.CONFIG in archive.check(file).members
    await old_cluster.execute(own, "DELETE FROM history.events")
    refused = await nowhere("restore", str(file), **environ)
    assert (refused.code, "is not empty" in refused.err) == (1, True)
    ran = await nowhere("restore", "--replace", str(file), **environ)
    assert ran.code == 0, ran
    assert await old_cluster.everything(own) == before
    kept = [str(name) for (name,) in _databases(postgres_server, _name(own))]
    assert len(kept) == 1
    assert f"The old database is kept as {kept[0]}" in ran.err
    old = await old_cluster.fetch(postgres_server.settings(kept[0]), "SELECT count(*) FROM history.events")
    assert old == [(0,)]


async def test_a_database_in_use_is_not_restored(nowhere: Cli, own: PostgresSettings, tmp_path: Path) -> None:
    """While any service is connected nothing happens, and it is named."""
    environ, file = _environ(own, tmp_path), tmp_path / "b.tar.gz"
    await old_cluster.fill(own)
    assert (await nowhere("backup", str(file), **environ)).code == 0
    connection = await old_cluster.connect(own)
    try:
        await connection.execute("SET application_name = 'sluice-importer'")
        ran = await nowhere("restore", "--replace", str(file), **environ)
        assert ran.code == 1
        assert "in use (sluice-importer): stop Sluice" in ran.err
        assert await connection.fetchval("SELECT count(*) FROM history.events") == old_cluster.EVENTS
    finally:
        await connection.close()


async def test_a_user_who_may_not_make_databases_is_told(
    nowhere: Cli, own: PostgresSettings, postgres_server: PostgresForTest, tmp_path: Path
) -> None:
    """A backup needs no such right; a restore says which one it lacks."""
    environ, file = _environ(own, tmp_path), tmp_path / "b.tar.gz"
    await old_cluster.fill(own)
    user = f"small_{_name(own)}"
    await old_cluster.execute(
        own,
        f"CREATE ROLE {user} LOGIN PASSWORD 'p'; GRANT CREATE ON DATABASE {_name(own)} TO {user};"
        f"GRANT USAGE ON SCHEMA library, gateway, history TO {user};"
        f"GRANT SELECT ON ALL TABLES IN SCHEMA library, gateway, history TO {user};"
        f"GRANT SELECT ON ALL SEQUENCES IN SCHEMA library, gateway, history TO {user}",
    )
    try:
        dsn = own.dsn.replace("//sluice@", f"//{user}@")
        small = {**environ, "SLUICE_POSTGRES__DSN": dsn, "SLUICE_POSTGRES__PASSWORD": "p"}
        assert (await nowhere("backup", str(file), **small)).code == 0
        ran = await nowhere("restore", "--replace", str(file), **small)
        assert (ran.code, "CREATEDB" in ran.err) == (1, True)
    finally:
        await old_cluster.execute(own, f"DROP OWNED BY {user}; DROP ROLE {user}")


async def test_a_database_that_does_not_answer(nowhere: Cli, tmp_path: Path) -> None:
    """Exit code 3 and a sentence; a wrong password is a refusal. No file is left."""
    gone = {"SLUICE_POSTGRES__DSN": "postgresql://sluice@127.0.0.1:1/sluice"}
    ran = await nowhere("backup", str(tmp_path / "b"), **gone)
    assert (ran.code, ran.err) == (3, "sluice: PostgreSQL: connection refused\n")
    assert not (tmp_path / "b").exists()


async def test_a_wrong_password(nowhere: Cli, own: PostgresSettings, tmp_path: Path) -> None:
    """The refusal is PostgreSQL's own sentence, without the password."""
    wrong = {"SLUICE_POSTGRES__DSN": own.dsn, "SLUICE_POSTGRES__PASSWORD": "wr0ng"}
    ran = await nowhere("backup", str(tmp_path / "b"), **wrong)
    assert ran.code == 1
    assert "password authentication failed" in ran.err
    assert "wr0ng" not in ran.err


def test_which_database_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A DSN that was set for us, unless a data directory is asked for; a directory's own file says nothing here."""
    assert configured(os.environ, None) is None
    config = tmp_path / "sluice.yaml"
    config.write_text("gateway: {port: 1}\n")
    monkeypatch.setenv("SLUICE_CONFIG", str(config))
    assert configured(os.environ, None) is None
    config.write_text("postgres: {dsn: postgresql://a@b/c}\n")
    assert configured(os.environ, tmp_path) is None
    for dsn in ("postgresql://a@b/c", "postgresql://x@y/z"):
        found = configured(os.environ, None)
        assert found is not None
        assert found.postgres.dsn == dsn
        monkeypatch.setenv("SLUICE_POSTGRES__DSN", "postgresql://x@y/z")
