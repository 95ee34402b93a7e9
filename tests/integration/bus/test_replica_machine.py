"""The replicated table on a real NATS under random trouble; the exhaustive machine works on the pure rooms."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from typing import Any, ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from nats.js.errors import NotFoundError
from typing_extensions import override

from sluice_common.bus import replica as replica_module
from sluice_common.bus.connect import Bus, connect
from sluice_common.bus.replica import Replica, publish_part, purge_before
from sluice_common.contracts import frames, subjects
from sluice_common.contracts.commands import Position
from sluice_common.contracts.frames import Frame, Writer
from sluice_common.kit.errors import BusUnavailable, Fenced
from sluice_common.model.download import Download
from support.bus import NOW, following, open_table, restart
from support.nats import NatsForTest

T = TypeVar("T")
CHANGES = st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), min_size=1, max_size=4)


class Poller:
    """One connection with a writer; any doubt ends the writer and keeps its memory."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.writer: Writer | None = None
        self.memory: Writer | None = None

    async def open(self) -> Writer:
        if self.writer is None:
            self.writer, self.memory = await open_table(self.bus, memory=self.memory), None
        return self.writer

    def doubt(self) -> None:
        if self.writer is not None:
            self.writer, self.memory = None, self.writer

    async def publish(self, parts: list[Frame], *, acked: int) -> None:
        """Publish parts; the acknowledgements after number `acked` are lost, and then nothing more is sent."""
        assert self.writer is not None
        for number, part in enumerate(parts):
            try:
                sequence = await publish_part(self.bus, "c", part, self.writer.fence)
            except (Fenced, BusUnavailable):
                return self.doubt()
            if number >= acked:
                return self.doubt()
            self.writer.acked(part, sequence)
        return await purge_before(self.bus, "c", self.writer.purge_bound)


async def _recreate(bus: Bus) -> None:
    with suppress(NotFoundError):
        await bus.js.delete_stream(subjects.FRAMES)
    await bus.ensure_topology()


class BusMachine(RuleBasedStateMachine):
    """Two pollers on connections of their own, one replica that follows."""

    server: ClassVar[NatsForTest]

    def __init__(self) -> None:
        super().__init__()
        self.truth: dict[str, Download] = {}
        self.number = self.restarts = 0
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.pollers, self.replica = self._run(self._start())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    async def _start(self) -> tuple[list[Poller], Replica]:
        buses = [await self.stack.enter_async_context(connect(self.server.settings, name=f"p{n}")) for n in range(3)]
        await _recreate(buses[0])
        replica = await self.stack.enter_async_context(following(buses[2]))
        return [Poller(bus) for bus in buses[:2]], replica

    @initialize(changes=CHANGES)
    def begins(self, changes: list[tuple[str, bool]]) -> None:
        self.polls(0, changes, key=True, acked=9)

    @rule(which=st.integers(0, 1), changes=CHANGES, key=st.booleans(), acked=st.sampled_from([9, 9, 9, 0, 1]))
    def polls(self, which: int, changes: list[tuple[str, bool]], key: bool, acked: int) -> None:
        for download_id, there in changes:
            self.number += 1
            self.truth.pop(download_id, None)
            if there:
                self.truth[download_id] = Download(client="c", id=download_id, done=self.number)
        self._run(self._poll(self.pollers[which], key=key, acked=acked))

    @rule()
    def replica_agrees(self) -> None:
        self._run(self._agree())

    @precondition(lambda self: self.restarts < 1)
    @rule(wipe=st.booleans())
    def server_dies(self, wipe: bool) -> None:
        self.restarts += 1
        self._run(restart(self.server, *(poller.bus for poller in self.pollers), wipe=wipe))

    @rule()
    def stream_is_made_anew(self) -> None:
        self._run(_recreate(self.pollers[0].bus))

    @override
    def teardown(self) -> None:
        try:
            self._run(self._agree())
        finally:
            self._run(self.stack.aclose())
            self.runner.close()

    async def _poll(self, poller: Poller, *, key: bool, acked: int) -> None:
        writer = await poller.open()
        writer.mark_announced(1_000_000)
        self.number += 1
        frame_id, known = f"f{self.number}", writer.baseline
        if key or writer.table is None:
            parts = writer.plan_keyframe(self.truth if known is None else known.rows, NOW, frame_id)
        else:
            before = writer.table.rows
            upserts = [row for row in self.truth.values() if before.get(row.id) != row]
            parts = writer.plan_delta(upserts, [gone for gone in before if gone not in self.truth], NOW, frame_id)
        await poller.publish(list(parts), acked=acked)

    async def _agree(self) -> None:
        """Until a poller's table is what the client says; the replica then shows exactly that."""
        poller = self.pollers[0]
        for _ in range(4):
            await self._poll(poller, key=False, acked=9)
        table = (await poller.open()).table
        assert table is not None
        assert table.rows == self.truth
        position = Position(table.incarnation, table.sequence)
        assert await self.replica.reached("c", position, 15), "the replica never showed the committed table"
        shown = self.replica.table("c")
        assert shown is not None
        assert (shown.incarnation, shown.sequence, shown.rows) == (table.incarnation, table.sequence, self.truth)


def test_a_replica_agrees_after_any_trouble(nats_server: NatsForTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills, wipes, recreated streams, torn frames, lost acknowledgements, two pollers: at last all see one table."""
    monkeypatch.setattr(frames, "MAX_PART_ROWS", 1)
    monkeypatch.setattr(replica_module, "CHECK_EVERY", 0.2)
    monkeypatch.setattr(BusMachine, "server", nats_server, raising=False)
    few = settings(
        max_examples=15,
        stateful_step_count=15,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],  # a failing example costs its patience: no hundred of them to make it smaller
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(BusMachine, settings=few)
