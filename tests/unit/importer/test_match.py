"""Which work a download is for, and when nobody should guess."""

from __future__ import annotations

from collections.abc import Iterable

from sluice_importer.match.index import Index
from sluice_importer.match.matching import match
from sluice_importer.match.values import Match, MediaItem, NewItem, Outcome, Policy, Unknown
from sluice_names import readings

OFFICE_UK = MediaItem(id="uk", kind="series", title="The Office", year=2001, library="tv")
OFFICE_US = MediaItem(id="us", kind="series", title="The Office", year=2005, library="tv")
DUNE_OLD = MediaItem(id="d84", kind="movie", title="Dune", year=1984, library="films")
DUNE_NEW = MediaItem(id="d21", kind="movie", title="Dune", year=2021, library="films", alternative_titles=("Arrakis",))
PILOT = MediaItem(id="pilot", kind="movie", title="Pilot", library="films")
ALIAS = MediaItem(id="alias", kind="movie", title="Desert Planet", library="films", alternative_titles=("Dune",))
CATALOGUE = [OFFICE_UK, OFFICE_US, DUNE_OLD, DUNE_NEW, PILOT]


def matched(
    name: str,
    files: Iterable[str] = (),
    catalogue: Iterable[MediaItem] = CATALOGUE,
    association: str | None = None,
    policy: Policy = "known-only",
) -> Outcome:
    """What a download of this name and these files is for."""
    return match(Index(catalogue), readings(name), map(readings, files), association=association, policy=policy)


def item(outcome: Outcome) -> MediaItem:
    """The item of a match."""
    assert isinstance(outcome, Match), outcome
    return outcome.item


def candidates(outcome: Outcome, code: str) -> list[MediaItem]:
    """The candidates of no match, of this code."""
    assert isinstance(outcome, Unknown), outcome
    assert outcome.code == code
    return list(outcome.candidates)


def test_a_year_decides_between_works_of_one_title() -> None:
    """Dune of 2021 is not Dune of 1984."""
    assert item(matched("Dune.2021.1080p.BluRay.x264-GRP")) is DUNE_NEW


def test_without_a_year_two_works_of_one_title_are_ambiguous() -> None:
    """A wrong guess is worse than none: both are offered."""
    assert candidates(matched("The.Office.S01E01.720p"), "ambiguous_match") == [OFFICE_UK, OFFICE_US]


def test_an_association_beats_every_name() -> None:
    """What a person bound the download to is what it is for."""
    assert item(matched("Dune.2021.1080p", association="us")) is OFFICE_US


def test_an_association_with_a_work_that_is_gone_is_never_replaced_by_a_guess() -> None:
    """The bound item was deleted: the name is offered as a candidate and no more."""
    assert candidates(matched("Pilot.1080p", association="gone"), "unknown_media") == [PILOT]


def test_files_decide_where_the_download_was_renamed() -> None:
    """A download called anything still holds files that name their work."""
    assert item(matched("my stuff", ["Dune.2021.1080p.mkv"])) is DUNE_NEW


def test_files_that_name_another_work_than_the_download_are_ambiguous() -> None:
    """Name and content disagree: nobody guesses."""
    assert candidates(matched("Dune.2021", ["Dune.1984.mkv"]), "ambiguous_match") == [DUNE_NEW, DUNE_OLD]


def test_an_episode_title_is_not_a_film() -> None:
    """`Pilot.mkv` in a season pack does not make the pack the film Pilot."""
    assert candidates(matched("Another.Show.S01.1080p", ["Pilot.mkv"]), "unknown_media") == []


def test_a_title_beats_another_works_alias() -> None:
    """Desert Planet is also called Dune, but Dune is Dune."""
    both = [ALIAS, DUNE_NEW]
    assert item(matched("Dune.2021", catalogue=both)) is DUNE_NEW
    assert item(matched("Arrakis.2021", catalogue=both)) is DUNE_NEW


def test_unknown_media_comes_with_candidates() -> None:
    """The nearest titles are offered, of the right kind only."""
    assert candidates(matched("The.Office.Party.S01E01"), "unknown_media") == [OFFICE_UK, OFFICE_US]


def test_a_work_is_made_from_the_name_only_where_the_policy_says_so() -> None:
    """`create` needs a kind and a title; `known-only` never makes anything."""
    name = "New.Show.2020.S01E01.1080p"
    assert matched(name, policy="create") == NewItem(kind="series", title="New Show", year=2020)
    assert candidates(matched(name), "unknown_media") == []
    assert candidates(matched("something", policy="create"), "unknown_media") == []
    assert candidates(matched("S01E01.mkv", policy="create"), "unknown_media") == []


def test_a_known_work_is_never_made_twice() -> None:
    """Ambiguity under `create` stays ambiguity."""
    assert candidates(matched("The.Office.S01E01", policy="create"), "ambiguous_match") == [OFFICE_UK, OFFICE_US]
