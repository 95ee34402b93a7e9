"""Time as an argument: logic takes a `Clock` (or a time) and never looks at the wall itself."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol

from sluice_common.kit.tasks import checkpoint


class Clock(Protocol):
    """What logic may know of time."""

    def now(self) -> datetime:
        """The time of day, aware, in UTC."""

    def monotonic(self) -> float:
        """Seconds that never go backwards; only differences mean anything."""

    async def sleep(self, seconds: float) -> None:
        """Wait; a cancelled wait raises as `asyncio.sleep` does."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        checkpoint()
        await asyncio.sleep(seconds)


SYSTEM_CLOCK = SystemClock()
