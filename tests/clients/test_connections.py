"""How the adapters of real clients use the wire: connections that stay, and time limits by what is asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import httpcore
import httpx
import pytest

from clients.asking import adapter_for, eventually, polled
from support.clients import SharedClients
from support.polls import Folded

pytestmark = pytest.mark.client
LIST, DELTA = "list", "delta"


def _qbittorrent(request: httpx.Request) -> str | None:
    if not request.url.path.endswith("sync/maindata"):
        return None
    return LIST if request.url.params["rid"] == "0" else DELTA


def _transmission(request: httpx.Request) -> str | None:
    asked = json.loads(request.content)
    if asked["method"] != "torrent-get":
        return None
    return DELTA if asked["arguments"].get("ids") == "recently-active" else LIST


def _deluge(request: httpx.Request) -> str | None:
    """It has no deltas; whether its daemon is there at all is asked for before each list."""
    return {"core.get_torrents_status": LIST, "web.connected": DELTA}.get(json.loads(request.content)["method"])


KINDS: Mapping[str, Callable[[httpx.Request], str | None]] = {
    "deluge": _deluge,
    "qbittorrent": _qbittorrent,
    "transmission": _transmission,
}


class Wire:
    """What went over it: the time limits of requests by what they asked for, and how many connections were made."""

    def __init__(self, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.limits: set[tuple[str | None, float]] = set()
        self.connections = 0
        send, connect = httpx.AsyncHTTPTransport.handle_async_request, httpcore.AnyIOBackend.connect_tcp

        async def sending(transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
            self.limits.add((KINDS[kind](request), request.extensions["timeout"]["read"]))
            return await send(transport, request)

        async def connecting(backend: Any, *args: Any, **named: Any) -> Any:
            self.connections += 1
            return await connect(backend, *args, **named)

        monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", sending)
        monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connecting)


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_polls_reuse_their_connection(
    shared_clients: SharedClients, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Many polls, each of several requests, over what the first one opened."""
    client, wire = shared_clients.get(kind), Wire(kind, monkeypatch)
    async with adapter_for(client) as adapter:
        await eventually(lambda: polled(Folded(adapter)), lambda rows: rows is not None)
        before = wire.connections
        for _ in range(5):
            await adapter.poll()
    assert (before > 0, wire.connections) == (True, before)


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_a_list_may_take_a_minute_and_a_delta_ten_seconds(
    shared_clients: SharedClients, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A whole list is seconds of work for ten thousand torrents; a client that needs as long for a delta hangs."""
    client, wire = shared_clients.get(kind), Wire(kind, monkeypatch)
    async with adapter_for(client) as adapter:
        for _ in range(3):
            await adapter.poll()
    assert {limit for limit in wire.limits if limit[0] is not None} == {(LIST, 60.0), (DELTA, 10.0)}
