"""The poller over a real bus: what is committed, what is announced, and what commands do."""

from __future__ import annotations

import asyncio
import secrets

import pytest

from sluice_client_poller.adapters.port import Poll
from sluice_client_poller.table import ClientTable
from sluice_common.bus.connect import Bus, connect
from sluice_common.bus.replica import StreamFull, publish_part, read_subject
from sluice_common.bus.statuses import read_status
from sluice_common.contracts import codec, commands, subjects
from sluice_common.contracts.events import DownloadData
from sluice_common.contracts.frames import Frame, FrameKind, Table, adopt
from sluice_common.contracts.watching import Watched
from sluice_common.kit.clock import SYSTEM_CLOCK
from sluice_common.kit.errors import ClientUnavailable, Fenced, Problem
from sluice_common.kit.settings import NatsSettings, PollSettings
from sluice_common.model.download import ClientStatus, Download
from sluice_common.model.enums import Health, Reason, State
from support.fake_client import FakeClient
from support.nats import NatsForTest
from support.poller import all_events, committed, event_types, polling, send
from support.waiting import until


async def rows_of(bus: Bus) -> dict[str, Download] | None:
    table = await committed(bus, "fake")
    return table.rows if table else None


async def test_the_first_baseline_is_a_table_without_events(bus: Bus, deltas: bool) -> None:
    """Two thousand torrents that were there before us are shown, and are nobody's news."""
    client = FakeClient(deltas=deltas)
    for number in range(50):
        client.put(f"d{number}")
        client.finish(f"d{number}")
    async with polling(bus, {"fake": client}):
        rows = await until(lambda: rows_of(bus), what="a committed table")
        assert len(rows) == 50
    assert await event_types(bus) == []


async def test_a_life_is_told_in_order(bus: Bus, deltas: bool) -> None:
    """Added, started, completed, removed: each once, derived from committed frames."""
    client = FakeClient(deltas=deltas)
    async with polling(bus, {"fake": client}):
        await until(lambda: _known(bus), what="the empty baseline")
        client.put("a", state=State.DOWNLOADING)
        await until(lambda: _has(bus, "download.started"))
        client.finish("a")
        await until(lambda: _has(bus, "download.completed"))
        del client.rows["a"]
        await until(lambda: _has(bus, "download.removed"))
    assert await event_types(bus) == [
        "download.added",
        "download.started",
        "download.completed",
        "download.removed",
    ]


async def _known(bus: Bus) -> bool:
    return await rows_of(bus) is not None


async def _has(bus: Bus, kind: str) -> bool:
    return kind in await event_types(bus)


async def test_a_client_with_an_empty_list_for_a_moment_loses_nothing(bus: Bus, deltas: bool) -> None:
    """Transmission answers a second of empty lists after a restart: no row goes, no event is sent."""
    client = FakeClient(deltas=deltas)
    for number in range(10):
        client.put(f"d{number}")
    async with polling(bus, {"fake": client}):
        await until(lambda: rows_of(bus))
        polls = client.polls
        client.answer = lambda: Poll(rows=(), restarted=True)
        await until(lambda: client.polls > polls + 15, what="many polls with an empty list")
        client.answer = None
        polls = client.polls
        await until(lambda: client.polls > polls + 2)
        rows = await rows_of(bus)
        assert rows is not None
        assert len(rows) == 10
    assert await event_types(bus) == []


async def test_an_idle_seeder_is_not_written(bus: Bus, deltas: bool) -> None:
    """Its clock ticks with every poll, and nothing goes to the disk; what else changes takes the clock along."""
    client = FakeClient(deltas=deltas)
    client.put("a", state=State.SEEDING, seeding_time=1000)
    async with polling(bus, {"fake": client}):
        before = await until(lambda: committed(bus, "fake"))
        for second in range(1, 20):
            client.put("a", seeding_time=1000 + second)
            await _polled(client)
        assert await committed(bus, "fake") == before
        client.put("a", up_speed=5)
        table = await until(lambda: _another(bus, before), what="a frame")
        assert (table.rows["a"].seeding_time, table.rows["a"].up_speed) == (1019, 5)


