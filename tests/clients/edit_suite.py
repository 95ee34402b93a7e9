"""Every change of a download and of a client as a whole, on every real client: one class that each one's tests inherit.

What was changed is asked of the client's own API by a connection of the test, never of the adapter.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from clients.asking import Downloads, adapter_for, eventually, row
from clients.client_suite import UNKNOWN
from clients.edit_fixtures import ONE, OTHER, PASS_KEY, EditFixtures, Told, a_name, every_edit, three_files
from sluice_client_poller.adapters.port import Adapter, NewDownload
from sluice_client_poller.own import own_settings
from sluice_common.kit.errors import Problem
from sluice_common.model.edits import (
    AddPeers,
    AlternativeLimits,
    ChooseFiles,
    EditTrackers,
    ForceStart,
    GlobalLimits,
    Move,
    PauseAll,
    Place,
    QueueMove,
    Reannounce,
    Rename,
    ResumeAll,
    SetCategory,
    SetLimits,
    SetTags,
)
from sluice_common.model.enums import State
from support.announces import AnnounceCounter
from support.clients import HOST, RealClient
from support.swarm import Swarm
from support.torrents import make_content, make_torrent

__all__ = ["AlternativeLimitsSuite", "EditSuite", "Told"]

ASK_EVERY = 4.0  # seconds between two requests to announce: each puts the announce off by a second
# Limits here are whole numbers of kB and of KiB, which are what clients count in.


class EditSuite(EditFixtures):
    """Inherit as `TestSomething`, say which client, and how its own API tells what was changed."""

    # The downloads.

    async def test_a_forced_one_passes_the_queue(self, own_client: RealClient) -> None:
        """Where one may download at a time, the one that is forced transfers too, and is given back to the queue."""
        async with adapter_for(own_client) as adapter:
            ids = await self.queued(adapter, own_client, 2)
            waiting = await self.waiting(own_client, ids)
            if await self.altered(adapter, own_client, waiting, ForceStart()):
                await self.says(own_client, waiting, active=True)
                assert (await row(adapter, waiting)).forced == self.told(own_client, waiting).forced
            if await self.altered(adapter, own_client, waiting, ForceStart(on=False)):
                await self.says(own_client, waiting, forced=False)
                assert not (await row(adapter, waiting)).forced

    async def test_it_asks_its_trackers_again(self, adapter: Adapter, client: RealClient, tmp_path: Path) -> None:
        """The tracker, which wanted to be left alone for an hour, is asked once more."""
        with AnnounceCounter() as tracker:
            torrent = make_torrent(make_content(tmp_path, a_name("Announced"), 20_000), trackers=[tracker.url])
            await adapter.add(NewDownload(torrent=torrent.data))

            async def announced() -> int:
                return tracker.count

            await eventually(announced, bool)
            before, again = tracker.count, time.monotonic() + ASK_EVERY

            async def announced_again() -> int:
                nonlocal again
                if time.monotonic() > again:  # the one before may have come within the tracker's second of rest
                    again = time.monotonic() + ASK_EVERY
                    await adapter.alter(torrent.id, Reannounce())
                return tracker.count

            if await self.altered(adapter, client, torrent.id, Reannounce()):
                await eventually(announced_again, lambda count: count > before)
            await adapter.remove(torrent.id, with_data=True)

    async def test_the_queue_is_put_in_order(self, own_client: RealClient) -> None:
        """To the front, to the end, and one place up or down."""
        async with adapter_for(own_client) as adapter:
            first, second, third = await self.queued(adapter, own_client, 3)
            for moved, place, order in (
                (third, Place.TOP, [third, first, second]),
                (third, Place.DOWN, [first, third, second]),
                (second, Place.UP, [first, second, third]),
                (first, Place.BOTTOM, [second, third, first]),
            ):
                if await self.altered(adapter, own_client, moved, QueueMove(to=place)):
                    await self.ordered(own_client, order)

    async def test_the_category(self, adapter: Adapter, client: RealClient) -> None:
        """Into one that the client did not know, into another, and into none."""
        download_id = await self.stopped(adapter)
        for category in ("edited", "edited-again", None):
            if await self.altered(adapter, client, download_id, SetCategory(category=category)):
                await self.says(client, download_id, category=category)
                assert (await row(adapter, download_id)).category == category

    async def test_the_tags(self, adapter: Adapter, client: RealClient) -> None:
        """These and no others: what was there and is not named goes."""
        download_id = await self.stopped(adapter)
        for tags in (("one", "two"), ("two", "three"), ()):
            if await self.altered(adapter, client, download_id, SetTags(tags=tags)):
                await self.says(client, download_id, tags=frozenset(tags))
                assert sorted((await row(adapter, download_id)).tags) == sorted(tags)

    async def test_its_speed_limits(self, adapter: Adapter, client: RealClient) -> None:
        """Bytes a second; what is left out stays, and 0 lifts a limit."""
        download_id = await self.stopped(adapter)
        for edit, wanted in (
            (SetLimits(download=256_000, upload=128_000), (256_000, 128_000)),
            (SetLimits(upload=384_000), (256_000, 384_000)),
            (SetLimits(download=0), (None, 384_000)),
            (SetLimits(upload=0), (None, None)),
        ):
            if await self.altered(adapter, client, download_id, edit):
                await self.says(client, download_id, download_limit=wanted[0], upload_limit=wanted[1])
                own = own_settings(await adapter.terms(download_id))
                assert (own.download_limit, own.upload_limit) == wanted

    async def test_its_ratio_limit(self, adapter: Adapter, client: RealClient) -> None:
        """It is set, and 0 lifts it."""
        download_id = await self.stopped(adapter)
        for ratio, wanted in ((1.5, 1.5), (0.0, None)):
            if await self.altered(adapter, client, download_id, SetLimits(ratio=ratio)):
                await self.says(client, download_id, ratio=wanted)
                assert own_settings(await adapter.terms(download_id)).ratio_limit == wanted

    async def test_its_seeding_time_limit(self, adapter: Adapter, client: RealClient) -> None:
        """In seconds, beside a ratio that stays; 0 lifts it."""
        download_id = await self.stopped(adapter)
        await self.altered(adapter, client, download_id, SetLimits(ratio=2.0))
        before = self.told(client, download_id).ratio
        for seconds, wanted in ((7200, 7200), (0, None)):
            if await self.altered(adapter, client, download_id, SetLimits(seeding_time=seconds)):
                await self.says(client, download_id, seeding_time=wanted, ratio=before)
                assert own_settings(await adapter.terms(download_id)).seeding_time_limit == wanted

    async def test_it_moves_with_its_data(
        self, adapter: Adapter, client: RealClient, swarm: Swarm, meet: Downloads, tmp_path: Path
    ) -> None:
        """The client names the new folder, and the bytes lie there and no longer where they were."""
        name = a_name("Moved")
        torrent = swarm.seed(make_content(tmp_path, name, 300_000))
        await adapter.add(NewDownload(torrent=torrent.data))
        await meet.complete(adapter, torrent.id)
        target = client.download_dir / "moved-here"
        if await self.altered(adapter, client, torrent.id, Move(save_path=str(target))):
            await self.says(client, torrent.id, save_path=str(target))
            await eventually(lambda: row(adapter, torrent.id), lambda found: found.content_path == str(target / name))
            assert (target / name).read_bytes() == (tmp_path / name).read_bytes()
            assert not (client.download_dir / name).exists()

    async def test_its_name(self, adapter: Adapter, client: RealClient) -> None:
        """It is shown under another name."""
        download_id = await self.stopped(adapter)
        if await self.altered(adapter, client, download_id, Rename(name="Another Name")):
            await self.says(client, download_id, name="Another Name")
            assert (await row(adapter, download_id)).name == "Another Name"

    async def test_which_files_are_wanted(self, adapter: Adapter, client: RealClient) -> None:
        """By index; those that are not named stay as they are, and one that is not there is refused."""
        download_id = await self.stopped(adapter)
        for edit, wanted in (
            (ChooseFiles(unwanted=(0, 2)), (False, True, False)),
            (ChooseFiles(wanted=(2,), unwanted=(1,)), (False, False, True)),
            (ChooseFiles(wanted=(0, 1)), (True, True, True)),
        ):
            if await self.altered(adapter, client, download_id, edit):
                await self.says(client, download_id, wanted=wanted)
                assert tuple(file.wanted for file in await adapter.files(download_id)) == wanted
        before = self.told(client, download_id).wanted
        with pytest.raises(Problem):
            await adapter.alter(download_id, ChooseFiles(unwanted=(0, 99)))
        assert self.told(client, download_id).wanted == before

    async def test_its_trackers(self, adapter: Adapter, client: RealClient) -> None:
        """Some are added and some removed, those that are not named stay; a repeat changes nothing and is no error."""
        download_id = await self.stopped(adapter)
        for edit, wanted in (
            (EditTrackers(add=(ONE, OTHER)), (ONE, OTHER)),
            (EditTrackers(add=(ONE,)), (ONE, OTHER)),
            (EditTrackers(remove=(OTHER,)), (ONE,)),
            (EditTrackers(remove=(OTHER,)), (ONE,)),
            (EditTrackers(add=(OTHER,), remove=(ONE,)), (OTHER,)),
        ):
            if await self.altered(adapter, client, download_id, edit):
                await self.says(client, download_id, trackers=frozenset(wanted))
                own = own_settings(await adapter.terms(download_id))
                assert own.trackers == (HOST,)

    async def test_no_error_tells_a_trackers_address(
        self, adapter: Adapter, client: RealClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        """What is no address of a tracker is refused in words that hold no pass key, and changes nothing."""
        download_id = await self.stopped(adapter)
        before = self.told(client, download_id)
        with pytest.raises(Problem) as refused:
            await adapter.alter(download_id, EditTrackers(add=(f"no tracker {PASS_KEY}",)))
        assert PASS_KEY not in f"{refused.value} {refused.value!r} {refused.value.extra} {caplog.text}"
        assert self.told(client, download_id).trackers == before.trackers

    async def test_it_dials_the_peers_that_it_is_told(
        self, adapter: Adapter, client: RealClient, swarm: Swarm, tmp_path: Path
    ) -> None:
        """Without a tracker nobody knows the seeder: it completes from the peer that was added."""
        content = make_content(tmp_path, a_name("Peers"), 200_000)
        torrent = make_torrent(content)
        swarm.seed_torrent(torrent, tmp_path)
        await adapter.add(NewDownload(torrent=torrent.data))
        if await self.altered(adapter, client, torrent.id, AddPeers(peers=(f"{HOST}:{swarm.port}",))):
            await eventually(lambda: row(adapter, torrent.id), lambda found: found.is_complete)
        await adapter.remove(torrent.id, with_data=True)

    async def test_a_repeat_is_harmless(self, adapter: Adapter, client: RealClient) -> None:
        """Each change twice in a row: nobody knows after a lost answer whether the first one came through."""
        download_id = await self.stopped(adapter)
        for edit in (
            SetCategory(category="twice"),
            SetTags(tags=("tagged",)),
            SetLimits(download=128_000, upload=256_000),
            Rename(name="Twice"),
            ChooseFiles(unwanted=(1,)),
            EditTrackers(add=(ONE,)),
        ):
            if self.cannot(client, edit):
                continue
            await adapter.alter(download_id, edit)
            once = self.told(client, download_id)
            await adapter.alter(download_id, edit)
            assert self.told(client, download_id) == once

    async def test_no_change_of_what_is_not_there(self, adapter: Adapter, client: RealClient) -> None:
        """Every change of a download that the client does not hold is a 404."""
        for edit in every_edit(Path("/nowhere")):
            with pytest.raises(Problem) as refused:
                await adapter.alter(UNKNOWN, edit)
            expected = ("unsupported", 501) if self.cannot(client, edit) else ("not_found", 404)
            assert (refused.value.code, refused.value.status) == expected, edit

    @pytest.mark.parametrize(
        "options",
        [
            {"tags": ("one", "two")},
            {"sequential": True},
            {"first_last": True},
            {"download_limit": 128_000},
            {"upload_limit": 128_000},
        ],
        ids=lambda options: next(iter(options)),
    )
    async def test_an_add_with(self, adapter: Adapter, client: RealClient, options: dict[str, Any]) -> None:
        """It is there as it was ordered from its first moment; what the client cannot do adds nothing."""
        torrent = three_files()
        new = NewDownload(torrent=torrent.data, paused=True, **options)
        if self.cannot(client, new):
            with pytest.raises(Problem) as refused:
                await adapter.add(new)
            assert (refused.value.code, refused.value.status) == ("unsupported", 501)
            assert await adapter.read(torrent.id) is None
            return
        await adapter.add(new)
        ((name, value),) = options.items()
        wanted = frozenset(value) if name == "tags" else value
        await self.says(client, torrent.id, **{name: wanted})
        await adapter.remove(torrent.id, with_data=True)

    # The client as a whole.

    async def test_alternative_limits(self, own_client: RealClient) -> None:
        """They are on or off as asked, however often it is asked; who has them inherits what else is asked of them."""
        async with adapter_for(own_client) as adapter:
            for on in (True, True, False, False, True):
                if await self.controlled(adapter, own_client, AlternativeLimits(on=on)):
                    assert self.told_limits(own_client).alternative is on
                    assert (await adapter.limits()).alternative is on
            if self.cannot(own_client, AlternativeLimits(on=True)):
                assert (await adapter.limits()).alternative is None
        assert isinstance(self, AlternativeLimitsSuite) is not self.cannot(own_client, AlternativeLimits(on=True))

    async def test_global_limits(self, own_client: RealClient) -> None:
        """Bytes a second; what is left out stays, 0 lifts a limit, and the adapter tells what the client does."""
        async with adapter_for(own_client) as adapter:
            for control, wanted in (
                (GlobalLimits(download=512_000, upload=128_000), (512_000, 128_000)),
                (GlobalLimits(upload=256_000), (512_000, 256_000)),
                (GlobalLimits(download=0), (None, 256_000)),
            ):
                if await self.controlled(adapter, own_client, control):
                    for told in (self.told_limits(own_client), await adapter.limits()):
                        assert (told.download, told.upload) == wanted

    async def test_all_are_paused_and_resumed(self, own_client: RealClient) -> None:
        """Every transfer stops, and every one goes on."""
        async with adapter_for(own_client) as adapter:
            torrents = [three_files() for _ in range(3)]
            for torrent in torrents:
                await adapter.add(NewDownload(torrent=torrent.data))
            for control, is_active in ((PauseAll(), False), (ResumeAll(), True)):
                assert await self.controlled(adapter, own_client, control)
                for torrent in torrents:
                    await self.says(own_client, torrent.id, active=is_active)
                    await self.shown(adapter, torrent.id, State.PAUSED, not is_active)

    @pytest.mark.slow
    async def test_a_client_that_freezes_in_the_middle(
        self, own_client: RealClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of a change of one download."""
        await self.freezes_in_the_middle(own_client, monkeypatch, SetLimits(download=128_000))


class AlternativeLimitsSuite(EditFixtures):
    """What a client with a second set of limits inherits besides."""

    async def test_global_limits_are_not_the_alternative_ones(self, own_client: RealClient) -> None:
        """While the alternative limits are in force the ordinary ones are told and changed all the same."""
        async with adapter_for(own_client) as adapter:
            await adapter.control(AlternativeLimits(on=True))
            await adapter.control(GlobalLimits(download=384_000, upload=128_000))
            told = await adapter.limits()
            assert told == self.told_limits(own_client)
            assert (told.download, told.upload, told.alternative) == (384_000, 128_000, True)

    @pytest.mark.slow
    async def test_a_client_that_freezes_while_it_switches_its_limits(
        self, own_client: RealClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of a change of the client as a whole."""
        await self.freezes_in_the_middle(own_client, monkeypatch, AlternativeLimits(on=True))
