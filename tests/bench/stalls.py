"""What the process spends, and how long its event loop could not be had, while it goes on with its work."""

from __future__ import annotations

import asyncio
import time

import msgspec

TICK = 0.002


class Stall(msgspec.Struct, frozen=True):
    """Milliseconds, at worst: by how much a timer came late, and how much CPU was used from one to the next.

    The second is what the code is to blame for; on a machine that does other things as well the first is longer.
    """

    late_ms: float
    busy_ms: float


async def cpu_seconds(seconds: float) -> float:
    """CPU time of this process over so many seconds; nothing is done here meanwhile."""
    before = time.process_time()
    await asyncio.sleep(seconds)
    return time.process_time() - before


async def longest_stall(seconds: float) -> Stall:
    """The worst of so many seconds. The timer itself costs some hundredths of a core."""
    late = busy = 0.0
    end = time.perf_counter() + seconds
    while (due := time.perf_counter() + TICK) < end:
        used = time.thread_time()
        await asyncio.sleep(TICK)
        late, busy = max(late, time.perf_counter() - due), max(busy, time.thread_time() - used)
    return Stall(round(late * 1000, 1), round(busy * 1000, 1))