async def test_a_stall_is_told_once_and_forgotten_when_something_comes(bus: Bus, deltas: bool) -> None:
    """After the grace, on the poller's own clock; what is throttled or paused does not stall."""
    client = FakeClient(deltas=deltas)
    client.throttled = True
    client.put("a", state=State.DOWNLOADING, done=1)
    client.put("b", state=State.PAUSED, done=1)
    settings = PollSettings(fast=0.05, slow=0.05, stalled_after=1)
    async with polling(bus, {"fake": client}, settings=settings):
        await until(lambda: rows_of(bus), what="a committed table")
        for _ in range(30):
            await _polled(client)
        assert (await rows_of(bus) or {})["a"].reason is None
        client.throttled = False
        await until(lambda: _reason(bus, "a", Reason.STALLED), what="a stall")
        client.put("a", done=2)
        await until(lambda: _reason(bus, "a", None), what="an end of it")
        await until(lambda: _reason(bus, "a", Reason.STALLED), what="another one")
    assert await event_types(bus) == ["download.stalled"] * 2
    assert client.rows["b"].reason is None


async def test_a_stall_is_not_news_to_the_next_holder(bus: Bus) -> None:
    """Who takes the client over believes the table; nobody is told twice."""
    client = FakeClient()
    client.put("a", state=State.DOWNLOADING, done=1)
    async with polling(bus, {"fake": client}, settings=PollSettings(fast=0.05, slow=0.05, stalled_after=1)):
        await until(lambda: _reason(bus, "a", Reason.STALLED), what="a stall")
    async with polling(bus, {"fake": client}, settings=PollSettings(fast=0.05, slow=0.05, stalled_after=3600)):
        polls = client.polls
        await until(lambda: client.polls > polls + 3, what="some polls")
        assert await _reason(bus, "a", Reason.STALLED)
    assert await event_types(bus) == ["download.stalled"]


async def _reason(bus: Bus, download_id: str, reason: Reason | None) -> bool:
    row = (await rows_of(bus) or {}).get(download_id)
    return row is not None and row.reason == reason


async def test_somebody_who_begins_to_look_waits_for_no_slow_poll(bus: Bus) -> None:
    """An idle client is asked seldom; the first viewer's word ends the wait, and polling stays fast while they look."""
    client = FakeClient()
    client.put("a", state=State.SEEDING)
    async with polling(bus, {"fake": client}, settings=PollSettings(fast=0.05, slow=3600)):
        await until(lambda: rows_of(bus), what="a committed table")
        await bus.nc.publish(subjects.WATCH, codec.to_json(Watched(gateway="g")))
        await _polled(client)
        await _polled(client)


async def _polled(client: FakeClient) -> None:
    """A poll that began after this call is over."""
    polls = client.polls
    await until(lambda: client.polls > polls + 1, what="another poll")


async def _another(bus: Bus, before: Table) -> Table | None:
    table = await committed(bus, "fake")
    return table if table is not None and table.sequence > before.sequence else None


async def test_a_client_that_is_down_keeps_its_rows_and_says_why(bus: Bus, deltas: bool) -> None:
    """A failed poll is not an empty client; commands fail at once with the reason, and recovery needs nobody."""
    client = FakeClient(deltas=deltas)
    client.put("a")
    async with polling(bus, {"fake": client}):
        await until(lambda: rows_of(bus))
        client.failure = ClientUnavailable("connection refused")
        status = await until(lambda: _status(bus, Health.ERROR), what="an offline status")
        assert (status.reason, status.message) == ("unreachable", "connection refused")
        assert status.last_good_poll is not None
        with pytest.raises(Problem, match="connection refused") as refusal:
            await send(bus, "pause", commands.Act(id="a"))
        assert (refusal.value.code, refusal.value.status) == ("client_unavailable", 503)
        assert set(await rows_of(bus) or ()) == {"a"}
        client.failure = None
        await until(lambda: _status(bus, Health.OK), what="an online status")
    types = [event.type for event in await all_events(bus) if event.type.startswith("client.")]
    assert types == ["client.online", "client.offline", "client.online"]


async def _status(bus: Bus, health: Health) -> ClientStatus | None:
    status, _ = await read_status(bus, "fake")
    return status if status is not None and status.health == health else None


