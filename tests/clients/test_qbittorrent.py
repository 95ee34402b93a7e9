"""The adapter against the real qBittorrent, with real downloads from a swarm on loopback."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from clients.asking import Downloads, adapter_for, eventually, listed, row
from clients.client_suite import SLOW, RealClientSuite, Refusal
from sluice_client_poller.adapters.port import Adapter, NewDownload
from sluice_client_poller.adapters.qbittorrent.access import AUTH_PAUSE_MOST
from sluice_client_poller.adapters.qbittorrent.client import QbittorrentAdapter
from sluice_common.kit.errors import ClientAuthFailed, Problem
from sluice_common.kit.settings import ClientSettings
from sluice_common.model.download import Download
from sluice_common.model.enums import Health, Reason, State
from support.clients import RealClient, or_skip
from support.elsewhere import elsewhere
from support.hurried import Ahead
from support.polls import Folded
from support.qbittorrent import PACKAGE, Qbittorrent
from support.swarm import Swarm
from support.torrents import make_content, make_torrent, raw_torrent

pytestmark = pytest.mark.client

MOVED_BYTES = 32_000_000


@contextmanager
def started(directory: Path, preferences: Mapping[str, str]) -> Iterator[Qbittorrent]:
    """A qBittorrent of this test's own with these settings."""
    directory.mkdir()
    with or_skip(lambda: Qbittorrent(directory, preferences=preferences)) as running:
        yield running


