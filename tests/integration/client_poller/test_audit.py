"""Every command that reached a client's poller is an event: who, what, from where, and how it ended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sluice_common.bus.connect import Bus
from sluice_common.bus.rpc import call
from sluice_common.contracts import commands, subjects
from sluice_common.contracts.events import ChangedField, CommandData, Event
from sluice_common.kit.errors import ClientUnavailable, Problem
from sluice_common.model import edits
from sluice_common.model.enums import State
from support.fake_client import FakeClient
from support.poller import all_events, committed, polling
from support.waiting import until

SECRET = "5ecretpasskey"


@pytest.fixture
async def client(bus: Bus) -> AsyncIterator[FakeClient]:
    """A client with one download, polled."""
    client = FakeClient()
    client.put("a", state=State.DOWNLOADING, category="films")
    async with polling(bus, {"fake": client}):
        await until(lambda: committed(bus, "fake"), what="a committed table")
        yield client


async def send(bus: Bus, verb: str, body: object, request_id: str) -> commands.Done:
    return await call(
        bus,
        subjects.command("fake", verb),
        body,
        commands.Done,
        request_id=request_id,
        actor="tester",
        origin="192.0.2.7",
    )


async def audited(bus: Bus) -> list[Event]:
    return [event for event in await all_events(bus) if event.type.startswith("command.")]


def alter(edit: edits.AnyEdit) -> commands.Alter:
    return commands.Alter(id="a", edit=edit)


FOLDER = ChangedField(field="save_path", to="/films")
TAGGED = ChangedField(field="tags", to=("t.example",), was=())
TO_TV = ChangedField(field="category", to="tv", was="films")

COMMANDS: list[tuple[str, Any, str, str | None, tuple[ChangedField, ...]]] = [
    ("add", commands.Add(magnet=f"magnet:?tr={SECRET}&xt=urn:btih:b", save_path="/films"), "add", "b", (FOLDER,)),
    ("pause", commands.Act(id="a"), "pause", "a", ()),
    ("resume", commands.Act(id="a"), "resume", "a", ()),
    ("recheck", commands.Act(id="a"), "recheck", "a", ()),
    ("alter", alter(edits.SetTags(tags=(f"https://t.example/{SECRET}",))), "tags", "a", (TAGGED,)),
    ("alter", alter(edits.SetCategory(category="tv")), "category", "a", (TO_TV,)),
    ("steer", commands.Steer(control=edits.PauseAll()), "pause_all", None, ()),
    ("retry", commands.Retry(id="a", source=commands.Add(magnet=f"magnet:?tr={SECRET}:a")), "retry", "a", ()),
    ("remove", commands.Remove(id="a", with_data=True), "remove", "a", ()),
]


async def test_every_command_says_who_what_and_from_where(bus: Bus, client: FakeClient) -> None:
    """One event for each, after it was carried out, with what it set and no pass key; its repetition is no other."""
    for number, (verb, body, *_) in enumerate(COMMANDS):
        for _ in range(2):
            await send(bus, verb, body, f"r{number}")
    events = await audited(bus)
    assert {event.type for event in events} == {"command.executed"}
    assert [event.read(CommandData) for event in events] == [
        CommandData(
            client="fake",
            id=download_id,
            verb=name,
            outcome="ok",
            actor="tester",
            origin="192.0.2.7",
            request_id=f"r{number}",
            with_data=True if verb == "remove" else None,
            name=download_id,
            changes=changes,
        )
        for number, (verb, _, name, download_id, changes) in enumerate(COMMANDS)
    ]
    assert [event.subject for event in events[:1]] == ["fake/b"]
    assert not [event for event in events if SECRET in str(bytes(event.data))]


async def test_what_failed_says_so(bus: Bus, client: FakeClient) -> None:
    """A refusal, what a client cannot do, a client that is down: each is told with its code, and looking is no deed."""
    trackers = alter(edits.EditTrackers(add=(f"https://t.example/{SECRET}",)))
    for number, (verb, body) in enumerate((("alter", trackers), ("pause", commands.Act(id="a", epoch="old")))):
        with pytest.raises(Problem):
            await send(bus, verb, body, f"r{number}")
    client.failure = ClientUnavailable("connection refused")
    with pytest.raises(Problem, match="connection refused"):
        await send(bus, "remove", commands.Remove(id="a"), "r2")
    with pytest.raises(Problem):
        await send(bus, "look", commands.Look(id="a"), "r3")
    events = await audited(bus)
    assert {event.type for event in events} == {"command.failed"}
    told = [(data.verb, data.outcome) for data in (event.read(CommandData) for event in events)]
    assert told == [("trackers", "unsupported"), ("pause", "epoch_changed"), ("remove", "unreachable")]
    assert events[0].read(CommandData).changes == (ChangedField(field="trackers_added", to=("t.example",)),)
    assert not [event for event in events if SECRET in str(bytes(event.data))]


async def test_the_same_request_id_on_another_body_is_an_event_of_its_own(bus: Bus, client: FakeClient) -> None:
    """Both were carried out, so both are told."""
    for category in ("tv", "movies"):
        await send(bus, "alter", alter(edits.SetCategory(category=category)), "same")
    assert client.calls.count("alter:category") == 2
    assert len({event.id for event in await audited(bus)}) == 2


async def test_what_the_client_took_is_never_told_as_failed(bus: Bus, client: FakeClient) -> None:
    """Only the look at it failed: it was executed, what came of it is unknown, and a repetition is the same event."""
    client.fails_after = "alter:tags"
    for _ in range(2):
        with pytest.raises(Problem, match="unknown_outcome"):
            await send(bus, "alter", alter(edits.SetTags(tags=("x",))), "r1")
    events = await audited(bus)
    assert [(event.type, event.read(CommandData).outcome) for event in events] == [
        ("command.executed", "unknown_outcome")
    ]


async def test_a_command_does_not_fail_because_nobody_can_be_told(bus: Bus, client: FakeClient) -> None:
    """The stream of events is gone: what was done is answered as done."""
    await bus.js.delete_stream(subjects.EVENTS)
    done = await send(bus, "alter", alter(edits.Reannounce()), "r1")
    assert done.id == "a"
    assert client.calls.count("alter:reannounce") == 1