async def test_a_reply_that_breaks_our_code_takes_no_other_client_down(bus: Bus, deltas: bool) -> None:
    """A bug in one adapter is that client's trouble, shown as such; the others are polled on."""
    broken, well = FakeClient("fake", deltas=deltas), FakeClient("well", deltas=deltas)
    broken.answer = lambda: Poll(rows=(1 / 0,))  # type: ignore[arg-type]
    async with polling(bus, {"fake": broken, "well": well}):
        status = await until(lambda: _status(bus, Health.ERROR), what="an error status")
        assert (status.reason, status.message) == ("protocol_error", "its reply could not be read (ZeroDivisionError)")
        polls = well.polls
        await until(lambda: well.polls > polls + 3, what="more polls of the other client")


async def test_changes_without_a_whole_list_are_refused(bus: Bus) -> None:
    """An adapter that begins with a delta is broken; its handful of rows is not taken for all that is left."""
    client = FakeClient()
    client.answer = lambda: Poll(rows=(), whole=False)
    async with polling(bus, {"fake": client}):
        status = await until(lambda: _status(bus, Health.ERROR), what="an error status")
        assert (status.reason, status.message) == (
            "protocol_error",
            "it told what changed before it told its whole list",
        )
        assert await rows_of(bus) is None


async def test_a_cancel_is_committed_before_the_client_is_asked_and_needs_no_hold(bus: Bus, deltas: bool) -> None:
    """The reply's position shows the row gone, and history learns who did it."""
    client = FakeClient(deltas=deltas)
    client.put("a")
    async with polling(bus, {"fake": client}):
        await until(lambda: rows_of(bus))
        done = await send(bus, "remove", commands.Remove(id="a", with_data=True))
        table = await committed(bus, "fake")
        assert table is not None
        assert table.rows == {}
        assert done.position == commands.Position(table.incarnation, table.sequence)
        assert client.calls.count("remove:True") == 1
        await until(lambda: _has(bus, "download.cancelled"))
    (event,) = [event for event in await all_events(bus) if event.type == "download.cancelled"]
    data = event.read(DownloadData)
    assert (data.actor, data.request_id) == ("tester", "r1")


async def test_one_request_is_carried_out_once(bus: Bus, deltas: bool) -> None:
    """A repeated request id gets the first answer."""
    client = FakeClient(deltas=deltas)
    async with polling(bus, {"fake": client}):
        await until(lambda: _known(bus))
        first = await send(bus, "add", commands.Add(magnet="magnet:a"))
        again = await send(bus, "add", commands.Add(magnet="magnet:a"))
        assert first == again
        assert client.calls.count("add") == 1
        with pytest.raises(Problem, match="duplicate"):
            await send(bus, "add", commands.Add(magnet="magnet:a"), request_id="r2")


async def test_retry_is_a_new_epoch_of_the_same_download(bus: Bus, deltas: bool) -> None:
    """Taken out with its reason, seen gone, added again: never two rows, never a cancelled event."""
    client = FakeClient(deltas=deltas)
    client.put("a")
    async with polling(bus, {"fake": client}):
        before = (await until(lambda: rows_of(bus)))["a"]
        done = await send(bus, "retry", commands.Retry(id="a", source=commands.Add(magnet="magnet:a")))
        after = (await rows_of(bus) or {})["a"]
        assert done.id == "a"
        assert after.epoch == done.epoch != before.epoch
        await until(lambda: _has(bus, "download.added"))
    removed = [event for event in await all_events(bus) if event.type == "download.removed"]
    assert [event.read(DownloadData).reason for event in removed] == ["retry"]


async def test_what_was_committed_is_announced_by_the_next_holder(bus: Bus, deltas: bool) -> None:
    """A poller that dies between commit and announcement loses no event."""
    client = FakeClient(deltas=deltas)
    table = writer(bus, "x")
    await table.open()
    now = client.put("a")
    time = SYSTEM_CLOCK.now()
    await table.commit_keyframe({}, time)
    await table.commit([now], (), time)
    assert await event_types(bus) == []
    async with polling(bus, {"fake": client}):
        await until(lambda: _has(bus, "download.added"))


async def test_a_second_poller_is_fenced_and_reads_again(bus: Bus) -> None:
    """A zombie's frame is refused, and after reading it goes on from what is there."""
    first, second = writer(bus, "one"), writer(bus, "two")
    client, time = FakeClient(), SYSTEM_CLOCK.now()
    await first.open()
    await first.commit_keyframe({}, time)
    await second.open()
    await second.commit([client.put("a")], (), time)
    with pytest.raises(Fenced):
        await first.commit([client.put("b")], (), time)
    assert set((await rows_of(bus)) or ()) == {"a"}
    await first.open()
    await first.commit([client.put("b")], (), time)
    assert set((await rows_of(bus)) or ()) == {"a", "b"}


