"""What becomes of downloads that stay stalled, where the configuration says so; off by default.

Only what Sluice owns is ever touched, and never a private torrent that has downloaded anything: its tracker counts what
was taken against what was given back, and a hit-and-run costs the account.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta

from sluice_client_poller.commands import Commands
from sluice_client_poller.metrics import STALL_ACTIONS
from sluice_client_poller.session import Session
from sluice_common.contracts import commands, rpc
from sluice_common.kit import log as logging
from sluice_common.kit.clock import Clock
from sluice_common.kit.errors import Problem, SluiceError
from sluice_common.kit.settings import OURS, ClientSettings
from sluice_common.model.download import Download

log = logging.get(__name__)

LOOK_EVERY = 10.0
WITHIN = timedelta(seconds=30)
ACTOR = "policy:stalled"


def may_be_touched(row: Download, owners: Mapping[str, str]) -> bool:
    """Whether a policy may act on it; whether a torrent is private is not known counts as private."""
    is_ours = owners.get(row.category or "") == OURS
    return is_ours and row.intent is None and (row.private is False or not row.done)


class StallPolicy:
    """Carries out one client's `stalled` section. Whatever it did to a download it does once."""

    def __init__(self, session: Session, does: Commands, client: ClientSettings, clock: Clock) -> None:
        self._session = session
        self._commands = does
        self._client = client
        self._clock = clock
        self._done: set[str] = set()
        self._tries: Counter[str] = Counter()

    async def run(self) -> None:
        """Look every ten seconds until cancelled."""
        told = self._client.stalled
        while told.action != "none":
            await self._clock.sleep(min(LOOK_EVERY, told.after / 4))
            await self._enforce(self._session.quiet_for(told.after))

    async def _enforce(self, rows: Iterable[Download]) -> None:
        due = {_request_id(row): row for row in rows if may_be_touched(row, self._client.owners)}
        self._done &= due.keys()  # what got on, and stalls again, is another matter
        self._tries = Counter({known: tries for known, tries in self._tries.items() if known in due})
        for request_id, row in due.items():
            if request_id not in self._done and await self._act(row, request_id):
                self._done.add(request_id)

    async def _act(self, row: Download, request_id: str) -> bool:
        """Whether it is settled: what failed is tried again at the next look.

        Under another request id where the outcome is not known: the row was looked at since, and stalls as before.
        """
        told = self._client.stalled
        only_said = told.dry_run or told.action == "report"
        log.warning("stalled", client=row.client, id=row.id, after=told.after, action=told.action, dry_run=told.dry_run)
        if not only_said:
            request = rpc.Request(
                request_id=f"{request_id}.{self._tries[request_id]}",
                deadline=self._clock.now() + WITHIN,
                actor=ACTOR,
                origin="client-poller",
            )
            try:
                await self._commands.do(told.action, _body(told.action, row), request)
            except SluiceError as error:
                self._tries[request_id] += isinstance(error, Problem) and error.code == "unknown_outcome"
                log.warning("stall_policy_failed", client=row.client, id=row.id, error=str(error))
                return False
        STALL_ACTIONS.labels("report" if only_said else told.action).inc()
        return True


def _body(action: str, row: Download) -> object:
    if action == "remove":
        return commands.Remove(id=row.id, epoch=row.epoch)
    return commands.Act(id=row.id, epoch=row.epoch)


def _request_id(row: Download) -> str:
    """The same for whoever acts on the same stall, so that a second holder repeats nothing."""
    return hashlib.sha256(repr(("stalled", row.client, row.id, row.epoch, row.done)).encode()).hexdigest()[:32]
