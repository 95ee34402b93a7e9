"""Asks `/health` again and again, in a process of its own: what takes long is an event loop that could not be had.

Told once a second, by service, is the longest since the line before in milliseconds: `late`, until an answer was there,
which is also the fault of whatever else the machine does; and `busy`, the CPU that the service's thread used between
question and answer, which is its own.
"""

from __future__ import annotations

import asyncio
import time

import httpx

from bench.aside import given, tell, used_by

EVERY = 0.02

Longest = dict[str, float]


async def probe(name: str, url: str, pid: int, late: Longest, busy: Longest) -> None:
    """Until the process is ended."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        while True:
            used, began = used_by(pid), time.perf_counter()
            (await http.get(f"{url}/health")).raise_for_status()
            late[name] = max(late[name], (time.perf_counter() - began) * 1000)
            busy[name] = max(busy[name], (used_by(pid) - used) * 1000)
            await asyncio.sleep(EVERY)


async def main() -> None:
    """Probe every service that is given as `name: [url, pid]`."""
    asked: dict[str, tuple[str, int]] = given()
    late, busy = dict.fromkeys(asked, 0.0), dict.fromkeys(asked, 0.0)
    async with asyncio.TaskGroup() as group:
        for name, (url, pid) in asked.items():
            group.create_task(probe(name, url, pid, late, busy))
        while True:
            await asyncio.sleep(1)
            tell(late=late, busy=busy)
            late.update(dict.fromkeys(asked, 0.0))
            busy.update(dict.fromkeys(asked, 0.0))


if __name__ == "__main__":
    asyncio.run(main())
