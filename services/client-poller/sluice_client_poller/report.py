"""Says how a client is: its status on change and at most every ten seconds, and `client.online` / `client.offline`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import msgspec

from sluice_client_poller.adapters.port import Poll
from sluice_common.bus.connect import Bus
from sluice_common.bus.publish import publish_event
from sluice_common.bus.statuses import publish_status, read_status
from sluice_common.contracts.events import ClientData, event_id, make
from sluice_common.kit import log as logging
from sluice_common.kit.errors import BusUnavailable, ClientError, Fenced
from sluice_common.model.download import ClientStatus
from sluice_common.model.enums import Health

log = logging.get(__name__)

WRITE_EVERY = timedelta(seconds=10)
_SLOW_ONLY = "what moves shows with its whole polls only: it does not tell of single downloads"
# What may differ without being worth a write of its own.
_VOLATILE = ("last_good_poll", "latency_ms", "updated_at", "next_poll", "free_space", "down_speed", "up_speed")


class Reporter:
    """The status of one client; `be_sure` raises Fenced where another replica holds it.

    Trouble with the bus is logged and made good with the next report.
    """

    def __init__(self, bus: Bus, client: str, kind: str, holder: str, be_sure: Callable[[], Awaitable[None]]) -> None:
        self._bus = bus
        self._be_sure = be_sure
        self._client = client
        self._kind = kind
        self._holder = holder
        self._written: ClientStatus | None = None
        self._fence: int | None = None

    async def online(
        self, poll: Poll, downloads: int, now: datetime, cost: float, wait: float, trouble: ClientError | None = None
    ) -> None:
        """A complete poll just succeeded: the client has that many downloads, the poll took `cost` seconds, and the
        next one comes in `wait` seconds. `trouble` is why, between polls, it does not tell of single downloads."""
        status = ClientStatus(
            client=self._client,
            type=self._kind,
            health=Health.WARNING if trouble else Health.OK,
            reason=trouble.reason if trouble else None,
            message=f"{_SLOW_ONLY} ({trouble})" if trouble else None,
            last_good_poll=now,
            latency_ms=round(cost * 1000, 1),
            version=poll.version,
            free_space=poll.free_space,
            down_speed=poll.down_speed,
            up_speed=poll.up_speed,
            downloads=downloads,
            holder=self._holder,
            updated_at=now,
            next_poll=round(wait, 1),
        )
        await self._report(status)

    async def offline(self, error: ClientError, now: datetime) -> None:
        """A poll just failed."""
        known = self._written
        status = ClientStatus(
            client=self._client,
            type=self._kind,
            health=Health.ERROR,
            reason=error.reason,
            message=str(error),
            last_good_poll=known.last_good_poll if known else None,
            version=known.version if known else None,
            downloads=known.downloads if known else None,
            holder=self._holder,
            updated_at=now,
        )
        await self._report(status)

    async def _report(self, status: ClientStatus) -> None:
        try:
            await self._open()
            status = self._keep_last_good(status)
            await self._be_sure()
            await self._tell_turn(status)
            await self._write(status)
        except (BusUnavailable, Fenced) as error:
            self._fence = None
            log.warning("status_unwritten", client=self._client, error=str(error))

    async def _open(self) -> None:
        if self._fence is None:
            known, self._fence = await read_status(self._bus, self._client)
            self._written = known or self._written

    def _keep_last_good(self, status: ClientStatus) -> ClientStatus:
        known = self._written
        if status.last_good_poll is None and known is not None:
            return msgspec.structs.replace(status, last_good_poll=known.last_good_poll)
        return status

    async def _tell_turn(self, status: ClientStatus) -> None:
        """The event goes first, with an id made from the status it follows: until that is replaced, a repetition."""
        known = self._written
        is_down = status.health == Health.ERROR
        if known is not None and (known.health == Health.ERROR) is is_down:
            return
        kind = "client.offline" if is_down else "client.online"
        time = status.updated_at
        assert time is not None
        data = ClientData(client=self._client, reason=status.reason, message=status.message, version=status.version)
        turned = (known.updated_at if known else None) or time
        turn = event_id(kind, self._client, turned.isoformat())
        await publish_event(self._bus, make(turn, kind, "client-poller", time, data))

    async def _write(self, status: ClientStatus) -> None:
        if self._written is not None and not _worth_writing(self._written, status):
            return
        assert self._fence is not None
        self._fence = await publish_status(self._bus, status, self._fence)
        self._written = status


def _worth_writing(known: ClientStatus, status: ClientStatus) -> bool:
    if _steady(known) != _steady(status) or known.updated_at is None or status.updated_at is None:
        return True
    return status.updated_at - known.updated_at >= WRITE_EVERY


def _steady(status: ClientStatus) -> ClientStatus:
    return msgspec.structs.replace(status, **dict.fromkeys(_VOLATILE))
