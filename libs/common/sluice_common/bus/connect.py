"""One connection per process, shared by FastStream (RPC) and nats-py (JetStream). The only module that sees both."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from faststream.nats import NatsBroker
from faststream.nats.prometheus import NatsPrometheusMiddleware
from faststream.security import SASLPlaintext
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from sluice_common.bus.topology import ensure
from sluice_common.kit import log as logging
from sluice_common.kit.metrics import REGISTRY
from sluice_common.kit.settings import NatsSettings

log = logging.get(__name__)

# How long one JetStream call may take before its outcome counts as unknown.
JETSTREAM_TIMEOUT = 5.0


class Bus:
    """The open connection: `nc` for core NATS, `js` for JetStream, `broker` for FastStream's RPC."""

    def __init__(self, broker: NatsBroker, nc: Client, settings: NatsSettings) -> None:
        self.broker = broker
        self.nc = nc
        self.settings = settings
        self.js: JetStreamContext = nc.jetstream(timeout=JETSTREAM_TIMEOUT)

    @property
    def line(self) -> int | None:
        """Which connection this is, counted from 0; None while there is none. What a server kept in memory, a later
        one may have lost."""
        return self.nc.stats["reconnects"] if self.nc.is_connected else None

    async def ready(self) -> str | None:
        """None when connected and JetStream's streams exist, else why not."""
        if not self.nc.is_connected:
            return "not connected to NATS"
        try:
            await self.ensure_topology()
        except (TimeoutError, NatsError) as error:
            return f"JetStream: {type(error).__name__}"
        return None

    async def barrier(self) -> None:
        """Return once the server has seen everything sent so far.

        nats-py's own `flush` is none: it writes its PING past the commands that still wait (2.16), so that the answer
        can come before a SUB of a moment ago. A message to ourselves waits in the same line. Raises nats errors.
        """
        inbox = self.nc.new_inbox()
        subscription = await self.nc.subscribe(inbox, max_msgs=1)
        await self.nc.publish(inbox, b"")
        await subscription.next_msg(timeout=JETSTREAM_TIMEOUT)

    async def ensure_topology(self) -> None:
        """Create what is missing; called at start and whenever a stream turns out to be gone."""
        await ensure(self.js, self.settings.replicas)


@asynccontextmanager
async def connect(settings: NatsSettings, *, name: str, closed: asyncio.Event | None = None) -> AsyncIterator[Bus]:
    """Connect, waiting as long as it takes, and make sure that the streams exist.

    A connection that is closed for good ends the process (or sets `closed`): a spent FastStream subscriber spins.
    """
    stopping = False

    async def on_closed() -> None:
        if stopping:
            return
        if closed is not None:
            closed.set()
            return
        log.error("bus_closed")
        os._exit(1)

    broker = _broker(settings, name, on_closed)
    await broker.connect()
    await broker.start()
    bus = Bus(broker, broker.connection, settings)
    try:
        await _topology_when_up(bus)
        yield bus
    finally:
        stopping = True
        with suppress(NatsError, asyncio.TimeoutError, TimeoutError):
            await asyncio.wait_for(broker.stop(), 3)


def _broker(settings: NatsSettings, name: str, on_closed: object) -> NatsBroker:
    password = settings.password.get_secret_value() if settings.password else ""
    return NatsBroker(
        settings.url,
        name=name,
        security=SASLPlaintext(settings.user, password) if settings.user else None,
        middlewares=[NatsPrometheusMiddleware(registry=REGISTRY)],
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        allow_reconnect=True,
        graceful_timeout=5,
        closed_cb=on_closed,  # type: ignore[arg-type]  # FastStream's alias leaves out its own coroutine type
        logger=None,
    )


async def _topology_when_up(bus: Bus) -> None:
    while True:
        try:
            return await bus.ensure_topology()
        except (TimeoutError, NatsError) as error:
            log.warning("topology_waits", error=type(error).__name__)
            await asyncio.sleep(0.5)
