"""Clocks that tick alone are written seldom."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import msgspec

from sluice_client_poller.adapters.port import Poll
from sluice_client_poller.picture import Picture
from sluice_client_poller.ticks import is_near, only_ticked
from sluice_common.contracts.frames import Change, Table
from sluice_common.model.download import Download
from sluice_common.model.enums import State

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_minute_or_a_twentieth_is_far() -> None:
    """The seeding time that is shown is at most that far behind the client's."""
    assert is_near(100, 100)
    assert is_near(0, 59)
    assert not is_near(0, 60)
    assert is_near(100_000, 104_999)
    assert not is_near(100_000, 105_000)


def test_a_clock_that_goes_back_or_becomes_known_is_news() -> None:
    """Only ticking on is nothing."""
    assert not is_near(100, 99)
    assert not is_near(None, 0)
    assert not is_near(0, None)
    assert is_near(None, None)


def test_a_row_has_only_ticked_while_its_clock_is_near_what_is_committed() -> None:
    """However near it is to what was told last; and any other field is a change, with the clock and without."""
    row = Download(client="c", id="a", seeding_time=155)
    named = msgspec.structs.replace(row, name="n")
    assert only_ticked(row, row, 100)
    assert not only_ticked(row, named, 100)
    assert only_ticked(row, msgspec.structs.replace(row, seeding_time=159), 100)
    assert not only_ticked(row, msgspec.structs.replace(named, seeding_time=159), 100)
    assert not only_ticked(row, msgspec.structs.replace(row, seeding_time=160), 100)
    assert not only_ticked(row, msgspec.structs.replace(row, seeding_time=None), 100)


def test_a_torrent_that_only_seeds_is_written_ever_more_seldom() -> None:
    """A week of polling an idle seeder writes a hundred rows, not six hundred thousand, and never loses the count."""
    picture = Picture(Table("i", 1, 1, 1, NOW, {}, {}))
    written: list[int] = []
    for seconds in range(0, 7 * 86_400, 30):
        row = Download(client="c", id="a", epoch="c1", state=State.SEEDING, seeding_time=seconds)
        picture.hear(Poll(rows=(row,), whole=seconds == 0))
        plan = picture.plan(NOW + timedelta(seconds=seconds), restarted=False)
        for upsert in plan.upserts:
            written.append(upsert.seeding_time or 0)
            _commit(picture, upsert)
        picture.committed((), plan)
    assert len(written) < 150
    gaps = [(before, after - before) for before, after in pairwise(written)]
    assert all(60 <= gap <= max(60, 0.05 * before) + 30 for before, gap in gaps)


def test_whatever_else_changes_takes_the_clock_along() -> None:
    """The row is written as the client last said it."""
    picture = Picture(Table("i", 1, 1, 1, NOW, {}, {}))
    row = Download(client="c", id="a", epoch="c1", state=State.SEEDING, seeding_time=1000)
    for told in (row, msgspec.structs.replace(row, seeding_time=1010)):
        picture.hear(Poll(rows=(told,)))
        for upsert in picture.plan(NOW, restarted=False).upserts:
            _commit(picture, upsert)
    assert _seeding_time(picture) == 1000
    picture.hear(Poll(rows=(msgspec.structs.replace(row, seeding_time=1020, up_speed=5),), whole=False))
    (upsert,) = picture.plan(NOW, restarted=False).upserts
    assert (upsert.seeding_time, upsert.up_speed) == (1020, 5)


def _commit(picture: Picture, row: Download) -> None:
    assert picture.table is not None
    before = picture.table.rows.get(row.id)
    picture.table.rows[row.id] = row
    picture.committed([Change(before, row)], picture.plan(NOW, restarted=False))


def _seeding_time(picture: Picture) -> int | None:
    row = picture.row("a")
    return row.seeding_time if row else None
