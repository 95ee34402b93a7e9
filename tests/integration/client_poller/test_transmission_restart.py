"""The poller over a real bus and the real Transmission, which answers with an empty list while it starts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import pytest

from sluice_client_poller.adapters.port import Adapter, NewDownload, Poll
from sluice_client_poller.adapters.registry import make
from sluice_common.bus.connect import Bus, connect
from sluice_common.bus.statuses import read_status
from sluice_common.kit.settings import ClientSettings, NatsSettings
from sluice_common.model.enums import Health
from support.clients import RealClient, launch
from support.poller import FAST, committed, event_types, polling
from support.torrents import make_content, make_torrent
from support.waiting import until

pytestmark = pytest.mark.client
CLIENT = "transmission"
MANY = 60
POLLS = 5
WITHIN = 30.0


@pytest.fixture
def transmission(tmp_path: Path) -> Iterator[RealClient]:
    """A daemon for this test alone."""
    with launch(CLIENT, tmp_path / CLIENT) as running:
        yield running


@pytest.fixture
async def adapter(transmission: RealClient) -> AsyncIterator[Adapter]:
    """The adapter as the poller makes it."""
    values = {"type": CLIENT, "url": transmission.url, "password": transmission.password}
    adapter = make(CLIENT, ClientSettings.model_validate(values | {"username": transmission.username}))
    yield adapter
    await adapter.close()


@pytest.mark.slow
async def test_a_restart_removes_nothing(
    nats_settings: NatsSettings,
    transmission: RealClient,
    adapter: Adapter,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Stopped, killed and started again under a poller: every row stays, and nobody is told that one went."""
    good = _good_polls(adapter, monkeypatch)
    ids = set()
    for number in range(MANY):
        torrent = make_torrent(make_content(tmp_path, f"Many.{number}.mkv", 20_000))
        ids.add(await adapter.add(NewDownload(torrent=torrent.data, paused=True)))
    async with connect(nats_settings, name="test") as bus, polling(bus, {CLIENT: adapter}):
        await until(lambda: _holds(bus, ids), seconds=WITHIN, what="the table")
        for end in (transmission.stop, transmission.kill):
            end()
            await until(lambda: _is(bus, Health.ERROR), seconds=WITHIN, what="an offline status")
            assert await _holds(bus, ids)
            transmission.start()
            await until(lambda: _is(bus, Health.OK), seconds=WITHIN, what="an online status")
            enough = partial(_has, good, len(good) + POLLS)
            await until(enough, seconds=WITHIN, what="more polls")
            # What these polls missed would be gone for good once every hold has passed.
            await asyncio.sleep(2 * (FAST.hold_after_reconnect + FAST.hold))
            assert await _holds(bus, ids)
        removed = [kind for kind in await event_types(bus) if kind in ("download.removed", "download.cancelled")]
        assert removed == []


def _good_polls(adapter: Adapter, monkeypatch: pytest.MonkeyPatch) -> list[Poll]:
    """The adapter's good polls, as they happen."""
    polls: list[Poll] = []
    original = adapter.poll

    async def poll() -> Poll:
        polls.append(await original())
        return polls[-1]

    monkeypatch.setattr(adapter, "poll", poll)
    return polls


def _has(polls: list[Poll], count: int) -> bool:
    return len(polls) >= count


async def _holds(bus: Bus, ids: set[str]) -> bool:
    table = await committed(bus, CLIENT)
    return table is not None and set(table.rows) == ids


async def _is(bus: Bus, health: Health) -> bool:
    status, _ = await read_status(bus, CLIENT)
    return status is not None and status.health is health
