"""Publishes the outbox: one relay at a time over all replicas, oldest first, marked once the bus acknowledged."""

from __future__ import annotations

from sluice_common.bus.connect import Bus
from sluice_common.bus.publish import publish_event
from sluice_common.db.pool import Database, is_transient
from sluice_common.kit import log as logging
from sluice_common.kit.clock import SYSTEM_CLOCK, Clock
from sluice_common.kit.errors import BusUnavailable
from sluice_common.kit.tasks import checkpoint
from sluice_importer.work.announce import store
from sluice_importer.work.bell import Bell

log = logging.get(__name__)

BATCH = 200
IDLE = 1.0


class Relay:
    """The outbox's one way out."""

    def __init__(self, db: Database, bus: Bus, bell: Bell, clock: Clock = SYSTEM_CLOCK) -> None:
        self._db = db
        self._bus = bus
        self._bell = bell
        self._clock = clock

    async def run(self) -> None:
        """Relay until cancelled."""
        while True:
            checkpoint()
            try:
                more = await self.once()
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("relay_waits", error=type(error).__name__)
                more = False
            if not more:
                await self._bell.wait(IDLE)

    async def once(self) -> bool:
        """Publish what waits, up to a batch; whether there may be more."""
        async with self._db.transaction() as connection:
            if not await store.lock(connection):
                return False
            waiting = await store.unsent(connection, BATCH)
            sent: list[int] = []
            try:
                for number, event in waiting:
                    await publish_event(self._bus, event)
                    sent.append(number)
            except BusUnavailable as error:
                log.warning("relay_waits", error=str(error))
            now = self._clock.now()
            if sent:
                await store.mark_sent(connection, sent, now)
            else:
                await store.forget_sent(connection, now)
        return len(sent) == BATCH
