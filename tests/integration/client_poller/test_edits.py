"""Changes of a download and of a client as a whole, over a real bus and in front of a client in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import msgspec
import pytest

from sluice_common.bus.connect import Bus
from sluice_common.bus.rpc import call
from sluice_common.bus.statuses import read_status
from sluice_common.contracts import commands, rpc, subjects
from sluice_common.kit.clock import SYSTEM_CLOCK
from sluice_common.kit.errors import ClientUnavailable, Problem
from sluice_common.model import edits
from sluice_common.model.download import Download
from sluice_common.model.enums import Health, State
from support.fake_client import FakeClient
from support.poller import committed, polling, send
from support.waiting import until

CATEGORY = commands.Alter(id="a", edit=edits.SetCategory(category="tv"))


@pytest.fixture
async def client(bus: Bus, deltas: bool) -> AsyncIterator[FakeClient]:
    """A client with two downloads, polled."""
    client = FakeClient(deltas=deltas)
    client.put("a", state=State.DOWNLOADING, tags=("old",))
    client.put("b", state=State.DOWNLOADING)
    async with polling(bus, {"fake": client}):
        await until(lambda: row_of(bus, "a"), what="a committed table")
        yield client


async def row_of(bus: Bus, download_id: str) -> Download | None:
    table = await committed(bus, "fake")
    return table.rows.get(download_id) if table else None


@pytest.mark.parametrize(
    ("edit", "shown"),
    [
        (edits.SetCategory(category="tv"), {"category": "tv"}),
        (edits.SetTags(tags=("x", "y")), {"tags": ("x", "y")}),
        (edits.Rename(name="Another"), {"name": "Another"}),
        (edits.Move(save_path="/elsewhere/"), {"save_path": "/elsewhere/"}),
        (edits.ForceStart(), {"forced": True}),
        (edits.Reannounce(), {}),
    ],
    ids=lambda value: str(value.__struct_config__.tag) if isinstance(value, edits.Edit) else "",
)
async def test_an_edit_is_in_the_row_at_the_position_of_the_answer(
    bus: Bus, client: FakeClient, edit: edits.AnyEdit, shown: dict[str, object]
) -> None:
    """Whoever reads the table at the position that the answer names sees what was changed, and nothing else changed."""
    before = await row_of(bus, "a")
    done = await send(bus, "alter", commands.Alter(id="a", edit=edit))
    table = await committed(bus, "fake")
    assert table is not None
    assert before is not None
    assert done.position == commands.Position(table.incarnation, table.sequence)
    assert table.rows["a"] == msgspec.structs.replace(before, **shown)
    assert client.calls.count(f"alter:{edit.__struct_config__.tag}") == 1


async def test_an_edit_that_shows_later_is_waited_for(bus: Bus, client: FakeClient) -> None:
    """A client that answers before its list shows the change: the command ends with the list, not with the answer."""
    client.delays = 3
    done = await send(bus, "alter", CATEGORY)
    row = await row_of(bus, "a")
    assert row is not None
    assert (row.category, done.id) == ("tv", "a")


async def test_an_edit_is_carried_out_once(bus: Bus, client: FakeClient) -> None:
    """A repeated request id gets the first answer; on another edit it is another request."""
    first = await send(bus, "alter", CATEGORY)
    assert await send(bus, "alter", CATEGORY) == first
    assert client.calls.count("alter:category") == 1
    await send(bus, "alter", commands.Alter(id="b", edit=edits.SetCategory(category="tv")))
    assert client.calls.count("alter:category") == 2


async def test_what_nobody_saw_the_end_of_is_not_sent_again(bus: Bus, client: FakeClient) -> None:
    """Taken by the client, which then could not be looked at: that request is answered so, and never sent twice."""
    client.fails_after = "alter:category"
    with pytest.raises(Problem, match="unknown_outcome: the client took it"):
        await send(bus, "alter", CATEGORY)
    client.fails_after = client.failure = None
    with pytest.raises(Problem, match="look at the queue before") as repeated:
        await send(bus, "alter", CATEGORY)
    assert (repeated.value.code, repeated.value.status) == ("unknown_outcome", 503)
    assert client.calls.count("alter:category") == 1


async def test_what_was_never_sent_may_come_again(bus: Bus, client: FakeClient) -> None:
    """A client that is known to be down is not asked, and nothing of that is remembered."""
    client.failure = ClientUnavailable("gone")
    await until(lambda: _is_down(bus), what="a poll that failed")
    with pytest.raises(Problem, match="client_unavailable"):
        await send(bus, "alter", CATEGORY)
    client.failure, polls = None, client.polls
    await until(lambda: client.polls > polls + 1, what="polls that work")
    assert (await send(bus, "alter", CATEGORY)).id == "a"
    assert client.calls.count("alter:category") == 1


async def _is_down(bus: Bus) -> bool:
    status, _ = await read_status(bus, "fake")
    return status is not None and status.health != Health.OK


async def test_an_edit_of_another_epoch_is_refused(bus: Bus, client: FakeClient) -> None:
    """What was added anew is not changed by whoever meant the old one; neither is what is not there."""
    with pytest.raises(Problem, match="epoch_changed"):
        await send(bus, "alter", commands.Alter(id="a", edit=CATEGORY.edit, epoch="c1"))
    with pytest.raises(Problem, match="not_found"):
        await send(bus, "alter", commands.Alter(id="nothing", edit=CATEGORY.edit))
    assert "alter:category" not in client.calls


@pytest.mark.parametrize(
    ("verb", "body"), [("alter", CATEGORY), ("steer", commands.Steer(control=edits.PauseAll()))], ids=["alter", "steer"]
)
async def test_after_its_deadline_nothing_is_changed(bus: Bus, client: FakeClient, verb: str, body: object) -> None:
    """A command that waited somewhere until nobody expects it any more is not carried out."""
    deadline = SYSTEM_CLOCK.now() - timedelta(seconds=1)
    request = rpc.Request(request_id="late", deadline=deadline, body=msgspec.msgpack.encode(body))
    message = await bus.nc.request(subjects.command("fake", verb), msgspec.msgpack.encode(request), timeout=5)
    problem = msgspec.msgpack.decode(message.data, type=rpc.Reply).problem
    assert problem is not None
    assert problem.code == "deadline_passed"
    assert not [each for each in client.calls if each.startswith(("alter", "control"))]


async def test_what_a_client_cannot_do_is_said_with_its_code(bus: Bus, client: FakeClient) -> None:
    """`unsupported` travels as it is, of a download and of the whole client; the refusal is not remembered."""
    for verb, body in (
        ("alter", commands.Alter(id="a", edit=edits.QueueMove(to=edits.Place.TOP))),
        ("steer", commands.Steer(control=edits.AlternativeLimits(on=True))),
    ):
        for _ in range(2):
            with pytest.raises(Problem, match="Fake cannot") as refusal:
                await send(bus, verb, body)
            assert (refusal.value.code, refusal.value.status) == ("unsupported", 501)
    assert client.calls.count("alter:queue") == 2


async def test_a_whole_client_is_steered_once_and_seen(bus: Bus, client: FakeClient) -> None:
    """After a pause of everything the answer's position shows every row paused; a repetition pauses nothing again."""
    body = commands.Steer(control=edits.PauseAll())
    done = await send(bus, "steer", body)
    table = await committed(bus, "fake")
    assert table is not None
    assert {row.state for row in table.rows.values()} == {State.PAUSED}
    assert done.position == commands.Position(table.incarnation, table.sequence)
    assert await send(bus, "steer", body) == done
    assert client.calls.count("control:pause_all") == 1


