"""Single promises of the frame machines, where one example says it all; the interleavings are the machine's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from sluice_common.contracts import codec, frames
from sluice_common.contracts.frames import (
    Applied,
    Change,
    Frame,
    FrameKind,
    Outcome,
    Reader,
    Table,
    Tombstone,
    Unannounced,
    Writer,
    adopt,
)
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


def test_a_complete_frame_says_where_it_stands_and_what_it_changed() -> None:
    """Whoever reads knows frame and place of what was committed; a keyframe is the table and no transition."""
    later = NOW + timedelta(seconds=5)
    writer = Writer("i", None, 0)
    key = writer.plan_keyframe(_rows("a", "b"), NOW, "k")
    reader = Reader()
    assert (key[0].number, key[0].previous, key[0].announced) == (1, 0, 0)
    whole = Applied(incarnation="i", frame_id="k", number=1, kind=FrameKind.KEY, sequence=1, polled_at=NOW)
    assert reader.feed(1, key[0]) == writer.acked(key[0], 1) == whole
    assert reader.table == Table("i", 1, 1, 0, NOW, _rows("a", "b"), {})

    a, b, c, updated = *_rows("a", "b", "c").values(), _rows("b", epoch="f")["b"]
    removal, upserts = writer.plan_delta([updated, c], ["a", "unheard"], later, "d")
    assert (removal.number, removal.previous) == (2, 1)
    assert reader.feed(4, removal) is Outcome.PENDING
    assert reader.feed(6, upserts) == Applied(
        incarnation="i",
        frame_id="d",
        number=2,
        kind=FrameKind.DELTA,
        sequence=6,
        polled_at=later,
        changes=(Change(a, None), Change(b, updated), Change(None, c)),
    )
    assert reader.table == Table("i", 2, 6, 1, later, {"b": updated, "c": c}, {"a": Tombstone("a", "e", later)})


def test_a_part_without_its_first_is_no_frame_and_stops_nothing() -> None:
    """To whoever begins to read in the middle, after damage, or after such a part again."""
    writer, planned = _started("a")
    _, second = writer.plan_delta(list(_rows("b").values()), ["a"], NOW, "d")
    reader = Reader()
    assert [reader.feed(sequence, second) for sequence in (1, 2)] == [Outcome.IGNORED, Outcome.IGNORED]
    assert reader.damaged(3) is Outcome.IGNORED
    assert reader.feed(4, second) is Outcome.IGNORED
    assert isinstance(reader.feed(5, planned[0]), Applied)


def test_a_keyframe_does_not_hold_again_what_is_held() -> None:
    """Rows that are the same stay the same objects: a table of half a million is not there twice; news is taken."""
    writer = Writer("i", None, 0)
    reader = Reader()
    reader.feed(1, writer.plan_keyframe(_rows("a", "b"), NOW, "k")[0])
    assert reader.table is not None
    held = reader.table.rows["a"]
    told = _rows("a", "c") | _rows("b", epoch="f")
    (again,) = writer.plan_keyframe(told, NOW, "k2")
    reader.feed(2, again)
    assert reader.table.rows["a"] is held
    assert reader.table.rows == told


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
    late = writer.plan_keyframe(_rows("b"), NOW + timedelta(hours=24), "k3")
    assert [stone.id for frame in late for stone in frame.tombstones] == []


def test_what_came_back_leaves_no_tombstone() -> None:
    """The row itself says its epoch now."""
    writer, _ = _started("a", "b")
    _commit(writer, writer.plan_delta([], ["a", "b"], NOW, "d"))
    _commit(writer, writer.plan_delta(list(_rows("a").values()), [], NOW, "d2"))
    assert writer.table is not None
    assert writer.table.tombstones.keys() == {"b"}


def test_a_keyframe_waits_for_the_announcements() -> None:
    """What a keyframe lets be purged was announced."""
    writer, _ = _started("a")
    applied = _commit(writer, writer.plan_delta([], ["a"], NOW, "d"))
    with pytest.raises(Unannounced, match="since 1 "):
        writer.plan_keyframe({}, NOW, "k2")
    writer.mark_announced(applied.number)
    assert writer.unannounced == []
    assert writer.plan_keyframe({}, NOW, "k2")[0].announced == applied.number


def test_an_heir_announces_what_nobody_did_and_counts_on() -> None:
    """Every transition after the one that the stream says is announced, in order; the next number fits."""
    writer, planned = _started("a")
    messages = [(101, planned[0])]
    for number, announced in ((2, 0), (3, 2), (4, 2)):
        writer.mark_announced(announced)
        (frame,) = writer.plan_delta(list(_rows(f"d{number}").values()), [], NOW, f"f{number}")
        messages.append((100 + number, frame))
        writer.acked(frame, 100 + number)
    heir = adopt(messages, "new")
    assert [applied.number for applied in heir.unannounced] == [3, 4]
    assert heir.unannounced == writer.unannounced
    assert (heir.announced, heir.incarnation, heir.table) == (2, "i", writer.table)
    (following,) = heir.plan_delta([], ["a"], NOW, "f5")
    assert (following.number, following.previous) == (5, 104)


def test_what_came_before_a_keyframe_is_announced() -> None:
    """It could not have been written otherwise."""
    writer, planned = _started("a")
    (delta,) = writer.plan_delta([], ["a"], NOW, "d")
    _commit(writer, [delta])
    writer.mark_announced(2)
    (key,) = writer.plan_keyframe({}, NOW, "k2")
    assert (
        adopt([(101, planned[0]), (102, delta), (103, msgspec.structs.replace(key, announced=0))], "n").announced == 3
    )


def test_a_frame_missing_on_the_subject_is_a_lost_stream() -> None:
    """Where the table is unknown nothing can be announced from it: a new incarnation starts."""
    writer, planned = _started("a")
    (delta,) = writer.plan_delta([], ["a"], NOW, "d")
    misfit = msgspec.structs.replace(delta, previous=7)
    heir = adopt([(101, planned[0]), (102, delta), (103, misfit)], "new")
    assert (heir.table, heir.unannounced, heir.incarnation) == (None, [], "new")


def test_a_lost_stream_does_not_cost_what_is_still_to_be_announced() -> None:
    """The transitions of the memory are announced by its heir, and its numbers go on."""
    memory, _ = _started("a")
    applied = _commit(memory, memory.plan_delta([], ["a"], NOW, "d"))
    heir = adopt([], "new", memory=memory)
    assert (heir.unannounced, heir.announced) == ([applied], 1)
    heir.mark_announced(2)
    assert heir.plan_keyframe({}, NOW, "k")[0].number == 3


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


def test_a_keyframe_is_wanted_when_the_deltas_outweigh_it() -> None:
    """One poll of a busy queue after another must not let the subject grow for ever, whoever began its table."""
    first, _ = _started("a")
    for writer in (first, Writer("i", first.table, first.fence)):
        for number in range(101):
            assert not writer.wants_keyframe()
            row = Download(client="c", id="a", epoch="e", done=number)
            _commit(writer, writer.plan_delta([row], [], NOW, f"d{number}"))
        assert writer.wants_keyframe()


def test_an_heir_wants_a_keyframe_when_the_writer_before_would_have() -> None:
    """A poller that restarts after every hundred changes must not let the subject grow for ever either."""
    writer, planned = _started("a")
    messages = [(101, planned[0])]
    for number in range(101):
        assert not adopt(messages, "new").wants_keyframe()
        (frame,) = writer.plan_delta([Download(client="c", id="a", done=number)], [], NOW, f"d{number}")
        _commit(writer, [frame])
        messages.append((writer.fence, frame))
    assert adopt(messages, "new").wants_keyframe()


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
