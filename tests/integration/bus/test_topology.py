"""Streams are made once, by whoever comes first, and never changed by anybody who comes later."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack

from nats.js.api import StreamConfig

from sluice_common.bus.connect import Bus, connect
from sluice_common.bus.topology import LEASE_TTL, STREAMS, ensure
from sluice_common.contracts import subjects
from sluice_common.kit.settings import NatsSettings
from support.bus import keyframe, open_table, restart, rows
from support.nats import NatsForTest
from support.waiting import until


async def test_many_processes_start_at_once(nats_settings: NatsSettings) -> None:
    """Ten connections declare the same streams in the same moment, each with its own first sequence; all succeed."""
    async with AsyncExitStack() as stack:
        starting = [stack.enter_async_context(connect(nats_settings, name=f"p{n}")) for n in range(10)]
        buses = await asyncio.gather(*starting)
        for name in STREAMS:
            await buses[0].js.delete_stream(name)
        await asyncio.gather(*(ensure(bus.js, 1) for bus in buses))
        for name in STREAMS:
            created = {(await bus.js.stream_info(name)).created for bus in buses}
            assert len(created) == 1
        assert await buses[0].ready() is None


async def test_an_existing_stream_is_never_changed(bus: Bus) -> None:
    """An operator's limits survive every start of every service."""
    await bus.js.delete_stream(subjects.EVENTS)
    mine = StreamConfig(name=subjects.EVENTS, subjects=[subjects.ALL_EVENTS], max_bytes=123_456)
    await bus.js.add_stream(mine)
    before = {name: (await bus.js.stream_info(name)).config for name in STREAMS}
    await ensure(bus.js, 1)
    assert {name: (await bus.js.stream_info(name)).config for name in STREAMS} == before
    assert before[subjects.EVENTS].max_bytes == 123_456


async def test_sequences_after_a_wipe_are_above_all_before(bus: Bus, nats_server: NatsForTest) -> None:
    """No fence, position or purge of before a wipe can mean anything after it."""
    writer = await open_table(bus)
    before = await keyframe(bus, writer, rows("a"))
    assert abs(before - time.time() * 1000) < 60_000
    await restart(nats_server, bus, wipe=True)
    heir = await open_table(bus)
    assert heir.table is None
    assert await keyframe(bus, heir, rows("a")) > before


async def test_leases_expire_by_themselves(bus: Bus) -> None:
    """The bucket of leases holds what nobody renews for one TTL only, in memory."""
    config = (await bus.js.stream_info(f"KV_{subjects.LEASES}")).config
    assert (config.max_age, config.max_msgs_per_subject, str(config.storage)) == (LEASE_TTL, 1, "memory")


async def test_a_bus_that_is_away_says_so(bus: Bus, nats_server: NatsForTest) -> None:
    """Readiness names the reason and comes back by itself."""
    nats_server.kill()
    await until(lambda: not bus.nc.is_connected, what="the connection is seen to be gone")
    assert await bus.ready() == "not connected to NATS"
    nats_server.start()

    async def ready() -> bool:
        return await bus.ready() is None

    await until(ready, what="ready again")
