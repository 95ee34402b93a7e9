"""Identity, epochs and intents: what the table makes of a poll."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from sluice_client_poller.adapters.port import Poll
from sluice_client_poller.picture import Picture
from sluice_client_poller.settle import MAX_TEXT, is_further
from sluice_common.contracts.frames import Change, Table, Tombstone
from sluice_common.model.download import Download, Intent
from sluice_common.model.enums import IntentKind, State

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def row(download_id: str, **changes: object) -> Download:
    return msgspec.structs.replace(Download(client="c", id=download_id), **changes)


def table(*rows: Download, gone: tuple[Tombstone, ...] = ()) -> Table:
    return Table("i", 1, 1, 1, NOW, {r.id: r for r in rows}, {stone.id: stone for stone in gone})


class Settled(msgspec.Struct, frozen=True):
    """What a poll came to, and the picture that goes on from it."""

    rows: dict[str, Download]
    names: dict[str, str]
    picture: Picture


def settle(
    known: Table | None,
    polled: Sequence[Download],
    now: datetime,
    *,
    last: Settled | None = None,
    restarted: bool = False,
) -> Settled:
    """Every polled row in the table's terms, after the poll was committed; `last` is the poll before it."""
    picture = last.picture if last else Picture()
    picture.rebase(known)
    picture.hear(Poll(rows=tuple(polled)))
    plan = picture.plan(now, restarted=restarted)
    base = known.rows if known else {}
    kept = {download_id: base[download_id] for download_id in plan.told if download_id in base}
    rows = kept | {row.id: row for row in plan.upserts}
    picture.committed([Change(base.get(row.id), row) for row in plan.upserts], plan)
    return Settled(rows, {download_id: picture.client_name_of(download_id) for download_id in rows}, picture)


def only(settled_rows: dict[str, Download]) -> Download:
    (found,) = settled_rows.values()
    return found


def test_a_new_row_takes_the_clients_stable_time_as_its_epoch() -> None:
    """A re-added download can be told from the old one by the client's own time."""
    assert only(settle(None, [row("a", epoch="c7")], NOW).rows).epoch == "c7"


def test_a_client_without_a_stable_time_gets_first_seen_as_epoch_and_keeps_it() -> None:
    """Without a time of the client's own the epoch is our first sight, however often it is polled."""
    first = only(settle(None, [row("a")], NOW).rows)
    again = only(settle(table(first), [row("a")], NOW + timedelta(hours=1)).rows)
    assert first.epoch == f"s{int(NOW.timestamp() * 1000)}"
    assert again == first


def test_a_changed_stable_time_is_a_new_epoch_without_the_old_intent() -> None:
    """What was about to happen to the old download must not happen to the new one."""
    intent = Intent(IntentKind.CANCEL, "me", "r", NOW + timedelta(minutes=1), False)
    known = row("a", epoch="c7", intent=intent, first_seen=NOW - timedelta(days=1))
    fresh = only(settle(table(known), [row("a", epoch="c8")], NOW).rows)
    assert (fresh.epoch, fresh.intent, fresh.first_seen) == ("c8", None, NOW)


def test_first_sight_is_when_an_epoch_began() -> None:
    """However often it is polled."""
    first = settle(None, [row("a", epoch="c7")], NOW)
    assert only(first.rows).first_seen == NOW
    again = settle(table(only(first.rows)), [row("a", epoch="c7", name="n")], NOW + timedelta(hours=1))
    assert (only(again.rows).first_seen, only(again.rows).name) == (NOW, "n")


def test_a_client_that_ceases_to_tell_its_time_has_the_same_downloads() -> None:
    """Saying nothing is no new time."""
    first = settle(None, [row("a", epoch="c7")], NOW)
    assert only(settle(table(only(first.rows)), [row("a")], NOW, last=first).rows).epoch == "c7"


def test_a_new_rows_other_names_are_in_order_and_not_its_own() -> None:
    """So that the next poll, in whatever order the client names them, finds nothing to change."""
    assert only(settle(None, [row("b", aliases=("c", "b", "a", "c"))], NOW).rows).aliases == ("a", "c")


def test_a_restarted_client_that_lost_its_times_has_the_same_downloads() -> None:
    """A SIGKILLed Deluge comes back with other times: nothing is announced as removed and added because of it."""
    known = table(row("a", epoch="c7"))
    back = settle(known, [row("a", epoch="c9")], NOW, restarted=True)
    assert only(back.rows).epoch == "c7"
    again = settle(table(only(back.rows)), [row("a", epoch="c9")], NOW, last=back)
    assert only(again.rows).epoch == "c7"
    anew = settle(table(only(again.rows)), [row("a", epoch="c11")], NOW, last=again)
    assert only(anew.rows).epoch == "c11"


