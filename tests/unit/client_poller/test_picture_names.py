"""Which row of the table a client's row is, and what is told of those that left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from sluice_client_poller.adapters.port import Poll
from sluice_client_poller.picture import Picture, Plan
from sluice_common.contracts.frames import Change, Table, Tombstone
from sluice_common.model.download import Download, Intent
from sluice_common.model.enums import IntentKind

NOW = datetime(2026, 1, 1, tzinfo=UTC)
REMOVE = Intent(IntentKind.CANCEL, "me", "r", NOW + timedelta(minutes=1), False)


def row(download_id: str, *aliases: str, **changes: object) -> Download:
    return msgspec.structs.replace(Download(client="c", id=download_id, aliases=aliases, epoch="c1"), **changes)


def table(*rows: Download) -> Table:
    return Table("i", 1, 1, 1, NOW, {row.id: row for row in rows}, {})


def poll(picture: Picture, *rows: Download, whole: bool = True, removed: tuple[str, ...] = ()) -> Plan:
    """The plan of a poll, once it is in the table."""
    assert picture.table is not None
    picture.hear(Poll(rows=rows, whole=whole, removed=removed))
    plan = picture.plan(NOW, restarted=False)
    known = picture.table.rows
    changes = [Change(known.get(row.id), row) for row in plan.upserts]
    known.update({row.id: row for row in plan.upserts})
    picture.committed(changes, plan)
    return plan


def remove(picture: Picture, *ids: str) -> None:
    """A committed removal."""
    assert picture.table is not None
    picture.committed([Change(picture.table.rows.pop(download_id), None) for download_id in ids])


def upserts(plan: Plan) -> list[str]:
    return [row.id for row in plan.upserts]


def test_before_there_is_a_table_everything_is_new() -> None:
    """Nothing is known, nothing has vanished, and no question fails."""
    picture = Picture()
    picture.hear(Poll(rows=(row("a"), row("b"))))
    assert (picture.count, picture.seen, picture.vanished, picture.waived) == (2, 2, [], set())
    assert (picture.row("a"), picture.client_name_of("a")) == (None, "a")
    assert upserts(picture.plan(NOW, restarted=False)) == ["a", "b"]


def test_a_picture_begins_with_its_table() -> None:
    """What a take-over finds is missing until the client tells of it, in the table's order."""
    picture = Picture(table(row("b"), row("a"), row("c")))
    assert (picture.vanished, picture.seen, picture.count) == (["b", "a", "c"], 0, 0)
    picture.hear(Poll(rows=(row("a"),)))
    assert (picture.vanished, picture.seen, picture.count) == (["b", "c"], 1, 1)
    remove(picture, "b")
    assert picture.vanished == ["c"]


def test_rows_are_planned_in_the_clients_order() -> None:
    """That of its last whole list; what a delta adds comes after them."""
    picture = Picture(table())
    assert upserts(poll(picture, row("b"), row("a"))) == ["b", "a"]
    new = [row(name, name="new") for name in "ab"]
    assert upserts(poll(picture, *new)) == ["a", "b"]
    newer = [row(name, name="newer") for name in "dcba"]
    assert upserts(poll(picture, *newer, whole=False)) == ["a", "b", "d", "c"]
    newest = [row(name, name="newest") for name in "edcba"]
    assert upserts(poll(picture, *newest, whole=False)) == ["a", "b", "d", "c", "e"]


@pytest.mark.parametrize("whole", [True, False])
def test_one_name_told_twice_is_one_row(whole: bool) -> None:
    """The one that is further along in a whole list; a delta's last word."""
    picture = Picture(table())
    plan = poll(picture, row("a", done=5), row("a", done=1), whole=whole)
    assert ([row.done for row in plan.upserts], picture.count) == ([5 if whole else 1], 1)
    assert [row.done for row in poll(picture, row("a", done=6), row("a", done=7), whole=whole).upserts] == [7]


