"""docs/clients.md says what the suites show: one that is stale fails here."""

from __future__ import annotations

import pytest

from sluice_client_poller.adapters.registry import FACTORIES
from sluice_client_poller.adapters.versions import KNOWN
from support.abilities import Ability
from support.clients import LAUNCHERS
from support.clients_page import PAGE, page, read_report, recorded, suites, versions

MEND = "run `make clients-page`"


def test_every_kind_of_client_has_both_suites_and_a_real_one_to_run() -> None:
    """A client that can be configured was run for real, and is in the page."""
    assert list(suites()) == list(FACTORIES)
    assert set(LAUNCHERS) == set(FACTORIES)
    assert set(read_report()) == set(FACTORIES), MEND


@pytest.mark.parametrize("kind", sorted(FACTORIES))
def test_the_report_is_of_todays_tests(kind: str) -> None:
    """Some version was run with the tests as they are now, and all that they show was shown."""
    assert versions(read_report(), kind, suites()[kind]), MEND


@pytest.mark.parametrize("kind", sorted(FACTORIES))
def test_what_doctor_calls_tested_was_tested(kind: str) -> None:
    """Doctor and this page speak of the same versions: those of the last runs, and those that were recorded."""
    suite = suites()[kind]
    assert list(KNOWN[kind].real) == versions(read_report(), kind, suite), "mend KNOWN in adapters/versions.py"
    assert list(KNOWN[kind].recorded) == recorded(kind, suite), "mend KNOWN in adapters/versions.py"


@pytest.mark.parametrize("kind", sorted(FACTORIES))
def test_every_client_shows_what_can_be_asked_or_says_why_not(kind: str) -> None:
    """An ability that no test shows is a no with a reason."""
    suite = suites()[kind]
    unexplained = [ability for ability in Ability if ability not in suite.shown and ability not in suite.live.NOTES]
    assert unexplained == []
    assert suite.live.LIMITS


def test_the_page_is_what_the_suites_show() -> None:
    """Nobody edits the page, and nobody changes a rule without it."""
    assert PAGE.read_text() == page(read_report()), MEND
