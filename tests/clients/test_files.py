"""The files of downloads of real clients, through the poller: very many, and more of them wanted later on."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from clients.asking import Downloads, adapter_for, eventually, row
from sluice_client_poller.adapters.port import NewDownload
from sluice_common.bus.connect import Bus, connect
from sluice_common.bus.rpc import call
from sluice_common.contracts import commands, subjects
from sluice_common.contracts.events import Event
from sluice_common.kit.settings import NatsSettings
from sluice_common.model.edits import ChooseFiles
from support.clients import LAUNCHERS, launch
from support.poller import all_events, committed, polling, send
from support.swarm import Swarm
from support.torrents import make_content, raw_torrent
from support.waiting import until

pytestmark = pytest.mark.client
MANY = 20_000
WITHIN = 60.0
KINDS = sorted(LAUNCHERS)


@pytest.fixture
async def bus(nats_settings: NatsSettings) -> AsyncIterator[Bus]:
    async with connect(nats_settings, name="test") as bus:
        yield bus


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
async def test_twenty_thousand_files_come_in_pages(bus: Bus, tmp_path: Path, kind: str) -> None:
    """Every one of them once and in order, in replies that the bus takes."""
    torrent = raw_torrent("Many", [([f"{number:05}.txt"], os.urandom(1)) for number in range(MANY)])
    with launch(kind, tmp_path / kind) as client:
        async with adapter_for(client) as adapter, polling(bus, {"fake": adapter}):
            await adapter.add(NewDownload(torrent=torrent.data, paused=True))
            await until(lambda: _holds(bus, torrent.id), seconds=WITHIN, what="the row")
            pages = [await _page(bus, torrent.id, 0)]
            while (start := pages[-1].next) is not None:
                pages.append(await _page(bus, torrent.id, start))
                assert pages[-1].items
    found = [file for page in pages for file in page.items]
    assert [file.path.rpartition("/")[2] for file in found] == [f"{number:05}.txt" for number in range(MANY)]
    assert [file.index for file in found] == [*range(MANY)]
    assert len(pages) > 1
    assert {page.total for page in pages} == {MANY}


@pytest.mark.parametrize("kind", KINDS)
async def test_more_files_chosen_later_complete_once_more(bus: Bus, swarm: Swarm, tmp_path: Path, kind: str) -> None:
    """The download was complete without them; with them it is again, and that is news with other wanted bytes."""
    torrent = swarm.seed(make_content(tmp_path / "seeds", f"Pack.{kind}", {"1.mkv": 300_000, "2.mkv": 200_000}))
    with launch(kind, tmp_path / kind) as client:
        async with adapter_for(client) as adapter, polling(bus, {"fake": adapter}):
            await until(lambda: committed(bus, "fake"), seconds=WITHIN, what="a table")
            await send(bus, "add", commands.Add(torrent=torrent.data, paused=True), "r1")
            await send(bus, "alter", commands.Alter(id=torrent.id, edit=ChooseFiles(unwanted=(1,))), "r2")
            await send(bus, "resume", commands.Act(id=torrent.id), "r3")
            await Downloads(swarm, client).complete(adapter, torrent.id)
            (first,) = await until(lambda: _completed(bus, 1), seconds=WITHIN, what="a completion")
            await send(bus, "alter", commands.Alter(id=torrent.id, edit=ChooseFiles(wanted=(1,))), "r4")
            # The seeder left, as it does where nothing is wanted of it any more.
            await eventually(
                lambda: row(adapter, torrent.id),
                lambda found: found.is_complete and found.size == 500_000,
                meanwhile=lambda: swarm.connect(torrent.id, client.peer_port),
            )
            events = await until(lambda: _completed(bus, 2), seconds=WITHIN, what="another completion")
    assert (len({event.id for event in events}), events[0]) == (2, first)


async def _holds(bus: Bus, download_id: str) -> bool:
    table = await committed(bus, "fake")
    return table is not None and download_id in table.rows


async def _page(bus: Bus, download_id: str, start: int) -> commands.Files:
    asked = commands.FilesOf(id=download_id, start=start)
    subject = subjects.command("fake", "files")
    return await call(bus, subject, asked, commands.Files, request_id=f"p{start}", within=WITHIN)


async def _completed(bus: Bus, count: int) -> list[Event] | None:
    events = [event for event in await all_events(bus) if event.type == "download.completed"]
    return events if len(events) == count else None
