"""A client that is slow to say what changed is asked seldom; the rows that somebody sees, or that move, are live."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from typing_extensions import override

from sluice_client_poller import pace
from sluice_client_poller.adapters.port import Poll
from sluice_common.bus.connect import Bus
from sluice_common.bus.statuses import read_status
from sluice_common.contracts import codec, commands, subjects
from sluice_common.contracts.watching import Watched
from sluice_common.kit.errors import ClientUnavailable
from sluice_common.kit.settings import PollSettings
from sluice_common.model.download import ClientStatus, Download
from sluice_common.model.enums import Health, State
from support.fake_client import FakeClient
from support.poller import all_events, committed, event_types, polling, send
from support.waiting import until

SETTINGS = PollSettings(fast=0.05, slow=3600, hold=0.5)


class Slow(FakeClient):
    """Tells of a few rows when asked; `glances` is what was asked."""

    def __init__(self) -> None:
        super().__init__(deltas=True)
        self.glances: list[tuple[str, ...]] = []

    async def glance(self, download_ids: Sequence[str]) -> tuple[Download, ...]:
        self._call("glance")
        self.glances.append(tuple(download_ids))
        return tuple(self.rows[download_id] for download_id in download_ids if download_id in self.rows)


class Mute(Slow):
    """Tells what changed, and nothing of single downloads while it is mute; a poll takes `poll_takes` seconds.

    `polls_before` is how many polls there had been at each glance.
    """

    def __init__(self) -> None:
        super().__init__()
        self.polls_before: list[int] = []
        self.mute = False
        self.poll_takes = 0.0

    @override
    async def poll(self) -> Poll:
        await asyncio.sleep(self.poll_takes)
        return await super().poll()

    @override
    async def glance(self, download_ids: Sequence[str]) -> tuple[Download, ...]:
        rows = await super().glance(download_ids)
        self.polls_before.append(self.polls)
        if self.mute:
            raise ClientUnavailable("timed out after 10 s")
        return rows


@pytest.fixture(autouse=True)
def costly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every poll is too costly for another one within this test, but for those that somebody waits for."""
    monkeypatch.setattr(pace, "WATCHED_SHARE", 1e-9)
    monkeypatch.setattr(pace, "IDLE_SHARE", 1e-9)


async def look_at(bus: Bus, *download_ids: str) -> None:
    word = Watched(gateway="g", rows={"fake": download_ids})
    await bus.nc.publish(subjects.WATCH, codec.to_json(word))


async def row_of(bus: Bus, download_id: str) -> Download | None:
    table = await committed(bus, "fake")
    return table.rows.get(download_id) if table else None


async def test_what_somebody_sees_is_live_between_two_polls(bus: Bus) -> None:
    """Its completion too, told once. Rows out of sight wait for the next poll, which takes nothing back."""
    client = Slow()
    for name in ("seen", "unseen"):
        client.put(name, state=State.PAUSED, done=1)
    async with polling(bus, {"fake": client}, settings=SETTINGS):
        await until(lambda: row_of(bus, "seen"), what="a committed table")
        await look_at(bus, "seen", "never-heard-of")
        await until(lambda: ("seen",) in client.glances, what="a glance")
        polls = client.polls
        for name in ("seen", "unseen"):
            client.finish(name)
        await until(lambda: _is_complete(bus, "seen"), what="its completion")
        assert not await _is_complete(bus, "unseen")
        assert client.polls == polls
        await send(bus, "pause", commands.Act(id="unseen"))  # which polls
        await until(lambda: _is_complete(bus, "unseen"), what="the other one's")
        assert await _is_complete(bus, "seen")
    assert (await event_types(bus)).count("download.completed") == 2


async def test_what_moves_is_live_though_nobody_looks(bus: Bus) -> None:
    """An import need not wait for the poll of ten thousand idle rows, which is spared for what it costs."""
    client = Slow()
    client.put("a", state=State.DOWNLOADING, down_speed=5, done=1)
    client.put("b", state=State.SEEDING)
    async with polling(bus, {"fake": client}, settings=SETTINGS):
        await until(lambda: ("a",) in client.glances, what="a glance")
        client.finish("a")
        await until(lambda: _is_complete(bus, "a"), what="its completion")
    assert {name for names in client.glances for name in names} == {"a"}


