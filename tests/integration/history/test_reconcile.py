"""A lost bus costs no history that a client or PostgreSQL still knows, and nothing is told twice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sluice_common.bus.connect import Bus
from sluice_common.bus.replica import Replica, publish_part
from sluice_common.bus.statuses import Statuses, publish_status, read_status
from sluice_common.contracts.events import DownloadData, Event, lifecycle_id, make
from sluice_common.contracts.frames import Writer
from sluice_common.contracts.history import HistoryEntry
from sluice_common.db.pool import Database
from sluice_common.model.download import ClientStatus, Download
from sluice_common.model.enums import Health, State
from sluice_history.reconcile import Reconciler
from sluice_history.record import recorder
from support.history import T0, Start, eventually, publish, recorded
from support.nats import NatsForTest

CLIENT = "deluge"
GRACE = 0.6


def row(name: str, **fields: Any) -> Download:
    """A complete, seeding download added at T0."""
    base: dict[str, Any] = {"epoch": "c100", "is_complete": True, "added_at": T0, "completed_at": T0, "size": 10}
    return Download(client=CLIENT, id=name, name=name, state=State.SEEDING, **(base | fields))


def told(kind: str, of: Download) -> Event:
    """The poller's own event."""
    wanted = of.size if kind == "download.completed" else None
    data = DownloadData(client=CLIENT, id=of.id, epoch=of.epoch, name=of.name, size=of.size)
    return make(lifecycle_id(kind, CLIENT, of.id, of.epoch, wanted), kind, "client-poller", T0, data)


class Table:
    """Publishes a client's table and its good polls, as its poller does."""

    def __init__(self, bus: Bus, incarnation: str = "first") -> None:
        self._bus = bus
        self._writer = Writer(incarnation, None, 0)

    async def show(self, rows: Iterable[Download]) -> None:
        """A keyframe with these rows."""
        frames = self._writer.plan_keyframe({row.id: row for row in rows}, datetime.now(UTC), "key")
        for frame in frames:
            self._writer.acked(frame, await publish_part(self._bus, CLIENT, frame, self._writer.fence))

    async def polled(self) -> None:
        """A good poll, now."""
        now = datetime.now(UTC)
        _, fence = await read_status(self._bus, CLIENT)
        status = ClientStatus(client=CLIENT, type="deluge", health=Health.OK, last_good_poll=now, updated_at=now)
        await publish_status(self._bus, status, fence)


class History:
    """One replica of the service's loops, with a short grace."""

    def __init__(self, bus: Bus, db: Database, start: Start) -> None:
        self.replica, statuses = Replica(bus), Statuses(bus, [CLIENT])
        self.reconciler = Reconciler(bus, db, self.replica, statuses, [CLIENT], grace=GRACE, every=0.05)
        for loop in (recorder(bus, db).run, self.replica.run, statuses.run, self.reconciler.run):
            start(loop)

    async def agrees(self) -> None:
        """Wait until the client's table was compared and nothing is missing."""

        async def agreed() -> bool:
            return CLIENT in self.reconciler._agreed

        await eventually(agreed, "history agrees with the table")

    async def caught_up(self) -> None:
        async def ready() -> bool:
            return self.replica.caught_up and self.replica.table(CLIENT) is not None

        await eventually(ready, "the replica is caught up")


def summary(entries: Iterable[HistoryEntry]) -> list[tuple[str | None, str, str | None]]:
    return sorted((entry.download_id, entry.type, entry.source) for entry in entries)


