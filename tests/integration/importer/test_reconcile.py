"""The reconciler looks only at tables that are certain."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sluice_common.bus import replica as replica_module
from sluice_common.bus.connect import Bus
from sluice_common.bus.statuses import Statuses, publish_status, read_status
from sluice_common.contracts import subjects
from sluice_common.contracts.commands import Add
from sluice_common.contracts.library import Associate
from sluice_common.db.migrate import migrate
from sluice_common.db.pool import Database, open_pool
from sluice_common.kit.settings import ClientSettings, PostgresSettings
from sluice_common.model.download import ClientStatus
from sluice_common.model.enums import Health
from sluice_importer.associate import store as associations
from sluice_importer.work.bell import Bell
from sluice_importer.work.intake import store
from sluice_importer.work.intake.decide import Finished
from sluice_importer.work.intake.reconcile import Reconciler
from support.bus import following
from support.importer import CATEGORY, CLIENT, PlayedClient
from support.waiting import until

MAGNET = Add(magnet="magnet:?xt=urn:btih:" + "a" * 40)


async def _polled(bus: Bus, statuses: Statuses) -> None:
    """The client was polled now, and the reconciler can know it."""
    now = datetime.now(UTC)
    _, fence = await read_status(bus, CLIENT)
    status = ClientStatus(client=CLIENT, type="deluge", health=Health.OK, last_good_poll=now, updated_at=now)
    await publish_status(bus, status, fence)
    await until(lambda: (seen := statuses.get(CLIENT)) is not None and seen.last_good_poll == now, what="it is known")


async def _state(db: Database) -> str:
    async with db.connection() as connection:
        (life,) = await associations.lives(connection, CLIENT)
    return life.state


async def test_a_table_that_was_read_anew_counts_from_its_next_poll(
    bus: Bus, database: PostgresSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bus was wiped and a table without the download appeared: nothing is believed gone before it was polled."""
    monkeypatch.setattr(replica_module, "CHECK_EVERY", 0.1)
    await migrate(database, package="sluice_importer", schema="library")
    clients = {CLIENT: ClientSettings(type="deluge", url="http://127.0.0.1:1", owners={CATEGORY: "sluice"})}
    client, statuses = PlayedClient(bus, tmp_path), Statuses(bus, clients)
    client.rows["a1"] = client.describe("a1", "Dune.2021", {"x.mkv": 1}, is_complete=False)
    await client.baseline()
    async with open_pool(database, application="test") as db, following(bus) as replica:
        knowing = asyncio.create_task(statuses.run())
        reconciler = Reconciler(db, replica, statuses, clients, Bell(), Bell(), lambda: "new")
        await until(lambda: replica.caught_up, what="caught up")
        asked = Associate(request_id="r", client=CLIENT, download_id="a1", source=MAGNET)
        async with db.transaction() as connection:
            await associations.upsert(connection, asked, datetime.now(UTC))
        await reconciler.once()
        assert await _state(db) == "pending"
        await _polled(bus, statuses)
        await reconciler.once()
        assert await _state(db) == "bound"

        await bus.js.delete_stream(subjects.FRAMES)
        await bus.ensure_topology()
        client.rows.clear()
        await client.baseline("another")
        await until(lambda: _incarnation(replica) == "another" and replica.caught_up, what="it was read", seconds=15)
        await reconciler.once()
        assert await _state(db) == "bound"
        await _polled(bus, statuses)
        await reconciler.once()
        assert await _state(db) == "closing"
        knowing.cancel()
        with suppress(asyncio.CancelledError):
            await knowing


def _incarnation(replica: replica_module.Replica) -> str | None:
    table = replica.table(CLIENT)
    return table.incarnation if table is not None else None


async def test_a_frame_costs_the_rows_it_changed(
    bus: Bus, database: PostgresSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten thousand idle torrents are not compared because one moves; after a doubt all are."""
    await migrate(database, package="sluice_importer", schema="library")
    clients = {CLIENT: ClientSettings(type="deluge", url="http://127.0.0.1:1", owners={CATEGORY: "sluice"})}
    client, statuses = PlayedClient(bus, tmp_path), Statuses(bus, clients)
    for download_id in ("a", "b"):
        client.rows[download_id] = client.describe(download_id, "Dune.2021", {"x.mkv": 1})
    await client.baseline()
    compared = _Compared(monkeypatch)
    async with open_pool(database, application="test") as db, following(bus) as replica:
        knowing = asyncio.create_task(statuses.run())
        reconciler = Reconciler(db, replica, statuses, clients, Bell(), Bell(), lambda: secrets.token_hex(8))
        await until(lambda: replica.caught_up, what="caught up")
        await _polled(bus, statuses)
        await reconciler.once()
        await reconciler.once()
        assert compared.taken() == [{"a", "b"}]
        incomplete = client.describe("d", "Alien.1979", {"z.mkv": 1}, is_complete=False)
        await client.commit(client.describe("c", "Heat.1995", {"y.mkv": 1}), incomplete)
        await until(lambda: (table := replica.table(CLIENT)) is not None and "c" in table.rows, what="the frame")
        compared.failing = True
        with pytest.raises(ConnectionError):
            await reconciler.once()
        assert compared.taken() == [{"c"}]
        compared.failing = False
        await reconciler.once()
        await reconciler.once()
        assert compared.taken() == [{"a", "b", "c"}]
        knowing.cancel()
        with suppress(asyncio.CancelledError):
            await knowing


class _Compared:
    """Notes which downloads were compared with the database, and fails afterwards while `failing`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.failing = False
        self._taken: list[set[str]] = []
        self._take = store.take
        monkeypatch.setattr(store, "take", self)

    def taken(self) -> list[set[str]]:
        """What was compared since the last call."""
        taken, self._taken = self._taken, []
        return taken

    async def __call__(self, connection: Any, client: str, downloads: Sequence[Finished], **more: Any) -> int:
        self._taken.append({download.download_id for download in downloads})
        work = await self._take(connection, client, downloads, **more)
        if self.failing:
            raise ConnectionError("the test says so")
        return work
