"""One import at a time, step by step: claim, plan, place, register. Several workers run side by side, in any process.

Every step writes down what it is about to do before it does it, and a worker that died at any point is followed by
one that begins again from the claim; nothing it does twice has an effect twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from sluice_common.contracts.library import ImportState
from sluice_common.db.pool import Database, is_transient
from sluice_common.kit import log as logging
from sluice_common.kit.clock import SYSTEM_CLOCK, Clock
from sluice_common.kit.errors import Fenced
from sluice_common.kit.settings import LibrarySettings
from sluice_common.kit.tasks import checkpoint
from sluice_importer.metrics import IMPORT_SECONDS, PLACED_BYTES, PLACED_FILES, TRANSITIONS
from sluice_importer.plan.planning import plan
from sluice_importer.plan.values import Plan
from sluice_importer.work import placing, store
from sluice_importer.work.bell import Bell
from sluice_importer.work.claim import Claims
from sluice_importer.work.identify import Identify, Identity
from sluice_importer.work.lease import Hold, holding
from sluice_importer.work.placing import Result
from sluice_importer.work.values import Again, Job, Source, Stop, blocked, failed

log = logging.get(__name__)

IDLE = 1.0


class Worker:
    """Takes due imports as long as it runs.

    `name` tells whose lease it is; no other live worker has it. One that outlives the process lets the next process
    go on at once with what this one was at. `work` wakes it, `outbox` it rings.
    """

    def __init__(
        self,
        name: str,
        db: Database,
        claims: Claims,
        identify: Identify,
        libraries: Mapping[str, LibrarySettings],
        work: Bell,
        outbox: Bell,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._name = name
        self._db = db
        self._claims = claims
        self._identify = identify
        self._libraries = libraries
        self._work = work
        self._outbox = outbox
        self._clock = clock

    async def run(self) -> None:
        """Work until cancelled."""
        is_new = True
        while True:
            checkpoint()
            try:
                if is_new:
                    await self._resume()
                is_new, busy = False, await self.once()
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("worker_waits", error=type(error).__name__)
                busy = False
            if not busy:
                await self._work.wait(IDLE)

    async def _resume(self) -> None:
        async with self._db.connection() as connection:
            await store.release_all(connection, self._name)

    async def once(self) -> bool:
        """Take the import that is due longest as far as it goes; False when none is due."""
        async with self._db.transaction() as connection:
            job = await store.claim(connection, self._name, self._clock.now())
        if job is None:
            return False
        try:
            async with holding(self._db, job, self._clock) as hold:
                await self._attend(hold)
        except Fenced as error:
            log.warning("import_overtaken", import_id=job.id, attempt=job.attempt, reason=str(error))
        self._outbox.ring()
        return True

    async def _attend(self, hold: Hold) -> None:
        job = hold.job
        try:
            await self._import(hold)
        except Stop as why:
            await self._stop(job, why)
        except Exception as error:
            if isinstance(error, Fenced) or is_transient(error):
                raise
            log.exception("import_broke", import_id=job.id, client=job.client)
            what = f"something unexpected went wrong ({type(error).__name__}); the importer's log has it"
            await self._stop(job, failed("internal_error", what))

    async def _import(self, hold: Hold) -> None:
        began = self._clock.monotonic()
        source = await self._claims.source(hold.job)
        await asyncio.to_thread(placing.sweep_earlier, hold.job, self._libraries)
        identity = await self._identify.identity(hold.job, source)
        planned = await self._plan(hold.job, source, identity)
        result = await self._place(hold, source, planned, identity)
        await self._register(hold.job, planned, result)
        IMPORT_SECONDS.observe(self._clock.monotonic() - began)

    async def _plan(self, job: Job, source: Source, identity: Identity) -> Plan:
        async with self._db.connection() as connection:
            recorded = await store.held(connection, identity.item.id, job.id)
        held = await asyncio.to_thread(placing.still_there, recorded, self._libraries)
        planned = await asyncio.to_thread(plan, source.files, identity.item, identity.library, identity.release, held)
        async with self._db.transaction() as connection:
            await store.write_plan(connection, job, identity.item, source.wanted, planned, self._clock.now())
        if planned.blocked is not None:
            raise blocked(planned.blocked.value, _blocked_message(planned))
        return planned

    async def _place(self, hold: Hold, source: Source, planned: Plan, identity: Identity) -> Result:
        if not planned.to_place:
            return Result((), ())
        async with self._db.transaction() as connection:
            await store.start(connection, hold.job, self._clock.now())
        self._count(hold.job, ImportState.IMPORTING.value, None)
        self._outbox.ring()
        return await asyncio.to_thread(
            placing.place_all, hold, source, planned, identity.item.library, identity.library
        )

    async def _register(self, job: Job, planned: Plan, result: Result) -> None:
        unresolved = _unresolved(planned, result)
        async with self._db.transaction() as connection:
            await store.register(connection, job, result.files, unresolved, self._clock.now())
        state = ImportState.IMPORTED if unresolved is None else unresolved.state
        self._count(job, state.value, unresolved.reason if unresolved else None)
        for file in result.files:
            PLACED_FILES.labels(file.method).inc()
            PLACED_BYTES.labels(file.method).inc(file.size)

    async def _stop(self, job: Job, why: Stop) -> None:
        async with self._db.transaction() as connection:
            await store.stop(connection, job, why, self._clock.now())
        if (job.state, job.reason) != (why.state, why.reason):
            self._count(job, why.state.value, why.reason)

    def _count(self, job: Job, state: str, reason: str | None) -> None:
        TRANSITIONS.labels(state, reason or "").inc()
        log.info("import", import_id=job.id, client=job.client, attempt=job.attempt, state=state, reason=reason)


def _blocked_message(planned: Plan) -> str:
    files = [file.path for file in planned.files if file.code is planned.blocked]
    about = f": {files[0]!r}" + (f" and {len(files) - 1} more" if len(files) > 1 else "") if files else ""
    return f"nothing was placed{about}"


def _unresolved(planned: Plan, result: Result) -> Stop | None:
    """What keeps an import from being done although some of its files are placed."""
    if result.conflicts:
        more = f" and {len(result.conflicts) - 1} more" if len(result.conflicts) > 1 else ""
        return blocked(
            "conflict",
            f"another file lies at {result.conflicts[0]!r}{more}; it was not touched. Move it away, then retry",
            Again.NEVER,
        )
    waiting = planned.unresolved
    if not waiting:
        return None
    more = f" and {len(waiting) - 1} more" if len(waiting) > 1 else ""
    return blocked(waiting[0].code.value, f"the rest is imported; undecided: {waiting[0].path!r}{more}")
