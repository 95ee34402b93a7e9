"""docs/clients.md says what the suites show: one that is stale fails here."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from clients.edit_fixtures import every_edit
from clients.frozen_suite import CONTROLS
from sluice_client_poller.adapters.registry import FACTORIES
from sluice_client_poller.adapters.versions import KNOWN
from sluice_common.model.edits import AnyControl, AnyEdit
from support.abilities import Ability
from support.clients import LAUNCHERS
from support.clients_page import EDITS_REPORT, PAGE, page, read_report, recorded, suites, with_run
from support.edit_abilities import Since, why_not

MEND = "run `make clients-page`"


def test_every_kind_of_client_has_both_suites_and_a_real_one_to_run() -> None:
    """A client that can be configured was run for real, and is in the page."""
    assert list(suites()) == list(FACTORIES)
    assert set(LAUNCHERS) == set(FACTORIES)
    assert set(read_report()) == set(FACTORIES), MEND


@pytest.mark.parametrize("kind", sorted(FACTORIES))
def test_a_run_adds_its_version_and_drops_cases_that_are_none_any_more(kind: str) -> None:
    """What other versions passed stays theirs: a new case is theirs only once they were run with it.

    That a version's cases are today's is asserted where that version runs (`test_this_version_is_in_the_page`).
    """
    today = suites()[kind].live.cases()
    report = with_run({kind: {"1": [*today[1:], "a case of old"], "2": ["stale"]}}, kind, "2", today)
    assert report == {kind: {"1": today[1:], "2": today}}


def test_a_case_that_a_version_was_not_run_with_says_so() -> None:
    """Client, version and case: the cell is the version's own run, and no other's."""
    report = {kind: {"1": suite.live.cases(), "2": suite.live.cases()} for kind, suite in suites().items()}
    report["qbittorrent"]["2"] = report["qbittorrent"]["2"][1:]
    missing = suites()["qbittorrent"].live.cases()[0]
    (line,) = (
        line for line in page(report, read_report(EDITS_REPORT)).splitlines() if line.startswith(f"| {missing} |")
    )
    assert line == f"| {missing} | passed | passed | passed | not run | passed | passed |"


@pytest.mark.parametrize("kind", sorted(FACTORIES))
def test_what_doctor_calls_tested_was_tested(kind: str) -> None:
    """Doctor and this page speak of the same versions: those of the last runs, and those that were recorded."""
    suite = suites()[kind]
    assert list(KNOWN[kind].real) == sorted(read_report()[kind]), "mend KNOWN in adapters/versions.py"
    assert list(KNOWN[kind].recorded) == recorded(kind, suite), "mend KNOWN in adapters/versions.py"


@pytest.mark.parametrize("kind", sorted(FACTORIES))
def test_every_client_shows_what_can_be_asked_or_says_why_not(kind: str) -> None:
    """An ability that no test shows is a no with a reason."""
    suite = suites()[kind]
    unexplained = [ability for ability in Ability if ability not in suite.shown and ability not in suite.live.NOTES]
    assert unexplained == []
    assert suite.live.LIMITS


@pytest.mark.parametrize("kind", sorted(FACTORIES))
def test_every_edit_suite_passed_as_it_is_today(kind: str) -> None:
    """The table of edits is of a run of all that is asked of this client now."""
    assert suites()[kind].edits.cases() in read_report(EDITS_REPORT)[kind].values(), MEND


def test_no_kind_of_change_is_left_out_of_the_suites() -> None:
    """Every edit is refused for what is not there and frozen in the middle, and so is every control; a new one too."""
    assert {type(edit) for edit in every_edit(Path("/"))} == set(get_args(AnyEdit))
    assert {type(control) for control in CONTROLS} == set(get_args(AnyControl))


@pytest.mark.parametrize(
    ("version", "why"), [("3.00", "before 4.1"), ("4.0.6", "before 4.1"), ("4.1.0-beta.2", None), ("10.0", None)]
)
def test_what_came_with_a_version(version: str, why: str | None) -> None:
    """The older ones cannot, and the page says since when; what none of them can do needs no version."""
    assert why_not(Since(4, 1), version) == why
    assert why_not("never", version) == "never"
    assert why_not(None, version) is None


def test_the_page_is_what_the_suites_show() -> None:
    """Nobody edits the page, and nobody changes a rule without it."""
    assert PAGE.read_text() == page(read_report(), read_report(EDITS_REPORT)), MEND
