"""What a lease is worth after the server that knew of it started again, on a real NATS."""

from __future__ import annotations

import pytest

from sluice_client_poller.lease import Lease, Leases
from sluice_common.bus.connect import Bus, connect
from sluice_common.kit.clock import SYSTEM_CLOCK
from sluice_common.kit.errors import Fenced
from support.nats import NatsForTest
from support.waiting import until


async def _taken(bus: Bus, holder: str) -> Lease:
    lease = await Leases(bus, holder, SYSTEM_CLOCK).take("fake")
    assert lease is not None
    return lease


async def _restarted(server: NatsForTest, *buses: Bus) -> None:
    server.kill()
    server.start()
    for bus in buses:
        await until(lambda: bus.nc.is_connected and bus.nc.stats["reconnects"], what="connected again")  # noqa: B023


async def test_two_pollers_never_trust_the_same_lease(nats_server: NatsForTest) -> None:
    """The bucket is in memory: after a restart it is empty, and another takes at once what the first still counts on.

    Seen in a soak: both carried out the same command.
    """
    async with connect(nats_server.settings, name="one") as one, connect(nats_server.settings, name="two") as two:
        first = await _taken(one, "one")
        assert first.is_fresh()
        await _restarted(nats_server, one, two)
        second = await _taken(two, "two")
        assert second.is_fresh()
        assert not first.is_fresh()
        with pytest.raises(Fenced):
            await first.prove()


async def test_a_lease_that_nobody_took_is_proven_again(nats_server: NatsForTest) -> None:
    """Whoever is alone goes on after a restart of the bus; while there is no connection nothing is proven."""
    async with connect(nats_server.settings, name="one") as one:
        lease = await _taken(one, "one")
        nats_server.kill()
        await until(lambda: not one.nc.is_connected, what="the connection lost")
        assert not lease.is_fresh()
        nats_server.start()
        await until(lambda: one.nc.is_connected, what="connected again")
        assert not lease.is_fresh()
        await lease.prove()
        assert lease.is_fresh()
