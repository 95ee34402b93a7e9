"""The queue as a stream: first the view, then only what changed in it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from typing import Any

import msgspec

from integration.gateway.conftest import GatewayForTest, PollerForTest, row, until
from sluice_common.model.enums import Health
from sluice_common.net.http import Response


class Stream:
    """Reads server-sent events."""

    def __init__(self, response: Response) -> None:
        self._lines = response.aiter_lines()
        self.comments: list[str] = []

    async def next(self, within: float = 10) -> tuple[str, str, Any]:
        """The next event: its name, its id, its document."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(within):
            async for line in self._lines:
                if line == "" and "data" in fields:
                    return fields["event"], fields["id"], msgspec.json.decode(fields["data"])
                name, _, value = line.partition(": ")
                fields[name] = value
        raise AssertionError("the stream ended")


@asynccontextmanager
async def watching(gateway: GatewayForTest, **params: Any) -> AsyncIterator[Stream]:
    async with gateway.http.stream("GET", "/api/v1/queue/events", params=params) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Stream(response)


async def test_first_the_view_then_what_changed(gateway: GatewayForTest, poller: PollerForTest) -> None:
    """A subscriber gets the whole view once, and from then on nothing but the rows that changed in it."""
    await poller.status()
    await poller.table(row("a1", name="A"), row("b1", name="B"), row("x1", name="X", category="tv"))
    await gateway.shows(3)
    async with watching(gateway, category="", sort="name") as stream:
        name, position, view = await stream.next()
        assert name == "view"
        assert [item["id"] for item in view["items"]] == ["a1", "b1"]
        assert view["total"] == 2
        assert position.startswith("deluge:inc-deluge:")
        await poller.change(row("x1", name="X", category="tv", done=900))
        at = await poller.change(row("b1", name="B", done=500))
        name, position, change = await stream.next()
        assert name == "change"
        assert [item["id"] for item in change["upserts"]] == ["b1"]
        assert change["upserts"][0]["progress"] == 0.5
        assert change["removed"] == []
        assert "order" not in change
        assert position == f"deluge:{at.incarnation}:{at.sequence},other:-"
        await poller.change(row("c1", name="0 first"), removed=("a1",))
        _, _, change = await stream.next()
        assert [item["id"] for item in change["upserts"]] == ["c1"]
        assert change["removed"] == [["deluge", "a1"]]
        assert change["order"] == [["deluge", "c1"], ["deluge", "b1"]]


async def test_a_window_shows_who_moves_in(gateway: GatewayForTest, poller: PollerForTest) -> None:
    """A limited view names the row that left it and the one that came in its place."""
    await poller.table(row("a1", name="A"), row("b1", name="B"), row("c1", name="C"))
    await gateway.shows(3)
    async with watching(gateway, limit=2) as stream:
        _, _, view = await stream.next()
        assert [item["id"] for item in view["items"]] == ["a1", "b1"]
        assert view["total"] == 3
        await poller.change(removed=("a1",))
        _, _, change = await stream.next()
        assert change["removed"] == [["deluge", "a1"]]
        assert [item["id"] for item in change["upserts"]] == ["c1"]
        assert change["total"] == 2


async def test_at_most_four_a_second(gateway: GatewayForTest, poller: PollerForTest) -> None:
    """Many frames in a short time reach the subscriber as few changes, and the last state is among them."""
    await poller.table(row("a1", done=0))
    await gateway.shows(1)
    async with watching(gateway) as stream:
        await stream.next()
        loop = asyncio.get_running_loop()
        started, changes, done = loop.time(), 0, None
        for step in range(1, 41):
            await poller.change(row("a1", done=step))
        while done != 40:
            _, _, change = await stream.next()
            changes += 1
            done = change["upserts"][0]["done"]
        assert changes <= 1 + 4 * (loop.time() - started) + 1


async def test_a_client_that_goes_down_is_told(gateway: GatewayForTest, poller: PollerForTest) -> None:
    """A change of trust is a change: the rows come again as stale, and the client is named."""
    await poller.status()
    await poller.table(row("a1"))
    await gateway.shows(1)

    async def fresh() -> bool:
        return not (await gateway.get("/queue"))["items"][0]["stale"]

    await until(fresh, "the row is fresh")
    async with watching(gateway) as stream:
        _, _, view = await stream.next()
        assert view["items"][0]["stale"] is False
        await poller.status(Health.ERROR, reason="unreachable", message="connection refused")
        while True:
            _, _, change = await stream.next()
            if change["upserts"]:
                break
        assert change["upserts"][0]["stale"] is True
        assert "unreachable" in [client["reason"] for client in change["clients"]]


async def test_a_resumed_stream_starts_with_the_view(gateway: GatewayForTest, poller: PollerForTest) -> None:
    """A Last-Event-ID of anywhere is taken, and answered with the view as it is now."""
    await poller.table(row("a1"))
    await gateway.shows(1)
    headers = {"Last-Event-ID": "deluge:another-incarnation:17"}
    async with gateway.http.stream("GET", "/api/v1/queue/events", headers=headers) as response:
        name, _, view = await Stream(response).next()
        assert name == "view"
        assert [item["id"] for item in view["items"]] == ["a1"]


async def test_a_bad_filter_is_refused_before_the_stream(gateway: GatewayForTest) -> None:
    """A stream that can never be is a problem document, not an empty stream."""
    await gateway.problem(404, "unknown_client", "GET", "/queue/events", params={"client": "nobody"})
    await gateway.problem(400, "invalid_request", "GET", "/queue/events", params={"sort": "colour"})


async def test_a_reader_that_does_not_read_is_disconnected(gateway: GatewayForTest, poller: PollerForTest) -> None:
    """A stalled reader is cut off, its connection too; others go on."""
    rows = [row(f"{i:03d}", message="x" * 2000) for i in range(200)]
    await poller.table(*rows)
    await gateway.shows(200)
    with closing(socket.socket()) as stalled:
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stalled.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(stalled, ("127.0.0.1", gateway.settings.gateway.port))
        request = f"GET /api/v1/queue/events?limit=200 HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {gateway.key}\r\n\r\n"
        await loop.sock_sendall(stalled, request.encode())

        async def cut_off() -> bool:
            await poller.change(*(row(one.id, message="y" * 2000, done=int(loop.time() * 1e6)) for one in rows))
            return "sluice_gateway_sse_cut_off_total 1.0" in (await gateway.http.get("/metrics")).text

        async with watching(gateway, limit=1) as stream:
            await stream.next()
            await until(cut_off, "the stalled reader is cut off", 60)
            name, _, _ = await stream.next()
            assert name == "change"
            async with asyncio.timeout(10):
                while await _read(stalled):
                    pass
            assert "sluice_gateway_sse_subscribers 1.0" in (await gateway.http.get("/metrics")).text


async def _read(stalled: socket.socket) -> bytes:
    """What still lay in the kernel's buffers; nothing once the connection is ended or reset."""
    try:
        return await asyncio.get_running_loop().sock_recv(stalled, 65536)
    except ConnectionResetError:
        return b""
