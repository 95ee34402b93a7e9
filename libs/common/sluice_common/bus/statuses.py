"""The clients' health as the pollers publish it: fenced writing, and a live copy for everybody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.errors import APIError, BadRequestError, NotFoundError

from sluice_common.bus.connect import Bus
from sluice_common.contracts import codec, subjects
from sluice_common.kit import log as logging
from sluice_common.kit.clock import SYSTEM_CLOCK, Clock
from sluice_common.kit.errors import BusUnavailable, Fenced
from sluice_common.model.download import ClientStatus

log = logging.get(__name__)

# The stream lives in memory and live messages can be missed: read it again this often, in seconds.
REREAD_EVERY = 5.0
_FENCE_HEADER = "Nats-Expected-Last-Subject-Sequence"
_TROUBLE = (TimeoutError, NatsError, APIError)


async def publish_status(bus: Bus, status: ClientStatus, fence: int) -> int:
    """Publish behind the fence; the new fence. Raises Fenced or BusUnavailable: read the fence again."""
    try:
        ack = await bus.js.publish(
            subjects.status(status.client),
            codec.to_json(status),
            stream=subjects.CLIENTS,
            headers={_FENCE_HEADER: str(fence)},
        )
    except BadRequestError as error:
        raise Fenced(f"the status of {status.client} was written by another poller") from error
    except _TROUBLE as error:
        raise BusUnavailable(f"the status was not acknowledged: {type(error).__name__}") from error
    return ack.seq


async def read_status(bus: Bus, client: str) -> tuple[ClientStatus | None, int]:
    """The last published status and its fence (0 when there is none); raises BusUnavailable."""
    try:
        message = await bus.js.get_last_msg(subjects.CLIENTS, subjects.status(client))
    except NotFoundError:
        return None, 0
    except _TROUBLE as error:
        raise BusUnavailable(f"cannot read the status of {client}: {type(error).__name__}") from error
    return _decode(message.data or b""), message.seq or 0


class Statuses:
    """The last known status of every configured client, kept current; what is lost on the way is read again."""

    def __init__(self, bus: Bus, clients: Iterable[str], clock: Clock = SYSTEM_CLOCK) -> None:
        self._bus = bus
        self._clients = tuple(clients)
        self._clock = clock
        self._statuses: dict[str, ClientStatus] = {}
        self.on_change: list[Callable[[ClientStatus], None]] = []

    def get(self, client: str) -> ClientStatus | None:
        """The last known status; None while no poller has said anything."""
        return self._statuses.get(client)

    async def run(self) -> None:
        """Follow until cancelled."""
        subscription = await self._bus.nc.subscribe(subjects.ALL_CLIENTS, cb=self._on_message)
        try:
            while True:
                await asyncio.gather(*(self._read(client) for client in self._clients))
                await self._clock.sleep(REREAD_EVERY)
        finally:
            if self._bus.nc.is_connected:
                await subscription.unsubscribe()

    async def _on_message(self, message: Msg) -> None:
        status = _decode(message.data)
        if status is not None:
            self._take(status)

    async def _read(self, client: str) -> None:
        try:
            status, _ = await read_status(self._bus, client)
        except BusUnavailable as error:
            log.debug("status_unread", client=client, error=str(error))
            return
        if status is not None:
            self._take(status)

    def _take(self, status: ClientStatus) -> None:
        known = self._statuses.get(status.client)
        if status.client not in self._clients or (known is not None and not _newer(status, known)):
            return
        self._statuses[status.client] = status
        for listener in self.on_change:
            listener(status)


def _newer(status: ClientStatus, known: ClientStatus) -> bool:
    if status.updated_at is None or known.updated_at is None:
        return status != known
    return status.updated_at > known.updated_at


def _decode(data: bytes) -> ClientStatus | None:
    try:
        return codec.from_json(data, ClientStatus)
    except codec.Undecodable:
        log.warning("status_undecodable")
        return None