async def test_a_wiped_bus_adds_only_what_is_missing(
    nats_server: NatsForTest, bus: Bus, db: Database, start: Start
) -> None:
    """Known rows stay as they are; a completion and a departure that nobody told are added, and told as reconciled."""
    known, unfinished, left = row("known"), row("unfinished", is_complete=False), row("left")
    table = Table(bus)
    await table.show([known, unfinished, left])
    history = History(bus, db, start)
    await publish(bus, [told("download.added", of) for of in (known, unfinished, left)])
    await publish(bus, [told("download.completed", of) for of in (known, left)])
    await history.caught_up()
    await table.polled()
    await history.agrees()
    before = summary(await recorded(db))
    assert {source for _, _, source in before} == {"client-poller"}

    nats_server.stop()
    nats_server.wipe()
    nats_server.start()
    await eventually(lambda: _connected(bus), "the bus is back")
    table = Table(bus, "second")
    await table.show([known, row("unfinished"), row("new")])
    await eventually(lambda: _read(history.replica, "second"), "the new table was read")
    await table.polled()
    await history.agrees()
    added = [line for line in summary(await recorded(db)) if line not in before]
    assert added == [
        ("left", "download.removed", "reconciled"),
        ("new", "download.added", "reconciled"),
        ("new", "download.completed", "reconciled"),
        ("unfinished", "download.completed", "reconciled"),
    ]


async def _connected(bus: Bus) -> bool:
    return await bus.ready() is None


async def _read(replica: Replica, incarnation: str) -> bool:
    table = replica.table(CLIENT)
    return table is not None and table.incarnation == incarnation and replica.caught_up


async def test_a_late_original_is_a_duplicate(bus: Bus, db: Database, start: Start) -> None:
    """The poller's own announcement, coming after the reconciler's, is the same event."""
    table = Table(bus)
    await table.show([row("a")])
    history = History(bus, db, start)
    await history.caught_up()
    await table.polled()
    await history.agrees()
    await publish(
        bus, [told("download.added", row("a")), told("download.completed", row("a")), told("client.x", row("z"))]
    )

    async def marker() -> bool:
        return any(entry.download_id == "z" for entry in await recorded(db))

    await eventually(marker, "the late events were consumed")
    assert len(await recorded(db, id="a")) == 2


async def test_two_replicas_reconcile_once(bus: Bus, other_bus: Bus, db: Database, start: Start) -> None:
    """Two reconcilers in front of fifty complete downloads tell each arrival and completion once, at its own time."""
    table = Table(bus)
    done = T0 + timedelta(hours=1)
    await table.show([row(f"d{number}", completed_at=done) for number in range(50)])
    both = [History(bus, db, start), History(other_bus, db, start)]
    for history in both:
        await history.caught_up()
    await table.polled()
    for history in both:
        await history.agrees()
    entries = await recorded(db)
    assert len(entries) == len({entry.id for entry in entries}) == 100
    assert {(entry.type, entry.time) for entry in entries} == {("download.added", T0), ("download.completed", done)}


@pytest.mark.parametrize("polled_before", [True, False])
async def test_an_old_word_of_the_client_is_not_believed(
    bus: Bus, db: Database, start: Start, polled_before: bool
) -> None:
    """Without a good poll since the tables were read nothing is added, however long that lasts."""
    table = Table(bus)
    await table.show([row("a")])
    if polled_before:
        await table.polled()
    history = History(bus, db, start)
    await history.caught_up()
    rounds = asyncio.get_running_loop().time() + 4 * GRACE
    await eventually(lambda: _is_past(rounds), "several graces")
    assert await recorded(db) == []
    await table.polled()
    await history.agrees()
    assert len(await recorded(db)) == 2


async def _is_past(moment: float) -> bool:
    return asyncio.get_running_loop().time() > moment


async def test_what_the_poller_announces_in_time_is_not_reconciled(bus: Bus, db: Database, start: Start) -> None:
    """A disagreement that goes away by itself within the grace was only an event on its way."""
    table = Table(bus)
    await table.show([row("a")])
    history = History(bus, db, start)
    await history.caught_up()
    await table.polled()
    await eventually(lambda: _suspected(history), "the disagreement was seen")
    await publish(bus, [told("download.added", row("a")), told("download.completed", row("a"))])
    await history.agrees()
    assert {entry.source for entry in await recorded(db)} == {"client-poller"}


async def _suspected(history: History) -> bool:
    return bool(history.reconciler._suspects.get(CLIENT))
