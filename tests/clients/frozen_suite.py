"""Every command in front of a real client that freezes in the middle of it: a part of each client's suite of edits.

The whole way from the caller over the bus to the client: what the caller is told, what becomes of the client, what is
shown of it, and what the audit says.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

import msgspec
import pytest

from clients.asking import adapter_for, eventually
from clients.edit_fixtures import EditFixtures, Told, every_edit, three_files
from sluice_client_poller import audit
from sluice_client_poller.adapters.port import Adapter, NewDownload
from sluice_common.bus.connect import Bus, connect
from sluice_common.bus.rpc import call
from sluice_common.contracts import commands, rpc, subjects
from sluice_common.contracts.events import CommandData
from sluice_common.kit.errors import Problem
from sluice_common.kit.settings import NatsSettings
from sluice_common.model import edits
from sluice_common.model.download import Download
from sluice_common.model.edits import AnyControl, AnyEdit, Limits
from sluice_common.model.enums import State
from support.clients import RealClient
from support.freezing import Freezer
from support.poller import FAST, all_events, committed, polling

AT_ONCE = 7  # an adapter has a connection for each, and one for a poll
PATIENCE = 0.5  # seconds that an answer of a frozen client is waited for
DEADLINE = 6.0  # seconds for a command, which must have come as far as its change by then
LONG = 60.0
POLL = FAST.model_copy(update={"hold": 0.2, "hold_after_reconnect": 0.5})
# What a later request may find where the first one took effect after all.
DONE_BEFORE = ("duplicate", "not_found", "epoch_changed")
CONTROLS: tuple[AnyControl, ...] = (
    edits.PauseAll(),
    edits.ResumeAll(),
    edits.AlternativeLimits(on=True),
    edits.GlobalLimits(download=512_000),
)
_requests = count(1)


class Order(NamedTuple):
    """A command about one download, and what the client's own API tells once it took effect: None where it is gone."""

    verb: str
    body: object
    id: str
    then: Mapping[str, Any] | None = {}


class Stage(NamedTuple):
    """A client that can freeze, and a poller in front of it."""

    bus: Bus
    client: RealClient
    adapter: Adapter
    freezer: Freezer

    async def send(self, verb: str, body: object, request_id: str, within: float = LONG) -> Problem | None:
        """The refusal that the caller gets; None for what was done."""
        try:
            subject = subjects.command(self.client.type, verb)
            await call(self.bus, subject, body, commands.Done, request_id=request_id, within=within, actor="tester")
        except Problem as problem:
            return problem
        return None

    async def insist(self, verb: str, body: object) -> Problem | None:
        """As a new request, again while the client is not well."""
        request_id = _new_id()
        return await eventually(
            lambda: self.send(verb, body, request_id), lambda told: told is None or told.code != "client_unavailable"
        )

    async def rows(self) -> Mapping[str, Download]:
        """The committed table."""
        table = await committed(self.bus, self.client.type)
        return table.rows if table is not None else {}

    async def audited(self, request_id: str) -> set[tuple[str, str]]:
        """What the audit says of a request: its events' types and outcomes."""
        events = [event for event in await all_events(self.bus) if event.type.startswith("command.")]
        told = [(event.type, event.read(CommandData)) for event in events]
        return {(kind, data.outcome) for kind, data in told if data.request_id == request_id}

    async def frozen(
        self, sent: Sequence[tuple[str, object]], *, after: int = 0, patience: float | None = PATIENCE
    ) -> None:
        """Send these while the client freezes as their first changes, but for so many, are on their way; let it go on.

        Nobody is told that it was done, and all in time. The same requests, sent again, change nothing any more; to
        the audit, too, their outcome is unknown.
        """
        within = LONG if patience else DEADLINE
        requests = [(verb, body, _new_id()) for verb, body in sent]
        self.freezer.arm(len(sent), after=after, patience=patience)
        told = await asyncio.gather(*(self.send(*request, within) for request in requests))
        self.freezer.thaw()
        words = "timed out" if patience else "before the deadline"
        for (verb, body, _), problem in zip(requests, told, strict=True):
            assert problem is not None, f"{verb} {body} is said to be done"
            assert (problem.code, words in problem.detail) == ("unknown_outcome", True), (verb, body, problem)
        changes = self.freezer.changes
        for request in requests:
            problem = await self.send(*request)
            assert problem is not None
            assert problem.code == "unknown_outcome", (request, problem)
            assert await self.audited(request[2]) == {("command.failed", "unknown_outcome")}, request
        assert self.freezer.changes == changes, "a repetition was sent to the client"


