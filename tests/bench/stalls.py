"""What the process spends, and how long its event loop could not be had, while it goes on with its work."""

from __future__ import annotations

import asyncio
import time

TICK = 0.002


async def cpu_seconds(seconds: float) -> float:
    """CPU time of this process over so many seconds; nothing is done here meanwhile."""
    before = time.process_time()
    await asyncio.sleep(seconds)
    return time.process_time() - before


async def longest_stall(seconds: float) -> float:
    """By how much a timer came late at worst, in seconds. The timer itself costs some hundredths of a core."""
    worst, end = 0.0, time.perf_counter() + seconds
    while (due := time.perf_counter() + TICK) < end:
        await asyncio.sleep(TICK)
        worst = max(worst, time.perf_counter() - due)
    return worst