def test_what_is_not_told_any_more_is_gone_in_a_whole_list_only() -> None:
    """And what never was in the table cannot vanish from it."""
    picture = Picture(table())
    poll(picture, row("a"), row("b"))
    poll(picture, row("a"), whole=False)
    assert picture.vanished == []
    picture.hear(Poll(rows=(row("b"), row("x"))))
    assert (picture.vanished, picture.seen, picture.count) == (["a"], 2, 2)
    picture.hear(Poll(rows=(row("b"),)))
    assert (picture.vanished, picture.seen, picture.count) == (["a"], 1, 1)
    assert picture.plan(NOW, restarted=False).told == {"a": None, "x": None}


def test_only_an_accepted_remove_waives_the_hold() -> None:
    """The client said that it would; an intent alone says nothing."""
    accepted = msgspec.structs.replace(REMOVE, accepted=True)
    picture = Picture(table(row("a", intent=REMOVE), row("b", intent=accepted), row("c")))
    assert picture.waived == {"b"}


def test_a_row_that_is_leaving_is_looked_at_with_every_poll() -> None:
    """Its intent may run out without the client saying anything."""
    picture = Picture(table(row("a", intent=REMOVE), row("b")))
    poll(picture, row("a"), row("b"))
    assert picture.plan(NOW, restarted=False).told.keys() == {"a"}
    (cleared,) = picture.plan(NOW + timedelta(minutes=2), restarted=False).upserts
    assert cleared.intent is None


def test_what_left_before_anybody_looked_is_no_surprise() -> None:
    """A poller that takes over finds a row about to leave, and the client has it no more."""
    picture = Picture(table(row("a", intent=REMOVE)))
    assert poll(picture).told == {"a": None}
    assert (picture.vanished, picture.client_name_of("a")) == (["a"], "a")


def test_a_committed_row_is_found_by_its_id_first() -> None:
    """Then by an alias, the first that has it."""
    picture = Picture(table(row("a", "b", "x"), row("b"), row("c", "x")))
    found = {name: picture.row(name) for name in ("a", "b", "x", "z")}
    assert {name: row and row.id for name, row in found.items()} == {"a": "a", "b": "b", "x": "a", "z": None}


def test_the_clients_own_name_is_that_of_its_last_committed_poll() -> None:
    """What is not committed was not told, and what left is called as we call it."""
    picture = Picture(table(row("v1")))
    picture.hear(Poll(rows=(row("v2", "v1"),)))
    assert picture.client_name_of("v1") == "v1"
    poll(picture, row("v2", "v1"))
    assert picture.client_name_of("v1") == "v2"
    poll(picture)
    assert picture.client_name_of("v1") == "v1"


def test_a_row_that_was_only_read_counts_for_nothing() -> None:
    """A command's answer is in the table's terms, and the next poll is as if nobody had asked."""
    picture = Picture(table(row("v1", intent=REMOVE)))
    read = picture.settled(row("v2", "v1", name="n"), NOW)
    assert (read.id, read.aliases, read.name, read.intent) == ("v1", ("v2",), "n", REMOVE)
    assert (picture.count, picture.seen, picture.vanished) == (0, 0, ["v1"])
    late = picture.settled(row("v2", "v1"), NOW + timedelta(minutes=2))
    assert late.intent is None
    assert picture.settled(row("v1", epoch="c2"), NOW).epoch == "c2"


def test_a_restart_does_not_count_as_another_time() -> None:
    """The plan of a client that restarted keeps the epochs; any other does not."""
    picture = Picture(table(row("a")))
    picture.hear(Poll(rows=(row("a", epoch="c2"),)))
    assert [row.epoch for row in picture.plan(NOW, restarted=False).upserts] == ["c2"]
    assert picture.plan(NOW, restarted=True).upserts == ()
    picture.committed((), picture.plan(NOW, restarted=True))
    assert picture.settled(row("a", epoch="c2"), NOW).epoch == "c1"


def test_what_went_comes_back_as_another() -> None:
    """Under the name by which the client calls it."""
    picture = Picture(msgspec.structs.replace(table(), tombstones={"a": Tombstone("a", "c1", NOW)}))
    back, new = poll(picture, row("a"), row("b")).upserts
    assert (back.epoch, new.epoch) == (f"c1.{int(NOW.timestamp() * 1000)}", "c1")


