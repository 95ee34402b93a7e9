"""Adds what is missing: compares what was recorded with the clients' tables. It never changes or deletes an entry.

Level-triggered: at start, after the bus was wiped, and now and then. It must not run ahead of the poller's own
announcements, so it looks only at a caught-up table of a client that was polled since, only once the consumer has read
the whole stream, and believes a disagreement only when it is still there after a grace.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec
from nats.errors import Error as NatsError
from nats.js.errors import APIError

from sluice_common.bus.connect import Bus
from sluice_common.bus.replica import Replica
from sluice_common.bus.statuses import Statuses
from sluice_common.contracts import subjects
from sluice_common.contracts.frames import Table
from sluice_common.db.connect import describe
from sluice_common.db.pool import Database, is_transient
from sluice_common.kit import log as logging
from sluice_common.kit.clock import SYSTEM_CLOCK, Clock
from sluice_history import metrics, store
from sluice_history.entry import Entry
from sluice_history.fold import Recorded, step
from sluice_history.missing import missing
from sluice_history.record import CONSUMER

if TYPE_CHECKING:
    from sluice_common.db.pool import Connection

log = logging.get(__name__)

GRACE = 10.0
EVERY = 2.5
AGAIN = 600.0
_SLICE = 1000

Epochs = dict[str, dict[str, Recorded]]


class _Agreed(msgspec.Struct, frozen=True):
    incarnation: str
    at: float


class Reconciler:
    """Reconciles the configured clients, one replica at a time. Times are in seconds."""

    def __init__(
        self,
        bus: Bus,
        db: Database,
        replica: Replica,
        statuses: Statuses,
        clients: Iterable[str],
        clock: Clock = SYSTEM_CLOCK,
        *,
        grace: float = GRACE,
        every: float = EVERY,
        again: float = AGAIN,
    ) -> None:
        self._bus, self._db, self._replica, self._statuses = bus, db, replica, statuses
        self._clients = tuple(clients)
        self._clock = clock
        self._grace, self._every, self._again = grace, every, again
        self._suspects: dict[str, dict[str, float]] = {}
        self._agreed: dict[str, _Agreed] = {}
        self._since = clock.now()
        replica.on_reset.append(self._start_over)

    def _start_over(self) -> None:
        """The tables were read anew: nothing that was seen before counts."""
        self._since = self._clock.now()
        self._suspects.clear()
        self._agreed.clear()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            for client in self._clients:
                await self._try(client)
            await self._clock.sleep(self._every)

    async def _try(self, client: str) -> None:
        try:
            if self._is_due(client) and await self._is_drained():
                await self._round(client)
        except (NatsError, APIError, asyncio.TimeoutError) as error:  # noqa: UP041 - nats' own is a subclass
            log.debug("reconciler_waits", client=client, reason=type(error).__name__)
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("reconciler_waits", client=client, reason=describe(error))

    def _is_due(self, client: str) -> bool:
        table = self._trusted(client)
        if table is None:
            return False
        agreed = self._agreed.get(client)
        now = self._clock.monotonic()
        return agreed is None or agreed.incarnation != table.incarnation or now - agreed.at >= self._again

    def _trusted(self, client: str) -> Table | None:
        """The table, if it is the client's own word of after the tables were read."""
        status = self._statuses.get(client)
        if not self._replica.caught_up or status is None or status.last_good_poll is None:
            return None
        return self._replica.table(client) if status.last_good_poll > self._since else None

    async def _is_drained(self) -> bool:
        """Whether nothing waits in the stream that may still say what seems to be missing."""
        info = await self._bus.js.consumer_info(subjects.EVENTS, CONSUMER)
        return not info.num_pending

    async def _round(self, client: str) -> None:
        async with self._db.transaction() as connection:
            if not await store.become_reconciler(connection):
                return
            epochs = await _recorded(connection, client)
            table = self._trusted(client)
            if table is None:
                return
            incarnation = table.incarnation
            ripe = self._ripe(client, await _compare(client, epochs, table))
            new = await store.record(connection, ripe)
        self._note(client, [entry for entry in ripe if entry.id in new])
        if not self._suspects[client]:
            self._agreed[client] = _Agreed(incarnation, self._clock.monotonic())

    def _ripe(self, client: str, found: Sequence[Entry]) -> list[Entry]:
        """What was missing before as well, long enough ago; the rest is remembered, what came by itself forgotten."""
        now, known = self._clock.monotonic(), self._suspects.get(client, {})
        since = {entry.id: known.get(entry.id, now) for entry in found}
        ripe = [entry for entry in found if entry.id in known and now - since[entry.id] >= self._grace]
        taken = {entry.id for entry in ripe}
        self._suspects[client] = {event_id: at for event_id, at in since.items() if event_id not in taken}
        return ripe

    def _note(self, client: str, added: Sequence[Entry]) -> None:
        for entry in added:
            metrics.RECONCILED.labels(metrics.label(entry.type)).inc()
        if added:
            log.info("history_reconciled", client=client, added=len(added))


async def _recorded(connection: Connection, client: str) -> Epochs:
    """What is recorded of each of a client's downloads."""
    epochs: Epochs = {}
    async for download_id, fact in store.facts(connection, client):
        known = epochs.setdefault(download_id, {})
        known[fact.epoch] = step(known.get(fact.epoch, Recorded()), fact)
    return epochs


async def _compare(client: str, epochs: Epochs, table: Table) -> list[Entry]:
    """Everything missing; in slices, so that a big table does not hold the loop. A row that changes meanwhile is
    compared as it was when we began."""
    rows, polled_at = dict(table.rows), table.polled_at
    ids = [*rows, *(download_id for download_id in epochs if download_id not in rows)]
    found: list[Entry] = []
    for some in _slices(ids):
        for download_id in some:
            known = epochs.get(download_id, {})
            found.extend(missing(client, download_id, known, rows.get(download_id), polled_at))
        await asyncio.sleep(0)
    return found


def _slices(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + _SLICE] for start in range(0, len(ids), _SLICE))
