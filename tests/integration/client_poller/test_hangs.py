"""A client that takes connections and never answers, among others that are well."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sluice_client_poller.adapters import patience
from sluice_client_poller.adapters.port import Adapter, NewDownload
from sluice_client_poller.adapters.registry import make
from sluice_common.bus.connect import Bus
from sluice_common.bus.rpc import call
from sluice_common.bus.statuses import read_status
from sluice_common.contracts import commands, subjects
from sluice_common.kit.clock import SYSTEM_CLOCK
from sluice_common.kit.errors import Problem
from sluice_common.kit.settings import ClientSettings
from sluice_common.model.download import ClientStatus
from sluice_common.model.enums import Health, State
from sluice_gateway.live.freshness import judge
from support.clients import LAUNCHERS, RealClient, launch
from support.fake_client import FakeClient
from support.household import entry
from support.poller import ANY_CLIENT, committed, polling, send
from support.torrents import make_content, make_torrent
from support.waiting import until

pytestmark = pytest.mark.client
PATIENCE = 3.0
WITHIN = 30.0
MANY = 1000


@pytest.fixture(params=sorted(LAUNCHERS))
def hanging(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RealClient]:
    """A client of each kind, which a test freezes."""
    with launch(request.param, tmp_path / "client") as running:
        yield running
        running.thaw()


@pytest.fixture
async def adapter(hanging: RealClient, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Adapter]:
    """Its adapter, which waits for three seconds where it would wait for ten to sixty."""
    monkeypatch.setattr(f"sluice_client_poller.adapters.{hanging.type}.client.TIMEOUT", PATIENCE)
    for name in ("DELTA", "LIST"):
        monkeypatch.setattr(patience, name, PATIENCE)
    adapter = make("hanging", ClientSettings.model_validate(entry(hanging)))
    yield adapter
    await adapter.close()


async def test_a_client_that_hangs_holds_up_nobody(
    bus: Bus, hanging: RealClient, adapter: Adapter, tmp_path: Path
) -> None:
    """The others are polled and commanded meanwhile; it keeps its rows, marked stale, and says why; its own commands
    fail with that, also the one that was the first to meet it."""
    well, torrent = FakeClient(), make_torrent(make_content(tmp_path, "Kept.mkv", 20_000))
    well.put("a", state=State.DOWNLOADING)
    await adapter.add(NewDownload(torrent=torrent.data, paused=True))
    async with polling(bus, {"hanging": adapter, "fake": well}):
        await until(lambda: _status(bus, Health.OK), seconds=WITHIN, what="a client that is well")
        hanging.freeze()
        first = asyncio.create_task(_pause(bus, torrent.id, "first"))
        polls, commanded, status = well.polls, 0, None
        while status is None:
            commanded += 1
            assert commanded < MANY, "the client that hangs is never said to"
            await send(bus, "pause" if commanded % 2 else "resume", commands.Act(id="a"), f"r{commanded}")
            status = await _status(bus, Health.ERROR)
        # One poll of the client that hangs took as long as all of these.
        assert (well.polls - polls > 10, commanded > 3) == (True, True)
        assert (status.reason, status.message) == ("unreachable", "timed out after 3 s")
        assert judge("hanging", ANY_CLIENT, status, SYSTEM_CLOCK.now()).stale
        table = await committed(bus, "hanging")
        assert table is not None
        assert set(table.rows) == {torrent.id}
        for answer in (first, _pause(bus, torrent.id, "later")):
            with pytest.raises(Problem, match="timed out after 3 s") as refused:
                await answer
            assert (refused.value.code, refused.value.status) == ("client_unavailable", 503)
        hanging.thaw()
        await until(lambda: _status(bus, Health.OK), seconds=WITHIN, what="a client that is well again")


async def _pause(bus: Bus, download_id: str, request_id: str) -> commands.Done:
    subject = subjects.command("hanging", "pause")
    return await call(bus, subject, commands.Act(id=download_id), commands.Done, request_id=request_id)


async def _status(bus: Bus, health: Health) -> ClientStatus | None:
    status, _ = await read_status(bus, "hanging")
    return status if status is not None and status.health is health else None