async def test_a_glance_takes_nothing_out(bus: Bus) -> None:
    """A row that a glance does not bring may be gone; only a complete poll, and its hold, say so."""
    client = Slow()
    client.put("a", state=State.PAUSED)
    async with polling(bus, {"fake": client}, settings=SETTINGS):
        await until(lambda: row_of(bus, "a"), what="a committed table")
        await look_at(bus, "a")
        await until(lambda: len(client.glances) > 1, what="a glance")
        del client.rows["a"]
        glances = len(client.glances)
        await until(lambda: len(client.glances) > glances + 20, what="many more")
        assert await row_of(bus, "a") is not None
    assert await event_types(bus) == []


async def test_a_glance_that_fails_is_a_reason_to_poll(bus: Bus) -> None:
    """A client that goes away while it is looked at is told as soon as one that is polled."""
    client = Slow()
    client.put("a", state=State.PAUSED)
    async with polling(bus, {"fake": client}, settings=SETTINGS):
        await until(lambda: row_of(bus, "a"), what="a committed table")
        await look_at(bus, "a")
        await until(lambda: client.glances, what="a glance")
        polls = client.polls
        client.failure = ClientUnavailable("gone")
        await until(lambda: client.calls.count("poll") > polls, what="a poll")
        client.failure = None
        await until(lambda: client.polls > polls, what="a good one")


async def test_glances_that_keep_failing_cost_no_more_than_failing_polls(bus: Bus) -> None:
    """The first is a reason to poll; after that they are put off longer each time, and polls keep to their pace.

    Without that, every second would take the whole list of a client that only cannot tell of single downloads.
    """
    client = Mute()
    client.put("a", state=State.DOWNLOADING, down_speed=5, done=1)
    async with polling(bus, {"fake": client}, settings=SETTINGS):
        # The first polls' cost is taken for nothing, so that they do not yet keep their distance.
        await until(lambda: client.polls > 2 and len(client.polls_before) > 2, what="glances between two far polls")
        client.mute, client.polls_before = True, []
        polls = client.polls
        await until(lambda: len(client.polls_before) == 3, what="three that fail")
    assert client.polls_before == [polls, polls + 1, polls + 1]


async def test_a_client_that_tells_of_no_single_download_says_so_in_its_health(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is up, and no outage is told; that rows in sight lag is a warning with the client's reason, until it ends."""
    monkeypatch.setattr(pace, "WATCHED_SHARE", 0.5)
    monkeypatch.setattr(pace, "IDLE_SHARE", 0.5)
    monkeypatch.setattr(pace, "retry_wait", lambda failures, jitter, *, auth_failed: 0.01)
    client = Mute()
    client.put("a", state=State.DOWNLOADING, down_speed=5, done=1)
    settings = PollSettings(fast=0.2, slow=0.2, hold=0.5)
    async with polling(bus, {"fake": client}, settings=settings):
        client.mute, client.poll_takes = True, 0.6
        status = await until(lambda: _status(bus, Health.WARNING), what="a warning")
        assert status.reason == "unreachable"
        assert "does not tell of single downloads (timed out after 10 s)" in (status.message or "")
        client.mute = False
        status = await until(lambda: _status(bus, Health.OK), what="a client that is well")
        assert (status.reason, status.message) == (None, None)
    types = [event.type for event in await all_events(bus) if event.type.startswith("client.")]
    assert types == ["client.online"]


async def _status(bus: Bus, health: Health) -> ClientStatus | None:
    status, _ = await read_status(bus, "fake")
    return status if status is not None and status.health == health else None


async def _is_complete(bus: Bus, download_id: str) -> bool:
    row = await row_of(bus, download_id)
    return row is not None and row.is_complete
