"""Tells the pollers that somebody is looking, so that they poll fast; nobody looking says nothing."""

from __future__ import annotations

from collections.abc import Callable

from nats.errors import Error as NatsError

from sluice_common.bus.connect import Bus
from sluice_common.contracts import subjects
from sluice_common.kit import log as logging
from sluice_common.kit.clock import SYSTEM_CLOCK, Clock

log = logging.get(__name__)

# Seconds between two looks at whether somebody came, and at least between two repetitions.
LOOK_EVERY = 0.5
SAY_EVERY = 5.0


class Watching:
    """One loop per gateway; `subscribers` counts the open event streams."""

    def __init__(self, bus: Bus, subscribers: Callable[[], int], clock: Clock = SYSTEM_CLOCK) -> None:
        self._bus = bus
        self._subscribers = subscribers
        self._clock = clock

    async def run(self) -> None:
        """Say so until cancelled; a word that is lost is said again soon."""
        said = -SAY_EVERY
        while True:
            await self._clock.sleep(LOOK_EVERY)
            now = self._clock.monotonic()
            if not self._subscribers():
                said = now - SAY_EVERY
            elif now - said >= SAY_EVERY:
                said = now
                await self._say()

    async def _say(self) -> None:
        try:
            await self._bus.nc.publish(subjects.WATCH, b"")
        except NatsError as error:
            log.debug("watch_unsaid", error=type(error).__name__)
