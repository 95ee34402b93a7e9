"""The adapter against the real Deluge 2.2, with real downloads from a swarm on loopback."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from sluice_client_poller.adapters.deluge import client as deluge_client
from sluice_client_poller.adapters.port import Adapter, NewDownload
from sluice_client_poller.adapters.registry import make
from sluice_common.kit.errors import ClientAuthFailed, ClientUnavailable, Problem
from sluice_common.kit.settings import ClientSettings
from sluice_common.model.download import Download
from sluice_common.model.enums import Health, Reason, State
from support.deluge import Deluge
from support.swarm import Swarm
from support.torrents import hostile_torrents, make_content, make_torrent, raw_torrent
from support.waiting import PATIENCE, until

pytestmark = pytest.mark.client
T = TypeVar("T")
UNKNOWN = "0" * 40
SLOW = 400_000  # bytes/s at which the states in between can be seen


@asynccontextmanager
async def adapter_for(deluge: Deluge, password: str | None = None) -> AsyncIterator[Adapter]:
    """The adapter as the poller gets it from the configuration."""
    values = {"type": "deluge", "url": deluge.url, "password": password or deluge.password}
    adapter = make("deluge", ClientSettings.model_validate(values))
    try:
        yield adapter
    finally:
        await adapter.close()


@pytest.fixture
async def adapter(deluge: Deluge) -> AsyncIterator[Adapter]:
    """An adapter of the shared Deluge."""
    async with adapter_for(deluge) as made:
        yield made


async def eventually(ask: Callable[[], Awaitable[T]], wanted: Callable[[T], object], within: float = 30.0) -> T:
    """Ask until the answer is as wanted, and return it."""
    deadline = time.monotonic() + within * PATIENCE
    while not wanted(answer := await ask()):
        assert time.monotonic() < deadline, f"not within {within} s; last answer: {answer}"
        await asyncio.sleep(0.05)
    return answer


async def row(adapter: Adapter, download_id: str) -> Download:
    """The row, which must be there."""
    found = await adapter.read(download_id)
    assert found is not None
    return found


async def completed(adapter: Adapter, download_id: str) -> Download:
    """The row once it is complete."""
    return await eventually(lambda: row(adapter, download_id), lambda found: found.is_complete)


async def test_a_magnet_is_followed_to_complete(adapter: Adapter, deluge: Deluge, swarm: Swarm, tmp_path: Path) -> None:
    """From a magnet to complete; the moment it says complete, every byte is on the disk where it says."""
    content = make_content(tmp_path, "Show.S01", {"E01.mkv": 1_500_000, "Subs/E01.srt": 4_000, "empty.nfo": 0})
    torrent = swarm.seed(content)
    download_id = await adapter.add(NewDownload(magnet=torrent.magnet, category="tv"))
    assert download_id == torrent.id
    seen = await completed(adapter, download_id)
    assert (seen.state, seen.health, seen.category) == (State.SEEDING, Health.OK, "tv")
    assert (seen.name, seen.size, seen.done) == ("Show.S01", content.size, content.size)
    assert seen.content_path == str(deluge.download_dir / "Show.S01")
    assert seen.epoch.startswith("c")
    files = await adapter.files(download_id)
    assert sorted((file.path, file.size) for file in files) == sorted(content.files)
    assert all(file.wanted and file.done == file.size for file in files)
    assert seen.save_path is not None
    for path, _ in content.files:
        assert (Path(seen.save_path) / path).read_bytes() == (tmp_path / path).read_bytes()
    polled = {found.id: found for found in (await adapter.poll()).rows}[download_id]
    assert (polled.epoch, polled.state, polled.is_complete) == (seen.epoch, State.SEEDING, True)


async def test_a_torrent_file_shows_its_progress(adapter: Adapter, swarm: Swarm, tmp_path: Path) -> None:
    """A single file from a .torrent, into a folder of its own: it downloads before it is complete."""
    content = make_content(tmp_path, "Movie.2020.mkv", 1_000_000)
    torrent = swarm.seed(content, upload_limit=SLOW)
    target = tmp_path / "elsewhere"
    download_id = await adapter.add(NewDownload(torrent=torrent.data, save_path=str(target)))
    partly = await eventually(
        lambda: row(adapter, download_id), lambda found: found.done is not None and 0 < found.done < 1_000_000
    )
    assert (partly.state, partly.is_complete, partly.completed_at) == (State.DOWNLOADING, False, None)
    swarm.limit(torrent.id, None)
    seen = await completed(adapter, download_id)
    assert seen.content_path == str(target / "Movie.2020.mkv")
    assert (target / "Movie.2020.mkv").read_bytes() == (tmp_path / "Movie.2020.mkv").read_bytes()


async def test_a_hybrid_torrents_padding_is_no_file(adapter: Adapter, swarm: Swarm, tmp_path: Path) -> None:
    """Deluge lists padding among the files; nobody would ever find it on the disk."""
    content = make_content(tmp_path, "Hybrid", {"a.mkv": 50_000, "b.srt": 700})
    download_id = await adapter.add(NewDownload(torrent=swarm.seed(content, version="hybrid").data))
    await completed(adapter, download_id)
    assert sorted((file.path, file.size) for file in await adapter.files(download_id)) == sorted(content.files)


async def test_pause_and_resume(adapter: Adapter, swarm: Swarm, tmp_path: Path) -> None:
    """Added paused it stays so; resumed it completes; paused again it is still complete."""
    torrent = swarm.seed(make_content(tmp_path, "Paused.mkv", 300_000))
    download_id = await adapter.add(NewDownload(torrent=torrent.data, paused=True))
    await eventually(lambda: row(adapter, download_id), lambda found: found.state is State.PAUSED)
    await adapter.resume(download_id)
    await completed(adapter, download_id)
    await adapter.pause(download_id)
    seen = await eventually(lambda: row(adapter, download_id), lambda found: found.state is State.PAUSED)
    assert seen.is_complete


async def test_recheck_finds_damage(adapter: Adapter, deluge: Deluge, swarm: Swarm, tmp_path: Path) -> None:
    """What was complete stops being so when its data is found damaged, and completes again with the right bytes."""
    torrent = swarm.seed(make_content(tmp_path, "Damaged.mkv", 400_000))
    download_id = await adapter.add(NewDownload(torrent=torrent.data))
    await completed(adapter, download_id)
    damaged = deluge.download_dir / "Damaged.mkv"
    damaged.write_bytes(os.urandom(400_000))
    swarm.limit(torrent.id, SLOW // 10)  # whole again at once, nobody would see what was missing
    await adapter.recheck(download_id)
    await eventually(lambda: row(adapter, download_id), lambda found: not found.is_complete)
    swarm.limit(torrent.id, None)
    swarm.connect(torrent.id, deluge.peer_port)
    await completed(adapter, download_id)
    assert damaged.read_bytes() == (tmp_path / "Damaged.mkv").read_bytes()


@pytest.mark.parametrize("with_data", [True, False])
async def test_remove(adapter: Adapter, deluge: Deluge, swarm: Swarm, tmp_path: Path, with_data: bool) -> None:
    """Gone from the client at once; its data only goes where that was asked for."""
    name = f"Removed.{with_data}.mkv"
    torrent = swarm.seed(make_content(tmp_path, name, 100_000))
    download_id = await adapter.add(NewDownload(torrent=torrent.data))
    await completed(adapter, download_id)
    await adapter.remove(download_id.upper(), with_data=with_data)
    assert await adapter.read(download_id) is None
    assert download_id not in {found.id for found in (await adapter.poll()).rows}
    data = deluge.download_dir / name

    async def there() -> bool:
        return data.exists()

    await eventually(there, lambda found: found is not with_data, within=10)


async def test_a_duplicate_names_what_is_there(adapter: Adapter, tmp_path: Path) -> None:
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


@pytest.mark.parametrize(
    ("new", "code", "status"),
    [
        (NewDownload(torrent=b"garbage"), "torrent_invalid", 400),
        (NewDownload(torrent=b"<html></html>"), "torrent_invalid", 400),
        (NewDownload(magnet="magnet:?dn=No.Hash"), "magnet_invalid", 400),
        (NewDownload(magnet=f"magnet:?xt=urn:btmh:1220{'ab' * 32}"), "unsupported", 501),
        (NewDownload(magnet=f"magnet:?xt=urn:btih:{'1' * 40}", category="TV Shows"), "category_invalid", 400),
    ],
)
async def test_garbage_changes_nothing(adapter: Adapter, new: NewDownload, code: str, status: int) -> None:
    """What cannot be added is refused with a reason, and the client's list is as it was."""
    before = {found.id for found in (await adapter.poll()).rows}
    with pytest.raises(Problem) as refusal:
        await adapter.add(new)
    assert (refusal.value.code, refusal.value.status) == (code, status)
    assert {found.id for found in (await adapter.poll()).rows} == before


