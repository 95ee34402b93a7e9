"""The adapter against the real Deluge 2.2, with real downloads from a swarm on loopback."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typing_extensions import override

from clients.asking import adapter_for, eventually, row
from clients.client_suite import RealClientSuite, Refusal
from sluice_client_poller.adapters.port import Adapter, NewDownload
from sluice_common.kit.errors import ClientUnavailable
from sluice_common.model.download import Download
from sluice_common.model.enums import Health, Reason, State
from support.abilities import Ability
from support.clients import RealClient
from support.deluge import Deluge
from support.swarm import Swarm
from support.torrents import make_content, make_torrent, raw_torrent

pytestmark = pytest.mark.client


class TestDeluge(RealClientSuite):
    """The suite of every client, and what only Deluge has: two programs, labels by a plugin."""

    CLIENT = "deluge"
    NAME = "Deluge"
    SPEAKS = "deluge-web's JSON-RPC of 2.x"
    COMPLETE = (
        "`is_finished` in the states Seeding, Paused and Queued. At 100 % it may still be Downloading and then Moving, "
        "when its data goes to another file system."
    )
    EPOCH = "`time_added`; what a daemon that crashed loads with the time of its restart counts as the same one."
    NOTES = {Ability.CATEGORY: "labels, of `a-z`, `0-9`, `_` and `-` only"}  # noqa: RUF012 - never changed
    LIMITS = (
        "Sluice talks to deluge-web, not to the daemon's own port; of several daemons it stays with the connected one.",
        "Labels need the Label plugin; the first add with a category switches it on.",
        "Magnets with only a v2 hash are refused; add the .torrent.",
        "A torrent added while Deluge writes its list is written with the next change, at the latest after 200 s; "
        "killed in between, Deluge has forgotten it.",
        "Adding is slow, about 20 a second.",
    )
    VERSION = "2."
    REFUSALS = (
        Refusal(NewDownload(magnet=f"magnet:?xt=urn:btmh:1220{'ab' * 32}"), "unsupported", 501),
        Refusal(NewDownload(magnet=f"magnet:?xt=urn:btih:{'1' * 40}", category="TV Shows"), "category_invalid", 400),
    )

    @override
    def has_saved(self, client: RealClient, ids: set[str]) -> bool:
        """Deluge keeps its list in one file, which it replaces."""
        states = [path.read_bytes() for path in client.directory.rglob("torrents.state")]
        return any(all(torrent_id.encode() in state for torrent_id in ids) for state in states)

    @override
    async def save(self, adapter: Adapter) -> None:
        """An add while Deluge saves is not saved until the next one, up to 200 s later; a removal is a next one."""
        extra = raw_torrent("One.More", os.urandom(1000))
        await adapter.add(NewDownload(torrent=extra.data, paused=True))
        await adapter.remove(extra.id, with_data=True)

    @pytest.mark.slow
    async def test_a_killed_web_interface(self, own_deluge: Deluge) -> None:
        """deluge-web gone is unavailable; back again it is logged in to and connected."""
        async with adapter_for(own_deluge) as adapter:
            await adapter.poll()
            own_deluge.kill("deluge-web")
            with pytest.raises(ClientUnavailable, match="refused"):
                await adapter.poll()
            own_deluge.start("deluge-web")
            assert (await adapter.poll()).restarted

    @pytest.mark.slow
    async def test_a_killed_daemon(self, own_deluge: Deluge, tmp_path: Path) -> None:
        """deluge-web lives on without its daemon; after the daemon's start the first list is the whole one at once."""
        async with adapter_for(own_deluge) as adapter:
            await adapter.poll()
            ids = set()
            for number in range(40):
                torrent = make_torrent(make_content(tmp_path, f"Many.{number}.mkv", 20_000))
                ids.add(await adapter.add(NewDownload(torrent=torrent.data, paused=True)))
            await self.saved(adapter, own_deluge, ids)
            own_deluge.kill("deluged")
            for _ in range(3):
                with pytest.raises(ClientUnavailable):
                    await adapter.poll()
            own_deluge.start("deluged")
            again, later = await adapter.poll(), await adapter.poll()
        assert (again.restarted, later.restarted) == (True, False)
        for poll in (again, later):
            assert {found.id for found in poll.rows} >= ids

    async def test_an_error_of_the_daemon(
        self, adapter: Adapter, client: RealClient, swarm: Swarm, tmp_path: Path
    ) -> None:
        """A folder that cannot be made: health is an error in the daemon's own words, and nothing is complete."""
        torrent = swarm.seed(make_content(tmp_path, "Unwritable.mkv", 50_000))
        below_a_file = str(client.directory / "core.conf" / "below")
        download_id = await adapter.add(NewDownload(torrent=torrent.data, save_path=below_a_file))

        async def tried() -> Download:
            # Deluge misses an error that comes before it has listed the torrent: let it try again.
            if (seen := await row(adapter, download_id)).health is not Health.ERROR:
                await adapter.resume(download_id)
            return seen

        seen = await eventually(tried, lambda found: found.health is Health.ERROR)
        assert (seen.reason, seen.is_complete, seen.state) == (Reason.CLIENT_ERROR, False, State.PAUSED)
        assert seen.message == "Not a directory"

    @pytest.mark.slow
    async def test_labels_are_enabled_when_needed(self, tmp_path: Path) -> None:
        """A Deluge whose Label plugin is off gets it switched on by the first add that names a category."""
        directory = tmp_path / "deluge"
        directory.mkdir()
        torrent = make_torrent(make_content(tmp_path, "Labelled.mkv", 20_000))
        with Deluge(directory, label_plugin=False) as own:
            async with adapter_for(own) as adapter:
                download_id = await adapter.add(NewDownload(torrent=torrent.data, paused=True, category="tv-sonarr"))
                assert (await row(adapter, download_id)).category == "tv-sonarr"
