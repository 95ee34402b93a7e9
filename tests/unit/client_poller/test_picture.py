"""What a poll costs: what it changed, not what is there."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from sluice_client_poller.adapters.port import Poll
from sluice_client_poller.picture import Picture, Plan
from sluice_client_poller.stalls import Stalls
from sluice_common.contracts.frames import Change, Table
from sluice_common.kit.settings import PollSettings
from sluice_common.model.download import Download
from sluice_common.model.enums import Health, Reason, State

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROWS = tuple(
    Download(client="c", id=f"d{number}", epoch=f"c{number}", state=State.SEEDING, seeding_time=number)
    for number in range(100)
)


def committed(picture: Picture, poll: Poll) -> Plan:
    """The plan of a poll, once it is in the table."""
    assert picture.table is not None
    picture.hear(poll)
    plan = picture.plan(NOW, restarted=False)
    rows = picture.table.rows
    changes = [Change(rows.get(row.id), row) for row in plan.upserts]
    rows.update({row.id: row for row in plan.upserts})
    picture.committed(changes, plan)
    return plan


def polled() -> Picture:
    """A client of a hundred rows that has been polled once."""
    picture = Picture(Table("i", 1, 1, 1, NOW, {}, {}))
    assert len(committed(picture, Poll(rows=ROWS)).upserts) == 100
    return picture


def test_a_quiet_poll_settles_nothing() -> None:
    """Whether the client tells its list again, that nothing changed, or of clocks: no row is looked at twice."""
    picture = polled()
    ticked = tuple(msgspec.structs.replace(row, seeding_time=(row.seeding_time or 0) + 30) for row in ROWS)
    nothing = Poll(rows=(), whole=False)
    for quiet in (nothing, Poll(rows=ROWS), Poll(rows=ROWS[:3], whole=False), Poll(rows=ticked)):
        assert committed(picture, quiet).told == {}
        assert (picture.vanished, picture.seen, picture.count) == ([], 100, 100)


def test_one_change_settles_one_row() -> None:
    """The others are left alone, in a delta and in a whole list."""
    picture = polled()
    for whole, name in ((False, "once"), (True, "twice")):
        changed = msgspec.structs.replace(ROWS[7], name=name)
        rows = (*ROWS[:7], changed, *ROWS[8:]) if whole else (changed,)
        plan = committed(picture, Poll(rows=rows, whole=whole))
        assert plan.told.keys() == {"d7"}
        assert [row.name for row in plan.upserts] == [name]


def test_what_is_not_committed_is_planned_again() -> None:
    """The bus failed after a delta: the next poll, which tells nothing of it, still has it to commit."""
    picture = polled()
    picture.hear(Poll(rows=(msgspec.structs.replace(ROWS[7], name="new"),), whole=False))
    assert picture.plan(NOW, restarted=False).told.keys() == {"d7"}
    assert [row.name for row in committed(picture, Poll(rows=(), whole=False)).upserts] == ["new"]


def test_a_removed_row_has_vanished_until_it_is_told_again() -> None:
    """What is gone is known without comparing lists."""
    picture = polled()
    committed(picture, Poll(rows=(), whole=False, removed=("d7", "unheard")))
    assert (picture.vanished, picture.seen, picture.count) == (["d7"], 99, 99)
    committed(picture, Poll(rows=(ROWS[7],), whole=False))
    assert (picture.vanished, picture.seen, picture.count) == ([], 100, 100)


def test_another_baseline_is_not_written_again_for_its_clocks() -> None:
    """A thousand idle seeders are no write when a poller takes them over."""
    picture = polled()
    picture.rebase(picture.table)
    ticked = tuple(msgspec.structs.replace(row, seeding_time=(row.seeding_time or 0) + 30) for row in ROWS)
    plan = committed(picture, Poll(rows=ticked))
    assert (len(plan.told), plan.upserts) == (100, ())


def test_a_baseline_that_was_read_holds_no_texts_of_its_own() -> None:
    """Equal to what the client says, its rows share the client's texts; what is committed, clocks too, stays."""
    picture = polled()
    named = tuple(msgspec.structs.replace(row, name=f"Show {row.id}") for row in ROWS)
    assert picture.table is not None
    committed(picture, Poll(rows=named))
    ticked = tuple(msgspec.structs.replace(row, seeding_time=(row.seeding_time or 0) + 30) for row in named)
    before = dict(picture.table.rows)
    read = msgspec.msgpack.decode(msgspec.msgpack.encode(before), type=dict[str, Download])
    assert read["d1"].name is not before["d1"].name
    picture.rebase(msgspec.structs.replace(picture.table, rows=read))
    assert committed(picture, Poll(rows=ticked)).upserts == ()
    assert read == before
    assert all(read[row.id].name is row.name for row in named)


