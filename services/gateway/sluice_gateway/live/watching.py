"""Tells the pollers that somebody is looking, and at which rows; nobody looking says nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from nats.errors import Error as NatsError

from sluice_common.bus.connect import Bus
from sluice_common.contracts import codec, subjects
from sluice_common.contracts.watching import MOST_ROWS, Watched
from sluice_common.kit import log as logging
from sluice_common.kit.clock import SYSTEM_CLOCK, Clock
from sluice_gateway.live.rows import Key

log = logging.get(__name__)

# Seconds between two looks at whether somebody came or looks elsewhere, and between two repetitions.
LOOK_EVERY = 0.5
SAY_EVERY = 5.0


class Sight(Protocol):
    """Whoever knows what people are shown."""

    @property
    def subscribers(self) -> int:
        """How many watch."""

    def in_sight(self, most: int) -> list[Key]:
        """The rows that somebody is shown now, at most so many."""


class Watching:
    """One loop per gateway, which calls itself `name`."""

    def __init__(self, bus: Bus, sight: Sight, new_name: Callable[[], str], clock: Clock = SYSTEM_CLOCK) -> None:
        self._bus = bus
        self._sight = sight
        self._name = new_name()
        self._clock = clock

    async def run(self) -> None:
        """Say so until cancelled; a word that is lost is said again soon."""
        said, told = -SAY_EVERY, Watched(gateway=self._name)
        while True:
            await self._clock.sleep(LOOK_EVERY)
            now = self._clock.monotonic()
            if not self._sight.subscribers:
                said = now - SAY_EVERY
                continue
            watched = Watched(gateway=self._name, rows=_by_client(self._sight.in_sight(MOST_ROWS)))
            if now - said >= SAY_EVERY or watched != told:
                said, told = now, watched
                await self._say(watched)

    async def _say(self, watched: Watched) -> None:
        try:
            await self._bus.nc.publish(subjects.WATCH, codec.to_json(watched))
        except NatsError as error:
            log.debug("watch_unsaid", error=type(error).__name__)


def _by_client(keys: Iterable[Key]) -> dict[str, tuple[str, ...]]:
    """Sorted: rows that change places are the same rows."""
    rows: dict[str, tuple[str, ...]] = {}
    for client, download_id in sorted(keys):
        rows[client] = (*rows.get(client, ()), download_id)
    return rows
