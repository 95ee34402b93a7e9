"""A retry on every real client: what was set on the download is set again, seen in the client's own API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from clients import test_deluge_edits, test_qbittorrent_edits, test_transmission_edits
from clients.asking import adapter_for
from clients.edit_fixtures import EditFixtures, Told, three_files
from sluice_client_poller.adapters.port import NewDownload
from sluice_common.bus.connect import Bus, connect
from sluice_common.contracts import commands
from sluice_common.kit.settings import NatsSettings
from sluice_common.model.edits import AnyEdit, ChooseFiles, EditTrackers, Rename, SetLimits
from support.clients import HOST, launch
from support.poller import committed, polling, send
from support.waiting import until

pytestmark = pytest.mark.client

SUITES = (
    test_qbittorrent_edits.TestQbittorrentEdits,
    test_transmission_edits.TestTransmissionEdits,
    test_deluge_edits.TestDelugeEdits,
)
EDITS: tuple[AnyEdit, ...] = (
    SetLimits(download=128_000, upload=256_000),
    SetLimits(ratio=1.5),
    SetLimits(seeding_time=7200),
    ChooseFiles(unwanted=(0, 2)),
    EditTrackers(add=(f"http://{HOST}:1/announce?passkey=0123456789pass",)),
    Rename(name="Another Name"),
)


@pytest.fixture
async def bus(nats_settings: NatsSettings) -> AsyncIterator[Bus]:
    async with connect(nats_settings, name="test") as bus:
        yield bus


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.CLIENT)
async def test_a_retry_keeps_what_was_set(bus: Bus, tmp_path: Path, suite: type[EditFixtures]) -> None:
    """Limits, the choice of files, trackers and the name, as far as the client has them; and it runs as it did."""
    asked, torrent = suite(), three_files()
    with launch(suite.CLIENT, tmp_path / suite.CLIENT) as client:
        async with adapter_for(client) as adapter:
            order = NewDownload(torrent=torrent.data, sequential=True, paused=True)
            plain = NewDownload(torrent=torrent.data, paused=True)
            await adapter.add(plain if asked.cannot(client, order) else order)
            for edit in EDITS:
                if not asked.cannot(client, edit):
                    await adapter.alter(torrent.id, edit)
            await adapter.resume(torrent.id)
            await asked.says(client, torrent.id, active=True)
            before = asked.told(client, torrent.id)
            assert before.wanted == (False, True, False)
            async with polling(bus, {"fake": adapter}):
                await until(lambda: committed(bus, "fake"), what="a table")
                source = commands.Add(torrent=torrent.data)
                done = await send(bus, "retry", commands.Retry(id=torrent.id, source=source))
            assert done.lost == ()
            await asked.says(client, torrent.id, active=True)
            assert _set(asked.told(client, torrent.id)) == _set(before)


def _set(told: Told) -> Told:
    """What somebody set: the rest may change by itself."""
    return told._replace(active=True, queue=None)
