"""A whole gateway against a real NATS and PostgreSQL, and a poller and an importer whose words the test chooses."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from sluice_common.bus.connect import Bus, connect
from sluice_common.bus.replica import publish_part
from sluice_common.bus.rpc import serve
from sluice_common.bus.statuses import publish_status, read_status
from sluice_common.contracts import subjects
from sluice_common.contracts.commands import Add, Done, Position
from sluice_common.contracts.frames import Frame, Writer
from sluice_common.contracts.library import Associate, Association, Withdraw
from sluice_common.contracts.rpc import Empty, Request
from sluice_common.kit.errors import Problem
from sluice_common.kit.settings import (
    ClientSettings,
    FetchSettings,
    GatewaySettings,
    NatsSettings,
    PostgresSettings,
    Settings,
)
from sluice_common.model.download import ClientStatus, Download
from sluice_common.model.enums import Health, State
from sluice_common.net.http import AsyncClient, TransportError, client
from sluice_common.runtime import run
from sluice_embedded.ports import free_ports
from sluice_gateway.__main__ import build

DEADLINE = 40.0
HASH = "c12fe1c06bba254a9dc9f519b335aa7c1367a88a"
MAGNET = f"magnet:?xt=urn:btih:{HASH}&dn=Sintel"
PIECES = hashlib.sha1(b"x", usedforsecurity=False).digest()
INFO = b"d6:lengthi1e4:name6:Sintel12:piece lengthi16384e6:pieces20:" + PIECES + b"e"
TORRENT = b"d4:info" + INFO + b"e"
TORRENT_HASH = hashlib.sha1(INFO, usedforsecurity=False).hexdigest()


async def until(check: Callable[[], Any], what: str, within: float = DEADLINE) -> Any:
    """What `check` (plain or async) returns once it is true; fails the test when it never is."""
    async with asyncio.timeout(within):
        while True:
            value = check()
            value = await value if asyncio.iscoroutine(value) else value
            if value:
                return value
            await asyncio.sleep(0.02)
    raise AssertionError(what)


def row(download_id: str, **fields: Any) -> Download:
    """A download of the client `deluge`."""
    known: dict[str, Any] = {
        "client": "deluge",
        "id": download_id,
        "epoch": "c1",
        "name": f"Name of {download_id}",
        "state": State.DOWNLOADING,
        "size": 1000,
        "done": 250,
        "aliases": (download_id,),
        "added_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    return Download(**(known | fields))


class PollerForTest:
    """Publishes one client's table and status, and answers its commands with what the test says."""

    def __init__(self, bus: Bus, name: str = "deluge") -> None:
        self.bus = bus
        self.name = name
        self.writer = Writer(f"inc-{name}", None, 0)
        self.asked: list[tuple[str, Any, Request]] = []
        self._frames = 0

    @property
    def rows(self) -> dict[str, Download]:
        """The committed rows."""
        return dict(self.writer.table.rows) if self.writer.table else {}

    async def table(self, *rows: Download) -> Position:
        """The whole table anew."""
        self.writer.mark_announced(10**9)
        return await self._send(self.writer.plan_keyframe({row.id: row for row in rows}, self._now(), self._next()))

    async def change(self, *upserts: Download, removed: tuple[str, ...] = ()) -> Position:
        """A delta."""
        return await self._send(self.writer.plan_delta(upserts, removed, self._now(), self._next()))

    async def _send(self, frames: list[Frame]) -> Position:
        for frame in frames:
            self.writer.acked(frame, await publish_part(self.bus, self.name, frame, self.writer.fence))
        table = self.writer.table
        assert table is not None
        return Position(table.incarnation, table.sequence)

    async def status(self, health: Health = Health.OK, **fields: Any) -> None:
        """The client's health, polled right now unless said otherwise."""
        _, fence = await read_status(self.bus, self.name)
        known: dict[str, Any] = {"last_good_poll": self._now(), "updated_at": self._now(), "version": "2.2.0"}
        status = ClientStatus(client=self.name, type="deluge", health=health, **(known | fields))
        await publish_status(self.bus, status, fence)

    async def answers(self, verb: str, kind: type[Any], answer: Callable[[Any], Any]) -> None:
        """Answer a command; `answer` gets its body and returns, or awaits, or raises."""

        async def handle(body: Any, request: Request) -> object:
            self.asked.append((verb, body, request))
            value = answer(body)
            return await value if asyncio.iscoroutine(value) else value

        await serve(self.bus, subjects.command(self.name, verb), kind, handle)

    def _next(self) -> str:
        self._frames += 1
        return f"{self.name}-{self._frames}"

    @staticmethod
    def _now() -> datetime:
        return datetime.now(UTC)


