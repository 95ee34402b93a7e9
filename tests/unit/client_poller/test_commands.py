"""The rules of every command, with the session and the lease played: what is sent, and what is said of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from typing_extensions import override

from sluice_client_poller import audit
from sluice_client_poller.adapters import guard
from sluice_client_poller.commands import Commands
from sluice_common.contracts import commands, rpc
from sluice_common.contracts.events import CommandData, Event
from sluice_common.kit.clock import SYSTEM_CLOCK
from sluice_common.kit.errors import ClientUnavailable, Problem
from sluice_common.model.download import Download
from support.fake_client import FakeClient


class Lease:
    """Fresh until the test says otherwise."""

    def __init__(self) -> None:
        self.fresh = True

    def is_fresh(self) -> bool:
        return self.fresh


class Session:
    """Its table is what the client holds."""

    name, is_known, position = "fake", True, None

    def __init__(self, adapter: FakeClient) -> None:
        self.adapter = adapter

    def row(self, download_id: str) -> Download | None:
        return self.adapter.rows.get(download_id)

    def client_name_of(self, row: Download) -> str:
        return row.id

    def refuse_if_down(self) -> None:
        return

    async def rewrite(self, download_id: str, change: Callable[[Download], Download]) -> Download | None:
        row = self.row(download_id)
        return change(row) if row else None

    async def ask(self, row: Download) -> Download | None:
        return await self.adapter.read(row.id)

    async def settled(self, polled: Download | None) -> Download | None:
        return polled

    async def see(self, download_id: str, effect: object) -> None:
        return


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """What would be published."""
    events: list[Event] = []

    async def tell(bus: object, event: Event) -> None:
        events.append(event)

    monkeypatch.setattr(audit, "tell", tell)
    return events


@pytest.fixture
def client() -> FakeClient:
    """A client with one download."""
    client = FakeClient()
    client.put("a")
    return client


def made(client: FakeClient, lease: Lease) -> Commands:
    bus: Any = None  # audit.tell alone would use it
    session: Any = Session(client)
    played: Any = lease
    return Commands(bus, session, played, SYSTEM_CLOCK)


def request(request_id: str = "r1") -> rpc.Request:
    return rpc.Request(request_id=request_id, deadline=SYSTEM_CLOCK.now() + timedelta(seconds=60), actor="tester")


async def test_without_a_proven_lease_nothing_is_sent(client: FakeClient, told: list[Event]) -> None:
    """Another may hold it by now; the same request may come again once it is proven."""
    lease = Lease()
    lease.fresh = False
    does = made(client, lease)
    with pytest.raises(Problem, match="not_holder"):
        await does.do("pause", commands.Act(id="a"), request())
    assert client.calls == []
    lease.fresh = True
    await does.do("pause", commands.Act(id="a"), request())
    assert client.calls == ["pause"]
    assert [event.type for event in told] == ["command.failed", "command.executed"]


async def test_a_retry_that_stops_half_way_says_what_was_done(told: list[Event]) -> None:
    """The lease was lost once it was taken out: nobody is told that nothing was done."""
    lease = Lease()

    class Losing(FakeClient):
        @override
        async def remove(self, download_id: str, *, with_data: bool) -> None:
            await super().remove(download_id, with_data=with_data)
            lease.fresh = False

    client = Losing()
    client.put("a")
    with pytest.raises(Problem, match="it was taken out") as stopped:
        await made(client, lease).do("retry", commands.Retry(id="a", source=commands.Add(magnet="magnet:a")), request())
    assert stopped.value.code == "unknown_outcome"
    assert client.calls == ["terms", "read", "remove:False"]
    assert [(event.type, event.read(CommandData).outcome) for event in told] == [
        ("command.executed", "unknown_outcome")
    ]


async def test_nothing_more_is_sent_once_the_lease_is_lost(told: list[Event]) -> None:
    """Not even in the middle of an adapter's call; what became of it is unknown, and a repetition sends nothing."""
    lease = Lease()

    class InTwo(FakeClient):
        @override
        async def pause(self, download_id: str) -> None:
            for call in ("first", "second"):
                guard.may_send()
                self.calls.append(call)
                lease.fresh = False

    client = InTwo()
    client.put("a")
    does = made(client, lease)
    with pytest.raises(Problem, match="unknown_outcome"):
        await does.do("pause", commands.Act(id="a"), request())
    lease.fresh = True
    with pytest.raises(Problem, match="unknown_outcome"):
        await does.do("pause", commands.Act(id="a"), request())
    assert client.calls == ["first"]
    guard.may_send()  # after the command, as in a poll


