"""What one poll costs the poller: its own session, table and a real NATS, over a client in memory that costs nothing.

PYTHONPATH=tests .venv/bin/python -m bench.poll_cost --rows 10000
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from pathlib import Path

from bench.fleet import Fleet, seeding_rows
from bench.stalls import cpu_seconds, longest_stall
from sluice_common.bus.connect import connect
from sluice_common.kit.settings import NatsSettings, PollSettings
from support.nats import NatsForTest
from support.poller import committed, polling
from support.waiting import until

PACE = PollSettings(fast=0.05, slow=0.05)


async def poll_cost(
    nats: NatsSettings, *, rows: int, deltas: bool, changes: int, seconds: float = 5.0
) -> dict[str, object]:
    """Milliseconds of CPU a poll, and the longest stall, with `changes` of `rows` changing in each."""
    client = Fleet(seeding_rows(rows), deltas=deltas, changes=changes)
    async with connect(nats, name="bench") as bus, polling(bus, {"fake": client}, settings=PACE):
        await until(lambda: committed(bus, "fake"), seconds=60)
        settled = client.polls + 5
        await until(lambda: client.polls >= settled, seconds=60)
        before = client.polls
        cpu = await cpu_seconds(seconds)
        polls = client.polls - before
        stall = await longest_stall(seconds)
    return {
        "bench": "poll_cost",
        "rows": rows,
        "told": "deltas" if deltas else "whole",
        "changes": changes,
        "polls": polls,
        "cpu_ms_per_poll": round(cpu / polls * 1000, 3),
        "longest_stall_ms": stall.late_ms,
        "longest_busy_ms": stall.busy_ms,
    }


async def main() -> None:
    """A line of JSON for each combination."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--whole", action="store_true", help="only a client that tells its whole list each time")
    given = parser.parse_args()
    for deltas in (False,) if given.whole else (False, True):
        for changes in (0, 1):
            with tempfile.TemporaryDirectory() as directory:
                server = NatsForTest(Path(directory))
                server.start_somewhere()
                try:
                    measured = await poll_cost(
                        server.settings, rows=given.rows, deltas=deltas, changes=changes, seconds=given.seconds
                    )
                finally:
                    server.stop()
            print(json.dumps(measured), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
