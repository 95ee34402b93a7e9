"""Three pollers that share a hundred clients: how they begin, and how soon the others go on with what a dead one had.

The clients answer in this process, and remember when they were polled; each poller is a process of its own.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from random import Random

import msgspec

from bench.figures import SEED, Sheet
from bench.scale import INTERVAL
from sluice_common.bus.connect import Bus, connect
from support.fleet import Fleet
from support.nats import NatsForTest
from support.pollers import Pollers, holders
from support.waiting import until

NAMES = ("one", "two", "three")
WINDOW = 0.1  # seconds
_ROWS = 10
_STILL_READ = 0.1  # seconds in which a client may still read what the dead one had sent
_WITHIN = 60.0


class Length(msgspec.Struct, frozen=True):
    """How often it is done, and the seconds of peace before the kill."""

    rounds: int = 3
    settle: float = 6.0


class Round(msgspec.Struct, frozen=True):
    """Seconds: of each client from the first poll of all to its own first, and from the kill until it was taken."""

    first: list[float]
    taken: list[float]


def sheet_of(count: int) -> Sheet:
    """An empty one."""
    return Sheet("takeover", f"{len(NAMES)}-pollers", count)


def measure(count: int, directory: Path, length: Length) -> Sheet:
    """`count` clients; the clients of one poller are the samples of a round."""
    sheet, random = sheet_of(count), Random(SEED)
    rounds = [_round(count, directory / f"round{number}", random, length.settle) for number in range(length.rounds)]
    sheet.add("densest", max(densest(each.first, WINDOW) for each in rounds), "")
    sheet.add("first_polls", max(max(each.first) for each in rounds), "s")
    taken = [seconds for each in rounds for seconds in each.taken]
    sheet.add_spread("taken", taken, "s", 99)
    sheet.add("taken_slowest", max(taken), "s")
    return sheet


def densest(moments: Sequence[float], window: float) -> int:
    """How many of the moments lie within the `window` seconds in which there are the most."""
    ordered = sorted(moments)
    return max((bisect_right(ordered, begin + window) - index for index, begin in enumerate(ordered)), default=0)


def _round(count: int, directory: Path, random: Random, settle: float) -> Round:
    (directory / "nats").mkdir(parents=True)
    server = NatsForTest(directory / "nats")
    server.start_somewhere()
    try:
        with Fleet.steady(count, _ROWS, random) as fleet:
            clients = {name: {**entry, "interval": INTERVAL} for name, entry in fleet.settings.items()}
            with Pollers(directory, server, clients) as pollers:
                return asyncio.run(_share_and_take(server, fleet, pollers, random, settle))
    finally:
        server.stop()


async def _share_and_take(server: NatsForTest, fleet: Fleet, pollers: Pollers, random: Random, settle: float) -> Round:
    async with connect(server.settings, name="bench") as bus:
        for name in NAMES:
            pollers.start(name)
        await until(lambda: not fleet.unpolled(0), seconds=_WITHIN, what="a poll of every client")
        await until(lambda: _all_hold(bus, fleet), seconds=_WITHIN, what="every poller to have clients")
        await asyncio.sleep(settle)
        first = [client.polls[0] for client in fleet.clients.values()]
        return Round([at - min(first) for at in first], await _take(bus, fleet, pollers, random))


async def _all_hold(bus: Bus, fleet: Fleet) -> bool:
    held = await holders(bus)
    return len(held) == len(fleet.clients) and set(held.values()) == set(NAMES)


async def _take(bus: Bus, fleet: Fleet, pollers: Pollers, random: Random) -> list[float]:
    """Kill one; the seconds until each of its clients was polled again."""
    held = await holders(bus)
    victim = random.choice(NAMES)
    lost = [fleet.clients[client] for client, holder in held.items() if holder == victim]
    killed = time.monotonic()
    pollers.kill(victim)
    dead = time.monotonic() + _STILL_READ
    names = {one.name for one in lost}
    await until(lambda: names.isdisjoint(fleet.unpolled(dead)), seconds=_WITHIN, what="its clients to be polled")
    return [next(at for at in one.polls if at > dead) - killed for one in lost]
