"""Single promises of the frame machines, where one example says it all; the interleavings are the machine's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from sluice_common.contracts import codec, frames
from sluice_common.contracts.frames import Applied, Frame, FrameKind, Outcome, Reader, Unannounced, Writer, adopt
from sluice_common.model.download import Download

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _rows(*ids: str, epoch: str = "e") -> dict[str, Download]:
    return {download_id: Download(client="c", id=download_id, epoch=epoch) for download_id in ids}


def _commit(writer: Writer, planned: Sequence[Frame]) -> Applied:
    applied = None
    for frame in planned:
        applied = writer.acked(frame, writer.fence + 1)
    assert applied is not None
    return applied


def _started(*ids: str) -> tuple[Writer, list[Frame]]:
    writer = Writer("i", None, 100)
    planned = writer.plan_keyframe(_rows(*ids), NOW, "k")
    _commit(writer, planned)
    return writer, planned


def test_a_delta_of_another_incarnation_does_not_fit() -> None:
    """Even where the predecessor's sequence is right by chance: the stream was recreated, the reader replays."""
    writer, planned = _started("a")
    reader = Reader()
    reader.feed(101, planned[0])
    delta = msgspec.structs.replace(writer.plan_delta([], ["a"], NOW, "d")[0], incarnation="other")
    assert reader.feed(102, delta) is Outcome.MISMATCH
    assert reader.table is None


def test_parts_of_two_frames_are_never_one() -> None:
    """An orphaned first part, a first part that got lost, and then a second: that is no frame."""
    writer, planned = _started("a")
    reader = Reader()
    reader.feed(101, planned[0])
    orphan = writer.plan_delta(list(_rows("b").values()), ["a"], NOW, "orphan")
    whole = writer.plan_delta(list(_rows("c").values()), ["a"], NOW, "whole")
    assert reader.feed(102, orphan[0]) is Outcome.PENDING
    assert reader.feed(104, whole[1]) is Outcome.IGNORED
    assert reader.table is not None
    assert list(reader.table.rows) == ["a"]


def test_an_empty_client_is_a_table_and_not_an_unknown_one() -> None:
    """No downloads is knowledge: one empty part is published."""
    writer, planned = _started()
    assert (len(planned), planned[0].parts) == (1, 1)
    assert writer.table is not None
    assert writer.table.rows == {}


def test_a_message_that_comes_twice_changes_nothing() -> None:
    """A redelivered sequence is ignored."""
    _, planned = _started("a")
    reader = Reader()
    assert isinstance(reader.feed(7, planned[0]), Applied)
    assert reader.feed(7, planned[0]) is Outcome.IGNORED


def test_a_row_that_goes_and_comes_back_in_one_frame_is_two_steps() -> None:
    """A re-added download is a removal of the old epoch and a new row, never an update."""
    writer, _ = _started("a")
    again = _rows("a", epoch="f")["a"]
    applied = _commit(writer, writer.plan_delta([again], ["a"], NOW, "d"))
    assert [
        (change.before and change.before.epoch, change.after and change.after.epoch) for change in applied.changes
    ] == [
        ("e", None),
        (None, "f"),
    ]


def test_a_removed_row_leaves_a_tombstone_for_a_day() -> None:
    """The same item coming back within a day is recognised, also over keyframes; after it is forgotten."""
    writer, _ = _started("a", "b")
    _commit(writer, writer.plan_delta([], ["a"], NOW, "d"))
    writer.mark_announced(2)
    soon = writer.plan_keyframe(_rows("b"), NOW + timedelta(hours=23), "k2")
    assert [stone.id for frame in soon for stone in frame.tombstones] == ["a"]
    late = writer.plan_keyframe(_rows("b"), NOW + timedelta(hours=25), "k3")
    assert [stone.id for frame in late for stone in frame.tombstones] == []


def test_a_keyframe_waits_for_the_announcements() -> None:
    """What a keyframe lets be purged was announced."""
    writer, _ = _started("a")
    applied = _commit(writer, writer.plan_delta([], ["a"], NOW, "d"))
    with pytest.raises(Unannounced):
        writer.plan_keyframe({}, NOW, "k2")
    writer.mark_announced(applied.number)
    assert writer.plan_keyframe({}, NOW, "k2")[0].announced == applied.number


