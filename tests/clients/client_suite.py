"""What every real client and its adapter keep, whatever the kind: one class that each client's tests inherit.

A client's own file says what differs by overriding the names in capitals, and adds what only that client has.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple

import pytest

from clients.asking import Downloads, adapter_for, eventually, listed, row
from clients.restart_suite import RestartSuite
from sluice_client_poller.adapters.port import Adapter, NewDownload
from sluice_common.kit.errors import ClientAuthFailed, Problem
from sluice_common.model.download import Download
from sluice_common.model.enums import Health, State
from support import client_root
from support.abilities import Ability, shows
from support.clients import RealClient
from support.polls import Folded
from support.swarm import Swarm
from support.torrents import hostile_torrents, make_content, make_torrent, raw_torrent, sparse_torrent

UNKNOWN = "0" * 40
REPORT = Path(__file__).parents[1] / "contract" / "clients_report.json"
SLOW = 400_000  # bytes/s at which the states in between can be seen
CHECK_EVERY = 3.0  # seconds between two rechecks that nobody saw


class Refusal(NamedTuple):
    """An add that a client does not take, and the problem that says so."""

    new: NewDownload
    code: str
    status: int


def on_debian_12() -> bool:
    """Whether Debian packages here are those of the page."""
    try:
        return platform.freedesktop_os_release().get("VERSION_CODENAME") == "bookworm"
    except OSError:
        return False


class RealClientSuite(RestartSuite):
    """Inherit as `TestSomething` and say which client; the names in capitals say what differs."""

    NAME: ClassVar[str]  # these seven are for docs/clients.md
    SPEAKS: ClassVar[str]
    COMPLETE: ClassVar[str]
    EPOCH: ClassVar[str]
    LIMITS: ClassVar[Sequence[str]]
    NOTES: ClassVar[Mapping[Ability, str]] = {}
    PACKAGE: ClassVar[str] = ""  # of Debian 12, whose version the page is of; "" where the version is pinned by us
    DELTAS: ClassVar[bool] = False  # a poll after a good one brings only what changed
    VERSION: ClassVar[str | tuple[str, ...]] = ""  # what its version begins with
    CATEGORIES: ClassVar[Mapping[str, str | None]] = {"tv": None}  # what `about` tells after an add to "tv"
    REFUSALS: ClassVar[Sequence[Refusal]] = ()  # what this client cannot take and others may
    EMPTY_FILES: ClassVar[bool] = True  # it writes, and lists, files of no bytes

    @shows(Ability.ADD_MAGNET, Ability.CATEGORY, Ability.FILES, State.SEEDING)
    async def test_a_magnet_is_followed_to_complete(
        self, adapter: Adapter, client: RealClient, swarm: Swarm, meet: Downloads, tmp_path: Path
    ) -> None:
        """From a magnet to complete; the moment it says complete, every byte is on the disk where it says."""
        content = make_content(tmp_path, "Show.S01", {"E01.mkv": 1_500_000, "Subs/E01.srt": 4_000, "empty.nfo": 0})
        torrent = swarm.seed(content)
        download_id = await adapter.add(NewDownload(magnet=torrent.magnet, category="tv"))
        assert download_id == torrent.id
        seen = await meet.complete(adapter, download_id)
        assert seen.save_path is not None
        expected = sorted((path, size) for path, size in content.files if size or self.EMPTY_FILES)
        for path, _ in expected:
            assert (Path(seen.save_path) / path).read_bytes() == (tmp_path / path).read_bytes()
        assert (seen.state, seen.health, seen.category) == (State.SEEDING, Health.OK, "tv")
        assert (seen.name, seen.size, seen.done) == ("Show.S01", content.size, content.size)
        assert seen.content_path == str(client.download_dir / "Show.S01")
        assert seen.epoch.startswith("c")
        files = await adapter.files(download_id)
        assert sorted((file.path, file.size) for file in files) == expected
        assert all(file.wanted and file.done == file.size for file in files)
        assert _lasting(await listed(Folded(adapter), download_id)) == _lasting(seen)

    @shows(Ability.ADD_TORRENT, Ability.SAVE_PATH, State.DOWNLOADING)
    async def test_a_torrent_file_shows_its_progress(
        self, adapter: Adapter, swarm: Swarm, meet: Downloads, tmp_path: Path
    ) -> None:
        """A single file from a .torrent, into a folder of its own: it downloads before it is complete."""
        content = make_content(tmp_path, "Movie.2020.mkv", 1_000_000)
        torrent = swarm.seed(content, upload_limit=SLOW)
        target = tmp_path / "elsewhere"
        download_id = await adapter.add(NewDownload(torrent=torrent.data, save_path=str(target)))
        partly = await meet.until(
            adapter, download_id, lambda found: found.done is not None and 0 < found.done < 1_000_000
        )
        assert (partly.state, partly.is_complete, partly.completed_at) == (State.DOWNLOADING, False, None)
        swarm.limit(torrent.id, None)
        seen = await meet.complete(adapter, download_id)
        assert seen.content_path == str(target / "Movie.2020.mkv")
        assert (target / "Movie.2020.mkv").read_bytes() == (tmp_path / "Movie.2020.mkv").read_bytes()

    async def test_a_hybrid_torrents_padding_is_no_file(
        self, adapter: Adapter, swarm: Swarm, meet: Downloads, tmp_path: Path
    ) -> None:
        """Clients list padding among the files; nobody would ever find it on the disk."""
        content = make_content(tmp_path, "Hybrid", {"a.mkv": 50_000, "b.srt": 700})
        download_id = await adapter.add(NewDownload(torrent=swarm.seed(content, version="hybrid").data))
        await meet.complete(adapter, download_id)
        assert sorted((file.path, file.size) for file in await adapter.files(download_id)) == sorted(content.files)

    @shows(Ability.ADD_PAUSED, Ability.PAUSE, Ability.RESUME, State.PAUSED)
    async def test_pause_and_resume(self, adapter: Adapter, swarm: Swarm, meet: Downloads, tmp_path: Path) -> None:
        """Added paused it stays so; resumed it completes; paused again it is still complete."""
        torrent = swarm.seed(make_content(tmp_path, "Paused.mkv", 300_000))
        download_id = await adapter.add(NewDownload(torrent=torrent.data, paused=True))
        await eventually(lambda: row(adapter, download_id), lambda found: found.state is State.PAUSED)
        await adapter.resume(download_id)
        await meet.complete(adapter, download_id)
        await adapter.pause(download_id)
        seen = await eventually(lambda: row(adapter, download_id), lambda found: found.state is State.PAUSED)
        assert seen.is_complete

    @shows(State.CHECKING)
    async def test_data_that_is_there_is_checked(self, adapter: Adapter, tmp_path: Path) -> None:
        """A torrent whose data lies there already completes without a peer, and says that it checks while it does."""
        torrent = sparse_torrent(tmp_path, "There.Already.mkv", pieces=512)
        download_id = await adapter.add(NewDownload(torrent=torrent.data, save_path=str(tmp_path)))
        again = time.monotonic() + CHECK_EVERY

        async def look() -> Download:
            nonlocal again
            found = await row(adapter, download_id)
            if found.is_complete and time.monotonic() > again:  # over before anybody looked
                again = time.monotonic() + CHECK_EVERY
                await adapter.recheck(download_id)
            return found

        seen = await eventually(look, lambda found: found.state is State.CHECKING)
        assert not seen.is_complete
        seen = await eventually(lambda: row(adapter, download_id), lambda found: found.is_complete)
        assert (seen.size, seen.done, seen.save_path) == (512 << 20, 512 << 20, str(tmp_path))
        await adapter.remove(download_id, with_data=True)

    @shows(Ability.RECHECK)
    async def test_recheck_finds_damage(
        self, adapter: Adapter, client: RealClient, swarm: Swarm, meet: Downloads, tmp_path: Path
    ) -> None:
        """What was complete stops being so when its data is found damaged, and completes again with the right bytes."""
        torrent = swarm.seed(make_content(tmp_path, "Damaged.mkv", 400_000))
        download_id = await adapter.add(NewDownload(torrent=torrent.data))
        await meet.complete(adapter, download_id)
        damaged = client.download_dir / "Damaged.mkv"
        damaged.write_bytes(os.urandom(400_000))
        swarm.limit(torrent.id, SLOW // 10)  # whole again at once, nobody would see what was missing
        await adapter.recheck(download_id)
        await eventually(lambda: row(adapter, download_id), lambda found: not found.is_complete)
        swarm.limit(torrent.id, None)
        swarm.connect(torrent.id, client.peer_port)
        await meet.complete(adapter, download_id)
        assert damaged.read_bytes() == (tmp_path / "Damaged.mkv").read_bytes()

    @shows(Ability.REMOVE, Ability.REMOVE_DATA)
    @pytest.mark.parametrize("with_data", [True, False])
    async def test_remove(
        self, adapter: Adapter, client: RealClient, swarm: Swarm, meet: Downloads, tmp_path: Path, with_data: bool
    ) -> None:
        """Gone from the client; its data only goes where that was asked for."""
        name = f"Removed.{with_data}.mkv"
        torrent = swarm.seed(make_content(tmp_path, name, 100_000))
        download_id = await adapter.add(NewDownload(torrent=torrent.data))
        await meet.complete(adapter, download_id)
        table = Folded(adapter)
        assert download_id in await table.poll()
        await adapter.remove(download_id.upper(), with_data=with_data)
        await eventually(lambda: adapter.read(download_id), lambda found: found is None)
        await eventually(table.poll, lambda rows: download_id not in rows)
        data = client.download_dir / name

        async def there() -> bool:
            return data.exists()

        await eventually(there, lambda found: found is not with_data)

    async def test_a_duplicate_names_what_is_there(self, adapter: Adapter, tmp_path: Path) -> None:
        """A second add of either form is refused with the id of the first, which it does not change."""
        content = make_content(tmp_path, "Twice.mkv", 20_000)
        torrent = make_torrent(content)
        await adapter.add(NewDownload(torrent=torrent.data, paused=True))
        again = make_torrent(content, trackers=["http://another-tracker.test/announce"])
        for new in (
            NewDownload(torrent=again.data),
            NewDownload(magnet=again.magnet),
            NewDownload(magnet=again.magnet.replace(torrent.id, torrent.id.upper())),
        ):
            with pytest.raises(Problem) as refusal:
                await adapter.add(new)
            assert (refusal.value.code, refusal.value.status) == ("duplicate", 409)
            assert refusal.value.extra == {"id": torrent.id}
        assert (await row(adapter, torrent.id)).tracker is None

    async def test_garbage_changes_nothing(self, adapter: Adapter) -> None:
        """What cannot be added is refused with a reason, and the client's list is as it was."""
        table = Folded(adapter)
        before = set(await table.poll())
        for new, code, status in (
            Refusal(NewDownload(torrent=b"garbage"), "torrent_invalid", 400),
            Refusal(NewDownload(torrent=b"<html></html>"), "torrent_invalid", 400),
            Refusal(NewDownload(magnet="magnet:?dn=No.Hash"), "magnet_invalid", 400),
            *self.REFUSALS,
        ):
            with pytest.raises(Problem) as refusal:
                await adapter.add(new)
            assert (refusal.value.code, refusal.value.status) == (code, status), new
            assert set(await table.poll()) == before, new

    async def test_unknown_ids_are_not_found(self, adapter: Adapter) -> None:
        """Every command on what the client does not hold is a 404; a read is None."""
        assert await adapter.read(UNKNOWN) is None
        for command in (
            adapter.pause(UNKNOWN),
            adapter.resume(UNKNOWN),
            adapter.recheck(UNKNOWN),
            adapter.remove(UNKNOWN, with_data=True),
            adapter.files(UNKNOWN),
        ):
            with pytest.raises(Problem) as refusal:
                await command
            assert (refusal.value.code, refusal.value.status) == ("not_found", 404)

    async def test_hostile_names_do_not_break_the_list(self, adapter: Adapter) -> None:
        """Names that climb out, hold NUL or are no text: the client takes or refuses each, and the poll goes on."""
        table = Folded(adapter)
        for kind, torrent in hostile_torrents().items():
            try:
                assert await adapter.add(NewDownload(torrent=torrent.data, paused=True)) == torrent.id, kind
            except Problem as refused:
                assert refused.code == "torrent_invalid", kind  # noqa: PT017 - either outcome is right
                continue
            await listed(table, torrent.id)
            assert await adapter.files(torrent.id), kind
            await adapter.remove(torrent.id, with_data=True)

    @shows(State.FETCHING_METADATA)
    async def test_a_magnet_without_peers_fetches_metadata(self, adapter: Adapter) -> None:
        """Size and files are unknown until somebody sends the metadata.

        What was just added may be paused to the client until it has taken it up, a moment later.
        """
        torrent = raw_torrent("Nobody.Has.This", os.urandom(1000))
        download_id = await adapter.add(NewDownload(magnet=torrent.magnet + "&dn=Nobody.Has.This"))
        seen = await eventually(lambda: row(adapter, download_id), lambda found: found.state is State.FETCHING_METADATA)
        assert (seen.size, seen.is_complete) == (None, False)
        assert await adapter.files(download_id) == ()

    async def test_a_wrong_password(self, client: RealClient) -> None:
        """A refused password stops the poll with a reason that holds no password."""
        async with adapter_for(client, "not-the-password") as adapter:
            with pytest.raises(ClientAuthFailed) as refused:
                await adapter.poll()
        assert "not-the-password" not in f"{refused.value} {refused.value!r} {adapter!r}"

    async def test_two_adapters_and_many_calls_at_once(self, client: RealClient) -> None:
        """Calls that overlap share one log-in, and another adapter's session does not end ours."""
        async with adapter_for(client) as one, adapter_for(client) as other:
            tables = (Folded(one), Folded(other))
            await asyncio.gather(*(table.poll() for table in tables for _ in range(4)))
        assert set(tables[0].rows) == set(tables[1].rows)

    async def test_deltas_amount_to_the_whole(
        self, adapter: Adapter, client: RealClient, swarm: Swarm, meet: Downloads, tmp_path: Path
    ) -> None:
        """All polls of one adapter, folded, are what a fresh adapter sees at once: nothing is missed or left over."""
        table = Folded(adapter)
        await table.poll()
        torrents = [swarm.seed(make_content(tmp_path, f"Delta.{number}.mkv", 200_000)) for number in range(4)]
        ids = [await adapter.add(NewDownload(torrent=torrent.data, paused=True)) for torrent in torrents]
        await eventually(table.poll, lambda rows: set(ids) <= set(rows))
        await adapter.resume(ids[0])
        await meet.complete(adapter, ids[0])
        await table.poll()
        await adapter.remove(ids[1], with_data=True)
        await adapter.resume(ids[2])
        await meet.complete(adapter, ids[2])
        await adapter.pause(ids[2])

        async def both() -> tuple[dict[str, object], dict[str, object]]:
            async with adapter_for(client) as fresh:
                whole = await Folded(fresh).poll()
            folded = await table.poll()
            return {key: _lasting(one) for key, one in folded.items()}, {
                key: _lasting(one) for key, one in whole.items()
            }

        folded, _ = await eventually(both, lambda pair: pair[0] == pair[1])
        assert ids[1] not in folded
        await eventually(table.poll, lambda rows: rows[ids[2]].state is State.PAUSED)
        assert table.deltas == self.DELTAS

    async def test_about(self, own_client: RealClient) -> None:
        """Its version, where it saves, and its categories with the folder of each."""
        async with adapter_for(own_client) as adapter:
            torrent = raw_torrent("About.Labels", os.urandom(1000))
            await adapter.add(NewDownload(magnet=torrent.magnet, category="tv", paused=True))
            about = await adapter.about()
        assert about.version is not None
        assert about.version.startswith(self.VERSION)
        assert (about.save_path, about.categories) == (str(own_client.download_dir), self.CATEGORIES)

    async def test_this_version_is_in_the_page(self, adapter: Adapter) -> None:
        """docs/clients.md is of a run of today's cases with the version that runs here; others are not asked for.

        Other systems may have a version that nobody ran the suite with.
        """
        version, known = (await adapter.about()).version, json.loads(REPORT.read_text()).get(self.CLIENT, {})
        if version not in known and self.PACKAGE and not on_debian_12() and client_root.folder() is None:
            pytest.skip(f"docs/clients.md is of {self.PACKAGE} {', '.join(known)}; this machine has {version}")
        assert known.get(version) == self.cases(), "run `make clients-page`"


def _lasting(found: Download) -> object:
    """What two looks at the same row agree on; speeds, ratio and times run on."""
    return (
        found.id, found.epoch, found.name, found.state, found.is_complete, found.health, found.size, found.done,
        found.category, found.save_path, found.content_path, found.completed_at,
    )  # fmt: skip