async def test_unknown_ids_are_not_found(adapter: Adapter) -> None:
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


async def test_hostile_names_do_not_break_the_list(adapter: Adapter) -> None:
    """Names that climb out, hold NUL or are no text: Deluge takes or refuses each, and the poll goes on."""
    for kind, torrent in hostile_torrents().items():
        try:
            assert await adapter.add(NewDownload(torrent=torrent.data, paused=True)) == torrent.id, kind
        except Problem as refused:
            assert refused.code == "torrent_invalid", kind  # noqa: PT017 - either outcome is right
            continue
        assert torrent.id in {found.id for found in (await adapter.poll()).rows}
        assert await adapter.files(torrent.id)
        await adapter.remove(torrent.id, with_data=True)


async def test_a_magnet_without_peers_fetches_metadata(adapter: Adapter) -> None:
    """Size and files are unknown until somebody sends the metadata.

    What was just added is Paused to Deluge until libtorrent has taken it up, a moment later.
    """
    torrent = raw_torrent("Nobody.Has.This", os.urandom(1000))
    download_id = await adapter.add(NewDownload(magnet=torrent.magnet + "&dn=Nobody.Has.This"))
    seen = await eventually(lambda: row(adapter, download_id), lambda found: found.state is not State.PAUSED)
    assert (seen.state, seen.size, seen.is_complete) == (State.FETCHING_METADATA, None, False)
    assert await adapter.files(download_id) == ()


