"""The replicated table under every interleaving: two pollers, late messages, crashes, purges, wipes, readers.

What must hold is in the invariants; `tests/unit/common/contracts` runs the machine, and runs it against broken code.
"""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from typing_extensions import override

from sluice_common.contracts.frames import Frame, FrameKind, adopt
from sluice_common.model.download import Download
from support.replicated_table import Committed, EventId, Fate, Follower, Poller, Refused, Step, Subject, events_of

POLLERS = st.integers(0, 1)
READERS = st.integers(0, 2)
CHANGES = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from([True, True, True, False])), min_size=1, max_size=4
)
KINDS = st.sampled_from(["delta", "delta", "delta", "key", "tidy", "tidy"])
FATES = st.sampled_from([*[Fate.OK] * 6, Fate.ACK_LOST, Fate.LOST, Fate.LATE, Fate.PAUSED])


class TableMachine(RuleBasedStateMachine):
    """See the module. `holder` is the poller whose lease is proven; the other may be a zombie with a stale writer."""

    def __init__(self) -> None:
        super().__init__()
        self.subject = self.make_subject()
        self.pollers = [Poller("A", self.subject, self._id), Poller("B", self.subject, self._id)]
        self.holder = self.pollers[0]
        self.readers = [Follower(self.subject)]
        self.truth: dict[str, Download] = {}
        self.late: list[tuple[Poller, Frame, int]] = []
        self.announced: set[EventId] = set()
        self.news: dict[EventId, Step] = {}
        self.facts: dict[EventId, Step] = {}
        self.owed: dict[str, Committed] = {}
        self.clock = 0

    def make_subject(self) -> Subject:
        return Subject()

    def _id(self) -> str:
        self.clock += 1
        return f"id{self.clock}"

    @initialize(polls=st.lists(CHANGES, min_size=1, max_size=3))
    def starts(self, polls: list[list[tuple[str, bool]]]) -> None:
        """Some history first, so that short examples reach the interesting places."""
        for changes in polls:
            self.holder_polls(changes, "delta", 9, Fate.OK, True)

    # -- pollers ----------------------------------------------------------------------------------------------------

    @rule(changes=CHANGES, kind=KINDS, at=st.integers(0, 2), fate=FATES, purges=st.booleans())
    def holder_polls(self, changes: list[tuple[str, bool]], kind: str, at: int, fate: Fate, purges: bool) -> None:
        """The client changed, its poller commits that: `fate` befalls part number `at`.

        A keyframe over what is not announced has to be refused; with kind "tidy" all is announced first.
        """
        self._client_changes(changes)
        self._open_table()
        if kind == "tidy":
            self._announce(self.holder, 1000)
        self._commit(self.holder, key=kind != "delta", at=at, fate=fate, purges=purges)

    @rule(which=POLLERS, key=st.booleans(), at=st.integers(0, 2), fate=FATES, purges=st.booleans())
    def anyone_goes_on(self, which: int, key: bool, at: int, fate: Fate, purges: bool) -> None:
        """The holder, or a zombie that still believes in its writer, goes on with a frame or begins one."""
        self._commit(self.pollers[which], key=key, at=at, fate=fate, purges=purges)

    @rule(keeps_memory=st.booleans(), opens=st.booleans())
    def lease_moves(self, keeps_memory: bool, opens: bool) -> None:
        if self.subject.last is None:
            self.owed.clear()  # lost with the stream: who held them in memory is not the holder any more
        self.holder = self.pollers[self.holder is self.pollers[0]]
        if not keeps_memory:
            self.holder.crash()
        if opens:
            self._open_table()

    @rule(index=st.integers(0, 5))
    def late_message_arrives(self, index: int) -> None:
        if index < len(self.late):
            poller, frame, fence = self.late.pop(index)
            self._store(poller, frame, fence)

    @rule(which=POLLERS, count=st.integers(1, 8))
    def announce(self, which: int, count: int) -> None:
        """Publish `count` events; a frame's count as announced only when all of them were acknowledged."""
        self._announce(self.pollers[which], count)

    @rule(which=POLLERS, dies=st.booleans())
    def trouble(self, which: int, dies: bool) -> None:
        """The poller dies, or loses sight of what became of its last call."""
        poller = self.pollers[which]
        if not dies:
            return poller.doubt()
        poller.crash()
        if poller is self.holder and self.subject.last is None:
            self.owed.clear()
        return None

    @precondition(lambda self: self.subject.births < 4 and self.subject.last is not None)
    @rule(torn=st.booleans())
    def stream_is_lost(self, torn: bool) -> None:
        """Wiped and made anew. What only the stream knew is lost with it, what the holder remembers is not.

        With `torn` the holder is cut off after the first part of what it publishes there.
        """
        memory = self.holder.remembers
        kept = {applied.frame_id for applied in memory.unannounced} if memory else set()
        self.owed = {frame_id: owed for frame_id, owed in self.owed.items() if frame_id in kept}
        self.subject.wipe()
        # A message behind fence 0 dies with the connection; every other is refused by the new stream.
        self.late = [message for message in self.late if message[2]]
        if torn:
            self.holder.doubt()
            self._open_table()
            self._announce(self.holder, 1000)
            self._commit(self.holder, key=True, at=0, fate=Fate.ACK_LOST, purges=False)

    # -- readers ----------------------------------------------------------------------------------------------------

    @rule(which=READERS, count=st.integers(0, 3), missed=st.sampled_from(["", "lost", "damaged"]))
    def reader_reads(self, which: int, count: int, missed: str) -> None:
        """Some messages arrive; then perhaps one gets lost or damaged unnoticed, and two more arrive."""
        follower = self.readers[which % len(self.readers)]
        follower.step(count)
        self._is_committed(follower)
        if missed == "lost":
            follower.skip()
        elif missed == "damaged":
            follower.step(1, damage=True)
        follower.step(2)

    @rule(which=READERS, joins=st.booleans())
    def reader_starts(self, which: int, joins: bool) -> None:
        """A reader joins, or one makes its periodic check."""
        if joins:
            self.readers = [*self.readers, Follower(self.subject)][-3:]
        else:
            self.readers[which % len(self.readers)].catch_up()

    # -- what must hold ---------------------------------------------------------------------------------------------

    @invariant()
    def readers_hold_a_committed_table_or_know_that_they_do_not(self) -> None:
        for follower in self.readers:
            self._is_committed(follower)

    @invariant()
    def whoever_replays_now_holds_the_last_committed_table(self) -> None:
        fresh = Follower(self.subject)
        fresh.catch_up()
        table, last = fresh.reader.table, self.subject.last
        if last is None:
            assert table is None, "a table out of nothing"
            return
        assert table is not None, "the committed table is lost: no complete keyframe to start from"
        assert (table.incarnation, table.sequence) == (last.incarnation, last.sequence)
        self._is_committed(fresh)

    @invariant()
    def what_is_not_announced_can_still_be_derived(self) -> None:
        heir = adopt(self.subject.read(), "probe", memory=self.holder.remembers)
        derived = {applied.frame_id: events_of(applied) for applied in heir.unannounced}
        for frame_id, owed in self.owed.items():
            assert derived.get(frame_id) == owed.events, f"the events of {frame_id} cannot be derived any more"

    @invariant()
    def only_what_was_committed_is_announced(self) -> None:
        for event_id, step in self.news.items():
            assert self.facts.get(event_id) == step, f"{event_id} was announced and never committed"
        self.news.clear()

    @override
    def teardown(self) -> None:
        """When the trouble is over, one poll is enough: all announced, every reader current."""
        self.late.clear()
        self.holder.doubt()
        for kind in ("tidy", "delta", "delta", "tidy"):
            self.holder_polls([], kind, 9, Fate.OK, True)
        self._announce(self.holder, 1000)
        assert not self.owed, "not everything was announced"
        assert self.subject.last is not None
        assert self.subject.last.rows == self.truth, "the table never became what the client says"
        for follower in self.readers:
            follower.catch_up()
            follower.replay()
            follower.catch_up()
            assert follower.reader.table is not None
            assert follower.reader.table.rows == self.truth

    # -- steps ------------------------------------------------------------------------------------------------------

    def _is_committed(self, follower: Follower) -> None:
        table = follower.reader.table
        if table is None:
            return
        known = self.subject.committed.get(table.sequence)
        assert known is not None, "a reader shows what was never committed"
        assert table.incarnation == known.incarnation
        assert table.rows == known.rows
        assert set(table.tombstones) == known.tombstones

    def _open_table(self) -> None:
        holder = self.holder
        if holder.writer is not None:
            return
        remembered = holder.memory is not None and holder.memory.baseline is not None
        writer = holder.adopt()
        assert writer.baseline is not None or not remembered, "what the holder remembered is forgotten"

    def _client_changes(self, changes: list[tuple[str, bool]]) -> None:
        for download_id, there in changes:
            self.clock += 1
            self.truth.pop(download_id, None)
            if there:
                self.truth[download_id] = Download(client="c", id=download_id, epoch="e", done=self.clock)

    def _commit(self, poller: Poller, *, key: bool, at: int, fate: Fate, purges: bool) -> None:
        if poller.writer is not None and not poller.planned:
            self.clock += 1
            poller.plan(self.truth, self.clock, key=key)
        while poller.planned:
            here = fate if at == 0 else Fate.OK
            if here is Fate.PAUSED:
                break
            self._publish(poller, here)
            at -= 1
        if purges and poller.writer is not None:
            self.subject.purge_before(poller.writer.purge_bound)

    def _publish(self, poller: Poller, fate: Fate) -> None:
        frame, fence = poller.take_part()
        if fence == 0 and poller is not self.holder:
            return poller.doubt()  # over an empty subject only with a lease proven now
        if fate is Fate.OK:
            sequence = self._store(poller, frame, fence)
            if sequence is None or poller.writer is None:
                return poller.doubt()
            poller.writer.acked(frame, sequence)
            return None
        if fate is Fate.ACK_LOST:
            self._store(poller, frame, fence)
        elif fate is Fate.LATE:
            self.late.append((poller, frame, fence))
        return poller.doubt()

    def _store(self, poller: Poller, frame: Frame, fence: int) -> int | None:
        first = self.subject.last is None
        try:
            sequence, committed = self.subject.publish(frame, fence)
        except Refused:
            return None
        if committed is not None:
            self._committed(poller, frame, committed, first=first)
        return sequence

    def _committed(self, poller: Poller, frame: Frame, committed: Committed, *, first: bool) -> None:
        if frame.kind is FrameKind.KEY:
            if first and poller is not self.holder:
                self.owed.clear()
            assert not self.owed, "a keyframe was published over frames that are not announced"
            return
        self.facts.update(committed.events)
        if not committed.events.keys() <= self.announced:
            self.owed[committed.frame_id] = committed

    def _announce(self, poller: Poller, count: int) -> None:
        while count > 0 and poller.writer is not None and poller.writer.unannounced:
            applied = poller.writer.unannounced[0]
            events = events_of(applied)
            self.news.update(list(events.items())[:count])
            self.announced.update(list(events)[:count])
            if count >= len(events):
                poller.writer.mark_announced(applied.number)
            owed = self.owed.get(applied.frame_id)
            if owed is not None and owed.events.keys() <= self.announced:
                del self.owed[applied.frame_id]
            count -= max(1, len(events))