class FrozenSuite(EditFixtures):
    """Inherited together with the suite of edits, whose hooks tell what the client's own API says."""

    @pytest.fixture
    async def stage(
        self, own_client: RealClient, nats_settings: NatsSettings, monkeypatch: pytest.MonkeyPatch
    ) -> AsyncIterator[Stage]:
        freezer = Freezer(own_client, monkeypatch)
        async with (
            adapter_for(own_client) as adapter,
            connect(nats_settings, name="test") as bus,
            polling(bus, {own_client.type: adapter}, settings=POLL),
        ):
            yield Stage(bus, own_client, adapter, freezer)

    async def test_it_freezes_in_the_middle_of_each_verb(self, stage: Stage) -> None:
        """The deadline strikes while the client has the request; it takes effect once or never, and is shown as it is.

        Sent as a new request it is done.
        """
        runs = await stage.adapter.add(NewDownload(torrent=three_files().data))
        orders = [Order("pause", commands.Act(id=runs), runs, {"active": False})]
        for verb, then in (("resume", {"active": True}), ("recheck", {})):
            download_id = await self.stopped(stage.adapter)
            orders.append(Order(verb, commands.Act(id=download_id), download_id, then))
        for with_data in (False, True):
            download_id = await self.stopped(stage.adapter)
            orders.append(Order("remove", commands.Remove(id=download_id, with_data=with_data), download_id, None))
        orders.append(await self._retry(stage))
        new = three_files()
        orders.append(Order("add", commands.Add(torrent=new.data, paused=True), new.id))
        assert {order.verb for order in orders} | {"alter", "steer"} == set(audit.CHANGING)
        await self._in_the_middle(stage, orders, patience=None)

    async def test_it_freezes_between_the_halves_of_a_retry(self, stage: Stage) -> None:
        """It was taken out, and whether it was added again nobody knows; a new retry has it in the client."""
        await self._in_the_middle(stage, [await self._retry(stage)], after=1)

    async def test_it_freezes_in_the_middle_of_each_edit(self, stage: Stage) -> None:
        """The client does not answer in time; else as with the verbs."""
        self.let_one_download(stage.client)
        # What has to be made first is no longer made: the edit itself is what the client freezes over.
        await stage.adapter.alter(await self.stopped(stage.adapter), edits.SetCategory(category="edited"))
        orders = []
        for edit in every_edit(stage.client.download_dir / "moved-here"):
            if not self.cannot(stage.client, edit):
                download_id = await self.stopped(stage.adapter)
                orders.append(Order("alter", commands.Alter(id=download_id, edit=edit), download_id, _shown(edit)))
        for begin in range(0, len(orders), AT_ONCE):
            await self._in_the_middle(stage, orders[begin : begin + AT_ONCE])

    async def test_it_freezes_in_the_middle_of_each_change_of_the_whole_client(self, stage: Stage) -> None:
        """Its limits and its transfers are as they were or as asked for, and then, asked again, as asked for."""
        ids = [await stage.adapter.add(NewDownload(torrent=three_files().data)) for _ in range(2)]
        for download_id in ids:
            await self.says(stage.client, download_id, active=True)  # what is just added may be checked first
        for control in CONTROLS:
            if self.cannot(stage.client, control):
                continue
            await self._shown_as_it_is(stage, ids)
            before = self._whole(stage.client, ids)
            await stage.frozen([("steer", commands.Steer(control=control))])
            await self._limits_as_they_are(stage)
            await self._shown_as_it_is(stage, ids)
            after = {**before, **_steered(control, ids)}
            assert all(value in (before[what], after[what]) for what, value in self._whole(stage.client, ids).items())
            assert await stage.insist("steer", commands.Steer(control=control)) is None
            await self._is_steered(stage.client, ids, after)
            await self._limits_as_they_are(stage)
            await self._shown_as_it_is(stage, ids)

    # What they share.

    async def _retry(self, stage: Stage) -> Order:
        torrent = three_files()
        source = commands.Add(torrent=torrent.data, paused=True)
        await stage.adapter.add(NewDownload(torrent=torrent.data, paused=True))
        return Order("retry", commands.Retry(id=torrent.id, source=source), torrent.id)

    async def _in_the_middle(
        self, stage: Stage, orders: Sequence[Order], *, after: int = 0, patience: float | None = PATIENCE
    ) -> None:
        ids = [order.id for order in orders]
        before = await self._shown_as_it_is(stage, ids)
        await stage.frozen([(order.verb, order.body) for order in orders], after=after, patience=patience)
        between = await self._shown_as_it_is(stage, ids)
        for order in orders:
            was, now = before.get(order.id), between.get(order.id)
            assert _is_possible(order, was, now), (order, was, now)
        again = await asyncio.gather(*(stage.insist(order.verb, order.body) for order in orders))
        for order, problem in zip(orders, again, strict=True):
            assert problem is None or problem.code in DONE_BEFORE, (order, problem)
        for order in orders:
            if order.then is not None:
                await self.says(stage.client, order.id, **order.then)
        last = await self._shown_as_it_is(stage, ids)
        assert last.keys() == {order.id for order in orders if order.then is not None}

    def _whole(self, client: RealClient, ids: Sequence[str]) -> dict[str, object]:
        """The client's limits by name, and by id whether a download is active."""
        active = {download_id: self.told(client, download_id).active for download_id in ids}
        return {**msgspec.structs.asdict(self.told_limits(client)), **active}

    async def _is_steered(self, client: RealClient, ids: Sequence[str], wanted: dict[str, object]) -> None:
        async def whole() -> dict[str, object]:
            return self._whole(client, ids)

        await eventually(whole, lambda found: found == wanted)

    async def _shown_as_it_is(self, stage: Stage, ids: Collection[str]) -> dict[str, Told]:
        """Wait until the committed table is what the client itself says of these; what it says of those it holds."""

        async def look() -> tuple[dict[str, Told], list[object]]:
            rows, held = await stage.rows(), self.held(stage.client)
            told = {download_id: self.told(stage.client, download_id) for download_id in held.intersection(ids)}
            wrong: list[object] = [*(rows.keys() ^ held)]
            wrong += [(rows[one], told[one]) for one in rows.keys() & told if not _shows(rows[one], told[one])]
            return told, wrong

        told, _ = await eventually(look, lambda seen: not seen[1])
        return told

    async def _limits_as_they_are(self, stage: Stage) -> None:
        """Wait until the limits that are told are what the client itself says."""

        async def limits() -> tuple[Limits, Limits] | None:
            subject = subjects.command(stage.client.type, "limits")
            try:
                told = await call(stage.bus, subject, rpc.Empty(), Limits, request_id=_new_id())
            except Problem:
                return None
            return told, self.told_limits(stage.client)

        await eventually(limits, lambda pair: pair is not None and pair[0] == pair[1])


