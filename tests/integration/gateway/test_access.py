"""Who gets in, under which name, and what every answer carries."""

from __future__ import annotations

import asyncio
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from integration.gateway.conftest import GatewayForTest, PollerForTest, row, running, until
from sluice_common.db.migrate import migrate
from sluice_common.db.pool import open_pool
from sluice_common.kit.clock import SYSTEM_CLOCK
from sluice_common.kit.errors import SettingsError
from sluice_common.kit.settings import PostgresSettings, Settings
from sluice_gateway.auth import first_key, keys, store
from sluice_gateway.auth.keyring import Keyring
from sluice_gateway.auth.store import KeyStore
from support.postgres import PostgresForTest


async def document(gateway: GatewayForTest) -> dict[str, Any]:
    response = await gateway.http.get("/schema/openapi.json")
    assert response.status_code == 200
    parsed: dict[str, Any] = msgspec.json.decode(response.content)
    return parsed


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, re.sub(r"\{[^}]*\}", "x", path), operation


async def test_every_route_wants_a_key(gateway: GatewayForTest) -> None:
    """No route of the application, listed or not, answers without a valid key; /health and /ready do."""
    paths = [(method, path) for method, path, _ in operations(await document(gateway))]
    assert len(paths) > 20
    del gateway.http.headers["X-API-Key"]
    for method, path in [*paths, ("get", "/schema/openapi.json"), ("get", "/nothing"), ("options", "/api/v1/queue")]:
        for headers in ({}, {"X-API-Key": "sluice_" + "A" * 43}, {"Authorization": "Bearer nonsense"}):
            response = await gateway.http.request(method, path, headers=headers)
            expected = 200 if path in ("/health", "/ready") else 401
            assert response.status_code == expected, (method, path, headers)
            if expected == 401:
                assert response.headers["www-authenticate"].startswith("Bearer")
                assert response.headers["content-type"] == "application/problem+json"
    response = await gateway.http.get("/api/v1/queue", headers={"Authorization": f"Bearer {gateway.key}"})
    assert response.status_code == 200


async def test_only_known_hosts_are_answered(settings: Settings) -> None:
    """A name that is not ours is refused with the setting that would allow it; listed ones and addresses pass."""
    listed = settings.gateway.model_copy(update={"hosts": ("sluice.example.org",)})
    async with running(settings.model_copy(update={"gateway": listed})) as gateway:
        for host in ("sluice.example.org", "SLUICE.example.org:8420", "nas", "nas.local", "[::1]:8420", "192.168.1.4"):
            response = await gateway.http.get("/api/v1/queue", headers={"Host": host})
            assert response.status_code == 200, host
        for path in ("/queue", "/queue/events", "/clients"):
            refused = await gateway.problem(421, "host_not_allowed", "GET", path, headers={"Host": "evil.example"})
            assert "gateway: {hosts: [evil.example]}" in refused["detail"]
        assert (await gateway.http.get("/health", headers={"Host": "evil.example"})).status_code == 421


async def test_every_answer_is_guarded(gateway: GatewayForTest) -> None:
    """No answer can be framed, sniffed, cached or read by another origin; each carries its request id."""
    asked = [
        await gateway.http.get("/api/v1/queue", headers={"Origin": "http://evil.example"}),
        await gateway.http.get("/nothing"),
        await gateway.http.get("/health"),
        await gateway.http.get("/api/v1/queue", headers={"X-API-Key": "wrong"}),
    ]
    for response in asked:
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
        assert response.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in response.headers
        assert response.headers["x-request-id"]
        assert "server" not in response.headers
    assert len({response.headers["x-request-id"] for response in asked}) == len(asked)
    chosen = await gateway.http.get("/api/v1/queue", headers={"Idempotency-Key": "mine-1"})
    assert chosen.headers["x-request-id"] == "mine-1"
    await gateway.problem(400, "bad_idempotency_key", "GET", "/queue", headers={"Idempotency-Key": "a b"})


async def test_the_document_is_complete(gateway: GatewayForTest) -> None:
    """Every operation has a summary, a described answer, a documented 401 and, where it has parameters, their words."""
    described = await document(gateway)
    assert described["openapi"].startswith("3.1")
    assert set(described["components"]["securitySchemes"]) == {"apiKey", "bearer"}
    for method, path, operation in operations(described):
        assert operation["summary"], (method, path)
        if path.startswith("/api/"):
            assert "application/problem+json" in operation["responses"]["401"]["content"], (method, path)
            assert operation["description"], (method, path)
        for parameter in operation.get("parameters", []):
            assert parameter["in"] in ("query", "path", "header")
            assert "state_" not in parameter["name"]
    row_schema = next(s for name, s in described["components"]["schemas"].items() if name.endswith("QueueRow"))
    assert {"state", "health", "import", "owner", "stale", "progress"} <= set(row_schema["properties"])
    names = {parameter["name"] for parameter in described["paths"]["/api/v1/queue"]["get"]["parameters"]}
    assert names == {"client", "state", "health", "category", "owner", "search", "sort", "limit", "cursor"}


