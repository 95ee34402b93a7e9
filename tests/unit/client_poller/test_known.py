"""The indexes over a committed table: who answers to a name, who leaves, what moves."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from sluice_client_poller.known import Known, names
from sluice_common.contracts.frames import Change
from sluice_common.model.download import Download, Intent
from sluice_common.model.enums import IntentKind, State

NOW = datetime(2026, 1, 1, tzinfo=UTC)
A, B, C = (Download(client="c", id=name) for name in "abc")


def called(row: Download, *aliases: str) -> Download:
    return msgspec.structs.replace(row, aliases=aliases)


def test_rows_stand_in_the_order_in_which_they_came() -> None:
    """A change moves nobody; who goes and comes back stands last."""
    known = Known((A, B))
    known.step(Change(None, C))
    known.step(Change(A, called(A, "x")))
    assert [known.place(name) for name in "abc"] == [0, 1, 2]
    known.step(Change(B, None))
    assert (len(known), "a" in known, "b" in known, "x" in known) == (2, True, False, False)
    known.step(Change(None, B))
    assert sorted("abc", key=known.place) == ["a", "c", "b"]


def test_a_row_answers_to_its_id_and_to_its_aliases() -> None:
    """And to no name any more once it went or lost it."""
    known = Known((called(A, "x", "y"), B))
    assert [known.owner(name) for name in ("a", "x", "y", "b", "z")] == ["a", "a", "a", "b", None]
    assert [known.alias_of(name) for name in ("a", "x", "y", "b", "z")] == [None, "a", "a", None, None]
    known.step(Change(called(A, "x", "y"), called(A, "y", "z")))
    assert [known.owner(name) for name in ("a", "x", "y", "z")] == ["a", None, "a", "a"]
    known.step(Change(called(A, "y", "z"), None))
    assert [known.owner(name) for name in ("a", "y", "z", "b")] == [None, None, None, "b"]
    assert [known.alias_of(name) for name in ("y", "z")] == [None, None]


def test_of_several_with_one_name_each_question_has_one_answer() -> None:
    """The last that came answers, the first has the alias; when one goes it is another's."""
    known = Known((called(C, "x", "b"), called(A, "x"), called(B, "x")))
    assert (known.owner("x"), known.alias_of("x")) == ("b", "c")
    # An alias that is another's id.
    assert (known.owner("b"), known.alias_of("b")) == ("b", "c")
    known.step(Change(called(B, "x"), None))
    assert (known.owner("x"), known.owner("b")) == ("a", "c")
    known.step(Change(called(C, "x", "b"), called(C, "b")))
    assert (known.owner("x"), known.alias_of("x")) == ("a", "a")
    known.step(Change(called(A, "x"), None))
    assert (known.owner("x"), known.owner("b")) == (None, "c")


def test_nothing_is_kept_of_what_went() -> None:
    """A client whose downloads come and go for a year fills no memory."""
    known = Known((called(A, "x"), called(B, "x")))
    for row in (called(A, "x"), called(B, "x")):
        known.step(Change(row, None))
    assert (len(known), known._aliases, known.leaving, known.moving) == (0, {}, set(), set())


def test_a_step_says_whose_names_may_be_anothers_now() -> None:
    """Those that were gained or lost, and none where only other fields changed."""
    known = Known()
    assert known.step(Change(None, called(A, "x", "y"))) == {"a", "x", "y"}
    assert known.step(Change(called(A, "x", "y"), msgspec.structs.replace(called(A, "x", "y"), name="n"))) == set()
    assert known.step(Change(called(A, "x", "y"), called(A, "y", "z"))) == {"x", "z"}
    assert known.step(Change(called(A, "y", "z"), None)) == {"a", "y", "z"}
    assert (names(called(A, "x")), names(None)) == ({"a", "x"}, set())


def test_who_leaves_and_what_moves_is_known_from_the_last_change() -> None:
    """With an intent a row is leaving, and worth looking at often like what transfers."""
    moving = msgspec.structs.replace(A, state=State.MOVING)
    leaving = msgspec.structs.replace(B, intent=Intent(IntentKind.CANCEL, "me", "r", NOW, False))
    known = Known((moving, leaving, C))
    assert (known.leaving, known.moving) == ({"b"}, {"a", "b"})
    known.step(Change(moving, A))
    known.step(Change(leaving, B))
    assert (known.leaving, known.moving) == (set(), set())
    known.step(Change(A, moving))
    known.step(Change(B, leaving))
    known.step(Change(moving, None))
    known.step(Change(leaving, None))
    assert (known.leaving, known.moving) == (set(), set())


def test_what_tries_is_known_from_the_last_change() -> None:
    """Only that is watched for stalls."""
    trying = msgspec.structs.replace(A, state=State.DOWNLOADING)
    known = Known((trying, B))
    assert known.trying == {"a"}
    known.step(Change(trying, A))
    assert known.trying == set()
    known.step(Change(A, trying))
    known.step(Change(trying, None))
    assert known.trying == set()
