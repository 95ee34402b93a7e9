"""Doctor: asks every part at the same time, each with a deadline; a part that does not answer is a finding itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from sluice_common.bus.connect import Bus
from sluice_common.bus.rpc import call
from sluice_common.contracts import rpc, subjects
from sluice_common.contracts.doctor import AboutClient, Checkup, Finding, Findings, Verdict
from sluice_common.contracts.history import HistoryEntry, HistoryQuery
from sluice_common.db.pool import Database
from sluice_common.kit.errors import Problem
from sluice_common.kit.settings import ClientSettings, Settings
from sluice_gateway import diagnoses
from sluice_gateway.metrics import FINDINGS

R = TypeVar("R")

READY_WITHIN = 6.0
CLIENT_WITHIN = 15.0
HISTORY_WITHIN = 5.0
IMPORTER_WITHIN = 30.0


class Doctor:
    """Looks at everything that the configuration names."""

    def __init__(self, bus: Bus, db: Database, settings: Settings) -> None:
        self._bus = bus
        self._db = db
        self._settings = settings
        self._running: asyncio.Task[list[Finding]] | None = None

    async def findings(self, request_id: str) -> list[Finding]:
        """Every check; the order is the order in which one would mend things.

        Who asks while a run is under way gets that run's findings: two at once would only wait for each other. A
        caller who leaves ends nobody else's run.
        """
        if self._running is None:
            self._running = asyncio.create_task(self._look(request_id))
            self._running.add_done_callback(self._ended)
        return await asyncio.shield(self._running)

    def _ended(self, run: asyncio.Task[list[Finding]]) -> None:
        """The next caller starts anew. An error is its callers' news; there may be none left to hear it."""
        self._running = None
        if not run.cancelled():
            run.exception()

    async def _look(self, request_id: str) -> list[Finding]:
        bus, database = await asyncio.gather(_within(self._bus.ready), _within(self._db.ready))
        found = [diagnoses.bus(bus, self._settings.nats), diagnoses.database(database)]
        if await asyncio.to_thread(self._settings.origin.has_changed):
            found.append(diagnoses.changed())
        if bus is None:
            found += await self._over_the_bus(request_id)
        else:
            found += diagnoses.unasked(self._settings)
        _count(found)
        return found

    async def _over_the_bus(self, request_id: str) -> list[Finding]:
        clients = self._settings.clients
        names = list(clients)
        history, answers = await asyncio.gather(
            self._history(request_id),
            asyncio.gather(*(self._client(name, clients[name], request_id) for name in names)),
        )
        told = {name: answer for name, answer in zip(names, answers, strict=True) if isinstance(answer, AboutClient)}
        found = [history]
        for name, answer in zip(names, answers, strict=True):
            found += diagnoses.client(name, clients[name], answer)
        found += await self._importer({name: one for name, one in told.items() if one.reason is None}, request_id)
        return found + diagnoses.configuration(self._settings)

    async def _client(self, name: str, settings: ClientSettings, request_id: str) -> AboutClient | Problem | None:
        """What the holder of the client's lease says of it; None for one that is switched off."""
        if not settings.enabled:
            return None
        return await self._asked(subjects.command(name, "about"), rpc.Empty(), AboutClient, request_id, CLIENT_WITHIN)

    async def _history(self, request_id: str) -> Finding:
        asked = HistoryQuery(limit=1)
        page = rpc.Page[HistoryEntry]
        answer = await self._asked(subjects.rpc("history", "list"), asked, page, request_id, HISTORY_WITHIN)
        return diagnoses.service("history", answer if isinstance(answer, Problem) else None)

    async def _importer(self, clients: dict[str, AboutClient], request_id: str) -> Sequence[Finding]:
        if "import" not in self._settings.features:
            return []
        subject, asked = subjects.rpc("importer", "doctor"), Checkup(clients=clients)
        answer = await self._asked(subject, asked, Findings, request_id, IMPORTER_WITHIN)
        if isinstance(answer, Problem):
            return [diagnoses.service("importer", answer), *diagnoses.unseen(self._settings)]
        return [diagnoses.service("importer", None), *answer.items]

    async def _asked(self, subject: str, body: object, kind: type[R], request_id: str, within: float) -> R | Problem:
        try:
            return await call(self._bus, subject, body, kind, request_id=request_id, within=within, actor="doctor")
        except Problem as problem:
            return problem


async def _within(ready: Callable[[], Awaitable[str | None]]) -> str | None:
    """Why it is not ready, None where it is."""
    try:
        async with asyncio.timeout(READY_WITHIN):
            return await ready()
    except TimeoutError:
        return f"no answer within {READY_WITHIN:g} s"


def _count(found: Sequence[Finding]) -> None:
    for verdict in Verdict:
        FINDINGS.labels(verdict.value).set(sum(finding.status == verdict for finding in found))
