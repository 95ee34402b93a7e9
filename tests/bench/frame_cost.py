"""What the queue costs the gateway with one viewer: an idle second, a frame of one row, a keyframe of all.

The gateway's own replica, queue, views and streams, without HTTP; frames come from a process of their own over a real
NATS.

    PYTHONPATH=tests .venv/bin/python -m bench.frame_cost --rows 10000
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench.stalls import cpu_seconds, longest_stall
from sluice_common.bus.connect import Bus, connect
from sluice_common.bus.replica import Replica
from sluice_common.bus.statuses import Statuses
from sluice_common.kit.clock import SYSTEM_CLOCK
from sluice_common.kit.settings import ClientSettings, NatsSettings, Settings
from sluice_gateway.features import Features
from sluice_gateway.live.feed import Feed
from sluice_gateway.live.freshness import Freshness
from sluice_gateway.live.streams import Hub, Subscriber
from sluice_gateway.live.tables import LiveQueue
from sluice_gateway.live.views import Filter, parse_order
from sluice_gateway.queries import Queries
from sluice_gateway.schemas import ClientTrouble, QueueRow
from support.nats import NatsForTest
from support.waiting import until

NEVER = 3600.0


async def frame_cost(
    nats: NatsSettings, *, rows: int, every: float, keyframes: bool = False, seconds: float = 5.0
) -> dict[str, object]:
    """CPU and longest stall while a frame comes `every` seconds: one changed row, or a keyframe of all."""
    async with _feeder(nats, rows, every, keyframes), connect(nats, name="bench") as bus:
        frames = 0

        def count(*_: object) -> None:
            nonlocal frames
            frames += 1

        async with _gateway(bus) as (live, replica):
            replica.on_frame.append(count)
            await until(lambda: len(live) == rows, seconds=60)
            await asyncio.sleep(1)
            before = frames
            cpu = await cpu_seconds(seconds)
            came = frames - before
            stall = await longest_stall(seconds)
    return {
        "bench": "frame_cost",
        "rows": rows,
        "frame": "keyframe" if keyframes else "one row",
        "frames": came,
        "cpu_ms_per_second": round(cpu / seconds * 1000, 2),
        "longest_stall_ms": stall.late_ms,
        "longest_busy_ms": stall.busy_ms,
    }


@asynccontextmanager
async def _feeder(nats: NatsSettings, rows: int, every: float, keyframes: bool) -> AsyncIterator[None]:
    password = nats.password.get_secret_value() if nats.password else ""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.feeder", str(rows), "1", str(every), str(int(keyframes))),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "BENCH_URL": nats.url, "BENCH_USER": nats.user or "", "BENCH_PASSWORD": password},
    )
    assert process.stdout is not None
    try:
        while b"ready" not in (line := await process.stdout.readline()):
            assert line, "the feeder ended"
        yield
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def _gateway(bus: Bus) -> AsyncIterator[tuple[LiveQueue, Replica]]:
    """The live queue as the gateway's composition root makes it, with one viewer of the first hundred rows."""
    clients = {"fake": ClientSettings(type="deluge", url="http://127.0.0.1:1")}
    replica, statuses = Replica(bus), Statuses(bus, clients)
    live = LiveQueue({"fake": {}})
    Feed(replica, live, clients, SYSTEM_CLOCK)
    freshness = Freshness(clients, statuses, SYSTEM_CLOCK)
    queries = Queries(bus, live, clients, statuses, freshness, Features(Settings().features))
    hub: Hub[QueueRow, ClientTrouble] = Hub(live, queries)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(loop()) for loop in (replica.run, statuses.run, hub.run)]
        await until(lambda: replica.caught_up, seconds=60)
        async with hub.subscribe(Filter(), parse_order("-up_speed"), 100) as viewer:
            tasks.append(group.create_task(_watch(viewer)))
            yield live, replica
        for task in tasks:
            task.cancel()


async def _watch(viewer: Subscriber) -> None:
    while True:
        await viewer.next(NEVER)


async def main() -> None:
    """A line of JSON for each: idle, ten frames a second, a keyframe a second."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=5.0)
    given = parser.parse_args()
    for every, keyframes in ((NEVER, False), (0.1, False), (1.0, True)):
        with tempfile.TemporaryDirectory() as directory:
            server = NatsForTest(Path(directory))
            server.start_somewhere()
            try:
                measured = await frame_cost(
                    server.settings, rows=given.rows, every=every, keyframes=keyframes, seconds=given.seconds
                )
            finally:
                server.stop()
        print(json.dumps(measured), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
