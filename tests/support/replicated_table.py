"""A simulated subject and pollers around the real frame machines, with an oracle that knows what was committed.

The oracle shares no code with `contracts/frames`: it sees stored messages only. Randomness, time and faults are
decided by whoever drives it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sluice_common.contracts import codec
from sluice_common.contracts.frames import Applied, Frame, FrameKind, Outcome, Reader, Unannounced, Writer, adopt
from sluice_common.model.download import Download

START = datetime(2026, 1, 1, tzinfo=UTC)
BIRTHS_APART = 1_000_000
EventId = tuple[str, str, bool, bool]
Step = tuple[Download | None, Download | None]


class Refused(Exception):
    """The fence was not the subject's last sequence."""


class Fate(StrEnum):
    """What becomes of one published message."""

    OK = "ok"
    ACK_LOST = "ack_lost"
    LOST = "lost"
    LATE = "late"
    PAUSED = "paused"


@dataclass
class Committed:
    """What the oracle saw become the table at `sequence`."""

    incarnation: str
    frame_id: str
    sequence: int
    rows: dict[str, Download]
    tombstones: set[str]
    events: dict[EventId, Step] = field(default_factory=dict)


def event_ids(frame_id: str, steps: Iterable[Step]) -> dict[EventId, Step]:
    """One event per changed row, with an id that does not depend on who derives it."""
    found = {}
    for before, after in steps:
        row = after or before
        assert row is not None
        found[frame_id, row.id, before is None, after is None] = (before, after)
    return found


def events_of(applied: Applied) -> dict[EventId, Step]:
    """The events that the machine under test derives from a transition."""
    return event_ids(applied.frame_id, [(change.before, change.after) for change in applied.changes])


class Subject:
    """One client's subject on a stream that is shared with others (so sequences have gaps), and its oracle."""

    def __init__(self) -> None:
        self.messages: list[tuple[int, bytes]] = []
        self.births = 1
        self.honours_fence = True
        self.committed: dict[int, Committed] = {}
        self.last: Committed | None = None
        self._sequence = BIRTHS_APART
        self._open: list[Frame] = []

    def publish(self, frame: Frame, fence: int) -> tuple[int, Committed | None]:
        """Store behind the fence; the sequence, and what this committed if it was a frame's last part."""
        if self.honours_fence and fence != (self.messages[-1][0] if self.messages else 0):
            raise Refused
        data = codec.pack(frame)
        self._sequence += 1 + len(data) % 3
        self.messages.append((self._sequence, data))
        return self._sequence, self._completes(codec.unpack(data, Frame))

    def purge_before(self, sequence: int) -> None:
        self.messages = [message for message in self.messages if message[0] >= sequence]

    def wipe(self) -> None:
        """The stream is lost and made anew, with a first sequence above every old one."""
        self.births += 1
        self._sequence = self.births * BIRTHS_APART
        self.messages, self._open, self.last = [], [], None

    def read(self) -> list[tuple[int, Frame | None]]:
        return [(sequence, codec.unpack(data, Frame)) for sequence, data in self.messages]

    def _completes(self, frame: Frame) -> Committed | None:
        if frame.part == 0:
            self._open = [frame]
        elif self._open and self._open[0].frame_id == frame.frame_id and len(self._open) == frame.part:
            self._open.append(frame)
        else:
            self._open = []
        if len(self._open) != frame.parts:
            return None
        parts, self._open = self._open, []
        self.last = self._keyframe(parts) if frame.kind is FrameKind.KEY else self._delta(parts)
        self.committed[self._sequence] = self.last
        return self.last

    def _keyframe(self, parts: list[Frame]) -> Committed:
        rows = {row.id: row for part in parts for row in part.upserts}
        stones = {stone.id for part in parts for stone in part.tombstones}
        if self.last is not None:
            assert rows == self.last.rows, "a keyframe changed the table: its transition has no events"
            assert stones == self.last.tombstones, "a keyframe forgot what was removed"
        return Committed(parts[0].incarnation, parts[0].frame_id, self._sequence, rows, stones)

    def _delta(self, parts: list[Frame]) -> Committed:
        last = self.last
        assert last is not None, "a delta was committed where there is no table"
        assert parts[0].previous == last.sequence, "a delta was committed on a table that is not the last: no fence"
        rows, stones, steps = dict(last.rows), set(last.tombstones), list[Step]()
        for gone in [gone for part in parts for gone in part.removed]:
            steps.append((rows.pop(gone), None))
            stones.add(gone)
        for row in [row for part in parts for row in part.upserts]:
            steps.append((rows.get(row.id), row))
            rows[row.id] = row
            stones.discard(row.id)
        events = event_ids(parts[0].frame_id, steps)
        return Committed(parts[0].incarnation, parts[0].frame_id, self._sequence, rows, stones, events)