async def test_metrics_have_bounded_labels(gateway: GatewayForTest, poller: PollerForTest) -> None:
    """Requests are counted by route template, rows and frames by configured client; no id becomes a label."""
    await poller.table(row("feedbeef"))
    await poller.change(row("feedbeef", done=999))
    await gateway.shows(1)
    await gateway.get("/downloads/deluge/feedbeef")
    await gateway.http.get("/nothing/feedbeef")
    text = (await gateway.http.get("/metrics")).text
    assert 'route="/api/v1/downloads/{client}/{download_id}",status="200"' in text
    assert 'route="other",status="404"' in text
    assert 'sluice_gateway_rows{client="deluge"} 1.0' in text
    assert "sluice_gateway_frame_lag_seconds_bucket" in text
    assert "feedbeef" not in text


async def test_health_and_readiness(gateway: GatewayForTest) -> None:
    """Both answer anybody."""
    assert (await gateway.http.get("/health", headers={"X-API-Key": ""})).json() == {"status": "ok"}
    assert (await gateway.http.get("/ready", headers={"X-API-Key": ""})).json()["ready"] is True


async def test_a_known_key_outlives_postgres(
    gateway: GatewayForTest, postgres_server: PostgresForTest, settings: Settings
) -> None:
    """While PostgreSQL refuses us the key that was known still works, the queue too; an unknown key does not."""
    name = settings.postgres.dsn.rpartition("/")[2]
    await asyncio.to_thread(postgres_server.execute, f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS false')
    terminate = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"  # noqa: S608
    await asyncio.to_thread(postgres_server.execute, terminate)

    async def not_ready() -> bool:
        return (await gateway.http.get("/ready")).status_code == 503

    await until(not_ready, "the database is gone")
    assert (await gateway.get("/queue"))["items"] == []
    response = await gateway.http.get("/api/v1/queue", headers={"X-API-Key": "sluice_" + "B" * 43})
    assert response.status_code == 401


async def test_the_first_key(database: PostgresSettings, tmp_path: Path) -> None:
    """Made once, in a file only its owner reads; a crash before the row, or a new database, adopts the file's key."""
    await migrate(database, package="sluice_gateway", schema="gateway")
    path = tmp_path / "first-key"
    async with open_pool(database, application="test") as db:
        await asyncio.gather(*(first_key.ensure(db, path, lambda n: bytes(n)) for _ in range(3)))
        key = path.read_text().strip()
        assert keys.is_key(key)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert not path.with_name("first-key.new").exists()
        assert await KeyStore(db).valid() == {keys.digest(key)}
        async with db.transaction() as connection:
            await connection.execute("DELETE FROM gateway.api_keys")
        await first_key.ensure(db, path, lambda n: b"1" * n)
        assert path.read_text().strip() == key
        assert await KeyStore(db).valid() == {keys.digest(key)}


async def test_a_revoked_first_key_does_not_come_back(database: PostgresSettings, tmp_path: Path) -> None:
    """A revoked key stays revoked. Where no key is left a new one is made, so that nobody is locked out."""
    await migrate(database, package="sluice_gateway", schema="gateway")
    path = tmp_path / "first-key"
    async with open_pool(database, application="test") as db:
        await first_key.ensure(db, path, lambda n: b"1" * n)
        revoked = path.read_text().strip()
        async with db.transaction() as connection:
            await store.insert(connection, "another", keys.digest("another"))
            await connection.execute("UPDATE gateway.api_keys SET revoked_at = now() WHERE name = 'first'")
        await first_key.ensure(db, path, lambda n: b"2" * n)
        assert await KeyStore(db).valid() == {keys.digest("another")}
        async with db.transaction() as connection:
            await connection.execute("UPDATE gateway.api_keys SET revoked_at = now()")
        await first_key.ensure(db, path, lambda n: b"3" * n)
        keyring = Keyring(KeyStore(db), SYSTEM_CLOCK)
        assert await keyring.accepts(path.read_text().strip())
        assert not await keyring.accepts(revoked)


@pytest.mark.parametrize("content", [None, "not a key"])
async def test_an_unusable_path_says_what_to_do(
    database: PostgresSettings, tmp_path: Path, content: str | None
) -> None:
    """A directory that does not exist, or a file with something else in it, is a fault of the configuration."""
    await migrate(database, package="sluice_gateway", schema="gateway")
    path = tmp_path / "there" / "key"
    if content is not None:
        path.parent.mkdir()
        path.write_text(content)
    async with open_pool(database, application="test") as db:
        with pytest.raises(SettingsError, match=r"gateway\.first_key_path"):
            await first_key.ensure(db, path, bytes)
        assert await KeyStore(db).valid() == frozenset()
