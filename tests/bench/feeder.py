"""A poller without a client: writes a table of so many rows, then changes `each` of them every `every` seconds.

Runs in a process of its own: `python -m bench.feeder ROWS EACH EVERY KEYFRAMES` with BENCH_URL, BENCH_USER and
BENCH_PASSWORD in its environment; KEYFRAMES is 1 for a whole keyframe each time instead. Says `ready` once the table
is there.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from datetime import UTC, datetime

import msgspec

from bench.fleet import seeding_rows
from sluice_client_poller.table import ClientTable
from sluice_common.bus.connect import connect
from sluice_common.kit.clock import SYSTEM_CLOCK
from sluice_common.kit.settings import NatsSettings


async def feed(nats: NatsSettings, count: int, each: int, every: float, *, keyframes: bool) -> None:
    """Until the process is ended."""
    rows = seeding_rows(count)
    ids = itertools.count(1)
    async with connect(nats, name="feeder") as bus:
        table = ClientTable(
            bus,
            "fake",
            prove_lease=_proven,
            is_proven=lambda: True,
            new_id=lambda: f"id{next(ids)}",
            clock=SYSTEM_CLOCK,
        )
        await table.open()
        await table.commit_keyframe({row.id: row for row in rows}, datetime.now(UTC))
        print("ready", flush=True)
        for step in itertools.count(1):
            await asyncio.sleep(every)
            if keyframes:
                await table.commit_keyframe({row.id: row for row in rows}, datetime.now(UTC))
                continue
            changed = [(step * each + index) % count for index in range(each)]
            for index in changed:
                rows[index] = msgspec.structs.replace(rows[index], up_speed=step)
            await table.commit([rows[index] for index in changed], (), datetime.now(UTC))
            await table.announce()


async def _proven() -> None:
    """Nobody else writes here."""


if __name__ == "__main__":
    given = {key: os.environ[f"BENCH_{key.upper()}"] for key in ("url", "user", "password")}
    rows, each, every, keyframes = sys.argv[1:]
    asyncio.run(
        feed(NatsSettings.model_validate(given), int(rows), int(each), float(every), keyframes=keyframes == "1")
    )
