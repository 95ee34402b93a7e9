"""The replicated table: one client's downloads as keyframes and deltas, read and written by pure state machines.

A reader fed every message of a subject in order holds the last committed table, or knows that it does not know
(`rows is None`). A writer plans frames on top of a table it has read to the end, and never publishes a keyframe while
an earlier frame's events are not all announced. Nothing here does IO; `bus/replica.py` and the poller move the frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

import msgspec

from sluice_common.model.download import Download

T = TypeVar("T")

# Every message stays well under the bus's 1 MB even if nothing compresses.
MAX_PART_ROWS = 1000
MAX_PART_BYTES = 700_000
MAX_PART_REMOVED = 10_000
MAX_PART_TOMBSTONES = 5_000
TOMBSTONE_LIFE = timedelta(days=1)


class FrameKind(StrEnum):
    """A keyframe carries the whole table, a delta what changed."""

    KEY = "key"
    DELTA = "delta"


class Tombstone(msgspec.Struct, frozen=True, array_like=True):
    """What a removed row leaves behind, so that the same item coming back gets a new epoch."""

    id: str
    epoch: str
    removed_at: datetime


class Frame(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """One message on a client's subject: part `part` (from 0) of `parts`.

    `previous` is the stream sequence of the last part of the last complete frame, 0 for none. `announced` is the
    number of the newest frame of this incarnation whose events, and those of all before it, are acknowledged.
    """

    incarnation: str
    frame_id: str
    number: int
    kind: FrameKind
    previous: int
    part: int
    parts: int
    polled_at: datetime
    announced: int
    upserts: tuple[Download, ...] = ()
    removed: tuple[str, ...] = ()
    tombstones: tuple[Tombstone, ...] = ()


class Change(msgspec.Struct, frozen=True):
    """One row's step; `before` is None for a new row, `after` for one that went."""

    before: Download | None
    after: Download | None

    @property
    def id(self) -> str:
        """The row's id."""
        row = self.after or self.before
        assert row is not None
        return row.id


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """A complete frame that became the table. A keyframe has no changes: it is no transition."""

    incarnation: str
    frame_id: str
    number: int
    kind: FrameKind
    sequence: int
    polled_at: datetime
    changes: tuple[Change, ...] = ()


class Outcome(StrEnum):
    """What feeding one message did besides completing a frame."""

    PENDING = "pending"
    IGNORED = "ignored"
    MISMATCH = "mismatch"


class Table(msgspec.Struct):
    """A committed table and where in the stream it was committed. Mutated by its one owner only."""

    incarnation: str
    number: int
    sequence: int
    announced: int
    polled_at: datetime
    rows: dict[str, Download]
    tombstones: dict[str, Tombstone]


class Reader:
    """Messages in, the table out.

    `table` is None while no complete keyframe was seen (deltas alone mean an unknown table, never an empty one).
    `fence` is the sequence of the last message seen, orphaned parts included. `keyframe_start` is the sequence of the
    newest complete keyframe's first part, 0 before one: nothing that is older is needed any more.
    """

    def __init__(self) -> None:
        self.table: Table | None = None
        self.fence = self.keyframe_start = self._start = 0
        self._parts: list[Frame] = []

    def feed(self, sequence: int, frame: Frame) -> Applied | Outcome:
        """Take the next message. MISMATCH: a frame is missing in between; the table is dropped, replay."""
        if sequence <= self.fence:
            return Outcome.IGNORED
        self.fence = sequence
        if frame.part == 0:
            self._start = sequence
        if not self._collect(self._deduplicated(frame)):
            return Outcome.IGNORED
        if len(self._parts) < frame.parts:
            return Outcome.PENDING
        parts, self._parts = self._parts, []
        return self._apply_key(sequence, parts) if frame.kind is FrameKind.KEY else self._apply_delta(sequence, parts)

    def damaged(self, sequence: int) -> Outcome:
        """A message on the subject could not be decoded: whatever it was, what follows cannot be trusted to fit."""
        self.fence = max(self.fence, sequence)
        self._parts = []
        return Outcome.IGNORED

    def _deduplicated(self, frame: Frame) -> Frame:
        """A keyframe's part with the rows that are there already where they are the same.

        Whoever holds them then need not hold them twice, nor compare them field by field.
        """
        if frame.kind is not FrameKind.KEY or self.table is None:
            return frame
        rows = self.table.rows
        kept = tuple([known if (known := rows.get(row.id)) == row else row for row in frame.upserts])
        return msgspec.structs.replace(frame, upserts=kept)

    def _collect(self, frame: Frame) -> bool:
        if frame.part == 0:
            self._parts = [frame]
            return True
        if frame.part != len(self._parts) or frame.frame_id != self._parts[0].frame_id:
            self._parts = []
            return False
        self._parts.append(frame)
        return True

    def _apply_key(self, sequence: int, parts: Sequence[Frame]) -> Applied:
        rows = {row.id: row for part in parts for row in part.upserts}
        tombstones = {stone.id: stone for part in parts for stone in part.tombstones}
        head = parts[0]
        self.keyframe_start = self._start
        self.table = Table(head.incarnation, head.number, sequence, head.announced, head.polled_at, rows, tombstones)
        return _applied(sequence, head, ())

    def _apply_delta(self, sequence: int, parts: Sequence[Frame]) -> Applied | Outcome:
        head, table = parts[0], self.table
        if table is None:
            return Outcome.IGNORED
        if head.incarnation != table.incarnation or head.previous != table.sequence:
            self.table = None
            return Outcome.MISMATCH
        changes = tuple(_step(table, parts, head.polled_at))
        table.number, table.sequence = head.number, sequence
        table.announced, table.polled_at = head.announced, head.polled_at
        return _applied(sequence, head, changes)


