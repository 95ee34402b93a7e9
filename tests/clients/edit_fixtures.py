"""What the suite of edits stands on: how a client tells in its own API what was changed, and what its tests share."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, NamedTuple

import httpx
import pytest

from clients.asking import adapter_for, eventually, row
from clients.client_fixtures import ClientFixtures
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
    Limits,
    Move,
    Place,
    QueueMove,
    Reannounce,
    Rename,
    SetCategory,
    SetLimits,
    SetTags,
)
from sluice_common.model.enums import State
from support.clients import HOST, RealClient
from support.edit_abilities import Change, EditAbility, Why, needs, why_not
from support.torrents import Torrent, raw_torrent

MANY_REQUESTS = 12  # more than any one change asks of a client


PASS_KEY = "0123456789pass"
ONE, OTHER = (f"http://{HOST}:1/announce?passkey={PASS_KEY}{number}" for number in (1, 2))


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


class EditFixtures(ClientFixtures):
    """The hooks that say how a client tells what was changed, and what the tests of its edits share."""

    CANNOT: ClassVar[Mapping[EditAbility, Why]] = {}  # and why, or since when it can, for docs/clients.md

    def told(self, client: RealClient, download_id: str) -> Told:
        """What the client says of a download now."""
        raise NotImplementedError

    def told_limits(self, client: RealClient) -> Limits:
        """What the client says of its own limits now."""
        raise NotImplementedError

    def held(self, client: RealClient) -> set[str]:
        """The ids of all that the client holds now."""
        raise NotImplementedError

    def let_one_download(self, client: RealClient) -> None:
        """Switch the client's queue on, so that one download is active and others wait for their turn."""
        raise NotImplementedError

    def cannot(self, client: RealClient, change: Change) -> bool:
        """Whether this version cannot do that: the adapter must refuse it, and it must change nothing."""
        known = needs(change) & self.CANNOT.keys()
        return any(why_not(self.CANNOT[ability], client.version) for ability in known)

    async def stopped(self, adapter: Adapter) -> str:
        """A stopped download of three files without a tracker."""
        return await adapter.add(NewDownload(torrent=three_files().data, paused=True))

    async def queued(self, adapter: Adapter, client: RealClient, count: int) -> list[str]:
        """Downloads that nobody seeds, of which one may be active."""
        self.let_one_download(client)
        return [await adapter.add(NewDownload(torrent=three_files().data)) for _ in range(count)]

    async def waiting(self, client: RealClient, ids: list[str]) -> str:
        """The only one that waits for its turn, once the client has sorted it out."""

        async def look() -> list[str]:
            return [download_id for download_id in ids if not self.told(client, download_id).active]

        (waiting,) = await eventually(look, lambda found: len(found) == 1)
        return waiting

    async def ordered(self, client: RealClient, wanted: list[str]) -> None:
        """Wait until they are in this order in the client's queue."""

        async def order() -> list[str]:
            return sorted(wanted, key=lambda download_id: self.told(client, download_id).queue or 0)

        await eventually(order, lambda found: found == wanted)

    async def altered(self, adapter: Adapter, client: RealClient, download_id: str, edit: AnyEdit) -> bool:
        """Make the change; where this client cannot, see it refused without effect, and return False."""
        if not self.cannot(client, edit):
            await adapter.alter(download_id, edit)
            return True
        before = self.told(client, download_id)
        with pytest.raises(Problem) as refused:
            await adapter.alter(download_id, edit)
        assert (refused.value.code, refused.value.status) == ("unsupported", 501)
        assert self.told(client, download_id)._replace(active=before.active, queue=before.queue) == before
        return False

    async def controlled(self, adapter: Adapter, client: RealClient, control: AnyControl) -> bool:
        """The same for the client as a whole."""
        if not self.cannot(client, control):
            await adapter.control(control)
            return True
        before = self.told_limits(client)
        with pytest.raises(Problem) as refused:
            await adapter.control(control)
        assert (refused.value.code, refused.value.status) == ("unsupported", 501)
        assert self.told_limits(client) == before
        return False

    async def says(self, client: RealClient, download_id: str, **wanted: object) -> None:
        """Wait until the client's own API says these of `Told`."""

        async def ask() -> Told:
            return self.told(client, download_id)

        await eventually(ask, lambda told: all(getattr(told, name) == value for name, value in wanted.items()))

    async def shown(self, adapter: Adapter, download_id: str, state: State, wanted: bool) -> None:
        """Wait until the adapter shows it in that state, or no longer does."""
        await eventually(lambda: row(adapter, download_id), lambda found: (found.state is state) is wanted)

    async def make(self, adapter: Adapter, download_id: str, change: AnyEdit | AnyControl) -> None:
        if isinstance(change, AnyControl):
            await adapter.control(change)
        else:
            await adapter.alter(download_id, change)

    async def settle(
        self, adapter: Adapter, client: RealClient, download_id: str, change: AnyEdit | AnyControl
    ) -> object:
        """The state after the change was made; a client that was frozen may first have to come to itself."""

        async def attempt() -> bool:
            try:
                await self.make(adapter, download_id, change)
            except ClientUnavailable:
                return False
            return True

        await eventually(attempt, bool)
        return self.state(client, download_id)

    def state(self, client: RealClient, download_id: str) -> object:
        return self.told(client, download_id), self.told_limits(client)

    async def freezes_in_the_middle(
        self, client: RealClient, monkeypatch: pytest.MonkeyPatch, change: AnyEdit | AnyControl
    ) -> None:
        """Frozen before each request of a command in turn: it is unavailable in time, the change is made or not made,
        and once it goes on the same command makes it."""
        self.hurry(monkeypatch)
        frozen = 0
        async with adapter_for(client) as adapter:
            download_id = await self.stopped(adapter)
            for number in range(MANY_REQUESTS):
                before = await self.settle(adapter, client, download_id, opposite(change))
                with monkeypatch.context() as patched:
                    freeze_before(client, number, patched)
                    try:
                        await self.make(adapter, download_id, change)
                        break
                    except ClientUnavailable as unavailable:
                        assert "timed out" in str(unavailable)  # noqa: PT017 - the last command is not interrupted
                    finally:
                        client.thaw()
                frozen += 1
                between = self.state(client, download_id)
                after = await self.settle(adapter, client, download_id, change)
                assert before != after
                assert between in (before, after)
        assert 0 < frozen < MANY_REQUESTS