def _new_id() -> str:
    return f"request-{next(_requests)}"


def _shown(edit: AnyEdit) -> dict[str, object]:
    """What the client's own API tells after an edit of a download of three files; of some it tells nothing."""
    match edit:
        case edits.ForceStart():
            return {"active": True}
        case edits.SetCategory():
            return {"category": edit.category}
        case edits.SetTags():
            return {"tags": frozenset(edit.tags)}
        case edits.SetLimits():
            limits = {"download_limit": edit.download, "ratio": edit.ratio, "seeding_time": edit.seeding_time}
            return {name: value for name, value in limits.items() if value is not None}
        case edits.Move():
            return {"save_path": edit.save_path}
        case edits.Rename():
            return {"name": edit.name}
        case edits.ChooseFiles():
            return {"wanted": tuple(index not in edit.unwanted for index in range(3))}
        case edits.EditTrackers():
            return {"trackers": frozenset(edit.add)}
        case edits.Reannounce() | edits.QueueMove() | edits.AddPeers():
            return {}


def _steered(control: AnyControl, ids: Sequence[str]) -> dict[str, object]:
    match control:
        case edits.PauseAll() | edits.ResumeAll():
            return dict.fromkeys(ids, isinstance(control, edits.ResumeAll))
        case edits.AlternativeLimits():
            return {"alternative": control.on}
        case edits.GlobalLimits():
            return {"download": control.download}


def _is_possible(order: Order, was: Told | None, now: Told | None) -> bool:
    """Whether the client may be so after the command took effect once or never."""
    if now is None:
        return order.then is None or order.verb in ("add", "retry")
    return was is None or _lasting(now) in (_lasting(was), _lasting(was._replace(**(order.then or {}))))


def _lasting(told: Told) -> Told:
    """Without what goes on changing by itself."""
    return told._replace(active=False, queue=None, forced=False)


def _shows(row: Download, told: Told) -> bool:
    return (row.name, row.save_path, row.category, frozenset(row.tags)) == (
        told.name,
        told.save_path,
        told.category,
        told.tags,
    ) and not (told.active and row.state is State.PAUSED)