def _applied(sequence: int, head: Frame, changes: tuple[Change, ...]) -> Applied:
    return Applied(
        incarnation=head.incarnation,
        frame_id=head.frame_id,
        number=head.number,
        kind=head.kind,
        sequence=sequence,
        polled_at=head.polled_at,
        changes=changes,
    )


def _step(table: Table, parts: Sequence[Frame], polled_at: datetime) -> Iterator[Change]:
    """Apply a delta's rows in place. The generator must be exhausted."""
    for part in parts:
        for download_id in part.removed:
            before = table.rows.pop(download_id, None)
            if before is not None:
                table.tombstones[download_id] = Tombstone(download_id, before.epoch, polled_at)
                yield Change(before, None)
        for row in part.upserts:
            before = table.rows.get(row.id)
            table.rows[row.id] = row
            table.tombstones.pop(row.id, None)
            yield Change(before, row)


class Unannounced(RuntimeError):
    """A keyframe was asked for while earlier frames' events are not acknowledged; purging them would lose events."""


class Writer:
    """Plans frames for one table. One frame at a time: `plan…`, then `acked` per part; any doubt makes it useless.

    After a refusal or a missing acknowledgement throw the writer away and `adopt` again: the outcome is unknown.
    `unannounced` are committed transitions whose events are still to be published, oldest first. `baseline` is the
    table that the next poll is compared with: the committed one, or what a writer remembered when its stream was lost.
    """

    def __init__(self, incarnation: str, table: Table | None, fence: int, unannounced: Iterable[Applied] = ()) -> None:
        self.incarnation = table.incarnation if table is not None else incarnation
        self.fence = fence
        self.unannounced: list[Applied] = list(unannounced)
        self._memory: Table | None = None
        self._reader = Reader()
        self._reader.table = table
        self._reader.fence = fence
        self._number = table.number if table is not None else 0
        self._delta_rows = 0

    @property
    def table(self) -> Table | None:
        """The committed table; None before the first keyframe."""
        return self._reader.table

    @property
    def baseline(self) -> Table | None:
        """What the next poll is compared with; None means that nothing is known of this client."""
        return self.table or self._memory

    @property
    def purge_bound(self) -> int:
        """Everything before this sequence may be purged: where the newest complete keyframe starts; 0 for nothing."""
        return self._reader.keyframe_start

    @property
    def announced(self) -> int:
        """The number of the newest frame before which nothing is left to announce."""
        return self.unannounced[0].number - 1 if self.unannounced else self._number

    def mark_announced(self, number: int) -> None:
        """All events of the frames up to `number` are acknowledged."""
        self.unannounced = [applied for applied in self.unannounced if applied.number > number]

    def wants_keyframe(self) -> bool:
        """Whether the deltas since the last keyframe outweigh a new one, or there is no table yet."""
        table = self.table
        return table is None or self._delta_rows > max(len(table.rows), 100)

    def plan_keyframe(self, rows: Mapping[str, Download], polled_at: datetime, frame_id: str) -> list[Frame]:
        """The whole table as parts. Raises Unannounced while earlier frames' events are not all acknowledged."""
        if self.unannounced:
            raise Unannounced(f"frames since {self.announced} are not announced")
        stones = () if self.baseline is None else self.baseline.tombstones.values()
        live = tuple(stone for stone in stones if polled_at - stone.removed_at < TOMBSTONE_LIFE)
        return self._plan(FrameKind.KEY, list(rows.values()), (), live, polled_at, frame_id)

    def plan_delta(
        self, upserts: Sequence[Download], removed: Sequence[str], polled_at: datetime, frame_id: str
    ) -> list[Frame]:
        """What changed as parts; only on top of a table."""
        assert self.table is not None
        return self._plan(FrameKind.DELTA, upserts, removed, (), polled_at, frame_id)

    def _plan(
        self,
        kind: FrameKind,
        upserts: Sequence[Download],
        removed: Sequence[str],
        tombstones: Sequence[Tombstone],
        polled_at: datetime,
        frame_id: str,
    ) -> list[Frame]:
        slices = _slices(upserts, removed, tombstones)
        previous = self.table.sequence if self.table is not None else 0
        return [
            Frame(
                incarnation=self.incarnation,
                frame_id=frame_id,
                number=self._number + 1,
                kind=kind,
                previous=previous,
                part=part,
                parts=len(slices),
                polled_at=polled_at,
                announced=self.announced,
                upserts=rows,
                removed=ids,
                tombstones=stones,
            )
            for part, (rows, ids, stones) in enumerate(slices)
        ]

    def acked(self, frame: Frame, sequence: int) -> Applied | None:
        """Part `frame` is stored at `sequence`; with its last part the frame is committed and returned."""
        outcome = self._reader.feed(sequence, frame)
        self.fence = sequence
        if not isinstance(outcome, Applied):
            assert outcome is Outcome.PENDING, f"our own frame does not fit: {outcome}"
            return None
        self._number = outcome.number
        if outcome.kind is FrameKind.KEY:
            self._delta_rows = 0
        else:
            self._delta_rows += len(outcome.changes)
            self.unannounced.append(outcome)
        return outcome