class ServiceForTest:
    """Answers RPC methods of the importer and the history with what the test says."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.asked: list[tuple[str, Any, Request]] = []

    async def answers(self, service: str, method: str, kind: type[Any], answer: Callable[[Any], Any]) -> None:
        """Answer one method."""

        async def handle(body: Any, request: Request) -> object:
            self.asked.append((method, body, request))
            value = answer(body)
            if isinstance(value, Problem):
                raise value
            return value

        await serve(self.bus, subjects.rpc(service, method), kind, handle)

    def of(self, method: str) -> list[Any]:
        """The bodies that came for a method."""
        return [body for name, body, _ in self.asked if name == method]


class GatewayForTest:
    """A running gateway, and a client that holds its key."""

    def __init__(self, settings: Settings, http: AsyncClient, key: str, stop: asyncio.Event) -> None:
        self.settings = settings
        self.http = http
        self.key = key
        self.stop = stop

    async def get(self, path: str, **params: Any) -> Any:
        """The document of a 200."""
        response = await self.http.get(f"/api/v1{path}", params=params)
        assert response.status_code == 200, response.text
        return msgspec.json.decode(response.content)

    async def shows(self, count: int) -> None:
        """Wait until the queue has so many rows."""

        async def there() -> bool:
            page = await self.get("/queue", limit=1)
            return bool(page["total"] == count)

        await until(there, f"{count} rows are shown")

    async def problem(self, status: int, code: str, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        """The problem document that a request is refused with."""
        response = await self.http.request(method, f"/api/v1{path}", **arguments)
        document: dict[str, Any] = msgspec.json.decode(response.content)
        assert (response.status_code, document.get("code")) == (status, code), response.text
        assert response.headers["content-type"] == "application/problem+json"
        assert document["status"] == status
        assert document["request_id"] == response.headers["x-request-id"]
        assert document["detail"]
        return document


@pytest.fixture
def settings(nats_settings: NatsSettings, database: PostgresSettings, tmp_path: Path) -> Settings:
    """A household with two clients; movies are ours."""
    return Settings(
        clients={
            "deluge": ClientSettings(type="deluge", url="http://127.0.0.1:1", owners={"movies": "sluice"}),
            "other": ClientSettings(type="deluge", url="http://127.0.0.1:2"),
        },
        nats=nats_settings,
        postgres=database,
        gateway=GatewaySettings(port=next(free_ports(Random())), first_key_path=tmp_path / "first-key"),
        fetch=FetchSettings(allow=("127.0.0.1",)),
    )


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[GatewayForTest]:
    """The gateway in this process, ready."""
    stop = asyncio.Event()
    life = asyncio.create_task(run.serve("gateway", build, settings, stop))
    path = settings.gateway.first_key_path
    assert path is not None
    url = f"http://127.0.0.1:{settings.gateway.port}"
    async with client(base_url=url, timeout=40) as http:

        async def ready() -> bool:
            if life.done():
                life.result()
            try:
                return (await http.get("/ready")).status_code == 200
            except TransportError:
                return False

        try:
            await until(ready, "the gateway is ready", 30)
            key = path.read_text().strip()
            http.headers["X-API-Key"] = key
            yield GatewayForTest(settings, http, key, stop)
        finally:
            stop.set()
            await asyncio.wait_for(life, 15)


@pytest.fixture
async def gateway(settings: Settings) -> AsyncIterator[GatewayForTest]:
    """A gateway that is ready."""
    async with running(settings) as started:
        yield started


@pytest.fixture
async def bus(settings: Settings) -> AsyncIterator[Bus]:
    """A connection of the test's own."""
    async with connect(settings.nats, name="test", closed=asyncio.Event()) as connected:
        yield connected


@pytest.fixture
def poller(bus: Bus) -> PollerForTest:
    """The poller of `deluge`."""
    return PollerForTest(bus)


@pytest.fixture
def services(bus: Bus) -> ServiceForTest:
    """The importer and the history."""
    return ServiceForTest(bus)


async def accepts_adds(poller: PollerForTest) -> None:
    """A client that takes every add and shows it at once."""

    async def add(body: Add) -> Done:
        download_id = HASH if body.magnet else TORRENT_HASH
        position = await poller.change(row(download_id, name="Sintel", category=body.category))
        return Done(id=download_id, epoch="c1", position=position)

    await poller.answers("add", Add, add)


def associated(body: Associate) -> Association:
    return Association(client=body.client, download_id=body.download_id, state="pending")


@pytest.fixture
async def household(gateway: GatewayForTest, poller: PollerForTest, services: ServiceForTest) -> GatewayForTest:
    """An empty queue, a client that is up, an importer that associates."""
    await poller.status()
    await poller.table()
    await services.answers("importer", "associate", Associate, associated)
    await services.answers("importer", "withdraw", Withdraw, lambda _: Empty())

    async def known() -> bool:
        return "no_status" not in [
            c["reason"] for c in (await gateway.get("/clients"))["items"] if c["name"] == "deluge"
        ]

    await until(known, "the client's status is known")
    return gateway