def test_of_two_under_one_identity_the_other_stays_when_one_leaves() -> None:
    """What is left of them is told, and only when both left has the row."""
    picture = Picture(table(row("a", "b", done=0)))
    assert [row.done for row in poll(picture, row("b", done=5), row("a", done=1)).upserts] == [5]
    assert (picture.count, picture.seen, picture.client_name_of("a")) == (2, 1, "b")
    assert [row.done for row in poll(picture, whole=False, removed=("b",)).upserts] == [1]
    assert (picture.vanished, picture.client_name_of("a")) == ([], "a")
    poll(picture, whole=False, removed=("a",))
    assert (picture.vanished, picture.seen, picture.count) == (["a"], 0, 0)


def test_a_row_that_learns_another_name_is_the_row_with_that_name() -> None:
    """A magnet's metadata came in a delta: its new alias is an older row's id, so it is that row."""
    picture = Picture(table())
    poll(picture, row("old"))
    poll(picture, row("new"), whole=False, removed=("old",))
    remove(picture, "new")
    assert picture.vanished == ["old"]
    assert upserts(poll(picture, row("new", "old"), whole=False)) == ["old"]
    assert (picture.vanished, picture.seen, picture.client_name_of("old")) == ([], 1, "new")
    picture.hear(Poll(rows=(row("new", "old", "x"),), whole=False))
    assert picture.plan(NOW, restarted=False).told.keys() == {"old"}


def test_when_a_row_goes_its_names_are_anothers() -> None:
    """What was counted to it is looked at again: here it becomes a row of its own."""
    picture = Picture(table(row("a", "x"), row("b", "x")))
    poll(picture, row("x"))
    assert (picture.vanished, picture.client_name_of("b")) == (["a"], "x")
    remove(picture, "b")
    assert upserts(poll(picture, whole=False)) == []
    assert (picture.vanished, picture.client_name_of("a"), picture.client_name_of("b")) == ([], "x", "b")
    remove(picture, "a")
    assert upserts(poll(picture, whole=False)) == ["x"]
    assert (picture.vanished, picture.seen, picture.count) == ([], 1, 1)


def test_when_a_row_goes_who_carries_its_name_is_looked_at() -> None:
    """Also those that have it as an alias only, and only as long as they do."""
    picture = Picture(table(row("a")))
    poll(picture, row("n", "a", "y"), row("m", "z"))
    assert picture.client_name_of("a") == "n"
    remove(picture, "a")
    assert upserts(poll(picture, whole=False)) == ["n"]
    poll(picture, row("n", "y"), whole=False)
    poll(picture, whole=False, removed=("m",))
    assert picture._carriers == {"y": {"n"}}


def test_rows_that_go_between_hearing_and_planning_take_their_names_along() -> None:
    """Who was heard as one of them, by an alias, is planned as what it is by then."""
    picture = Picture(table(row("a"), row("b")))
    picture.hear(Poll(rows=(row("n", "a"), row("m", "b"))))
    remove(picture, "a", "b")
    plan = picture.plan(NOW, restarted=False)
    assert upserts(plan) == ["n", "m"]
    assert plan.told == {"a": None, "b": None, "n": ("n", "c1"), "m": ("m", "c1")}


def test_who_carries_a_name_is_known_until_it_drops_it() -> None:
    """Each of several, also one that says a name twice; nothing is kept of those that left."""
    picture = Picture(table())
    poll(picture, row("n", "y", "y"), row("m", "y", "z", "z"))
    poll(picture, whole=False, removed=("n",))
    assert picture._carriers == {"y": {"m"}, "z": {"m"}}
    poll(picture, whole=False, removed=("m",))
    assert picture._carriers == {}


def test_a_new_baseline_forgets_what_was_there_and_nothing_that_was_said() -> None:
    """Without one everything is new again."""
    picture = Picture(table())
    poll(picture, row("a"), row("b"))
    picture.rebase(None)
    assert (picture.vanished, picture.seen, picture.count, picture.row("a")) == ([], 2, 2, None)
    assert upserts(picture.plan(NOW, restarted=False)) == ["a", "b"]
    picture.rebase(table(row("c"), row("b")))
    assert (picture.vanished, picture.seen) == (["c"], 2)
    assert upserts(picture.plan(NOW, restarted=False)) == ["a"]
