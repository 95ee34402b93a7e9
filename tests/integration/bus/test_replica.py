"""The replicated table on a real NATS: fences, crashes, wipes, recreated streams, and readers that notice."""

from __future__ import annotations

import asyncio

import pytest

from sluice_common.bus import replica as replica_module
from sluice_common.bus.connect import Bus
from sluice_common.bus.replica import CHECK_EVERY, Replica, publish_part, read_subject
from sluice_common.contracts import subjects
from sluice_common.contracts.commands import Position
from sluice_common.contracts.frames import Applied, FrameKind
from sluice_common.kit.errors import BusUnavailable, Fenced
from support.bus import NOW, delta, following, keyframe, open_table, publish, restart, rows
from support.nats import NatsForTest
from support.waiting import until


def _shows(replica: Replica, client: str = "c") -> dict[str, int | None] | None:
    table = replica.table(client)
    return None if table is None else {row.id: row.done for row in table.rows.values()}


async def test_a_second_publisher_is_fenced(bus: Bus, other: Bus) -> None:
    """Of two writers on one table one is refused, and what it would have said changes nothing."""
    first = await open_table(bus)
    await keyframe(bus, first, rows("a"))
    second = await open_table(other)
    await delta(bus, first, rows("b"))
    with pytest.raises(Fenced):
        await delta(other, second, {}, ["a"])
    heir = await open_table(other)
    assert heir.table is not None
    assert heir.table.rows == rows("a", "b")
    assert [applied.number for applied in heir.unannounced] == [2]


async def test_two_first_publishers_cannot_both_begin(bus: Bus, other: Bus) -> None:
    """Fence 0 means that the subject is empty; only one finds it so."""
    first, second = await open_table(bus), await open_table(other)
    await keyframe(bus, first, rows("a"))
    with pytest.raises(Fenced):
        await keyframe(other, second, rows("z"))


async def test_a_lost_acknowledgement_is_adopted(bus: Bus) -> None:
    """The message was stored, its publisher does not know: reading again finds it, with its events to be announced."""
    writer = await open_table(bus)
    await keyframe(bus, writer, rows("a"))
    planned = writer.plan_delta(list(rows("b").values()), [], NOW, "unsure")
    await publish_part(bus, "c", planned[0], writer.fence)
    with pytest.raises(Fenced):
        await publish_part(bus, "c", planned[0], writer.fence)
    heir = await open_table(bus, memory=writer)
    assert [applied.frame_id for applied in heir.unannounced] == ["unsure"]
    await delta(bus, heir, rows("c"))


async def test_a_big_table_travels_in_parts_and_old_frames_go(bus: Bus) -> None:
    """5,000 rows are several messages under 1 MB; after the keyframe nothing older is on the subject."""
    writer = await open_table(bus)
    await keyframe(bus, writer, rows("old"))
    await delta(bus, writer, rows("older"))
    table = rows(*(f"{n:040d}" for n in range(5000)))
    await keyframe(bus, writer, table)
    messages = await read_subject(bus, "c")
    assert [frame.part for _, frame in messages if frame] == list(range(len(messages)))
    assert len(messages) >= 5
    heir = await open_table(bus)
    assert heir.table is not None
    assert heir.table.rows == table
    async with following(bus) as replica:
        await until(lambda: _shows(replica), what="the replica caught up")
        assert len(_shows(replica) or {}) == 5000


async def test_reading_a_table_leaves_nothing_at_the_server(bus: Bus) -> None:
    """No consumer stays behind: the server takes 1,000 of them, and then nobody reads any table."""
    writer = await open_table(bus)
    await keyframe(bus, writer, rows("a"))
    for _ in range(3):
        assert len(await read_subject(bus, "c")) == 1
    assert (await bus.js.stream_info(subjects.FRAMES)).state.consumer_count == 0


async def test_replicas_follow_every_client_live(bus: Bus, other: Bus) -> None:
    """Two subjects, keyframes and deltas, and each listener hears what changed."""
    one, two = await open_table(bus, "one"), await open_table(bus, "two")
    await keyframe(bus, one, rows("a"), "one")
    async with following(other) as replica:
        heard: list[tuple[str, FrameKind, list[str]]] = []

        def hear(client: str, applied: Applied) -> None:
            heard.append((client, applied.kind, [change.id for change in applied.changes]))

        replica.on_frame.append(hear)
        await until(lambda: replica.caught_up, what="caught up")
        assert replica.table("two") is None
        await keyframe(bus, two, rows("x"), "two")
        await delta(bus, one, rows("b"), ["a"], "one")
        await until(lambda: len(heard) == 2, what="both heard")
        assert heard == [("two", FrameKind.KEY, []), ("one", FrameKind.DELTA, ["a", "b"])]
        assert (_shows(replica, "one"), _shows(replica, "two")) == ({"b": 0}, {"x": 0})
        assert replica.clients() == ["one", "two"]


async def test_a_caller_reads_its_own_write(bus: Bus, other: Bus) -> None:
    """`reached` waits for a position that is still to come, and does not claim one that does not come."""
    writer = await open_table(bus)
    await keyframe(bus, writer, rows("a"))
    async with following(other) as replica:
        await until(lambda: replica.caught_up, what="caught up")
        assert not await replica.reached("c", Position(writer.incarnation, writer.fence + 1), 0.2)
        assert not await replica.reached("c", Position("a newer incarnation", writer.fence + 1), 0.2)
        waiting = asyncio.create_task(replica.reached("c", Position(writer.incarnation, writer.fence + 1), 5))
        await delta(bus, writer, rows("b"))
        assert await waiting
        assert set(_shows(replica) or {}) == {"a", "b"}


