"""One poller in front of every kind of client at once, real ones, with one that is off and one that is not there."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from sluice_client_poller.adapters import registry
from sluice_client_poller.adapters.port import Adapter
from sluice_client_poller.holder import Holder
from sluice_common.bus.connect import Bus
from sluice_common.bus.rpc import call
from sluice_common.bus.statuses import read_status
from sluice_common.contracts import commands, subjects
from sluice_common.kit.clock import SYSTEM_CLOCK
from sluice_common.kit.settings import ClientSettings
from sluice_common.model.download import ClientStatus
from sluice_common.model.enums import Health
from support.clients import HOST, LAUNCHERS, RealClient, free_ports, launch
from support.household import entry
from support.poller import FAST, committed
from support.torrents import make_content, make_torrent
from support.waiting import until

pytestmark = [pytest.mark.client, pytest.mark.slow]


@pytest.fixture
def clients(tmp_path: Path) -> Iterator[dict[str, RealClient]]:
    """A running client of every kind, by type."""
    with ExitStack() as stack:
        yield {kind: stack.enter_context(launch(kind, tmp_path / kind)) for kind in sorted(LAUNCHERS)}


@asynccontextmanager
async def polling(bus: Bus, configured: dict[str, ClientSettings]) -> AsyncIterator[list[str]]:
    """A poller of what is configured; the names of the clients in the order in which it began to ask them."""
    asked: list[str] = []
    ids = itertools.count(1)

    def make(name: str, settings: ClientSettings) -> Adapter:
        asked.append(name)
        return registry.make(name, settings)

    holder = Holder(
        bus, configured, FAST, make_adapter=make, holder="poller", clock=SYSTEM_CLOCK, random=Random(1),
        new_id=lambda: f"id-{next(ids)}",
    )  # fmt: skip
    task = asyncio.create_task(holder.run())
    try:
        yield asked
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_every_kind_is_asked_in_order_and_none_hides_another(
    bus: Bus, clients: dict[str, RealClient], tmp_path: Path
) -> None:
    """In the order of priority; the one that is off is never asked; the one that is away is named, the rest is shown.

    One more that goes away later keeps its rows, and the others go on.
    """
    first, *others = clients
    configured = {
        "off": configure(clients[first], priority=99, enabled=False),
        **{kind: configure(client, priority=number) for number, (kind, client) in enumerate(clients.items(), 1)},
        "away": configure(clients[first], priority=50, url=f"http://{HOST}:{free_ports(1)[0]}"),
    }
    async with polling(bus, configured) as asked:
        for kind in clients:
            await status(bus, kind, Health.OK)
        away = await status(bus, "away", Health.ERROR)
        assert (away.reason, "refused" in (away.message or "")) == ("unreachable", True)
        assert asked == ["away", *reversed(clients)]
        assert await read_status(bus, "off") == (None, 0)

        ids = {kind: await added(bus, kind, tmp_path) for kind in clients}
        for kind, download_id in ids.items():
            assert download_id in await rows(bus, kind), "an add is readable at once"
        clients[first].stop()
        await status(bus, first, Health.ERROR)
        more = {kind: await added(bus, kind, tmp_path) for kind in others}
        for kind in clients:
            assert await rows(bus, kind) == {ids[kind], *([more[kind]] if kind in more else [])}
            await status(bus, kind, Health.ERROR if kind == first else Health.OK)
        assert "off" not in asked


def configure(client: RealClient, **more: object) -> ClientSettings:
    """The client's settings as the configuration gives them."""
    return ClientSettings.model_validate({**entry(client), **more})


async def status(bus: Bus, client: str, health: Health) -> ClientStatus:
    """The client's status once its health is this."""

    async def look() -> tuple[ClientStatus] | None:
        found, _ = await read_status(bus, client)
        return (found,) if found is not None and found.health is health else None

    return (await until(look, seconds=30, what=f"{client}: {health}"))[0]


async def rows(bus: Bus, client: str) -> set[str]:
    """The ids in the client's committed table."""
    table = await committed(bus, client)
    assert table is not None
    return set(table.rows)


async def added(bus: Bus, client: str, folder: Path) -> str:
    """Add a torrent of its own to the client, paused; its id."""
    torrent = make_torrent(make_content(folder, f"{client}.mkv", 20_000))
    new = commands.Add(torrent=torrent.data, paused=True)
    done = await call(
        bus, subjects.command(client, "add"), new, commands.Done, request_id=f"add-{torrent.id}", actor="tester"
    )
    assert done.id == torrent.id
    return torrent.id
