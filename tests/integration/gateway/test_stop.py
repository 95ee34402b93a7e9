"""A gateway that stops does not wait for those who watch it."""

from __future__ import annotations

from integration.gateway.conftest import GatewayForTest


async def test_open_streams_end_in_order_when_the_gateway_stops(gateway: GatewayForTest) -> None:
    """A stream is brought to its end, instead of being cut off when the time for open requests has passed."""
    async with gateway.http.stream("GET", "/api/v1/queue/events") as response:
        chunks = response.aiter_bytes()
        seen = await anext(chunks)
        while b"event: view" not in seen:
            seen += await anext(chunks)
        gateway.stop.set()
        async for _ in chunks:  # raises RemoteProtocolError where the connection is cut within the body
            pass