@pytest.mark.parametrize(
    ("before", "control", "after"),
    [(State.SEEDING, edits.PauseAll(), State.PAUSED), (State.PAUSED, edits.ResumeAll(), State.DOWNLOADING)],
    ids=["pause_all", "resume_all"],
)
async def test_what_shows_later_of_a_whole_client_is_waited_for(
    bus: Bus, client: FakeClient, before: State, control: edits.AnyControl, after: State
) -> None:
    """The client answers before it acts: at the answer's position every row shows it all the same."""
    for each in ("a", "b"):
        client.put(each, state=before)
    client.delays = 4
    done = await send(bus, "steer", commands.Steer(control=control))
    table = await committed(bus, "fake")
    assert table is not None
    assert {row.state for row in table.rows.values()} == {after}
    assert done.position == commands.Position(table.incarnation, table.sequence)


async def test_limits_are_the_clients_own_now(bus: Bus, client: FakeClient) -> None:
    """What was set is read back from the client; a client that is down says so."""
    await send(bus, "steer", commands.Steer(control=edits.GlobalLimits(download=0, upload=77)))
    subject = subjects.command("fake", "limits")
    limits = await call(bus, subject, rpc.Empty(), edits.Limits, request_id="r2")
    assert limits == edits.Limits(download=None, upload=77)
    client.failure = ClientUnavailable("connection refused")
    with pytest.raises(Problem, match="connection refused"):
        await call(bus, subject, rpc.Empty(), edits.Limits, request_id="r3")


async def test_an_add_passes_everything_on(bus: Bus, client: FakeClient) -> None:
    """Tags, order and limits reach the client as they were given."""
    add = commands.Add(
        magnet="magnet:c", tags=("x",), sequential=True, first_last=True, download_limit=10, upload_limit=20
    )
    await send(bus, "add", add)
    (new,) = client.added
    assert (new.tags, new.sequential, new.first_last) == (("x",), True, True)
    assert (new.download_limit, new.upload_limit) == (10, 20)
