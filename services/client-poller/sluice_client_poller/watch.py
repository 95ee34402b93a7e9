"""Whether somebody is looking at the queue: gateways say so on a core subject, and polling is fast while they do."""

from __future__ import annotations

import asyncio

from nats.aio.msg import Msg

from sluice_common.bus.connect import Bus
from sluice_common.contracts import subjects
from sluice_common.kit.clock import Clock

# Gateways repeat themselves every five seconds; one lost message must not slow a viewer down.
WATCHED_FOR = 12.0


class Watch:
    """Remembers when somebody last said that they are looking."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock
        self._until = 0.0
        self._begun = asyncio.Event()

    async def start(self) -> None:
        """Listen; the subscription lives as long as the connection."""
        await self._bus.nc.subscribe(subjects.WATCH, cb=self._on_message)

    def active(self) -> bool:
        """Whether somebody is looking now."""
        return self._clock.monotonic() < self._until

    async def begins(self) -> None:
        """Return when somebody looks for the first time after nobody did."""
        await self._begun.wait()

    async def _on_message(self, message: Msg) -> None:
        began = not self.active()
        self._until = self._clock.monotonic() + WATCHED_FOR
        if began:
            self._begun.set()  # wakes whoever waits now, and nobody who comes later
            self._begun = asyncio.Event()
