"""The importer's decisions about when, whose and whether: pure."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from sluice_common.contracts.library import ImportState
from sluice_common.kit.errors import Problem
from sluice_common.model.paths import to_ours
from sluice_importer.associate.lifecycle import Delete, Life, step
from sluice_importer.cursors import cursor, position
from sluice_importer.work.intake.decide import Create, Finished, Keep, Known, decide
from sluice_importer.work.retry import BACK_OFF, after_failure, after_waiting

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STABLE = Finished(client="deluge", download_id="a", epoch="c1", wanted=10, name="A", incarnation="i1")
SIGHT = msgspec.structs.replace(STABLE, epoch="s1")
DONE = Known(id="n1", download_id="a", epoch="c1", incarnation="i1", wanted=10, state=ImportState.IMPORTED, reason=None)


def test_failures_are_retried_seven_times_with_growing_pauses() -> None:
    """1 m, 5 m, 15 m, 1 h, 4 h, 12 h, 24 h, then never."""
    minutes = [(after_failure(number, NOW) or NOW) - NOW for number in range(1, 8)]
    assert minutes == [timedelta(minutes=number) for number in (1, 5, 15, 60, 240, 720, 1440)]
    assert after_failure(len(BACK_OFF) + 1, NOW) is None


@pytest.mark.parametrize(("waited", "pause"), [(0, 2), (60, 6), (3600, 60), (10**7, 60)])
def test_what_waits_is_looked_at_again_for_ever(waited: int, pause: int) -> None:
    """Soon at first, at least once a minute later."""
    assert after_waiting(NOW - timedelta(seconds=waited), NOW) == NOW + timedelta(seconds=pause)


def test_a_new_download_is_created_and_a_backlog_noted() -> None:
    """No import yet: make one, marked where it was there before us."""
    assert decide(STABLE, (), preexisting=False) == Create(STABLE, False)
    assert decide(STABLE, (), preexisting=True) == Create(STABLE, True)


def test_a_finished_import_is_not_repeated() -> None:
    """The same download with the same wanted bytes changes nothing."""
    assert decide(STABLE, (DONE,), preexisting=False) is None


@pytest.mark.parametrize("state", [ImportState.IMPORTED, ImportState.BLOCKED, ImportState.FAILED])
def test_other_wanted_bytes_reopen_a_finished_import(state: ImportState) -> None:
    """More files were chosen."""
    more = msgspec.structs.replace(STABLE, wanted=20)
    known = msgspec.structs.replace(DONE, state=state)
    assert decide(more, (known,), preexisting=False) == Keep("n1", more, True)


@pytest.mark.parametrize("state", [ImportState.WAITING, ImportState.IMPORTING, ImportState.IGNORED])
def test_other_wanted_bytes_do_not_disturb_an_unfinished_or_ignored_import(state: ImportState) -> None:
    """It asks the client itself before it is done; what is ignored stays so."""
    more = msgspec.structs.replace(STABLE, wanted=20)
    assert decide(more, (msgspec.structs.replace(DONE, state=state),), preexisting=False) is None


def test_a_download_added_anew_is_another_one() -> None:
    """A stable epoch that differs, or one of first sight in the same incarnation, makes an import of its own."""
    again = msgspec.structs.replace(STABLE, epoch="c2", incarnation="i2")
    assert decide(again, (DONE,), preexisting=False) == Create(again, False)
    sighted = msgspec.structs.replace(DONE, epoch="s0")
    assert decide(SIGHT, (sighted,), preexisting=False) == Create(SIGHT, False)


def test_an_epoch_of_first_sight_means_nothing_in_another_incarnation() -> None:
    """After a wipe the finished import is adopted under the new epoch, and run again only for other files."""
    old = msgspec.structs.replace(DONE, epoch="s0", incarnation="i0")
    assert decide(SIGHT, (old,), preexisting=False) == Keep("n1", SIGHT, False)
    more = msgspec.structs.replace(SIGHT, wanted=20)
    assert decide(more, (old,), preexisting=False) == Keep("n1", more, True)


def test_what_was_believed_gone_and_is_back_runs_again() -> None:
    """A download that had left its client is there, complete."""
    gone = msgspec.structs.replace(DONE, state=ImportState.FAILED, reason="download_gone")
    assert decide(STABLE, (gone,), preexisting=False) == Keep("n1", STABLE, True)


PATHS = {"/downloads": Path("/data"), "/downloads/tv": Path("/tv"), "/": Path("/base")}


@pytest.mark.parametrize(
    ("theirs", "mappings", "ours"),
    [
        ("/downloads/tv/a", PATHS, "/tv/a"),
        ("/downloads/tvs/a", PATHS, "/data/tvs/a"),
        ("/downloads", PATHS, "/data"),
        ("/else", PATHS, "/base/else"),
        ("/else", {"/downloads": Path("/data")}, None),
        ("/same/path", {}, "/same/path"),
        ("relative", {}, None),
        ("/downloads/../etc", PATHS, None),
        ("/downloads/a\0b", PATHS, None),
        ("", {}, None),
    ],
)
def test_paths_are_mapped_by_the_longest_prefix(theirs: str, mappings: dict[str, Path], ours: str | None) -> None:
    """Whole components count; what climbs or is relative is nowhere."""
    assert to_ours(theirs, mappings) == (None if ours is None else Path(ours))


@pytest.mark.parametrize(
    "inside",
    [
        "?",
        ["2026-01-01T00:00:00Z", "a\0b"],
        ["2026-01-01T00:00:00", "a"],
        ["0001-01-01T00:00:00+14:00", "a"],
        ["2026-01-01T00:00:00Z"],
    ],
)
def test_a_cursor_that_no_database_takes_is_refused(inside: object) -> None:
    """Nonsense, NUL, a time without a zone or before time: a bad cursor, never an error of the database."""
    with pytest.raises(Problem, match="bad_cursor"):
        position(base64.urlsafe_b64encode(msgspec.json.encode(inside)).decode())
    assert position(cursor(NOW, "a")) == (NOW, "a")


LIFE = Life(download_id="a", state="pending", updated_at=NOW)


def _at(seconds: int) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_a_pending_association_expires_only_after_several_polls_without_it() -> None:
    """Polls count, not looks: the same poll seen often is one miss, and a poll from before the add is none."""
    life: Life | Delete = LIFE
    for _ in range(50):
        assert isinstance(life, Life)
        life = step(life, None, _at(10), _at(100))
    assert life == msgspec.structs.replace(LIFE, missed_polls=1, missed_at=_at(10))
    assert step(LIFE, None, _at(-1), _at(100)) == LIFE
    for poll in range(11, 15):
        assert isinstance(life, Life)
        life = step(life, None, _at(poll), _at(100))
    assert isinstance(life, Life)
    assert (life.state, life.closing_reason) == ("closing", "expired")


def test_an_association_follows_its_download() -> None:
    """Bound by the table, rebound to a new epoch, closed when it goes, reopened by the same epoch at any time."""
    bound = step(LIFE, "c1", _at(1), _at(1))
    assert isinstance(bound, Life)
    assert (bound.state, bound.epoch) == ("bound", "c1")
    assert step(bound, "c1", _at(2), _at(2)) is bound
    retried = step(bound, "c2", _at(2), _at(2))
    assert isinstance(retried, Life)
    assert (retried.state, retried.epoch) == ("bound", "c2")
    closed = step(retried, None, _at(3), _at(3))
    assert isinstance(closed, Life)
    assert (closed.state, closed.closing_reason) == ("closing", "gone")
    assert step(closed, "c3", _at(700), _at(700)) == closed
    back = step(closed, "c2", _at(700), _at(700))
    assert isinstance(back, Life)
    assert back.state == "bound"
    assert step(closed, None, _at(4), _at(3 + 24 * 3600)) == Delete()


def test_a_retry_that_was_seen_half_done_keeps_what_the_download_is_for() -> None:
    """Taken out and added again, with a look in between: reopened by any epoch for ten minutes; not if imported."""
    gone = msgspec.structs.replace(LIFE, state="closing", closing_reason="gone", epoch="c1")
    retried = step(gone, "c2", _at(599), _at(599))
    assert isinstance(retried, Life)
    assert (retried.state, retried.closing_reason, retried.epoch) == ("bound", None, "c2")
    assert step(gone, "c2", _at(600), _at(600)) == gone
    done = msgspec.structs.replace(gone, closing_reason="imported")
    assert step(done, "c2", _at(1), _at(1)) == done


def test_what_was_imported_stays_closing_while_it_seeds() -> None:
    """The seed in the table does not bind a finished association again; after a day it is deleted."""
    done = msgspec.structs.replace(LIFE, state="closing", closing_reason="imported", epoch="c1")
    assert step(done, "c1", _at(1), _at(60)) == done
    assert step(done, "c1", _at(1), _at(24 * 3600)) == Delete()
