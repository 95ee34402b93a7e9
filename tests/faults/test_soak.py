"""Everything at once: clients that stumble, pollers killed and frozen, the bus restarted, the queue's stream lost.

SLUICE_SOAK=<rounds> makes it the long form: 100 clients, and so many faults of the pollers and of the bus.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from sluice_common.bus.connect import Bus
from support.faulty import Fault, FaultyFleet
from support.fleet import names
from support.nats import NatsForTest
from support.pollers import Pollers
from support.soak import SHOCKS, SHORT, Soak

ROUNDS = int(os.environ.get("SLUICE_SOAK", "0"))
CLIENTS = 100 if ROUNDS else 15
ROWS = 6
# What a client shows for two seconds has to last much longer before it counts.
POLL = {"fast": 1.0, "slow": 1.0, "hold": 4.0, "hold_after_reconnect": 6.0}
pytestmark = [pytest.mark.slow, pytest.mark.timeout(400 + 180 * ROUNDS)]


@pytest.fixture
def fleet(random: Random) -> Iterator[FaultyFleet]:
    with FaultyFleet(names(CLIENTS), ROWS, random) as fleet:
        yield fleet


@pytest.fixture
def pollers(nats_server: NatsForTest, fleet: FaultyFleet, tmp_path: Path) -> Iterator[Pollers]:
    with Pollers(tmp_path, nats_server, fleet.settings, POLL) as pollers:
        for name in ("one", "two", "three"):
            pollers.start(name)
        yield pollers


async def test_whatever_stumbles_everything_is_told_once(
    bus: Bus, nats_server: NatsForTest, fleet: FaultyFleet, pollers: Pollers, random: Random
) -> None:
    """In the end the tables are the clients' truth, and each lifecycle event is in the stream exactly once.

    Commands that are given meanwhile are carried out at most once, and never after the word that nothing was done.
    """
    began = time.monotonic()
    soak = Soak(bus, nats_server, fleet, pollers, random)
    try:
        await soak.calm()
        async with soak.troubled():
            for shock in _shocks(random):
                print(f"{time.monotonic() - began:.0f} s: {shock}", flush=True)
                await soak.suffer(shock)
        await soak.calm()
    finally:
        print(f"{time.monotonic() - began:.0f} s; {soak.figures()}")
    assert not soak.done_twice()
    assert not soak.done_all_the_same()
    assert fleet.told.total() > CLIENTS
    assert {fault.title for fault in Fault} | {"growing list"} <= fleet.hits.keys()


def _shocks(random: Random) -> Iterator[str]:
    """Each kind once, in any order; in the long form again and again."""
    kinds = SHOCKS if ROUNDS else SHORT
    endless = itertools.chain.from_iterable(random.sample(kinds, len(kinds)) for _ in itertools.count())
    return itertools.islice(endless, max(ROUNDS, len(kinds)))
