"""Every change of a download and of a client as a whole, on every real client: one class that each one's tests inherit.

What was changed is asked of the client's own API by a connection of the test, never of the adapter.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from clients.client_suite import UNKNOWN, ClientFixtures, Downloads, adapter_for, eventually, row
from sluice_client_poller.adapters.port import Adapter, NewDownload
from sluice_common.kit.errors import ClientUnavailable, Problem
from sluice_common.model.edits import (
    AddPeers,
    AlternativeLimits,
    AnyControl,
    AnyEdit,
    ChooseFiles,
    EditTrackers,
    ForceStart,
    GlobalLimits,
    Limits,
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
from support.torrents import Torrent, make_content, make_torrent, raw_torrent

Change = AnyEdit | AnyControl | NewDownload
# Limits here are whole numbers of kB and of KiB, which are what clients count in.
MANY_REQUESTS = 12  # more than any one change asks of a client
PASS_KEY = "0123456789pass"
ONE, OTHER = (f"http://{HOST}:1/announce?passkey={PASS_KEY}{number}" for number in (1, 2))


def _kind(change: AnyEdit | AnyControl) -> str:
    return str(change.__struct_config__.tag)


class Told(NamedTuple):
    """What a client says of one download in its own API; what it has no word for stays as it is here.

    Limits are bytes/s, times seconds, None where there is none. `queue` counts from the front, whatever it begins
    with. `active` is true while it may transfer: neither stopped nor waiting for its turn.
    """

    name: str
    save_path: str
    active: bool = False
    category: str | None = None
    tags: frozenset[str] = frozenset()
    forced: bool = False
    queue: int | None = None
    download_limit: int | None = None
    upload_limit: int | None = None
    ratio: float | None = None
    seeding_time: int | None = None
    wanted: tuple[bool, ...] = ()
    trackers: frozenset[str] = frozenset()
    sequential: bool = False
    first_last: bool = False


class EditSuite(ClientFixtures):
    """Inherit as `TestSomething`, say which client, and how its own API tells what was changed."""

    def told(self, client: RealClient, download_id: str) -> Told:
        """What the client says of a download now."""
        raise NotImplementedError

    def told_limits(self, client: RealClient) -> Limits:
        """What the client says of its own limits now."""
        raise NotImplementedError

    def let_one_download(self, client: RealClient) -> None:
        """Switch the client's queue on, so that one download is active and others wait for their turn."""
        raise NotImplementedError

    def cannot(self, change: Change) -> bool:
        """Whether this client cannot do that: the adapter must refuse it, and it must change nothing."""
        return False

    # The downloads.

    async def test_a_forced_one_passes_the_queue(self, own_client: RealClient) -> None:
        """Where one may download at a time, the one that is forced transfers too, and is given back to the queue."""
        async with adapter_for(own_client) as adapter:
            ids = await self._queued(adapter, own_client, 2)
            waiting = await self._waiting(own_client, ids)
            if await self._altered(adapter, own_client, waiting, ForceStart()):
                await self._told(own_client, waiting, lambda told: told.active)
                assert (await row(adapter, waiting)).forced == self.told(own_client, waiting).forced
            if await self._altered(adapter, own_client, waiting, ForceStart(on=False)):
                await self._told(own_client, waiting, lambda told: not told.forced)
                assert not (await row(adapter, waiting)).forced

    async def test_it_asks_its_trackers_again(self, adapter: Adapter, client: RealClient, tmp_path: Path) -> None:
        """The tracker, which wanted to be left alone for an hour, is asked once more."""
        with AnnounceCounter() as tracker:
            torrent = make_torrent(make_content(tmp_path, _name("Announced"), 20_000), trackers=[tracker.url])
            await adapter.add(NewDownload(torrent=torrent.data))

            async def announced() -> int:
                return tracker.count

            async def announced_again() -> int:
                await adapter.alter(torrent.id, Reannounce())
                return tracker.count

            await eventually(announced, bool)
            before = tracker.count
            if await self._altered(adapter, client, torrent.id, Reannounce()):
                await eventually(announced_again, lambda count: count > before)
            await adapter.remove(torrent.id, with_data=True)

    async def test_the_queue_is_put_in_order(self, own_client: RealClient) -> None:
        """To the front, to the end, and one place up or down."""
        async with adapter_for(own_client) as adapter:
            first, second, third = await self._queued(adapter, own_client, 3)
            for moved, place, order in (
                (third, Place.TOP, [third, first, second]),
                (third, Place.DOWN, [first, third, second]),
                (second, Place.UP, [first, second, third]),
                (first, Place.BOTTOM, [second, third, first]),
            ):
                if await self._altered(adapter, own_client, moved, QueueMove(to=place)):
                    await eventually(lambda: self._order(own_client, (first, second, third)), order.__eq__)

    async def test_the_category(self, adapter: Adapter, client: RealClient) -> None:
        """Into one that the client did not know, into another, and into none."""
        download_id = await self._stopped(adapter)
        for category in ("edited", "edited-again", None):
            if await self._altered(adapter, client, download_id, SetCategory(category=category)):
                await self._told(client, download_id, lambda told, wanted=category: told.category == wanted)
                assert (await row(adapter, download_id)).category == category

    async def test_the_tags(self, adapter: Adapter, client: RealClient) -> None:
        """These and no others: what was there and is not named goes."""
        download_id = await self._stopped(adapter)
        for tags in (("one", "two"), ("two", "three"), ()):
            if await self._altered(adapter, client, download_id, SetTags(tags=tags)):
                await self._told(client, download_id, lambda told, wanted=frozenset(tags): told.tags == wanted)
                assert sorted((await row(adapter, download_id)).tags) == sorted(tags)

    async def test_its_speed_limits(self, adapter: Adapter, client: RealClient) -> None:
        """Bytes a second; what is left out stays, and 0 lifts a limit."""
        download_id = await self._stopped(adapter)
        for edit, wanted in (
            (SetLimits(download=256_000, upload=128_000), (256_000, 128_000)),
            (SetLimits(upload=384_000), (256_000, 384_000)),
            (SetLimits(download=0), (None, 384_000)),
            (SetLimits(upload=0), (None, None)),
        ):
            if await self._altered(adapter, client, download_id, edit):
                await self._told(
                    client, download_id, lambda told, wanted=wanted: (told.download_limit, told.upload_limit) == wanted
                )

    async def test_its_ratio_limit(self, adapter: Adapter, client: RealClient) -> None:
        """It is set, and 0 lifts it."""
        download_id = await self._stopped(adapter)
        for ratio, wanted in ((1.5, 1.5), (0.0, None)):
            if await self._altered(adapter, client, download_id, SetLimits(ratio=ratio)):
                await self._told(client, download_id, lambda told, wanted=wanted: told.ratio == wanted)

    async def test_its_seeding_time_limit(self, adapter: Adapter, client: RealClient) -> None:
        """In seconds, beside a ratio that stays; 0 lifts it."""
        download_id = await self._stopped(adapter)
        await self._altered(adapter, client, download_id, SetLimits(ratio=2.0))
        before = self.told(client, download_id).ratio
        for seconds, wanted in ((7200, 7200), (0, None)):
            if await self._altered(adapter, client, download_id, SetLimits(seeding_time=seconds)):
                await self._told(
                    client, download_id, lambda told, wanted=wanted: (told.seeding_time, told.ratio) == (wanted, before)
                )

    async def test_it_moves_with_its_data(
        self, adapter: Adapter, client: RealClient, swarm: Swarm, meet: Downloads, tmp_path: Path
    ) -> None:
        """The client names the new folder, and the bytes lie there and no longer where they were."""
        name = _name("Moved")
        torrent = swarm.seed(make_content(tmp_path, name, 300_000))
        await adapter.add(NewDownload(torrent=torrent.data))
        await meet.complete(adapter, torrent.id)
        target = client.download_dir / "moved-here"
        if await self._altered(adapter, client, torrent.id, Move(save_path=str(target))):
            await self._told(client, torrent.id, lambda told: told.save_path.rstrip("/") == str(target))
            await eventually(lambda: row(adapter, torrent.id), lambda found: found.content_path == str(target / name))
            assert (target / name).read_bytes() == (tmp_path / name).read_bytes()
            assert not (client.download_dir / name).exists()

    async def test_its_name(self, adapter: Adapter, client: RealClient) -> None:
        """It is shown under another name."""
        download_id = await self._stopped(adapter)
        if await self._altered(adapter, client, download_id, Rename(name="Another Name")):
            await self._told(client, download_id, lambda told: told.name == "Another Name")
            assert (await row(adapter, download_id)).name == "Another Name"

    async def test_which_files_are_wanted(self, adapter: Adapter, client: RealClient) -> None:
        """By index; those that are not named stay as they are, and one that is not there is refused."""
        download_id = await self._stopped(adapter)
        for edit, wanted in (
            (ChooseFiles(unwanted=(0, 2)), (False, True, False)),
            (ChooseFiles(wanted=(2,), unwanted=(1,)), (False, False, True)),
            (ChooseFiles(wanted=(0, 1)), (True, True, True)),
        ):
            if await self._altered(adapter, client, download_id, edit):
                await self._told(client, download_id, lambda told, wanted=wanted: told.wanted == wanted)
                assert tuple(file.wanted for file in await adapter.files(download_id)) == wanted
        before = self.told(client, download_id).wanted
        with pytest.raises(Problem):
            await adapter.alter(download_id, ChooseFiles(unwanted=(0, 99)))
        assert self.told(client, download_id).wanted == before

    async def test_its_trackers(self, adapter: Adapter, client: RealClient) -> None:
        """Some are added and some removed, those that are not named stay; a repeat changes nothing and is no error."""
        download_id = await self._stopped(adapter)
        for edit, wanted in (
            (EditTrackers(add=(ONE, OTHER)), {ONE, OTHER}),
            (EditTrackers(add=(ONE,)), {ONE, OTHER}),
            (EditTrackers(remove=(OTHER,)), {ONE}),
            (EditTrackers(remove=(OTHER,)), {ONE}),
            (EditTrackers(add=(OTHER,), remove=(ONE,)), {OTHER}),
        ):
            if await self._altered(adapter, client, download_id, edit):
                await self._told(client, download_id, lambda told, wanted=wanted: told.trackers == wanted)

    async def test_no_error_tells_a_trackers_address(
        self, adapter: Adapter, client: RealClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        """What is no address of a tracker is refused in words that hold no pass key, and changes nothing."""
        download_id = await self._stopped(adapter)
        before = self.told(client, download_id)
        with pytest.raises(Problem) as refused:
            await adapter.alter(download_id, EditTrackers(add=(f"no tracker {PASS_KEY}",)))
        assert PASS_KEY not in f"{refused.value} {refused.value!r} {refused.value.extra} {caplog.text}"
        assert self.told(client, download_id).trackers == before.trackers

    async def test_it_dials_the_peers_that_it_is_told(
        self, adapter: Adapter, client: RealClient, swarm: Swarm, tmp_path: Path
    ) -> None:
        """Without a tracker nobody knows the seeder: it completes from the peer that was added."""
        content = make_content(tmp_path, _name("Peers"), 200_000)
        torrent = make_torrent(content)
        swarm.seed_torrent(torrent, tmp_path)
        await adapter.add(NewDownload(torrent=torrent.data))
        if await self._altered(adapter, client, torrent.id, AddPeers(peers=(f"{HOST}:{swarm.port}",))):
            await eventually(lambda: row(adapter, torrent.id), lambda found: found.is_complete)
        await adapter.remove(torrent.id, with_data=True)

    async def test_a_repeat_is_harmless(self, adapter: Adapter, client: RealClient) -> None:
        """Each change twice in a row: nobody knows after a lost answer whether the first one came through."""
        download_id = await self._stopped(adapter)
        for edit in (
            SetCategory(category="twice"),
            SetTags(tags=("tagged",)),
            SetLimits(download=128_000, upload=256_000),
            Rename(name="Twice"),
            ChooseFiles(unwanted=(1,)),
            EditTrackers(add=(ONE,)),
        ):
            if self.cannot(edit):
                continue
            await adapter.alter(download_id, edit)
            once = self.told(client, download_id)
            await adapter.alter(download_id, edit)
            assert self.told(client, download_id) == once

    async def test_no_change_of_what_is_not_there(self, adapter: Adapter) -> None:
        """Every change of a download that the client does not hold is a 404."""
        for edit in (
            ForceStart(),
            Reannounce(),
            QueueMove(to=Place.TOP),
            SetCategory(category="tv"),
            SetTags(tags=("one",)),
            SetLimits(download=1024),
            Move(save_path="/nowhere"),
            Rename(name="Nobody"),
            ChooseFiles(wanted=(0,)),
            EditTrackers(add=(ONE,)),
            AddPeers(peers=(f"{HOST}:1",)),
        ):
            with pytest.raises(Problem) as refused:
                await adapter.alter(UNKNOWN, edit)
            expected = ("unsupported", 501) if self.cannot(edit) else ("not_found", 404)
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
        torrent = _three_files()
        new = NewDownload(torrent=torrent.data, paused=True, **options)
        if self.cannot(new):
            with pytest.raises(Problem) as refused:
                await adapter.add(new)
            assert (refused.value.code, refused.value.status) == ("unsupported", 501)
            assert await adapter.read(torrent.id) is None
            return
        await adapter.add(new)
        ((name, value),) = options.items()
        wanted = frozenset(value) if name == "tags" else value
        await self._told(client, torrent.id, lambda told: getattr(told, name) == wanted)
        await adapter.remove(torrent.id, with_data=True)

    # The client as a whole.

    async def test_alternative_limits(self, own_client: RealClient) -> None:
        """They are on or off as asked, however often it is asked."""
        async with adapter_for(own_client) as adapter:
            for on in (True, True, False, False, True):
                if await self._controlled(adapter, own_client, AlternativeLimits(on=on)):
                    assert self.told_limits(own_client).alternative is on
                    assert (await adapter.limits()).alternative is on
            if self.cannot(AlternativeLimits(on=True)):
                assert (await adapter.limits()).alternative is None

    async def test_global_limits(self, own_client: RealClient) -> None:
        """Bytes a second; what is left out stays, 0 lifts a limit, and the adapter tells what the client does."""
        async with adapter_for(own_client) as adapter:
            for control, wanted in (
                (GlobalLimits(download=512_000, upload=128_000), (512_000, 128_000)),
                (GlobalLimits(upload=256_000), (512_000, 256_000)),
                (GlobalLimits(download=0), (None, 256_000)),
            ):
                if await self._controlled(adapter, own_client, control):
                    for told in (self.told_limits(own_client), await adapter.limits()):
                        assert (told.download, told.upload) == wanted

    async def test_global_limits_are_not_the_alternative_ones(self, own_client: RealClient) -> None:
        """While the alternative limits are in force the ordinary ones are told and changed all the same."""
        async with adapter_for(own_client) as adapter:
            if not await self._controlled(adapter, own_client, AlternativeLimits(on=True)):
                return
            await adapter.control(GlobalLimits(download=384_000, upload=128_000))
            told = await adapter.limits()
            assert told == self.told_limits(own_client)
            assert (told.download, told.upload, told.alternative) == (384_000, 128_000, True)

    async def test_all_are_paused_and_resumed(self, own_client: RealClient) -> None:
        """Every transfer stops, and every one goes on."""
        async with adapter_for(own_client) as adapter:
            torrents = [_three_files() for _ in range(3)]
            for torrent in torrents:
                await adapter.add(NewDownload(torrent=torrent.data))
            for control, is_active in ((PauseAll(), False), (ResumeAll(), True)):
                assert await self._controlled(adapter, own_client, control)
                for torrent in torrents:
                    await self._told(own_client, torrent.id, lambda told, on=is_active: told.active is on)
                    found = await eventually(lambda known=torrent.id: row(adapter, known), _settled)
                    assert (found.state is State.PAUSED) is not is_active

    @pytest.mark.slow
    @pytest.mark.parametrize("change", [SetLimits(download=128_000), AlternativeLimits(on=True)], ids=_kind)
    async def test_a_client_that_freezes_in_the_middle(
        self, own_client: RealClient, monkeypatch: pytest.MonkeyPatch, change: AnyEdit | AnyControl
    ) -> None:
        """Frozen before each request of a command in turn: it is unavailable in time, the change is made or not made,
        and once it goes on the same command makes it."""
        if self.cannot(change):
            return
        self.hurry(monkeypatch)
        frozen = 0
        async with adapter_for(own_client) as adapter:
            download_id = await self._stopped(adapter)
            for number in range(MANY_REQUESTS):
                before = await self._settle(adapter, own_client, download_id, _opposite(change))
                with monkeypatch.context() as patched:
                    _freeze_before(own_client, number, patched)
                    try:
                        await self._make(adapter, download_id, change)
                        break
                    except ClientUnavailable as unavailable:
                        assert "timed out" in str(unavailable)  # noqa: PT017 - the last command is not interrupted
                    finally:
                        own_client.thaw()
                frozen += 1
                between = self._state(own_client, download_id)
                after = await self._settle(adapter, own_client, download_id, change)
                assert before != after
                assert between in (before, after)
        assert 0 < frozen < MANY_REQUESTS

    # What they have in common.

    async def _stopped(self, adapter: Adapter) -> str:
        """A stopped download of three files without a tracker."""
        return await adapter.add(NewDownload(torrent=_three_files().data, paused=True))

    async def _queued(self, adapter: Adapter, client: RealClient, count: int) -> list[str]:
        """Downloads that nobody seeds, of which one may be active."""
        self.let_one_download(client)
        return [await adapter.add(NewDownload(torrent=_three_files().data)) for _ in range(count)]

    async def _waiting(self, client: RealClient, ids: list[str]) -> str:
        """The only one that waits for its turn, once the client has sorted it out."""

        async def look() -> list[str]:
            return [download_id for download_id in ids if not self.told(client, download_id).active]

        (waiting,) = await eventually(look, lambda found: len(found) == 1)
        return waiting

    async def _order(self, client: RealClient, ids: tuple[str, ...]) -> list[str]:
        places = {download_id: self.told(client, download_id).queue for download_id in ids}
        return sorted(ids, key=lambda download_id: places[download_id] or 0)

    async def _altered(self, adapter: Adapter, client: RealClient, download_id: str, edit: AnyEdit) -> bool:
        """Make the change; where this client cannot, see it refused without effect, and return False."""
        if not self.cannot(edit):
            await adapter.alter(download_id, edit)
            return True
        before = self.told(client, download_id)
        with pytest.raises(Problem) as refused:
            await adapter.alter(download_id, edit)
        assert (refused.value.code, refused.value.status) == ("unsupported", 501)
        assert self.told(client, download_id)._replace(active=before.active, queue=before.queue) == before
        return False

    async def _controlled(self, adapter: Adapter, client: RealClient, control: AnyControl) -> bool:
        """The same for the client as a whole."""
        if not self.cannot(control):
            await adapter.control(control)
            return True
        before = self.told_limits(client)
        with pytest.raises(Problem) as refused:
            await adapter.control(control)
        assert (refused.value.code, refused.value.status) == ("unsupported", 501)
        assert self.told_limits(client) == before
        return False

    async def _told(self, client: RealClient, download_id: str, wanted: Callable[[Told], bool]) -> Told:
        """What the client's own API says, once it is as wanted."""

        async def ask() -> Told:
            return self.told(client, download_id)

        return await eventually(ask, wanted)

    async def _make(self, adapter: Adapter, download_id: str, change: AnyEdit | AnyControl) -> None:
        if isinstance(change, AnyControl):
            await adapter.control(change)
        else:
            await adapter.alter(download_id, change)

    async def _settle(
        self, adapter: Adapter, client: RealClient, download_id: str, change: AnyEdit | AnyControl
    ) -> object:
        """The state after the change was made; a client that was frozen may first have to come to itself."""

        async def attempt() -> bool:
            try:
                await self._make(adapter, download_id, change)
            except ClientUnavailable:
                return False
            return True

        await eventually(attempt, bool)
        return self._state(client, download_id)

    def _state(self, client: RealClient, download_id: str) -> object:
        return self.told(client, download_id), self.told_limits(client)


def _name(what: str) -> str:
    return f"{what}.{os.urandom(4).hex()}.mkv"


def _three_files() -> Torrent:
    """Nobody has the data of it."""
    files = [([f"{number}.mkv"], os.urandom(20_000)) for number in range(3)]
    return raw_torrent(_name("Edited"), files)


def _settled(found: Any) -> bool:
    return found.state not in (State.CHECKING, State.UNKNOWN)


def _opposite(change: AnyEdit | AnyControl) -> AnyEdit | AnyControl:
    return AlternativeLimits(on=False) if isinstance(change, AlternativeLimits) else SetLimits(download=0)


def _freeze_before(client: RealClient, number: int, patched: pytest.MonkeyPatch) -> None:
    """Let the client freeze as request `number` of all that are sent from now on leaves; counted from 0."""
    send = httpx.AsyncHTTPTransport.handle_async_request
    sent = 0

    async def sending(transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        nonlocal sent
        if sent == number:
            client.freeze()
        sent += 1
        return await send(transport, request)

    patched.setattr(httpx.AsyncHTTPTransport, "handle_async_request", sending)
