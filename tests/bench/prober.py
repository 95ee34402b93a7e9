"""Asks `/health` again and again, in a process of its own: what takes long is an event loop that could not be had.

Told are the milliseconds of the longest answer since the line before, by service, once a second.
"""

from __future__ import annotations

import asyncio
import time

import httpx

from bench.aside import given, tell

EVERY = 0.02


async def probe(name: str, url: str, longest: dict[str, float]) -> None:
    """Until the process is ended."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        while True:
            began = time.perf_counter()
            (await http.get(f"{url}/health")).raise_for_status()
            longest[name] = max(longest[name], (time.perf_counter() - began) * 1000)
            await asyncio.sleep(EVERY)


async def main() -> None:
    """Probe every service that is given as `name: url`."""
    asked: dict[str, str] = given()
    longest = dict.fromkeys(asked, 0.0)
    async with asyncio.TaskGroup() as group:
        for name, url in asked.items():
            group.create_task(probe(name, url, longest))
        while True:
            await asyncio.sleep(1)
            tell(**longest)
            longest.update(dict.fromkeys(asked, 0.0))


if __name__ == "__main__":
    asyncio.run(main())
