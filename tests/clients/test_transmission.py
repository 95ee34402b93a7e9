"""The adapter against the real Transmission, with real downloads from a swarm on loopback."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

import pytest
from typing_extensions import override

from clients.asking import Downloads, adapter_for, eventually, polled, row
from clients.client_suite import RealClientSuite, Refusal
from sluice_client_poller.adapters.port import Adapter, NewDownload, Poll
from sluice_common.kit.errors import ClientError, Problem
from sluice_common.model.download import Download
from sluice_common.model.enums import Health, Reason, State
from support.abilities import Ability
from support.clients import RealClient, or_skip
from support.elsewhere import elsewhere
from support.meeting import Meeting
from support.polls import Folded
from support.swarm import Swarm
from support.torrents import make_content, make_torrent, raw_torrent
from support.transmission import PACKAGE, Transmission

pytestmark = pytest.mark.client
MANY = 120
ROOM = 100_000_000  # free bytes


class TestTransmission(RealClientSuite):
    """The suite of every client, and what only Transmission has: a window of changes, an empty list after a start."""

    CLIENT = "transmission"
    NAME = "Transmission"
    SPEAKS = "Transmission's RPC, versions 15 to 18 (2.90 to 4.1)"
    COMPLETE = (
        "`percentDone` 1, metadata, no local error, and the status seeding, queued to seed, or stopped with a "
        "`doneDate` or nothing ever downloaded. For half a second it has all and says downloading, its data still in "
        "the incomplete folder."
    )
    EPOCH = (
        "`addedDate`. It is saved every six minutes: what a daemon that crashed loads with the time of its restart "
        "counts as the same one."
    )
    NOTES = {  # noqa: RUF012 - never changed
        Ability.CATEGORY: "labels (3.00 and newer); with several, the first that has an owner, else the first"
    }
    LIMITS = (
        "What changes without activity (a file that is no longer wanted, a tracker's error) is seen when the whole "
        "list is asked: every 15 s, with thousands of torrents every few minutes.",
        "So in 3.00 a label that was edited in Transmission itself is only seen at that full reconcile: until then the "
        "download keeps its old category here.",
        "Before 4.0 the label follows the add: for a moment the download is without its category.",
        "3.00 reads no hybrid torrents; they are refused. 4.x takes them, and writes their padding too. No version "
        "reads magnets or torrents with only a v2 hash.",
        "4.1 keeps a download whose data it cannot delete: the remove fails with `data_not_removed` and its reason.",
        "A move across file systems at completion blocks the RPC as long as it lasts; beyond 30 s it shows as "
        "unreachable.",
        "Files of no bytes are never written (3.00), so they are not listed.",
        "It never dials a peer on its own loopback that a tracker names.",
    )
    PACKAGE = PACKAGE
    DELTAS = True
    EMPTY_FILES = False
    KILLED_KEEPS_EPOCHS = False
    VERSION = ("3.", "4.")
    REFUSALS = (
        Refusal(NewDownload(magnet=f"magnet:?xt=urn:btmh:1220{'ab' * 32}"), "unsupported", 501),
        Refusal(NewDownload(magnet=f"magnet:?xt=urn:btih:{'1' * 40}", category="a,b"), "category_invalid", 400),
        Refusal(
            NewDownload(magnet=f"magnet:?xt=urn:btih:{'1' * 40}", save_path="not/absolute"), "torrent_invalid", 400
        ),
    )

    @override
    async def test_a_hybrid_torrents_padding_is_no_file(
        self, adapter: Adapter, swarm: Swarm, meet: Downloads, tmp_path: Path
    ) -> None:
        """3.00 reads no hybrids at all; it is told before it would wait for ever. 4.x does what the others do."""
        version = (await adapter.about()).version
        if version is not None and not version.startswith("3."):
            await super().test_a_hybrid_torrents_padding_is_no_file(adapter, swarm, meet, tmp_path)
            return
        table = Folded(adapter)
        before = set(await table.poll())
        hybrid = make_torrent(make_content(tmp_path, "Hybrid", {"a.mkv": 50_000, "b.srt": 700}), version="hybrid")
        for new in (NewDownload(torrent=hybrid.data), NewDownload(magnet=hybrid.magnet)):
            with pytest.raises(Problem, match="unsupported"):
                await adapter.add(new)
        assert set(await table.poll()) == before

    @override
    def has_saved(self, client: RealClient, ids: set[str]) -> bool:
        """The .torrents are on its disk at once; times and labels follow within six minutes, or when it stops."""
        names = [path.name for path in (client.directory / "torrents").iterdir()]
        return all(any(download_id[:16] in name for name in names) for download_id in ids)

    async def test_a_label_that_somebody_else_set_is_seen(self, adapter: Adapter, client: RealClient) -> None:
        """The window of changes does not tell labels, the whole list does; the first is the category, the rest tags."""
        assert isinstance(client, Transmission)
        torrent = raw_torrent("Labelled.Later", os.urandom(1000))
        table = Folded(adapter)
        await adapter.add(NewDownload(torrent=torrent.data, paused=True))
        await eventually(table.poll, lambda rows: torrent.id in rows)
        client.rpc("torrent-set", ids=[torrent.id], labels=["movies", "hd"])
        rows = await eventually(table.poll, lambda rows: rows[torrent.id].category is not None)
        assert (rows[torrent.id].category, rows[torrent.id].tags) == ("movies", ("hd",))

    async def test_an_error_of_the_daemon(
        self, adapter: Adapter, client: RealClient, swarm: Swarm, meet: Downloads, tmp_path: Path
    ) -> None:
        """A folder that cannot be made: health is an error in the daemon's own words, and nothing is complete."""
        torrent = swarm.seed(make_content(tmp_path, "Unwritable.mkv", 50_000))
        below_a_file = str(client.directory / "settings.json" / "below")
        download_id = await adapter.add(NewDownload(torrent=torrent.data, save_path=below_a_file))
        await meet.until(adapter, download_id, lambda found: found.health is Health.ERROR)
        seen = await eventually(lambda: row(adapter, download_id), lambda found: found.state is State.PAUSED)
        assert (seen.health, seen.reason, seen.is_complete) == (Health.ERROR, Reason.CLIENT_ERROR, False)
        assert seen.message is not None
        assert "Not a directory" in seen.message

    async def test_a_pause_holds_right_after_the_metadata(
        self, adapter: Adapter, swarm: Swarm, meet: Downloads, tmp_path: Path
    ) -> None:
        """3.00 checks a magnet's files once it knows them, and forgets over that that it was told to stop."""
        torrent = swarm.seed(make_content(tmp_path, "Paused.Early.mkv", 2_000_000), upload_limit=20_000)
        await adapter.add(NewDownload(magnet=torrent.magnet))
        await meet.until(adapter, torrent.id, lambda found: found.state is State.DOWNLOADING)
        await adapter.pause(torrent.id)
        seen = await eventually(lambda: row(adapter, torrent.id), lambda found: found.state is State.PAUSED)
        assert not seen.is_complete
        await adapter.remove(torrent.id, with_data=True)

    async def test_data_that_went_is_no_longer_complete(self, own_client: RealClient) -> None:
        """3.00 says percentDone 1 of files that it could not find; its local error says the truth."""
        torrent = make_torrent(make_content(own_client.download_dir, "Gone.mkv", 100_000))
        async with adapter_for(own_client) as adapter:
            await adapter.add(NewDownload(torrent=torrent.data))
            await eventually(lambda: row(adapter, torrent.id), lambda found: found.is_complete)
            own_client.stop()
            (own_client.download_dir / "Gone.mkv").unlink()
            own_client.start()
            table = Folded(adapter)
            await eventually(lambda: polled(table), lambda rows: rows and rows[torrent.id].health is Health.ERROR)
        seen = table.rows[torrent.id]
        assert (seen.reason, seen.is_complete) == (Reason.MISSING_FILES, False)

    @pytest.mark.slow
    async def test_a_restart_never_shows_an_empty_list(self, own_client: RealClient, tmp_path: Path) -> None:
        """A 3.00 that starts answers with an empty list until it has loaded its torrents: no poll ever tells one."""
        assert isinstance(own_client, Transmission)
        async with adapter_for(own_client) as adapter:
            table = Folded(adapter)
            epochs = await self._filled(adapter, table, tmp_path, MANY)
            for end in (own_client.stop, own_client.stop, own_client.kill):
                end()
                own_client.start(wait=False)
                back = await _back(adapter)
                assert (back.whole, back.restarted) == (True, True)
                assert {found.id for found in back.rows} == set(epochs)
                for _ in range(5):
                    poll = await adapter.poll()
                    assert (poll.removed, poll.restarted) == ((), False)

    @pytest.mark.parametrize("same", [True, False])
    async def test_complete_means_that_every_byte_is_there(self, swarm: Swarm, tmp_path: Path, same: bool) -> None:
        """With an incomplete folder, on the same file system or another: whenever a row says complete, all is there.

        It has all bytes for half a second before it notices, and moves them then.
        """
        files = {f"E{number}.mkv": 3_000_000 for number in range(4)}
        torrent = swarm.seed(make_content(tmp_path, "Moved.S01", files))
        with ExitStack() as stack:
            incomplete = tmp_path / "incomplete" if same else stack.enter_context(elsewhere(tmp_path, ROOM))
            client = stack.enter_context(or_skip(lambda: Transmission(tmp_path / "client", incomplete_dir=incomplete)))
            meeting = Meeting(swarm, client)
            async with adapter_for(client) as adapter:
                table = Folded(adapter)
                await adapter.add(NewDownload(torrent=torrent.data))

                async def look() -> bool:
                    rows = [await row(adapter, torrent.id), (await table.poll())[torrent.id]]
                    complete = [found for found in rows if found.is_complete]
                    for found in complete:
                        _assert_all_there(found, tmp_path, files)
                    return len(complete) == len(rows)

                await eventually(look, bool, meanwhile=lambda: meeting.introduce(torrent.id))
            assert not any(path.is_file() for path in incomplete.rglob("*"))


def _assert_all_there(found: Download, source: Path, files: dict[str, int]) -> None:
    assert found.content_path is not None
    for name in files:
        assert (Path(found.content_path) / name).read_bytes() == (source / found.name / name).read_bytes()


async def _back(adapter: Adapter) -> Poll:
    """The first good poll; before it the client is down."""

    async def attempt() -> Poll | None:
        try:
            return await adapter.poll()
        except ClientError:
            return None

    poll = await eventually(attempt, lambda poll: poll is not None)
    assert poll is not None
    return poll
