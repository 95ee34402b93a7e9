"""Three pollers share a fleet of clients, and one of them is killed, frozen, or joined by a fourth.

SLUICE_SOAK=<rounds> makes it the long form: 100 clients, and each fault so many times.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from sluice_client_poller.share import quota
from sluice_common.bus.connect import Bus
from sluice_common.bus.rpc import call
from sluice_common.contracts import commands, subjects
from sluice_common.kit.errors import Problem
from sluice_common.kit.tasks import checkpoint
from support.fleet import Fleet
from support.nats import NatsForTest
from support.pollers import Pollers, change, holders, lifecycle, shared, wrong_tables
from support.waiting import until

ROUNDS = int(os.environ.get("SLUICE_SOAK", "0"))
CLIENTS = 100 if ROUNDS else 30
ROWS = 4
NAMES = ("one", "two", "three")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300 + 120 * ROUNDS)]


@pytest.fixture
def fleet(random: Random) -> Iterator[Fleet]:
    with Fleet.steady(CLIENTS, ROWS, random) as fleet:
        yield fleet


@pytest.fixture
async def pollers(nats_server: NatsForTest, bus: Bus, fleet: Fleet, tmp_path: Path) -> AsyncIterator[Pollers]:
    """Three of them, once each polls its share."""
    with Pollers(tmp_path, nats_server, fleet.settings) as pollers:
        for name in NAMES:
            pollers.start(name)
        await shared(bus, pollers, CLIENTS)
        await until(lambda: told(bus, fleet), seconds=30, what="every table")
        yield pollers


async def told(bus: Bus, fleet: Fleet) -> bool:
    """Whether the tables are the clients' truth and every lifecycle event was told."""
    return not await wrong_tables(bus, fleet) and await lifecycle(bus) >= fleet.told


@asynccontextmanager
async def busy(bus: Bus, fleet: Fleet, random: Random, *, spare: str = "") -> AsyncIterator[None]:
    """Downloads come, finish and go while the block runs; after it everything must have been told, exactly once.

    Nothing happens in the client that is to be spared.
    """

    async def live() -> None:
        while True:
            checkpoint()  # a cancellation that nats-py forgot would have the block wait for the end of this for ever
            await change(bus, fleet, random, spare=spare)
            await asyncio.sleep(0.1)

    living = asyncio.create_task(live())
    try:
        yield
        if living.done():
            living.result()
    finally:
        living.cancel()
        await asyncio.wait({living})
    await until(lambda: told(bus, fleet), seconds=60, what="every change told")
    assert await lifecycle(bus) == fleet.told
    assert fleet.told.total() > CLIENTS / 2


async def polled_by_others(fleet: Fleet, since: float) -> None:
    """Every client is polled after the monotonic moment `since`: by the client's own word, and within 20 s of it."""
    await until(lambda: not fleet.unpolled(since), seconds=20, what=f"polls of {fleet.unpolled(since)}")


async def test_the_clients_of_a_killed_poller_are_polled_by_the_others(
    bus: Bus, fleet: Fleet, pollers: Pollers, random: Random
) -> None:
    """Each client has one holder and nobody more than a share; kill -9 loses no poll for long, and no event."""
    killed = 0
    async with busy(bus, fleet, random):
        for number in range(max(1, ROUNDS)):
            held = await shared(bus, pollers, CLIENTS)
            victim = random.choice(pollers.names)
            await asyncio.sleep(random.uniform(0, 3))  # a random moment, of a poll or between two
            pollers.kill(victim)
            since = time.monotonic() + 0.5  # what the dead one had sent was read by then
            await polled_by_others(fleet, since)
            lost = [client for client, holder in held.items() if holder == victim]
            killed += len(lost)
            print(f"{victim}, holder of {len(lost)}, killed; polled by others {time.monotonic() - since:.1f} s later")
            pollers.start(f"next-{number}")
    assert killed >= CLIENTS / 4


async def test_a_frozen_poller_neither_tells_nor_does_anything(
    bus: Bus, fleet: Fleet, pollers: Pollers, random: Random
) -> None:
    """SIGSTOP past its lease: what it had heard before is not told after, what it was asked to do is not done."""
    for _ in range(max(1, ROUNDS)):
        held = await shared(bus, pollers, CLIENTS)
        client = fleet.clients[random.choice(sorted(held))]
        victim = held[client.name]
        client.keep_waiting()
        await until(lambda: client.is_kept_waiting, what="a poll that waits")  # noqa: B023
        pollers.freeze(victim)
        # It will find an answer of then in its socket, with a download that nobody else has ever seen. Nothing else
        # happens there, so that no fence stands in its way.
        passing = client.show()
        fleet.answer(client)
        await until(lambda: client.has_answered_late, what="the answer")  # noqa: B023
        client.hide(passing)
        with pytest.raises(Problem):
            await ask(bus, client.name, next(iter(client.truth)))
        async with busy(bus, fleet, random, spare=client.name):
            await until(lambda: taken_from(bus, victim), what="its leases taken by others")  # noqa: B023
            pollers.thaw(victim)
            await polled_by_others(fleet, time.monotonic())
            await shared(bus, pollers, CLIENTS)
        assert client.acts == []
        assert "lease_lost" in pollers.log(victim).read_text()


async def ask(bus: Bus, client: str, download_id: str) -> commands.Done:
    """A pause that has to be done soon or not at all."""
    body = commands.Act(id=download_id)
    return await call(
        bus, subjects.command(client, "pause"), body, commands.Done, request_id=secrets.token_hex(4), within=2
    )


async def taken_from(bus: Bus, victim: str) -> bool:
    found = await holders(bus)
    return len(found) == CLIENTS and victim not in found.values()


async def test_a_poller_that_joins_takes_its_share_without_a_gap(
    bus: Bus, fleet: Fleet, pollers: Pollers, random: Random
) -> None:
    """Each client that changes hands is polled on as if nothing had been: the old holder leaves between two polls."""
    await shared(bus, pollers, CLIENTS)
    began = time.monotonic()
    async with busy(bus, fleet, random):
        pollers.start("four")
        after = await shared(bus, pollers, CLIENTS)
        moved = [client for client, holder in after.items() if holder == "four"]
        await polled_by_others(fleet, time.monotonic())
    assert len(moved) >= CLIENTS - len(NAMES) * quota(CLIENTS, len(NAMES) + 1)
    gaps = {name: longest(client.polls, began) for name, client in fleet.clients.items()}
    others = max(gap for name, gap in gaps.items() if name not in moved)
    print(f"longest gap: {max(gaps[name] for name in moved):.2f} s of those that moved, {others:.2f} s of the others")
    assert max(gaps[name] for name in moved) < 4 * max(others, 1.0)


def longest(polls: list[float], since: float) -> float:
    """The longest time between two polls of which the later came after `since`."""
    return max(later - earlier for earlier, later in itertools.pairwise(polls) if later > since)
