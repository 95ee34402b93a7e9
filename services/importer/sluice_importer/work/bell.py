"""Wakes sleeping loops of this process when there is work; what other processes make is found by looking."""

from __future__ import annotations

import asyncio


class Bell:
    """Rung by whoever made work, heard by every waiter. Ringing twice is ringing once."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """There is work."""
        rung, self._rung = self._rung, asyncio.Event()
        rung.set()

    async def wait(self, seconds: float) -> None:
        """Return when the bell rings, or after `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            return