def test_a_row_that_comes_back_after_a_committed_removal_has_a_new_epoch() -> None:
    """Its events must not be taken for repetitions of the old ones."""
    stone = Tombstone("a", "c7", NOW)
    back = only(settle(table(gone=(stone,)), [row("a", epoch="c7")], NOW).rows)
    assert back.epoch == f"c7.{int(NOW.timestamp() * 1000)}"
    stays = only(settle(table(back), [row("a", epoch="c7")], NOW + timedelta(seconds=5)).rows)
    assert stays.epoch == back.epoch


def test_a_row_is_found_by_any_of_its_names_and_keeps_its_first_id() -> None:
    """A hybrid torrent whose id changes with its metadata stays one row."""
    known = row("v1", epoch="c7")
    settled = settle(table(known), [row("v2", epoch="c7", aliases=("v1",))], NOW)
    found = only(settled.rows)
    assert (found.id, found.aliases, settled.names) == ("v1", ("v2",), {"v1": "v2"})
    again = only(settle(table(found), [row("v2", epoch="c7")], NOW).rows)
    assert again.id == "v1"


def test_two_rows_of_one_identity_become_the_one_that_is_further_along() -> None:
    """A magnet's metadata stage beside the real download shows once."""
    known = row("a", epoch="c7", aliases=("b",))
    settled = settle(table(known), [row("b", epoch="c7", done=5), row("a", epoch="c7", done=1)], NOW)
    assert only(settled.rows).done == 5


@pytest.mark.parametrize(
    ("row_done", "rival_done", "further"),
    [(5, 1, True), (1, 5, False), (None, 1, False), (1, None, True), (0, None, True), (None, None, True), (5, 5, True)],
)
def test_the_later_of_two_that_are_as_far_is_the_one(
    row_done: int | None, rival_done: int | None, further: bool
) -> None:
    """Polls must agree on which, or a row would change with each; unknown is as far as nothing."""
    assert is_further(row("a", done=row_done), row("b", done=rival_done)) is further


@pytest.mark.parametrize("between", [State.MOVING, State.CHECKING, State.UNKNOWN, State("hibernating")])
def test_a_pause_is_remembered_while_the_client_says_something_else(between: State) -> None:
    """qBittorrent calls what it moves or checks by that alone; that it is paused shows again when it is over."""
    paused = row("a", epoch="c7", state=State.PAUSED)
    busy = only(settle(table(paused), [row("a", epoch="c7", state=between)], NOW).rows)
    again = only(settle(table(busy), [row("a", epoch="c7", state=between, done=1)], NOW).rows)
    assert (busy.was_paused, again.was_paused) == (True, True)
    for after in (State.PAUSED, State.DOWNLOADING, State.QUEUED, State.SEEDING):
        assert not only(settle(table(again), [row("a", epoch="c7", state=after)], NOW).rows).was_paused
    assert not only(settle(table(again), [row("a", epoch="c8", state=between)], NOW).rows).was_paused
    assert not only(settle(table(row("a", epoch="c7")), [row("a", epoch="c7", state=between)], NOW).rows).was_paused


def test_an_intent_past_its_deadline_is_cleared() -> None:
    """A remove that came to nothing must not waive the hold of a later disappearance."""
    intent = Intent(IntentKind.CANCEL, "me", "r", NOW, False, accepted=True)
    known = row("a", epoch="c7", intent=intent)
    assert only(settle(table(known), [row("a", epoch="c7")], NOW).rows).intent == intent
    assert only(settle(table(known), [row("a", epoch="c7")], NOW + timedelta(seconds=1)).rows).intent is None


@pytest.mark.parametrize("field", ["name", "message", "category", "tracker", "save_path", "content_path"])
def test_texts_from_outside_are_bounded(field: str) -> None:
    """A hostile name cannot fill the bus, neither with a new row nor with a known one; the rest of it is kept."""
    hostile = row("a", **{field: "x" * MAX_TEXT + "y"})
    for known in (None, table(row("a", epoch="s1"))):
        assert getattr(only(settle(known, [hostile], NOW).rows), field) == "x" * MAX_TEXT
