"""A fleet of synthetic qBittorrents, each on a port of its own, all in one process of their own.

Told is one line, the ports, once all of them listen. Then each moves on once a second, at a moment of its own.
With an `interval` its rows change one by one instead, at moments that fit no rhythm: a hundredth of them in each such
interval, half of which begin to move and half of which stop. Each answer that is the first to tell of some that began
is told then: when it was given, and of each client, id and speed, and when it began.
"""

from __future__ import annotations

import asyncio
import time
from random import Random
from typing import Any

from bench.aside import given, tell
from bench.synthetic import SyntheticQbittorrent, movers
from support.replay import Answer
from support.serving import serve

POLL = "api/v2/sync/maindata"


class Watched:
    """One client, and which of its changes nobody was told of yet."""

    def __init__(self, number: int, rows: int, seed: int) -> None:
        self.client = SyntheticQbittorrent(rows, seed)
        self._name = f"c{number:03}"
        self._random = Random(seed)
        self._rows = rows
        self._begun: list[tuple[str, str, int, float]] = []

    def answer(self, call: dict[str, Any]) -> Answer:
        """The client's answer."""
        answer = self.client(call)
        if call["method"] == POLL and answer.status == 200 and self._begun:
            tell(at=time.monotonic(), begun=self._begun)
            self._begun = []
        return answer

    async def change(self, interval: float) -> None:
        """Until the process is ended."""
        every = 2 * interval / movers(self._rows)  # each time one begins and one stops
        while True:
            await asyncio.sleep(every * self._random.uniform(0.5, 1.5))
            torrent_id, speed = self.client.shift()
            self._begun.append((self._name, torrent_id, speed, time.monotonic()))


async def _step(client: SyntheticQbittorrent, offset: float) -> None:
    await asyncio.sleep(offset)
    while True:
        client.step()
        await asyncio.sleep(1)


async def main() -> None:
    """Serve until the process is ended."""
    asked = given()
    fleet = [Watched(index, asked["rows"], asked["seed"] + index) for index in range(asked["clients"])]
    tell(ports=[await serve(one.answer) for one in fleet])
    interval = asked.get("interval")
    async with asyncio.TaskGroup() as group:
        for index, one in enumerate(fleet):
            group.create_task(one.change(interval) if interval else _step(one.client, index / len(fleet)))


if __name__ == "__main__":
    asyncio.run(main())
