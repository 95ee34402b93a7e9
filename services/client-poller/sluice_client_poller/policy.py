"""What becomes of downloads that stay stalled, where the configuration says so; off by default.

Only what Sluice owns is ever touched, and no private torrent of which there is any data: its tracker counts what was
taken against what was given back, and a hit-and-run costs the account.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from random import Random

import msgspec

from sluice_client_poller.commands import Commands
from sluice_client_poller.metrics import STALL_ACTIONS
from sluice_client_poller.session import Session
from sluice_client_poller.stalls import TRIES
from sluice_common.contracts import commands, rpc
from sluice_common.kit import log as logging
from sluice_common.kit.backoff import delay
from sluice_common.kit.clock import Clock
from sluice_common.kit.errors import SluiceError
from sluice_common.kit.settings import OURS, ClientSettings
from sluice_common.model.download import Download
from sluice_common.model.enums import State

log = logging.get(__name__)

LOOK_EVERY = 10.0
WITHIN = timedelta(seconds=30)
# Seconds until what failed is tried again: each try is a warning and an event.
RETRY_AFTER, RETRY_AT_MOST = 60.0, 3600.0
ACTOR = "policy:stalled"


def may_be_touched(row: Download, owners: Mapping[str, str]) -> bool:
    """Whether a policy may act on it. Where the client does not say that it is public, only while nothing is there.

    `done` is what is there now, not what was ever taken: data that was lost and found missing by a check counts as
    nothing here, though not for the tracker. What is not known is not taken for nothing.
    """
    is_ours = owners.get(row.category or "") == OURS
    is_empty = row.state == State.FETCHING_METADATA or row.done == 0
    return is_ours and row.intent is None and (row.private is False or is_empty)


def still_stalls(known: Download, now: Download | None, owners: Mapping[str, str]) -> bool:
    """Whether what stalled when it was looked at does so, and may be touched, as its client tells it `now`."""
    return (
        now is not None
        and now.epoch == known.epoch
        and now.state in TRIES
        and not now.down_speed
        and now.done == known.done
        and may_be_touched(now, owners)
    )


class _Stall(msgspec.Struct):
    """One stall of one download, from the first look that saw it to the last. Every try of its command is a request of
    its own, or the answer to an earlier one would be repeated."""

    request_id: str
    is_settled: bool = False
    failures: int = 0
    not_before: float = 0.0  # monotonic seconds


class StallPolicy:
    """Carries out one client's `stalled` section: what it does to a download it does once in each of its stalls.

    What is stalled already is remembered here alone: another holder, or a restart, begins anew.
    """

    def __init__(
        self,
        session: Session,
        does: Commands,
        client: ClientSettings,
        *,
        clock: Clock,
        random: Random,
        new_id: Callable[[], str],
    ) -> None:
        self._session = session
        self._commands = does
        self._client = client
        self._clock = clock
        self._random = random
        self._new_id = new_id
        self._stalls: dict[tuple[str, str], _Stall] = {}

    async def run(self) -> None:
        """Look every ten seconds until cancelled."""
        told = self._client.stalled
        while told.action != "none":
            await self._clock.sleep(min(LOOK_EVERY, told.after / 4))
            await self._enforce(self._session.quiet_for(told.after))

    async def _enforce(self, rows: Iterable[Download]) -> None:
        due = {(row.id, row.epoch): row for row in rows if may_be_touched(row, self._client.owners)}
        # Whatever got on, or was paused, is out of this: when it stalls again, that is another stall.
        self._stalls = {key: self._stalls.get(key) or _Stall(self._new_id()) for key in due}
        for key, row in due.items():
            stall = self._stalls[key]
            if stall.is_settled or self._clock.monotonic() < stall.not_before:
                continue
            try:
                # The commands before this one took their time, and the last poll may be half a minute old.
                if still_stalls(row, await self._session.ask(row), self._client.owners):
                    await self._act(row, stall.request_id)
                    stall.is_settled = True
            except SluiceError as error:
                log.warning("stall_policy_failed", client=row.client, id=row.id, error=str(error))
                self._put_off(stall)

    def _put_off(self, stall: _Stall) -> None:
        stall.failures += 1
        # What may have been done is not done again under its old id; the row was looked at since, and stalls as before.
        stall.request_id = self._new_id()
        wait = delay(stall.failures, base=RETRY_AFTER, cap=RETRY_AT_MOST, jitter=self._random.random())
        stall.not_before = self._clock.monotonic() + wait

    async def _act(self, row: Download, request_id: str) -> None:
        told = self._client.stalled
        only_said = told.dry_run or told.action == "report"
        log.warning("stalled", client=row.client, id=row.id, after=told.after, action=told.action, dry_run=told.dry_run)
        if not only_said:
            request = rpc.Request(
                request_id=request_id, deadline=self._clock.now() + WITHIN, actor=ACTOR, origin="client-poller"
            )
            await self._commands.do(told.action, _body(told.action, row), request)
        STALL_ACTIONS.labels("report" if only_said else told.action).inc()


def _body(action: str, row: Download) -> object:
    if action == "remove":
        return commands.Remove(id=row.id, epoch=row.epoch)
    return commands.Act(id=row.id, epoch=row.epoch)
