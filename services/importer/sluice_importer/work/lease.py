"""The heartbeat beside a worker: while it beats nobody else takes the import; when it cannot, the worker stops."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from sluice_common.db.pool import Database, is_transient
from sluice_common.kit import log as logging
from sluice_common.kit.clock import Clock
from sluice_common.kit.errors import Fenced
from sluice_importer.place.methods import Watch
from sluice_importer.work import store
from sluice_importer.work.values import Job

log = logging.get(__name__)

BEAT = 8.0
RELEASE_DEADLINE = 2.0


class Hold:
    """A claimed import in this worker's hands. `watch` stops what runs in a thread as soon as the hold ends."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.files_done = 0
        self._over = threading.Event()
        self.watch = Watch(check=self._check)

    def end(self) -> None:
        """Nothing more may be done for this import."""
        self._over.set()

    def _check(self) -> None:
        if self._over.is_set():
            raise Fenced(f"attempt {self.job.attempt} at the import {self.job.id} is over")


@asynccontextmanager
async def holding(db: Database, job: Job, clock: Clock) -> AsyncIterator[Hold]:
    """Keep the lease while the block runs. Raises Fenced out of the block once the lease is lost.

    A block that is cancelled or dies gives the lease back, so that another worker need not wait for its end.
    """
    hold = Hold(job)
    worker = asyncio.current_task()
    assert worker is not None
    lost = asyncio.Event()
    beat = asyncio.create_task(_beat(db, hold, clock, lost, worker))
    try:
        yield hold
    except BaseException as error:
        hold.end()
        if lost.is_set() and isinstance(error, asyncio.CancelledError) and worker.uncancel() == 0:
            raise Fenced(f"the lease of the import {job.id} is lost") from error
        await _give_back(db, job)
        raise
    finally:
        hold.end()
        beat.cancel()
        await _ended(beat, lost, worker)


async def _ended(beat: asyncio.Task[None], lost: asyncio.Event, worker: asyncio.Task[object]) -> None:
    """A heartbeat that gave up at the very moment when the block was done has cancelled nothing any more."""
    try:
        await asyncio.wait({beat})
    except asyncio.CancelledError:
        if not lost.is_set() or worker.uncancel() > 0:
            raise


async def _beat(db: Database, hold: Hold, clock: Clock, lost: asyncio.Event, worker: asyncio.Task[object]) -> None:
    proven = clock.monotonic()
    while True:
        await clock.sleep(BEAT)
        began = clock.monotonic()
        ours: bool | None = None
        with suppress(TimeoutError):
            async with asyncio.timeout(BEAT):
                ours = await _ask(db, hold)
        if ours:
            proven = began
        elif ours is False or clock.monotonic() - proven > store.LEASE.total_seconds() - BEAT:
            lost.set()
            worker.cancel()
            return


async def _ask(db: Database, hold: Hold) -> bool | None:
    """None when the database does not answer."""
    try:
        async with db.connection() as connection:
            return await store.heartbeat(connection, hold.job, hold.files_done)
    except Exception as error:  # whatever it is, the lease is not proven; it runs out by itself
        log.warning("heartbeat_missed", import_id=hold.job.id, error=type(error).__name__)
        return None


async def _give_back(db: Database, job: Job) -> None:
    try:
        async with asyncio.timeout(RELEASE_DEADLINE), db.connection() as connection:
            await store.release(connection, job)
    except Exception as error:
        if not is_transient(error):
            raise
        log.warning("lease_not_released", import_id=job.id, error=type(error).__name__)
