"""Whether somebody is looking, and at which rows: gateways say so on a core subject; polling is fast while they do."""

from __future__ import annotations

import asyncio

from nats.aio.msg import Msg

from sluice_common.bus.connect import Bus
from sluice_common.contracts import codec, subjects
from sluice_common.contracts.watching import Watched
from sluice_common.kit import log as logging
from sluice_common.kit.clock import Clock

log = logging.get(__name__)

# Gateways repeat themselves every five seconds; one lost message must not slow a viewer down.
WATCHED_FOR = 12.0


class Watch:
    """Remembers when somebody last said that they are looking; `turns` counts how often that began."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock
        self.turns = 0
        self._until = 0.0
        self._begun = asyncio.Event()
        self._words: dict[str, tuple[float, Watched]] = {}

    async def start(self) -> None:
        """Listen; the subscription lives as long as the connection."""
        await self._bus.nc.subscribe(subjects.WATCH, cb=self._on_message)

    def active(self) -> bool:
        """Whether somebody is looking now."""
        return self._clock.monotonic() < self._until

    def rows(self, client: str) -> frozenset[str]:
        """The ids of this client's rows that somebody is looking at."""
        now = self._clock.monotonic()
        told = (word.rows.get(client, ()) for until, word in self._words.values() if now < until)
        return frozenset().union(*told)

    async def begins(self, since: int) -> None:
        """Return when somebody looks for the first time after nobody did, or did so since `turns` was that."""
        while self.turns == since:
            await self._begun.wait()

    async def _on_message(self, message: Msg) -> None:
        began = not self.active()
        self._until = self._clock.monotonic() + WATCHED_FOR
        self._hear(message.data)
        if began:
            self.turns += 1
            self._begun.set()  # wakes whoever waits now, and nobody who comes later
            self._begun = asyncio.Event()

    def _hear(self, data: bytes) -> None:
        """A gateway's word replaces its last; an older one's says only that somebody is there."""
        if not data:
            return
        try:
            word, now = codec.from_json(data, Watched), self._clock.monotonic()
        except codec.Undecodable as error:
            log.debug("watch_unreadable", error=str(error))
            return
        self._words = {name: kept for name, kept in self._words.items() if now < kept[0]}
        self._words[word.gateway] = self._until, word