async def test_a_keyframe_leaves_nothing_before_it(bus: Bus) -> None:
    """Once a keyframe is whole, what came before it is purged; a crash before the purge is made good by the next."""
    table, client, time = writer(bus, "w"), FakeClient(), SYSTEM_CLOCK.now()
    await table.open()
    await table.commit_keyframe({}, time)
    for number in range(3):
        await table.commit([client.put(f"d{number}")], (), time)
    await table.announce()
    await table.commit_keyframe(client.rows, time)
    assert len(await read_subject(bus, "fake")) == 1
    frames = await _as_before_the_purge(bus)
    assert frames == 2
    await writer(bus, "next").open()
    assert len(await read_subject(bus, "fake")) == 1


async def _as_before_the_purge(bus: Bus) -> int:
    """A second keyframe whose publisher died before it purged the first; how many messages there are."""
    messages = await read_subject(bus, "fake")
    dying = adopt(messages, "i")
    assert dying.table is not None
    (frame,) = dying.plan_keyframe(dying.table.rows, SYSTEM_CLOCK.now(), "dying")
    await publish_part(bus, "fake", frame, dying.fence)
    return len(await read_subject(bus, "fake"))


async def test_a_full_stream_gives_its_orphans_for_new_frames(nats_settings: NatsSettings) -> None:
    """Old frames are never dropped for new ones: parts that belong to nothing go first, then the frame is stored."""
    async with connect(nats_settings, name="test") as bus:
        await bus.js.update_stream(
            name=subjects.FRAMES, subjects=[subjects.ALL_FRAMES], max_bytes=35_000, discard="new"
        )
        table, client, time = writer(bus, "w"), FakeClient(), SYSTEM_CLOCK.now()
        await table.open()
        await table.commit_keyframe({}, time)
        await _orphan(bus, secrets.token_hex(20_000))
        await _orphan(bus, "the last message is the fence and stays")
        big = client.put("a", name=secrets.token_hex(20_000))
        with pytest.raises(Fenced):
            await table.commit([big], (), time)
        await table.open()
        with pytest.raises(StreamFull):
            await table.commit([big], (), time)
        await table.open()
        await table.commit([big], (), time)
    assert table.baseline is not None
    assert set(table.baseline.rows) == {"a"}


async def _orphan(bus: Bus, filler: str) -> None:
    """The first half of a frame whose publisher died."""
    last = await bus.js.get_last_msg(subjects.FRAMES, subjects.frames("fake"))
    frame = Frame(
        incarnation="dead",
        frame_id=filler,
        number=9,
        kind=FrameKind.KEY,
        previous=0,
        part=0,
        parts=2,
        polled_at=SYSTEM_CLOCK.now(),
        announced=0,
    )
    await publish_part(bus, "fake", frame, last.seq or 0)


async def test_a_wiped_bus_gets_the_table_back(bus: Bus, nats_server: NatsForTest, deltas: bool) -> None:
    """JetStream's directory is lost under a running poller: the table comes back under a new incarnation."""
    client = FakeClient(deltas=deltas)
    client.put("a")
    async with polling(bus, {"fake": client}):
        before = await until(lambda: committed(bus, "fake"))
        nats_server.kill()
        nats_server.wipe()
        nats_server.start()
        after = await until(lambda: _new_incarnation(bus, before.incarnation), seconds=30, what="a new incarnation")
        assert after.rows == before.rows
        client.put("b")
        await until(lambda: _has(bus, "download.added"), seconds=30)


async def _new_incarnation(bus: Bus, old: str) -> Table | None:
    table = await committed(bus, "fake")
    return table if table is not None and table.incarnation != old else None


def writer(bus: Bus, who: str) -> ClientTable:
    ids = iter(f"{who}{number}" for number in range(99))
    return ClientTable(
        bus, "fake", prove_lease=_proven, is_proven=lambda: True, new_id=ids.__next__, clock=SYSTEM_CLOCK
    )


async def _proven() -> None:
    await asyncio.sleep(0)