def test_another_baseline_compares_everything() -> None:
    """What another poller wrote in between is put right, and what was told of a row that is another's now forgotten."""
    picture = polled()
    assert picture.table is not None
    foreign = dict(picture.table.rows) | {
        "d7": msgspec.structs.replace(ROWS[7], name="theirs"),
        "x": Download(client="c", id="x", aliases=("d9",)),
    }
    picture.rebase(Table("i", 2, 2, 2, NOW, foreign, {}))
    plan = committed(picture, Poll(rows=(), whole=False))
    assert {row.id for row in plan.upserts} == {"d7", "x"}
    assert (picture.vanished, picture.client_name_of("x"), picture.client_name_of("d9")) == (["d9"], "d9", "d9")
    assert plan.told["d9"] is None


def test_a_row_heard_by_another_name_is_that_names_row() -> None:
    """A hybrid that comes to tell its v1 hash is the row of the table that answers to it; no second one is made."""
    listed = Download(client="c", id="v1", epoch="c1")
    picture = Picture(Table("i", 1, 1, 1, NOW, {"v1": listed}, {}))
    hybrid = Download(client="c", id="v2", epoch="c1")
    picture.hear(Poll(rows=(hybrid,)))
    assert [row.id for row in picture.plan(NOW, restarted=False).upserts] == ["v2"]
    assert picture.vanished == ["v1"]
    picture.hear(Poll(rows=(msgspec.structs.replace(hybrid, aliases=("v1",)),), whole=False))
    plan = picture.plan(NOW, restarted=False)
    assert [(row.id, row.aliases) for row in plan.upserts] == [("v1", ("v2",))]
    assert plan.told == {"v1": ("v2", "c1"), "v2": None}
    assert (picture.vanished, picture.seen, picture.count) == ([], 1, 1)


LOADING = Download(client="c", id="a", epoch="c1", state=State.DOWNLOADING, done=5, size=10)


def watched(picture: Picture, at: float, *, runs: bool = True) -> list[tuple[str, Health, Reason | None]]:
    """A look at what stalls, and what it makes the next, quiet poll write."""
    picture.watch_for_stalls(at, runs=runs)
    plan = committed(picture, Poll(rows=(), whole=False))
    return [(row.id, row.health, row.reason) for row in plan.upserts]


def test_what_stalls_is_written_though_the_client_says_nothing() -> None:
    """With the poller's verdict once nothing came for the grace, and without it once something does."""
    picture = Picture(Table("i", 1, 1, 1, NOW, {}, {}), Stalls(300))
    committed(picture, Poll(rows=(LOADING, ROWS[1])))
    assert [watched(picture, at) for at in (1000, 1299)] == [[], []]
    picture.watch_for_stalls(1299, runs=True)
    assert picture.plan(NOW, restarted=False).told == {}
    assert watched(picture, 1300) == [("a", Health.WARNING, Reason.STALLED)]
    assert watched(picture, 1400) == []
    picture.hear(Poll(rows=(msgspec.structs.replace(LOADING, done=6),), whole=False))
    picture.hear(Poll(rows=(msgspec.structs.replace(ROWS[1], name="new"),), whole=False))
    assert watched(picture, 1500) == [("a", Health.OK, None), ("d1", Health.OK, None)]


def test_without_a_word_about_it_the_default_grace_counts() -> None:
    """A picture that nobody told of stalls judges as a client without settings is judged."""
    picture, grace = Picture(Table("i", 1, 1, 1, NOW, {}, {})), PollSettings().stalled_after
    committed(picture, Poll(rows=(LOADING,)))
    assert [watched(picture, at) for at in (0, grace - 1)] == [[], []]
    assert watched(picture, grace) == [("a", Health.WARNING, Reason.STALLED)]


def test_a_throttled_client_stalls_nothing() -> None:
    """Nor does what it does not have any more, what is not tried, and what it calls ill is ill by its own words."""
    ill = msgspec.structs.replace(LOADING, id="ill", health=Health.ERROR, message="disk full")
    idle = msgspec.structs.replace(LOADING, id="idle", state=State.PAUSED)
    gone = msgspec.structs.replace(LOADING, id="gone")
    picture = Picture(Table("i", 1, 1, 1, NOW, {}, {}), Stalls(300))
    committed(picture, Poll(rows=(LOADING, ill, idle, gone)))
    committed(picture, Poll(rows=(), whole=False, removed=("gone",)))
    assert [watched(picture, at, runs=False) for at in (0, 300)] == [[], []]
    assert watched(picture, 301) == []
    assert watched(picture, 601) == [("a", Health.WARNING, Reason.STALLED)]
    picture.hear(Poll(rows=(msgspec.structs.replace(LOADING, state=State.PAUSED),), whole=False))
    assert [(row.id, row.health) for row in picture.plan(NOW, restarted=False).upserts] == [("a", Health.OK)]
