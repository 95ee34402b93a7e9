"""The poller when the bus fails it at the worst moment, and when commands cross."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from typing_extensions import override

from sluice_client_poller import table as table_module
from sluice_client_poller.lease import Leases
from sluice_client_poller.report import Reporter
from sluice_client_poller.table import ClientTable
from sluice_common.bus.connect import Bus
from sluice_common.bus.replica import publish_part
from sluice_common.bus.rpc import call
from sluice_common.contracts import commands, subjects
from sluice_common.contracts.frames import Frame
from sluice_common.kit.clock import SYSTEM_CLOCK
from sluice_common.kit.errors import BusUnavailable, ClientUnavailable, Fenced
from sluice_common.model.download import Download
from support.bus import NOW, rows
from support.fake_client import FakeClient
from support.poller import all_events, committed, event_types, polling
from support.waiting import until


class Failing:
    """Publishes as the poller does, but refuses while `armed`; `refused` counts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.armed = False
        self.refused = 0
        monkeypatch.setattr(table_module, "publish_part", self)

    async def __call__(self, bus: Bus, client: str, frame: Frame, fence: int) -> int:
        if self.armed:
            self.refused += 1
            raise BusUnavailable("the test says so; nothing was stored")
        return await publish_part(bus, client, frame, fence)


async def epoch_of(bus: Bus, download_id: str) -> str | None:
    table = await committed(bus, "fake")
    row = table.rows.get(download_id) if table else None
    return row.epoch if row else None


async def test_a_download_added_anew_survives_a_failed_commit(
    bus: Bus, monkeypatch: pytest.MonkeyPatch, deltas: bool
) -> None:
    """What a poll taught counts only once it is committed: the new epoch comes with the next poll all the same."""
    failing, client = Failing(monkeypatch), FakeClient(deltas=deltas)
    client.put("a", epoch="c1")
    async with polling(bus, {"fake": client}):
        await until(lambda: epoch_of(bus, "a"))
        failing.armed = True
        client.put("a", epoch="c9")
        await until(lambda: failing.refused, what="a refused frame")
        failing.armed = False
        await until(lambda: _is(bus, "c9"), what="the new epoch")
        await until(lambda: _told(bus, ["download.removed", "download.added"]))


async def _is(bus: Bus, epoch: str) -> bool:
    return await epoch_of(bus, "a") == epoch


async def _told(bus: Bus, types: list[str]) -> bool:
    return await event_types(bus) == types


async def test_a_restart_is_remembered_through_trouble_with_the_bus(
    bus: Bus, monkeypatch: pytest.MonkeyPatch, deltas: bool
) -> None:
    """A client that lost its times, and a bus that failed in that very poll: nothing was removed or added."""
    failing, client = Failing(monkeypatch), FakeClient(deltas=deltas)
    client.put("a", epoch="c1")
    async with polling(bus, {"fake": client}):
        await until(lambda: epoch_of(bus, "a"))
        failing.armed = True
        client.restarted = True
        client.put("a", epoch="c9", name="so that there is something to commit")
        await until(lambda: failing.refused, what="a refused frame")
        failing.armed = False
        polls = client.polls
        await until(lambda: client.polls > polls + 3)
        assert await epoch_of(bus, "a") == "c1"
    assert await event_types(bus) == []


class Slow(FakeClient):
    """Its first read, which a remove makes of the epoch, takes until the test lets it go on."""

    def __init__(self, *, deltas: bool) -> None:
        super().__init__("fake", deltas=deltas)
        self.reading = asyncio.Event()
        self.go_on = asyncio.Event()

    @override
    async def read(self, download_id: str) -> Download | None:
        row = await super().read(download_id)
        if not self.reading.is_set():
            self.reading.set()
            await self.go_on.wait()
        return row


async def test_a_remove_never_meets_what_a_retry_has_just_added(bus: Bus, deltas: bool) -> None:
    """Two commands on one row come one after the other; the later one looks at what is there by then."""
    client = Slow(deltas=deltas)
    client.put("a")
    async with polling(bus, {"fake": client}):
        before = await until(lambda: epoch_of(bus, "a"))
        remove = asyncio.create_task(_send(bus, "remove", commands.Remove(id="a", epoch=before, with_data=True), "r1"))
        await client.reading.wait()
        source = commands.Add(magnet="magnet:a")
        retry = asyncio.create_task(_send(bus, "retry", commands.Retry(id="a", epoch=before, source=source), "r2"))
        polls = client.polls
        await until(lambda: client.polls > polls + 3, what="time for the retry to overtake")
        client.go_on.set()
        await remove
        await retry
    assert [call for call in client.calls if call.startswith(("remove", "add"))] == ["remove:True", "add"]


async def test_one_request_id_on_two_commands_is_two_requests(bus: Bus, deltas: bool) -> None:
    """A remove is not answered with the pause that came before it under the same key."""
    client = FakeClient(deltas=deltas)
    client.put("a")
    async with polling(bus, {"fake": client}):
        await until(lambda: epoch_of(bus, "a"))
        await _send(bus, "pause", commands.Act(id="a"), "same")
        await _send(bus, "remove", commands.Remove(id="a"), "same")
    assert client.rows == {}


async def _send(bus: Bus, verb: str, body: object, request_id: str) -> commands.Done:
    return await call(bus, subjects.command("fake", verb), body, commands.Done, request_id=request_id)


async def test_a_lost_renewal_proves_nothing_by_being_read(bus: Bus) -> None:
    """After a lost acknowledgement the lease is written again; somebody else's is told apart."""
    mine, other = Leases(bus, "mine", SYSTEM_CLOCK), Leases(bus, "other", SYSTEM_CLOCK)
    lease = await mine.take("fake")
    assert lease is not None
    kv = await bus.js.key_value(subjects.LEASES)
    unseen = await kv.put("client.fake", b"mine")
    await lease.renew()
    assert (await kv.get("client.fake")).revision == unseen + 1
    assert await other.take("fake") is None
    await kv.put("client.fake", b"other")
    with pytest.raises(Fenced):
        await lease.renew()


class Asleep:
    """A lease that is somebody else's from the moment on that its holder sleeps."""

    def __init__(self) -> None:
        self.slept = False

    def is_proven(self) -> bool:
        return not self.slept

    async def prove(self) -> None:
        if self.slept:
            raise Fenced("the test says so")


async def test_who_slept_past_the_lease_commits_nothing(bus: Bus) -> None:
    """Not even where the new holder has had nothing to write, so that the fence would let it through."""
    lease, ids = Asleep(), itertools.count()
    table = ClientTable(
        bus,
        "fake",
        prove_lease=lease.prove,
        is_proven=lease.is_proven,
        new_id=lambda: f"id{next(ids)}",
        clock=SYSTEM_CLOCK,
    )
    await table.open()
    await table.commit_keyframe(rows("a", client="fake"), NOW)
    before = await committed(bus, "fake")
    lease.slept = True
    with pytest.raises(Fenced):
        await table.commit([*rows("b", client="fake").values()], (), NOW)
    assert await committed(bus, "fake") == before


async def test_who_slept_past_the_lease_announces_no_outage(bus: Bus) -> None:
    """A poll that timed out in its sleep says nothing of the client, which another polls by now."""
    lease = Asleep()
    lease.slept = True
    await Reporter(bus, "fake", "deluge", "sleeper", lease.prove).offline(ClientUnavailable("it slept"), NOW)
    assert await all_events(bus) == []
