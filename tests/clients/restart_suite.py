"""What every real client and its adapter keep when the client ends, is killed or hangs: a part of its suite."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from clients.asking import adapter_for, eventually, polled
from clients.client_fixtures import ClientFixtures
from sluice_client_poller.adapters.port import Adapter, NewDownload
from sluice_common.kit.errors import ClientUnavailable
from support.clients import RealClient
from support.polls import Folded
from support.torrents import make_content, make_torrent


class RestartSuite(ClientFixtures):
    """A client's class says what differs."""

    KILLED_KEEPS_EPOCHS: ClassVar[bool] = True  # its stable time is on its disk as soon as `has_saved` says so

    def has_saved(self, client: RealClient, ids: set[str]) -> bool:
        """Whether the client would know these downloads after a SIGKILL.

        Killed earlier it forgets what it has just added: its loss, and not what is tested here.
        """
        names = [path.name for path in client.directory.rglob("*resume")]
        return all(any(download_id[:16] in name for name in names) for download_id in ids)

    async def save(self, adapter: Adapter) -> None:
        """Bring the client to save what it holds, where it would not do so by itself within a minute."""

    @pytest.mark.slow
    async def test_stopped_and_started(self, own_client: RealClient, tmp_path: Path) -> None:
        """A restart in good order: unavailable in between, then the same downloads with the same epochs, and marked."""
        async with adapter_for(own_client) as adapter:
            table = Folded(adapter)
            epochs = await self._filled(adapter, table, tmp_path, 10)
            await self.saved(adapter, own_client, set(epochs))  # even in good order some forget what is very new
            own_client.stop()
            with pytest.raises(ClientUnavailable):
                await adapter.poll()
            own_client.start()
            await self._back(table, set(epochs))
            assert {known: table.rows[known].epoch for known in epochs} == epochs

    @pytest.mark.slow
    async def test_a_killed_client(self, own_client: RealClient, tmp_path: Path) -> None:
        """SIGKILL and start: an error while it is down, then all it had, marked as restarted."""
        async with adapter_for(own_client) as adapter:
            table = Folded(adapter)
            epochs = await self._filled(adapter, table, tmp_path, 40)
            await self.saved(adapter, own_client, set(epochs))
            own_client.kill()
            for _ in range(3):
                with pytest.raises(ClientUnavailable):
                    await adapter.poll()
            own_client.start()
            await self._back(table, set(epochs))
            if self.KILLED_KEEPS_EPOCHS:
                assert {known: table.rows[known].epoch for known in epochs} == epochs

    @pytest.mark.slow
    async def test_a_frozen_client(self, own_client: RealClient, monkeypatch: pytest.MonkeyPatch) -> None:
        """A client that hangs is unavailable after the time limit, and answers again once it goes on."""
        self.hurry(monkeypatch)
        async with adapter_for(own_client) as adapter:
            table = Folded(adapter)
            await eventually(lambda: polled(table), lambda rows: rows is not None)
            own_client.freeze()
            with pytest.raises(ClientUnavailable, match="timed out"):
                await adapter.poll()
            own_client.thaw()
            assert await eventually(lambda: polled(table), lambda rows: rows is not None) == {}

    async def _filled(self, adapter: Adapter, table: Folded, folder: Path, count: int) -> dict[str, str]:
        """Add `count` paused torrents and poll until they are listed; their epochs by id."""
        await table.poll()
        ids = set()
        for number in range(count):
            torrent = make_torrent(make_content(folder, f"Many.{number}.mkv", 20_000))
            ids.add(await adapter.add(NewDownload(torrent=torrent.data, paused=True)))
        await eventually(table.poll, lambda rows: set(rows) == ids)
        assert table.last is not None
        assert not table.last.restarted
        return {found.id: found.epoch for found in table.rows.values()}

    async def saved(self, adapter: Adapter, client: RealClient, ids: set[str]) -> None:
        """Wait until the client would know these downloads after a SIGKILL."""

        async def look() -> bool:
            if self.has_saved(client, ids):
                return True
            await self.save(adapter)
            return False

        await eventually(look, bool)

    async def _back(self, table: Folded, ids: set[str]) -> None:
        """Poll until all are listed again; the first answer is whole and says that it comes after a restart."""
        before = table.last
        await eventually(lambda: polled(table), lambda rows: rows is not None)
        assert table.last is not None
        assert table.last is not before
        assert (table.last.whole, table.last.restarted) == (True, True)
        await eventually(lambda: polled(table), lambda rows: rows is not None and set(rows) >= ids)
        await eventually(lambda: polled(table), lambda _: table.last is not None and not table.last.restarted)