def every_edit(folder: Path) -> tuple[AnyEdit, ...]:
    """Each kind of change of a download, and each kind of limit; it would move to `folder`."""
    return (
        ForceStart(),
        Reannounce(),
        QueueMove(to=Place.TOP),
        SetCategory(category="edited"),
        SetTags(tags=("one",)),
        SetLimits(download=128_000),
        SetLimits(ratio=1.5),
        SetLimits(seeding_time=7200),
        Move(save_path=str(folder)),
        Rename(name="Another Name"),
        ChooseFiles(unwanted=(0,)),
        EditTrackers(add=(ONE,)),
        AddPeers(peers=(f"{HOST}:1",)),
    )


def a_name(what: str) -> str:
    return f"{what}.{os.urandom(4).hex()}.mkv"


def three_files() -> Torrent:
    """Nobody has the data of it."""
    files = [([f"{number}.mkv"], os.urandom(20_000)) for number in range(3)]
    return raw_torrent(a_name("Edited"), files)


def opposite(change: AnyEdit | AnyControl) -> AnyEdit | AnyControl:
    return AlternativeLimits(on=False) if isinstance(change, AlternativeLimits) else SetLimits(download=0)


def freeze_before(client: RealClient, number: int, patched: pytest.MonkeyPatch) -> None:
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
