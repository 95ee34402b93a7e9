"""A keyframe that changes nothing costs its readers next to nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sluice_common.contracts import codec, frames
from sluice_common.contracts.frames import Frame, Reader, Writer
from sluice_common.model.download import Download

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def feed(reader: Reader, writer: Writer, planned: list[Frame]) -> None:
    """What a reader gets is decoded from bytes."""
    for frame in planned:
        sequence = writer.fence + 1
        writer.acked(frame, sequence)
        reader.feed(sequence, codec.unpack(codec.pack(frame), Frame))


def test_rows_that_are_the_same_stay_the_same_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever holds a row from before a keyframe needs neither to hold it twice nor to compare its fields."""
    monkeypatch.setattr(frames, "MAX_PART_ROWS", 1)
    writer, reader = Writer("i", None, 0), Reader()
    rows = {download_id: Download(client="c", id=download_id, epoch="e") for download_id in "abc"}
    feed(reader, writer, writer.plan_keyframe(rows, NOW, "k1"))
    assert reader.table is not None
    before = dict(reader.table.rows)
    rows["b"] = Download(client="c", id="b", epoch="e", done=1)
    feed(reader, writer, writer.plan_keyframe(rows, NOW, "k2"))
    assert reader.table.rows == rows
    assert [reader.table.rows[download_id] is before[download_id] for download_id in "abc"] == [True, False, True]
