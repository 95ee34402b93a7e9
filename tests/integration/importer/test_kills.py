"""The importer as a process, killed at random moments: nothing lost, nothing doubled, nothing left behind."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import asyncpg
import pytest
import yaml

from sluice_common.contracts import rpc
from sluice_common.contracts.library import Import, Listing
from sluice_common.kit.errors import Problem
from sluice_common.kit.settings import NatsSettings, PostgresSettings
from sluice_importer.place.root import MARKER
from support.importer import CATEGORY, CLIENT, PROBE, Household, eventually
from support.processes import end

SEED = int(os.environ.get("SLUICE_SEED", "20260101"))
FILMS = 12
KILLS = 6
SIZE = 15_000_000


@pytest.mark.slow
async def test_an_importer_killed_at_random_imports_everything_once(
    household: Household, nats_settings: NatsSettings, database: PostgresSettings
) -> None:
    """SIGKILL over and over while twelve downloads finish, copied: each is placed, registered and told once."""
    print(f"seed {SEED}")
    random, client, config = Random(SEED), household.client, _config(household, nats_settings, database)
    await client.start()
    process = _start(config)
    try:
        await eventually(lambda: _is_judged(household), "the backlog is judged", within=40)
        rows = [client.add(f"f{n}", f"Film.{n}x.{2000 + n}", {f"f{n}.mkv": os.urandom(SIZE)}) for n in range(FILMS)]
        dead = set[tuple[str, int]]()
        for kill in range(KILLS):
            for row in rows[kill * 2 : kill * 2 + 2]:
                await client.commit(row)
                await client.completed(row)
            await _until_one_is_open(database, dead)
            await asyncio.sleep(random.uniform(0.0, 0.15))
            end(process, kill=True)
            process = _start(config)
        await eventually(lambda: _all_imported(household), "all are imported", within=60)
        await eventually(lambda: _all_told(household), "all are told", within=20)
        events = await household.published()
        interrupted = sum(max(0, one.attempt - 1) for one in await _imports(household))
    finally:
        end(process)
    print(f"attempts that a kill interrupted: {interrupted}")
    assert interrupted >= KILLS // 2
    for kind in ("import.queued", "import.started", "import.completed", "file.registered"):
        assert sorted(event.subject for event in events if event.type == kind) == sorted(
            f"{CLIENT}/f{n}" for n in range(FILMS)
        ), kind
    expected = {f"Film {n}x ({2000 + n})/Film {n}x ({2000 + n}).mkv" for n in range(FILMS)}
    assert set(household.library("movies")) == expected
    assert {name for name in os.listdir(household.home / "movies") if name.startswith(".")} == {MARKER}


async def _until_one_is_open(database: PostgresSettings, dead: set[tuple[str, int]]) -> None:
    """A worker that lives holds an import at this moment; it joins the `dead`."""
    assert database.password is not None
    connection = await asyncpg.connect(database.dsn, password=database.password.get_secret_value(), ssl=False)
    try:
        query = "SELECT id, attempt FROM library.imports WHERE lease_until > now() AND state <> 'imported'"
        async with asyncio.timeout(60):
            held = set[tuple[str, int]]()
            while not held:
                held = {(row["id"], row["attempt"]) for row in await connection.fetch(query)} - dead
        dead |= held
    finally:
        await connection.close(timeout=5)


def _config(household: Household, nats: NatsSettings, postgres: PostgresSettings) -> Path:
    """The household's file; the instance's name outlives its process, as under `sluice up`."""
    assert nats.password is not None
    assert postgres.password is not None
    libraries = {
        name: {"kind": library.kind, "root": str(library.root), "method": "copy", "unknown": "create"}
        for name, library in household.settings.libraries.items()
    }
    path = household.home / "sluice.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "instance": "importer",
                "clients": {CLIENT: {"type": "deluge", "url": "http://127.0.0.1:1", "owners": {CATEGORY: "sluice"}}},
                "libraries": libraries,
                "nats": {"url": nats.url, "user": nats.user, "password": nats.password.get_secret_value()},
                "postgres": {"dsn": postgres.dsn, "password": postgres.password.get_secret_value()},
            }
        )
    )
    return path


def _start(config: Path) -> subprocess.Popen[bytes]:
    with (config.parent / "importer.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "sluice_importer"],
            env={**os.environ, "SLUICE_CONFIG": str(config)},
            stdout=log,
            stderr=log,
        )


async def _imports(household: Household) -> tuple[Import, ...]:
    try:
        asked = Listing(limit=500)
        return (await household.ask("imports.list", asked, rpc.Page[Import], within=1)).items
    except Problem:
        return ()


async def _is_judged(household: Household) -> bool:
    return any(one.download_id == PROBE for one in await _imports(household))


async def _all_imported(household: Household) -> bool:
    return sum(one.state == "imported" for one in await _imports(household)) == FILMS


async def _all_told(household: Household) -> bool:
    return len(await household.published("media.refresh_requested")) >= FILMS