class TestQbittorrent(RealClientSuite):
    """The suite of every client, and what only qBittorrent has: hybrids by their v2 hash, moves, bans, categories."""

    CLIENT = "qbittorrent"
    NAME = "qBittorrent"
    PACKAGE = PACKAGE
    DELTAS = True
    SPEAKS = "the WebAPI of 4.1 to 5.x"
    COMPLETE = (
        "all of a known size, nothing left, in uploading, stalledUP, forcedUP, queuedUP, pausedUP or stoppedUP; a "
        "delta that says so counts once the torrent, asked for by itself, says it too. While it is `moving` to another "
        "file system the target already has every byte's place."
    )
    EPOCH = "`added_on`."
    LIMITS = (
        "Five wrong passwords ban our address for an hour: a refused log-in is tried again after 1, 2, 4 … minutes, at "
        "most 30.",
        "The API has no words for an error; they are in qBittorrent's log. Tracker errors are told after 5.1.0.",
        "4.x does not tell whether a torrent is private.",
        "A category's own folder counts only under automatic management; an add with a folder switches that off.",
        "A torrent without a folder of its own (content layout *no subfolder*) has no content path, only files.",
        "A seeding time over a minute is told in whole minutes.",
        "A torrent added less than a second or so before qBittorrent ends, even in good order, may be forgotten by it.",
        "4.x works through its whole list for every poll (half a second at 10,000 torrents) and is asked less often.",
    )
    REFUSALS = (
        Refusal(NewDownload(magnet=f"magnet:?xt=urn:btih:{'1' * 40}", category="a//b"), "category_invalid", 400),
    )

    async def test_polls_are_deltas(self, adapter: Adapter, tmp_path: Path) -> None:
        """After the first, a poll brings what changed and nothing else, and nothing while nothing changes."""
        torrents = [make_torrent(make_content(tmp_path, f"Quiet.{number}.mkv", 20_000)) for number in range(20)]
        ids = [await adapter.add(NewDownload(torrent=torrent.data, paused=True)) for torrent in torrents]
        table = Folded(adapter)
        await eventually(table.poll, lambda rows: all(rows[known].state is State.PAUSED for known in ids))
        assert table.last is not None
        await adapter.remove(ids[0], with_data=True)
        gone: set[str] = set()

        async def look() -> set[str]:
            poll = await adapter.poll()
            assert not poll.whole
            assert not {found.id for found in poll.rows} & set(ids)
            gone.update(poll.removed)
            return gone

        await eventually(look, lambda found: ids[0] in found)

    async def test_a_hybrid_magnet_keeps_both_names(
        self, adapter: Adapter, swarm: Swarm, meet: Downloads, tmp_path: Path
    ) -> None:
        """Added by its v1 hash it is listed by its v2 hash once metadata came: one row, found by either name."""
        torrent = swarm.seed(make_content(tmp_path, "Hybrid.Magnet", {"a.mkv": 50_000, "b.srt": 700}), version="hybrid")
        table = Folded(adapter)
        await table.poll()
        magnet = f"magnet:?xt=urn:btih:{torrent.id}&tr={swarm.tracker.url}"
        await adapter.add(NewDownload(magnet=magnet))
        await table.poll()
        seen = await meet.complete(adapter, torrent.id)
        assert (seen.id != torrent.id, torrent.id in seen.aliases) == (True, True)
        assert (await listed(table, seen.id)).is_complete
        assert torrent.id not in table.rows
        assert len(await adapter.files(torrent.id)) == 2
        with pytest.raises(Problem) as refusal:
            await adapter.add(NewDownload(magnet=magnet))
        assert (refusal.value.code, refusal.value.extra) == ("duplicate", {"id": seen.id})
        await adapter.remove(torrent.id, with_data=True)
        await eventually(table.poll, lambda rows: seen.id not in rows)

    async def test_a_magnet_is_one_line(self, adapter: Adapter) -> None:
        """qBittorrent takes a link a line: nobody smuggles a second one in."""
        one, other = (raw_torrent(f"Line.{number}", os.urandom(1000)) for number in range(2))
        table = Folded(adapter)
        before = set(await table.poll())
        await adapter.add(NewDownload(magnet=f"{one.magnet}&dn=One\n{other.magnet}", paused=True))
        await listed(table, one.id)
        assert set(await table.poll()) - before == {one.id}
        assert await adapter.read(other.id) is None

    async def test_an_error_of_the_daemon(
        self, adapter: Adapter, client: RealClient, swarm: Swarm, tmp_path: Path
    ) -> None:
        """A folder that cannot be made: health is an error, and nothing is complete."""
        torrent = swarm.seed(make_content(tmp_path, "Unwritable.mkv", 50_000))
        below_a_file = str(client.directory / "nox.log" / "below")
        download_id = await adapter.add(NewDownload(torrent=torrent.data, save_path=below_a_file))
        seen = await eventually(lambda: row(adapter, download_id), lambda found: found.health is Health.ERROR)
        assert (seen.reason, seen.is_complete, seen.state) == (Reason.CLIENT_ERROR, False, State.PAUSED)

    @pytest.mark.slow
    async def test_complete_only_after_the_move(self, swarm: Swarm, tmp_path: Path) -> None:
        """Downloaded on one file system and kept on another: whatever row said complete had every byte at its path."""
        content = make_content(tmp_path, "Moved.Movie.mkv", MOVED_BYTES)
        torrent = make_torrent(content, trackers=[swarm.tracker.url], piece_size=1 << 20)
        swarm.seed_torrent(torrent, tmp_path, upload_limit=SLOW)
        wanted = _digest(tmp_path / "Moved.Movie.mkv")
        with elsewhere(tmp_path, 3 * MOVED_BYTES) as temporary:
            settings = {"Session\\TempPathEnabled": "true", "Session\\TempPath": str(temporary)}
            with started(tmp_path / "own", settings) as own:
                async with adapter_for(own) as adapter:
                    table = Folded(adapter)
                    await table.poll()
                    await adapter.add(NewDownload(torrent=torrent.data))
                    partly = await eventually(table.poll, lambda rows: rows[torrent.id].done)
                    assert partly[torrent.id].content_path == str(temporary / "Moved.Movie.mkv")
                    swarm.limit(torrent.id, None)

                    async def look() -> Download:
                        found = (await table.poll())[torrent.id]
                        if found.is_complete:
                            assert found.state is not State.MOVING
                            assert found.content_path == str(own.download_dir / "Moved.Movie.mkv")
                            assert _digest(Path(found.content_path)) == wanted
                        return found

                    await eventually(look, lambda found: found.is_complete)
                    assert (await row(adapter, torrent.id)).is_complete

    async def test_categories_with_folders(self, tmp_path: Path, swarm: Swarm) -> None:
        """About tells a category's own folder; under automatic management an add into it goes there, unless told."""
        settings = {"Session\\DisableAutoTMMByDefault": "false", "Session\\TorrentContentLayout": "NoSubfolder"}
        folder = tmp_path / "own" / "tv-folder"
        directory = tmp_path / "own" / "qBittorrent" / "config"
        directory.parent.parent.mkdir()
        own = or_skip(lambda: Qbittorrent(tmp_path / "own", preferences=settings))
        (directory / "categories.json").write_text(json.dumps({"tv": {"save_path": str(folder)}, "plain": {}}))
        with own:
            async with adapter_for(own) as adapter:
                assert (await adapter.about()).categories == {"tv": str(folder), "plain": None}
                contents = [make_content(tmp_path, f"Rootless.{n}", {"a.mkv": 20_000, "b.srt": 700}) for n in range(2)]
                theirs, ours = (make_torrent(content) for content in contents)
                await adapter.add(NewDownload(torrent=theirs.data, category="tv", paused=True))
                await adapter.add(NewDownload(torrent=ours.data, category="tv", save_path=str(tmp_path), paused=True))
                for torrent, place in ((theirs, folder), (ours, tmp_path)):
                    seen = await row(adapter, torrent.id)
                    assert (seen.category, seen.save_path, seen.content_path) == ("tv", str(place), None)
                    assert {file.path for file in await adapter.files(torrent.id)} == {"a.mkv", "b.srt"}

    @pytest.mark.slow
    async def test_a_ban(self, own_client: RealClient) -> None:
        """Five refused log-ins ban us: the right password is refused then too, and the reason says why."""
        clocks = Ahead(), Ahead()
        wrong, right = (
            QbittorrentAdapter("qbittorrent", _settings(own_client, password), clock)
            for password, clock in zip(("wrong", own_client.password), clocks, strict=True)
        )
        reasons = []
        for _ in range(6):
            with pytest.raises(ClientAuthFailed) as refused:
                await wrong.poll()
            reasons.append("banned" in str(refused.value))
            clocks[0].ahead += AUTH_PAUSE_MOST
        assert reasons == [False] * 5 + [True]
        with pytest.raises(ClientAuthFailed, match="banned"):
            await right.poll()
        await asyncio.gather(wrong.close(), right.close())


def _settings(client: RealClient, password: str) -> ClientSettings:
    values = {"type": client.type, "url": client.url, "username": client.username, "password": password}
    return ClientSettings.model_validate(values)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