def adopt(messages: Iterable[tuple[int, Frame | None]], incarnation: str, *, memory: Writer | None = None) -> Writer:
    """A writer on top of what the subject holds, with every transition after `announced` to be announced (again).

    `messages` are all of the subject's, in order, as (sequence, frame or None where undecodable). A subject without a
    complete table (an empty one, or half of a keyframe whose publishing was cut off) starts a new incarnation; there
    `memory`, the writer that was refused, keeps its table and its unannounced transitions. The caller proves its lease
    first.
    """
    reader, transitions = Reader(), list[Applied]()
    for sequence, frame in messages:
        outcome = reader.damaged(sequence) if frame is None else reader.feed(sequence, frame)
        if isinstance(outcome, Applied):
            if outcome.kind is FrameKind.KEY:
                transitions.clear()
            else:
                transitions.append(outcome)
    table = reader.table
    if table is None and memory is not None:
        return _reincarnate(memory, incarnation, reader.fence)
    unannounced = [applied for applied in transitions if table is not None and applied.number > table.announced]
    writer = Writer(incarnation, table, reader.fence, unannounced)
    writer._reader.keyframe_start = reader.keyframe_start
    writer._delta_rows = sum(len(applied.changes) for applied in transitions)
    return writer


def orphans(messages: Sequence[tuple[int, Frame | None]]) -> list[int]:
    """Sequences that no complete frame needs: what to delete when the stream is full.

    The last message is never among them: it is the fence.
    """
    left: list[int] = []
    parts: list[tuple[int, Frame]] = []
    for sequence, frame in messages:
        if frame is not None and parts and frame.frame_id == parts[0][1].frame_id and frame.part == len(parts):
            parts.append((sequence, frame))
        else:
            left += [orphan for orphan, _ in parts]
            parts = [(sequence, frame)] if frame is not None and frame.part == 0 else []
            left += [] if parts else [sequence]
        if parts and len(parts) == parts[0][1].parts:
            parts = []
    left += [orphan for orphan, _ in parts]
    return [sequence for sequence in left if sequence != messages[-1][0]]


def _reincarnate(memory: Writer, incarnation: str, fence: int) -> Writer:
    """The stream was lost: no table is committed there, so the first frame will be a keyframe."""
    writer = Writer(incarnation, None, fence, memory.unannounced)
    writer._number, writer._memory = memory._number, memory.baseline
    return writer


def _slices(
    upserts: Sequence[Download], removed: Sequence[str], tombstones: Sequence[Tombstone]
) -> list[tuple[tuple[Download, ...], tuple[str, ...], tuple[Tombstone, ...]]]:
    """Cut a frame so that each part stays small; an empty frame is one empty part."""
    return [
        *(((), ids, ()) for ids in _batched(removed, MAX_PART_REMOVED)),
        *(((), (), stones) for stones in _batched(tombstones, MAX_PART_TOMBSTONES)),
        *((rows, (), ()) for rows in _weighed(upserts)),
    ] or [((), (), ())]


def _weighed(rows: Sequence[Download]) -> Iterator[tuple[Download, ...]]:
    """Rows in parts of so many and of so many bytes; a row that is too large alone is a part of its own."""
    for batch in _batched(rows, MAX_PART_ROWS):
        if len(msgspec.msgpack.encode(batch)) <= MAX_PART_BYTES:
            yield batch
        else:
            yield from _weighed_singly(batch)


def _weighed_singly(rows: Iterable[Download]) -> Iterator[tuple[Download, ...]]:
    batch: list[Download] = []
    weight = 0
    for row in rows:
        size = len(msgspec.msgpack.encode(row))
        if batch and weight + size > MAX_PART_BYTES:
            yield tuple(batch)
            batch, weight = [], 0
        batch.append(row)
        weight += size
    if batch:
        yield tuple(batch)


def _batched(values: Sequence[T], size: int) -> Iterator[tuple[T, ...]]:
    for start in range(0, len(values), size):
        yield tuple(values[start : start + size])
