"""A fleet of synthetic qBittorrents, each on a port of its own, all in one process of their own.

Told is one line, the ports, once all of them listen. Then each moves on once a second, at a moment of its own.
"""

from __future__ import annotations

import asyncio

from bench.aside import given, tell
from bench.synthetic import SyntheticQbittorrent
from support.serving import serve


async def _live(client: SyntheticQbittorrent, offset: float) -> None:
    await asyncio.sleep(offset)
    while True:
        client.step()
        await asyncio.sleep(1)


async def main() -> None:
    """Serve until the process is ended."""
    asked = given()
    fleet = [SyntheticQbittorrent(asked["rows"], asked["seed"] + index) for index in range(asked["clients"])]
    tell(ports=[await serve(client) for client in fleet])
    async with asyncio.TaskGroup() as group:
        for index, client in enumerate(fleet):
            group.create_task(_live(client, index / len(fleet)))


if __name__ == "__main__":
    asyncio.run(main())
