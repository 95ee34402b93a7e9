"""A frame is cut so that each of its parts fits a message; parts that no frame needs are found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
import pytest

from sluice_common.contracts import frames
from sluice_common.contracts.frames import Frame, FrameKind, Tombstone, Writer, orphans
from sluice_common.model.download import Download

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROWS = {f"{number:02}": Download(client="c", id=f"{number:02}", epoch="e") for number in range(10)}
# All of these rows weigh the same.
WEIGHT = len(msgspec.msgpack.encode(ROWS["00"]))


def commit(writer: Writer, planned: Sequence[Frame]) -> None:
    for frame in planned:
        writer.acked(frame, writer.fence + 1)


def lengths(rows: dict[str, Download]) -> list[int]:
    """How many rows each part of a keyframe has."""
    planned = Writer("i", None, 0).plan_keyframe(rows, NOW, "k")
    assert [row for frame in planned for row in frame.upserts] == list(rows.values())
    return [len(frame.upserts) for frame in planned]


@pytest.mark.parametrize("number", [1, 999, 1000, 1001, 5000])
def test_every_part_fits_a_message(number: int) -> None:
    """However many rows and however long their words, no part comes near NATS's 1 MB, even uncompressed."""
    rows = {str(n): Download(client="c", id=str(n), name="x" * 900, message="y" * 300) for n in range(number)}
    planned = Writer("i", None, 0).plan_keyframe(rows, NOW, "k")
    assert max(len(msgspec.msgpack.encode(frame)) for frame in planned) < 800_000
    assert [frame.part for frame in planned] == list(range(planned[0].parts))
    assert {row.id for frame in planned for row in frame.upserts} == rows.keys()


def test_many_removals_are_cut_too() -> None:
    """Forgetting 30,000 rows is a frame like any other."""
    ids = [f"{n:040d}" for n in range(30_000)]
    writer = Writer("i", None, 0)
    commit(
        writer, writer.plan_keyframe({number: Download(client="c", id=number, epoch="e") for number in ids}, NOW, "k")
    )
    planned = writer.plan_delta([], ids, NOW, "d")
    assert max(len(msgspec.msgpack.encode(frame)) for frame in planned) < 800_000
    commit(writer, planned)
    assert writer.table is not None
    assert (len(writer.table.rows), len(writer.table.tombstones)) == (0, 30_000)
    writer.mark_announced(2)
    key = writer.plan_keyframe({}, NOW, "k2")
    assert max(len(msgspec.msgpack.encode(frame)) for frame in key) < 800_000


def test_parts_are_filled_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many rows as a part may have, and no part more than needed."""
    monkeypatch.setattr(frames, "MAX_PART_ROWS", 4)
    assert lengths(ROWS) == [4, 4, 2]


def test_parts_are_filled_by_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many bytes as a part may have; a row that is too large alone is a part of its own and takes none along."""
    monkeypatch.setattr(frames, "MAX_PART_BYTES", 3 * WEIGHT)
    assert lengths(ROWS) == [3, 3, 3, 1]
    monkeypatch.setattr(frames, "MAX_PART_BYTES", 3 * WEIGHT - 1)
    assert lengths(ROWS) == [2, 2, 2, 2, 2]
    large = Download(client="c", id="large", name="x" * 4 * WEIGHT)
    assert lengths({"large": large}) == [1]
    assert lengths({"00": ROWS["00"], "large": large, "01": ROWS["01"]}) == [1, 1, 1]


def test_what_goes_is_told_before_what_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Removals and tombstones have parts of their own, before the rows, and none where there are none."""
    monkeypatch.setattr(frames, "MAX_PART_REMOVED", 2)
    monkeypatch.setattr(frames, "MAX_PART_TOMBSTONES", 2)
    writer = Writer("i", None, 0)
    commit(writer, writer.plan_keyframe(ROWS, NOW, "k"))
    delta = writer.plan_delta([ROWS["00"]], ["00", "01", "02"], NOW, "d")
    assert [(frame.removed, len(frame.upserts)) for frame in delta] == [(("00", "01"), 0), (("02",), 0), ((), 1)]
    assert [frame.removed for frame in writer.plan_delta([], ["00"], NOW, "d")] == [("00",)]
    assert [frame.parts for frame in writer.plan_delta([], [], NOW, "d")] == [1]
    commit(writer, writer.plan_delta([], ["00", "01", "02"], NOW, "d"))
    writer.mark_announced(2)
    stones = [Tombstone(name, "e", NOW) for name in ("00", "01", "02")]
    assert [list(frame.tombstones) for frame in writer.plan_keyframe({}, NOW, "k2")] == [stones[:2], stones[2:]]
    last = writer.plan_keyframe({"09": ROWS["09"]}, NOW, "k3")
    assert [len(frame.upserts) for frame in last] == [0, 0, 1]


@pytest.mark.parametrize(
    ("subject", "superfluous"),
    [
        ("", ""),
        ("a0/1 b0/1", ""),
        ("a0/2 a1/2 b0/2 b1/2 c0/1", ""),
        # Cut off, and another frame after it.
        ("a0/2 b0/1", "a0"),
        ("a0/3 a1/3 b0/2 b1/2 c0/1", "a0 a1"),
        # Without its first part, or not in order.
        ("a1/2 b0/1", "a1"),
        ("a0/2 b1/2 c0/1", "a0 b1"),
        ("a0/3 a2/3 b0/1", "a0 a2"),
        # One after another, with damage in between.
        ("a0/2 ?1 b0/2 c1/2 ?2 d0/1 e0/2 f0/1", "a0 ?1 b0 c1 ?2 e0"),
        ("?1 ?2 a0/1", "?1 ?2"),
        # The last message is the fence, whatever it is.
        ("a0/1 b0/2", ""),
        ("a0/1 b0/3 b1/3", "b0"),
        ("a0/2 ?1", "a0"),
        ("?1", ""),
    ],
)
def test_what_no_complete_frame_needs(subject: str, superfluous: str) -> None:
    """A full stream gets room again and loses no table: all that goes is rubbish, and all rubbish but the fence."""
    messages = [(10 + 3 * place, part_of(word)) for place, word in enumerate(subject.split())]
    names = {10 + 3 * place: word.partition("/")[0] for place, word in enumerate(subject.split())}
    assert [names[sequence] for sequence in orphans(messages)] == superfluous.split()


def part_of(word: str) -> Frame | None:
    """`a1/3` is the second part of frame a, which has three; what begins with ? is damaged."""
    if word.startswith("?"):
        return None
    part, _, parts = word[1:].partition("/")
    return Frame(
        incarnation="i",
        frame_id=word[0],
        number=1,
        kind=FrameKind.KEY,
        previous=0,
        part=int(part),
        parts=int(parts),
        polled_at=NOW,
        announced=0,
    )