def test_an_heir_of_undecodable_messages_fences_behind_them() -> None:
    """Damage on the subject is counted by the fence, or nobody could ever publish again."""
    writer = adopt([(5, None)], "new")
    assert (writer.fence, writer.table, writer.incarnation) == (5, None, "new")


def test_half_a_keyframe_on_a_lost_stream_does_not_cost_the_memory() -> None:
    """A publisher refused in the middle of its re-published keyframe still knows its table and tries again."""
    memory, planned = _started("a", "b")
    half = msgspec.structs.replace(planned[0], parts=2)
    heir = adopt([(9000, half)], "new", memory=memory)
    assert heir.baseline is not None
    assert heir.baseline.rows == _rows("a", "b")
    assert (heir.fence, heir.incarnation, heir.table) == (9000, "new", None)


def test_a_table_on_the_stream_beats_memory() -> None:
    """Memory is for a lost stream only; where somebody committed, that is the truth."""
    memory, _ = _started("a")
    other = Writer("other", None, 0)
    planned = other.plan_keyframe(_rows("z"), NOW, "k")
    heir = adopt([(9000, planned[0])], "new", memory=memory)
    assert heir.table is not None
    assert (heir.incarnation, list(heir.table.rows)) == ("other", ["z"])


def test_only_a_complete_keyframe_may_be_purged_up_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound moves to the first part of a keyframe when its last part is stored, also for who adopts it."""
    monkeypatch.setattr(frames, "MAX_PART_ROWS", 1)
    writer = Writer("i", None, 0)
    first, second = writer.plan_keyframe(_rows("a", "b"), NOW, "k")
    writer.acked(first, 11)
    assert writer.purge_bound == 0
    writer.acked(second, 12)
    assert writer.purge_bound == 11
    assert adopt([(11, first), (12, second)], "new").purge_bound == 11


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
    writer, _ = _started(*ids)
    planned = writer.plan_delta([], ids, NOW, "d")
    assert max(len(msgspec.msgpack.encode(frame)) for frame in planned) < 800_000
    _commit(writer, planned)
    assert writer.table is not None
    assert (len(writer.table.rows), len(writer.table.tombstones)) == (0, 30_000)
    writer.mark_announced(2)
    key = writer.plan_keyframe({}, NOW, "k2")
    assert max(len(msgspec.msgpack.encode(frame)) for frame in key) < 800_000


def test_a_keyframe_is_wanted_when_the_deltas_outweigh_it() -> None:
    """One poll of a busy queue after another must not let the subject grow for ever."""
    writer, _ = _started("a")
    for number in range(101):
        assert not writer.wants_keyframe()
        row = Download(client="c", id="a", epoch="e", done=number)
        _commit(writer, writer.plan_delta([row], [], NOW, f"d{number}"))
    assert writer.wants_keyframe()


def test_what_is_not_a_frame_is_undecodable() -> None:
    """Damage, another struct and a bomb are one error, and no part of them is shown."""
    bomb = codec._compressor.compress(b"\x00" * (codec.MAX_UNPACKED + 1))
    for data in (b"", b"garbage", codec.pack({"a": 1}), codec.pack(("i", "f")), bomb, codec.pack(None)[:-1]):
        with pytest.raises(codec.Undecodable):
            codec.unpack(data, Frame)


def test_the_kind_of_a_frame_is_closed() -> None:
    """A frame of a kind that this reader does not know must not be applied as if it did."""
    frame = Frame(
        incarnation="i",
        frame_id="f",
        number=1,
        kind=FrameKind.KEY,
        previous=0,
        part=0,
        parts=1,
        polled_at=NOW,
        announced=0,
    )
    data = codec.pack(frame)
    fields = list(msgspec.msgpack.decode(msgspec.msgpack.encode(frame)))
    assert codec.unpack(data, Frame) == frame
    fields[3] = "sideways"
    with pytest.raises(codec.Undecodable):
        codec.unpack(codec.pack(fields), Frame)