async def test_a_wrong_password(deluge: Deluge) -> None:
    """A refused password stops the poll with a reason that holds no password."""
    async with adapter_for(deluge, "not-the-password") as adapter:
        with pytest.raises(ClientAuthFailed) as refused:
            await adapter.poll()
    assert "not-the-password" not in str(refused.value)


async def test_two_adapters_and_many_calls_at_once(deluge: Deluge) -> None:
    """Calls that overlap share one log-in, and another adapter's session does not end ours."""
    async with adapter_for(deluge) as one, adapter_for(deluge) as other:
        polls = await asyncio.gather(*(adapter.poll() for adapter in (one, other) for _ in range(4)))
    assert len({len(poll.rows) for poll in polls}) == 1


@pytest.mark.slow
async def test_a_killed_daemon(own_deluge: Deluge, tmp_path: Path) -> None:
    """SIGKILL and start: an error while it is down, then the whole list at once, marked as restarted."""
    async with adapter_for(own_deluge) as adapter:
        await adapter.poll()
        ids = set()
        for number in range(40):
            torrent = make_torrent(make_content(tmp_path, f"Many.{number}.mkv", 20_000))
            ids.add(await adapter.add(NewDownload(torrent=torrent.data, paused=True)))
        poll = await adapter.poll()
        assert ({found.id for found in poll.rows}, poll.restarted) == (ids, False)
        epochs = {found.id: found.epoch for found in poll.rows}
        await until(lambda: _has_saved(own_deluge, ids), what="Deluge's own state on its disk")
        own_deluge.kill("deluged")
        for _ in range(3):
            with pytest.raises(ClientUnavailable):
                await adapter.poll()
        own_deluge.start("deluged")
        again, later = await adapter.poll(), await adapter.poll()
        assert (again.restarted, later.restarted) == (True, False)
        for poll in (again, later):
            assert {found.id: found.epoch for found in poll.rows} == epochs


def _has_saved(deluge: Deluge, ids: set[str]) -> bool:
    """Killed before it saved, Deluge forgets what it has just added: its loss, and not what is tested here."""
    states = [path.read_bytes() for path in deluge.directory.rglob("torrents.state")]
    return any(all(torrent_id.encode() in state for torrent_id in ids) for state in states)


@pytest.mark.slow
async def test_a_killed_web_interface(own_deluge: Deluge) -> None:
    """deluge-web gone is unavailable; back again it is logged in to and connected."""
    async with adapter_for(own_deluge) as adapter:
        await adapter.poll()
        own_deluge.kill("deluge-web")
        with pytest.raises(ClientUnavailable, match="refused"):
            await adapter.poll()
        own_deluge.start("deluge-web")
        assert (await adapter.poll()).restarted


@pytest.mark.slow
async def test_a_frozen_daemon(own_deluge: Deluge, monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon that hangs is unavailable after the time limit, and answers again once it goes on."""
    monkeypatch.setattr(deluge_client, "TIMEOUT", 3.0)
    async with adapter_for(own_deluge) as adapter:
        await adapter.poll()
        own_deluge.freeze()
        with pytest.raises(ClientUnavailable, match="timed out"):
            await adapter.poll()
        own_deluge.thaw()
        assert (await adapter.poll()).rows == ()


async def test_an_error_of_the_daemon(adapter: Adapter, deluge: Deluge, swarm: Swarm, tmp_path: Path) -> None:
    """A folder that cannot be made: health is an error in the daemon's own words, and nothing is complete."""
    torrent = swarm.seed(make_content(tmp_path, "Unwritable.mkv", 50_000))
    below_a_file = str(deluge.directory / "core.conf" / "below")
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
async def test_labels_are_enabled_when_needed(tmp_path: Path) -> None:
    """A Deluge whose Label plugin is off gets it switched on by the first add that names a category."""
    directory = tmp_path / "deluge"
    directory.mkdir()
    torrent = make_torrent(make_content(tmp_path, "Labelled.mkv", 20_000))
    with Deluge(directory, label_plugin=False) as own:
        async with adapter_for(own) as adapter:
            download_id = await adapter.add(NewDownload(torrent=torrent.data, paused=True, category="tv-sonarr"))
            assert (await row(adapter, download_id)).category == "tv-sonarr"
