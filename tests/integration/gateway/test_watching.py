"""Polling is fast while somebody looks, so the gateway says when somebody does."""

from __future__ import annotations

import asyncio

from integration.gateway.conftest import GatewayForTest
from sluice_common.bus.connect import connect
from sluice_common.contracts import subjects
from sluice_common.kit.settings import NatsSettings


async def test_an_open_stream_is_told_to_the_pollers(gateway: GatewayForTest, nats_settings: NatsSettings) -> None:
    """Nobody looking says nothing; the first event stream is told within a moment."""
    told = asyncio.Event()

    async def listen(message: object) -> None:
        told.set()

    async with connect(nats_settings, name="pollers") as bus:
        await bus.nc.subscribe(subjects.WATCH, cb=listen)
        await bus.barrier()
        assert not told.is_set()
        async with gateway.http.stream("GET", "/api/v1/queue/events") as response:
            assert response.status_code == 200
            async with asyncio.timeout(10):
                await told.wait()
