"""The poller over real clients that move data: what they say of it meanwhile is no news of anything else."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from clients.asking import adapter_for, eventually, row
from sluice_client_poller.adapters.port import Adapter, NewDownload, Poll
from sluice_common.bus.connect import Bus, connect
from sluice_common.contracts import commands
from sluice_common.kit.settings import NatsSettings
from sluice_common.model.edits import Move
from sluice_common.model.enums import State
from support.clients import launch
from support.elsewhere import elsewhere
from support.poller import committed, event_types, polling, send
from support.torrents import sparse_torrent
from support.waiting import until

pytestmark = pytest.mark.client
# Moved across file systems this takes long enough to be seen; in the end it is tried again.
PIECES = 256


@pytest.fixture
async def bus(nats_settings: NatsSettings) -> AsyncIterator[Bus]:
    async with connect(nats_settings, name="test") as bus:
        yield bus


@pytest.mark.parametrize("kind", ["qbittorrent", "deluge"])
async def test_a_paused_download_that_is_moved_is_neither_resumed_nor_paused(
    bus: Bus, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    """Both call it "moving" and nothing else while they move it; Transmission stays silent until it is done."""
    torrent = sparse_torrent(tmp_path, f"Moved.{kind}.mkv", pieces=PIECES)
    with elsewhere(tmp_path, PIECES << 21) as other, launch(kind, tmp_path / kind) as client:
        async with adapter_for(client) as adapter:
            await adapter.add(NewDownload(torrent=torrent.data, save_path=str(tmp_path)))
            await eventually(lambda: row(adapter, torrent.id), lambda found: found.is_complete)
            await adapter.pause(torrent.id)
            await eventually(lambda: row(adapter, torrent.id), lambda found: found.state is State.PAUSED)
            seen = _states(adapter, torrent.id, monkeypatch)
            async with polling(bus, {"fake": adapter}):
                await until(lambda: committed(bus, "fake"), what="a table")
                for number in itertools.count():
                    target = (other, tmp_path)[number % 2]
                    move = commands.Alter(id=torrent.id, edit=Move(save_path=str(target)))
                    await send(bus, "alter", move, f"r{number}")
                    await until(lambda: seen[-1:] == [State.PAUSED], what="the end of the move")
                    if State.MOVING in seen:
                        break
    # It is complete once more when it is at its place again: the same fact under the same id.
    assert set(await event_types(bus)) <= {"download.completed"}


def _states(adapter: Adapter, download_id: str, monkeypatch: pytest.MonkeyPatch) -> list[State]:
    """What the adapter's polls say that the download does, as they say it."""
    states: list[State] = []
    original = adapter.poll

    async def poll() -> Poll:
        polled = await original()
        states.extend(each.state for each in polled.rows if each.id == download_id)
        return polled

    monkeypatch.setattr(adapter, "poll", poll)
    return states