async def test_a_killed_server_costs_nothing(bus: Bus, other: Bus, nats_server: NatsForTest) -> None:
    """kill -9 and a restart: what was acknowledged is there, and the replica follows on."""
    writer = await open_table(bus)
    await keyframe(bus, writer, rows("a"))
    async with following(other) as replica:
        await until(lambda: _shows(replica), what="caught up")
        nats_server.kill()
        assert _shows(replica) == {"a": 0}
        with pytest.raises(BusUnavailable):
            await read_subject(bus, "c")
        nats_server.start()
        await until(lambda: bus.nc.is_connected, what="reconnected")
        await delta(bus, writer, rows("b"))
        await until(lambda: _shows(replica) == {"a": 0, "b": 0}, what="the replica follows", seconds=15)


async def test_a_doubt_lasts_until_the_next_replay(
    bus: Bus, other: Bus, nats_server: NatsForTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a server the old table stays visible, but nobody is told that it is the newest; later it is again."""
    monkeypatch.setattr(replica_module, "CHECK_EVERY", 0.1)
    writer = await open_table(bus)
    await keyframe(bus, writer, rows("a"))
    async with following(other) as replica:
        await until(lambda: replica.caught_up, what="caught up")
        assert await replica.ready() is None
        nats_server.kill()
        await until(lambda: not replica.caught_up, what="it doubts", seconds=15)
        assert _shows(replica) == {"a": 0}
        assert await replica.ready() == "the queue is being read"
        nats_server.start()
        await until(lambda: replica.caught_up, what="caught up again", seconds=15)
        assert await replica.ready() is None
        assert _shows(replica) == {"a": 0}


async def test_a_wiped_server_gets_the_table_from_memory(bus: Bus, other: Bus, nats_server: NatsForTest) -> None:
    """The stream is lost: its holder is refused, proves itself and publishes what it remembers; positions only rise."""
    writer = await open_table(bus)
    before = await keyframe(bus, writer, rows("a", "b"))
    async with following(other) as replica:
        await until(lambda: _shows(replica), what="caught up")
        await restart(nats_server, bus, wipe=True)
        with pytest.raises((Fenced, BusUnavailable)):
            await delta(bus, writer, rows("c"))
        heir = await open_table(bus, memory=writer)
        assert heir.baseline is not None
        after = await keyframe(bus, heir, heir.baseline.rows)
        assert after > before
        assert heir.incarnation != writer.incarnation
        reached = await replica.reached("c", Position(heir.incarnation, after), CHECK_EVERY + 5)
        assert reached
        assert _shows(replica) == {"a": 0, "b": 0}


async def test_a_recreated_stream_is_noticed(bus: Bus, other: Bus) -> None:
    """Deleted and made anew under a replica: within about 7 s it shows the new table and never an empty one."""
    writer = await open_table(bus)
    await keyframe(bus, writer, rows("a"))
    async with following(other) as replica:
        await until(lambda: _shows(replica), what="caught up")
        await bus.js.delete_stream(subjects.FRAMES)
        await bus.ensure_topology()
        assert await open_table(bus, "nobody") is not None
        await until(lambda: _shows(replica) is None, what="the old table is unknown now", seconds=CHECK_EVERY + 3)
        heir = await open_table(bus, memory=writer)
        await keyframe(bus, heir, rows("z"))
        await until(lambda: _shows(replica) == {"z": 0}, what="the new table")


async def test_a_replica_catches_up_when_the_last_message_is_gone(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """A forgotten client's frames were the stream's newest: nothing is left to wait for, and no check minds."""
    monkeypatch.setattr(replica_module, "CHECK_EVERY", 0.1)
    one, gone = await open_table(bus, "one"), await open_table(bus, "gone")
    await keyframe(bus, one, rows("a"), "one")
    await keyframe(bus, gone, rows("z"), "gone")
    await bus.js.purge_stream(subjects.FRAMES, subject=subjects.frames("gone"))
    async with following(bus) as replica:
        await until(lambda: replica.caught_up, what="caught up", seconds=5)
        resets: list[int] = []
        replica.on_reset.append(lambda: resets.append(1))
        await asyncio.sleep(2.5)  # at least two checks: one comes after each empty fetch of a second
        assert _shows(replica, "one") == {"a": 0}
        assert resets == [], "it replays again and again"


async def test_an_undecodable_message_does_not_stop_a_table(bus: Bus) -> None:
    """Damage on the subject is skipped and fenced behind."""
    writer = await open_table(bus)
    await keyframe(bus, writer, rows("a"))
    await bus.js.publish(subjects.frames("c"), b"garbage", stream=subjects.FRAMES)
    async with following(bus) as replica:
        await until(lambda: _shows(replica) == {"a": 0}, what="caught up over the damage")
        heir = await open_table(bus)
        await delta(bus, heir, rows("b"))
        await until(lambda: _shows(replica) == {"a": 0, "b": 0}, what="follows on")


async def test_an_orphaned_part_is_skipped(bus: Bus, other: Bus) -> None:
    """A publisher that died within a frame leaves a part behind; its successor publishes after it."""
    writer = await open_table(bus)
    await keyframe(bus, writer, rows("a"))
    planned = writer.plan_delta(list(rows("b").values()), ["a"], NOW, "torn")
    await publish_part(bus, "c", planned[0], writer.fence)
    heir = await open_table(other)
    assert heir.table is not None
    assert heir.table.rows == rows("a")
    await publish(other, heir, heir.plan_delta(list(rows("z").values()), [], NOW, "whole"))
    last = await open_table(bus)
    assert last.table is not None
    assert set(last.table.rows) == {"a", "z"}