class Silent(FakeClient):
    """Its pause asks for leave to change something so many `times`; what it is asked then gets no answer."""

    def __init__(self, times: int, error: ClientUnavailable) -> None:
        super().__init__()
        self.times, self.error = times, error
        self.put("a")

    @override
    async def pause(self, download_id: str) -> None:
        for _ in range(self.times):
            guard.may_send()
        self.calls.append("pause")
        raise self.error


async def test_what_was_sent_and_not_answered_is_unknown(told: list[Event]) -> None:
    """The client may do it yet: neither the caller nor the audit is told that it is not done, and nobody repeats it."""
    client = Silent(1, ClientUnavailable("timed out after 20 s"))
    does = made(client, Lease())
    for why in ("timed out after 20 s", "it was sent before"):
        with pytest.raises(Problem, match=f"unknown_outcome: .*{why}"):
            await does.do("pause", commands.Act(id="a"), request())
    assert client.calls == ["pause"]
    assert {(event.type, event.read(CommandData).outcome) for event in told} == {("command.failed", "unknown_outcome")}


@pytest.mark.parametrize(("times", "unsent"), [(0, False), (1, True)], ids=["it only looked", "no connection"])
async def test_what_never_left_was_not_done(told: list[Event], times: int, unsent: bool) -> None:
    """A client that cannot be reached is the reason, and the very same request may come again."""
    client = Silent(times, ClientUnavailable("connection refused", unsent=unsent))
    does = made(client, Lease())
    for _ in range(2):
        with pytest.raises(ClientUnavailable, match="connection refused"):
            await does.do("pause", commands.Act(id="a"), request())
    assert client.calls == ["pause", "pause"]
    assert {(event.type, event.read(CommandData).outcome) for event in told} == {("command.failed", "unreachable")}


async def test_what_left_before_a_connection_was_missing_is_unknown(told: list[Event]) -> None:
    """Only the second of two changes never left."""
    with pytest.raises(Problem, match="unknown_outcome"):
        await made(Silent(2, ClientUnavailable("connection refused", unsent=True)), Lease()).do(
            "pause", commands.Act(id="a"), request()
        )


@pytest.mark.parametrize(("asks", "code"), [(False, "deadline_passed"), (True, "unknown_outcome")])
async def test_a_deadline_tells_whether_the_client_was_asked(told: list[Event], asks: bool, code: str) -> None:
    """What was not sent by then is not done; of what was sent nobody knows."""

    class Hanging(FakeClient):
        @override
        async def pause(self, download_id: str) -> None:
            if asks:
                guard.may_send()
            await asyncio.Event().wait()

    client = Hanging()
    client.put("a")
    soon = rpc.Request(request_id="r1", deadline=SYSTEM_CLOCK.now() + timedelta(seconds=0.2), actor="tester")
    with pytest.raises(Problem) as refused:
        await made(client, Lease()).do("pause", commands.Act(id="a"), soon)
    assert (refused.value.code, refused.value.status) == (code, 504)
    assert [event.read(CommandData).outcome for event in told] == [code]


async def test_an_audit_that_is_cut_off_leaves_no_command_open(
    client: FakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its client would never be given back."""

    async def tell(bus: object, event: Event) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(audit, "tell", tell)
    does = made(client, Lease())
    with pytest.raises(asyncio.CancelledError):
        await does.do("pause", commands.Act(id="a"), request())
    assert does.are_idle