class Poller:
    """Drives a real Writer the way the client-poller does: one frame at a time, any doubt ends the writer."""

    def __init__(self, name: str, subject: Subject, new_id: Callable[[], str]) -> None:
        self.name = name
        self.writer: Writer | None = None
        self.memory: Writer | None = None
        self.planned: list[Frame] = []
        self._subject = subject
        self._new_id = new_id

    @property
    def remembers(self) -> Writer | None:
        """What this poller would carry over to a lost stream."""
        return self.writer or self.memory

    def crash(self) -> None:
        self.writer = self.memory = None
        self.planned = []

    def doubt(self) -> None:
        """A refusal or no acknowledgement: the outcome is unknown, this writer is spent."""
        self.writer, self.memory = None, self.remembers
        self.planned = []

    def adopt(self) -> Writer:
        self.writer = adopt(self._subject.read(), self._new_id(), memory=self.memory)
        self.memory = None
        self.planned = []
        return self.writer

    def plan(self, polled: Mapping[str, Download], seconds: int, *, key: bool) -> None:
        """Plan what the poller would: a keyframe of what is known, or the difference to what was polled."""
        writer, at = self.writer, START + timedelta(seconds=seconds)
        assert writer is not None
        try:
            if key or writer.table is None:
                known = writer.baseline
                rows = polled if known is None else known.rows
                self.planned = list(writer.plan_keyframe(rows, at, self._new_id()))
            else:
                upserts, removed = difference(writer.table.rows, polled)
                self.planned = list(writer.plan_delta(upserts, removed, at, self._new_id()))
        except Unannounced:
            self.planned = []

    def take_part(self) -> tuple[Frame, int]:
        """The next planned part and the fence to publish it behind."""
        assert self.writer is not None
        return self.planned.pop(0), self.writer.fence


def difference(before: Mapping[str, Download], after: Mapping[str, Download]) -> tuple[list[Download], list[str]]:
    """Rows to upsert and ids to remove that turn `before` into `after`."""
    return [row for row in after.values() if before.get(row.id) != row], [gone for gone in before if gone not in after]


class Follower:
    """A reader of the subject that may lose messages and notice a recreated stream late."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self.replay()

    def replay(self) -> None:
        self.reader = Reader()
        self.birth = self._subject.births
        self._cursor = 0

    def step(self, count: int, damage: bool = False) -> None:
        """Read on; a mismatch starts over, as the replica does."""
        for sequence, frame in self._pending()[:count]:
            self._cursor = sequence
            outcome = self.reader.damaged(sequence) if damage else self.reader.feed(sequence, frame)
            if outcome is Outcome.MISMATCH:
                assert self.reader.table is None, "a table that does not fit was kept"
                return self.replay()
        return None

    def skip(self) -> None:
        """A message is lost on its way without anybody noticing."""
        for sequence, _ in self._pending()[:1]:
            self._cursor = sequence

    def catch_up(self) -> None:
        """The periodic check: a stream made anew is read from its start."""
        if self.birth != self._subject.births:
            self.replay()
        while self._pending():
            self.step(1000)

    def _pending(self) -> list[tuple[int, Frame]]:
        return [(seq, frame) for seq, frame in self._subject.read() if seq > self._cursor and frame is not None]
