"""From the bus into the database: commit, then acknowledge. Nothing is read back or decided here."""

from __future__ import annotations

import random
from collections.abc import Sequence

import asyncpg

from sluice_common.bus.connect import Bus
from sluice_common.bus.consume import DurableConsumer, Poison
from sluice_common.contracts import subjects
from sluice_common.contracts.events import Event
from sluice_common.db.connect import describe
from sluice_common.db.pool import Database
from sluice_common.kit import log as logging
from sluice_common.kit.backoff import delay
from sluice_common.kit.clock import SYSTEM_CLOCK, Clock
from sluice_history import metrics, store
from sluice_history.entry import Entry, Unusable, entry_of

log = logging.get(__name__)

CONSUMER = "history"
# What PostgreSQL refuses because of the entry itself. Everything else (away, full, read-only, upgraded under us) is the
# database's state: it passes or somebody mends it, and meanwhile no event may end in the dead letters.
_OWN_FAULT = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.ProgramLimitExceededError)
_NOT_OURS = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)


def recorder(bus: Bus, db: Database, clock: Clock = SYSTEM_CLOCK, *, batch: int = 100) -> DurableConsumer:
    """The consumer that records every event of the stream; any number of replicas may run it."""
    return DurableConsumer(bus, CONSUMER, [subjects.ALL_EVENTS], Recorder(db, clock), batch=batch, clock=clock)


class Recorder:
    """Records batches of events, each once."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def __call__(self, events: Sequence[Event]) -> None:
        """Commit the batch. Waits for as long as PostgreSQL takes nothing.

        Raises Poison when the batch holds an event that can never be stored.
        """
        try:
            entries = [entry_of(event) for event in events]
            new = await self._committed(entries)
        except (Unusable, *_OWN_FAULT) as error:
            raise Poison(str(error).partition("\n")[0]) from error
        self._count(entries, new)

    async def _committed(self, entries: Sequence[Entry]) -> set[str]:
        failures = 0
        while True:
            try:
                async with self._db.transaction() as connection:
                    return await store.record(connection, entries)
            except _OWN_FAULT:
                raise
            except _NOT_OURS as error:
                failures += 1
                log.warning("recording_waits", events=len(entries), reason=describe(error))
                await self._clock.sleep(delay(failures, base=0.2, cap=5.0, jitter=random.random()))  # noqa: S311 - spreads

    def _count(self, entries: Sequence[Entry], new: set[str]) -> None:
        now = self._clock.now()
        fresh = {entry.id: entry for entry in entries if entry.id in new}
        for entry in fresh.values():
            metrics.RECORDED.labels(metrics.label(entry.type)).inc()
            metrics.LAG.observe(max(0.0, (now - entry.time).total_seconds()))
        metrics.DUPLICATES.inc(len(entries) - len(fresh))
