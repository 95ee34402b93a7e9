"""How many names are read right, kind by kind: the figures that `make names` prints, held."""

from __future__ import annotations

import pytest

from names.sets import FORMS, SETS, Case, cases, judge, read


def of(which: str, kind: str) -> list[Case]:
    """A set's names of one kind."""
    return [case for case in cases(which) if case.kind == kind]


@pytest.mark.parametrize("kind", FORMS)
def test_every_name_that_the_rules_were_made_for_is_read_right(kind: str) -> None:
    """Title, numbers, form, and what else a line gives: of the tuned set nothing is lost again."""
    wrong = [
        (case.name, case.facts, read(case))
        for case in of("tuning", kind)
        if not (verdict := judge(case, read(case))).good or verdict.wrong
    ]
    assert wrong == []


@pytest.mark.parametrize("kind", FORMS)
def test_of_names_that_the_rules_never_saw_95_in_100_are_read_right(kind: str) -> None:
    """Title and numbers of the held-out names, for each kind. One name may fail where a kind has fewer than twenty."""
    held_out = of("heldout", kind)
    good = sum(judge(case, read(case)).good for case in held_out)
    assert good >= min(0.95 * len(held_out), len(held_out) - 1)


def test_the_sets_are_large_and_share_no_name() -> None:
    """Six hundred names at least, in every kind, and none that was both tuned on and held out."""
    tuned, held_out = ({case.name for case in cases(which)} for which in SETS)
    assert len(tuned | held_out) >= 600
    assert tuned & held_out == set()
    assert all(len(of(which, kind)) >= 12 for which in SETS for kind in FORMS)


def test_a_number_that_nobody_wrote_is_an_error() -> None:
    """The score cannot be had by guessing: an episode where the line has none is judged wrong."""
    case = Case("season pack", "Harrow.Lane.S01E02.1080p", "Harrow Lane", "s1")
    assert not judge(case, read(case)).good
