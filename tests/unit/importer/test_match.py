"""Which work a download is for, and when nobody should guess."""

from __future__ import annotations

from sluice_importer.match.matching import match
from sluice_importer.match.values import Match, MediaItem, NewItem, Unknown
from sluice_names import parse

OFFICE_UK = MediaItem(id="uk", kind="series", title="The Office", year=2001, library="tv")
OFFICE_US = MediaItem(id="us", kind="series", title="The Office", year=2005, library="tv")
DUNE_OLD = MediaItem(id="d84", kind="movie", title="Dune", year=1984, library="films")
DUNE_NEW = MediaItem(id="d21", kind="movie", title="Dune", year=2021, library="films", alternative_titles=("Arrakis",))
PILOT = MediaItem(id="pilot", kind="movie", title="Pilot", library="films")
ALIAS = MediaItem(id="alias", kind="movie", title="Desert Planet", library="films", alternative_titles=("Dune",))
CATALOGUE = [OFFICE_UK, OFFICE_US, DUNE_OLD, DUNE_NEW, PILOT]


def test_a_year_decides_between_works_of_one_title() -> None:
    """Dune of 2021 is not Dune of 1984."""
    assert match(CATALOGUE, parse("Dune.2021.1080p.BluRay.x264-GRP")) == Match(DUNE_NEW)


def test_without_a_year_two_works_of_one_title_are_ambiguous() -> None:
    """A wrong guess is worse than none: both are offered."""
    assert match(CATALOGUE, parse("The.Office.S01E01.720p")) == Unknown(
        code="ambiguous_media", candidates=(OFFICE_UK, OFFICE_US)
    )


def test_an_association_beats_every_name() -> None:
    """What a person bound the download to is what it is for."""
    assert match(CATALOGUE, parse("Dune.2021.1080p"), association="us") == Match(OFFICE_US)


def test_an_association_with_a_work_that_is_gone_is_never_replaced_by_a_guess() -> None:
    """The bound item was deleted: the name is offered as a candidate and no more."""
    assert match(CATALOGUE, parse("Pilot.1080p"), association="gone") == Unknown(
        code="unknown_media", candidates=(PILOT,)
    )


def test_files_decide_where_the_download_was_renamed() -> None:
    """A download called anything still holds files that name their work."""
    files = [parse("Dune.2021.1080p.mkv")]
    assert match(CATALOGUE, parse("my stuff"), files) == Match(DUNE_NEW)


def test_files_that_name_another_work_than_the_download_are_ambiguous() -> None:
    """Name and content disagree: nobody guesses."""
    outcome = match(CATALOGUE, parse("Dune.2021"), [parse("Dune.1984.mkv")])
    assert outcome == Unknown(code="ambiguous_media", candidates=(DUNE_NEW, DUNE_OLD))


def test_an_episode_title_is_not_a_film() -> None:
    """`Pilot.mkv` in a season pack does not make the pack the film Pilot."""
    outcome = match(CATALOGUE, parse("Another.Show.S01.1080p"), [parse("Pilot.mkv")])
    assert outcome == Unknown(code="unknown_media")


def test_a_title_beats_another_works_alias() -> None:
    """Desert Planet is also called Dune, but Dune is Dune."""
    assert match([ALIAS, DUNE_NEW], parse("Dune.2021")) == Match(DUNE_NEW)
    assert match([ALIAS, DUNE_NEW], parse("Arrakis.2021")) == Match(DUNE_NEW)


def test_unknown_media_comes_with_candidates() -> None:
    """The nearest titles are offered, of the right kind only."""
    outcome = match(CATALOGUE, parse("The.Office.Party.S01E01"))
    assert outcome == Unknown(code="unknown_media", candidates=(OFFICE_UK, OFFICE_US))


def test_a_work_is_made_from_the_name_only_where_the_policy_says_so() -> None:
    """`create` needs a kind and a title; `known-only` never makes anything."""
    release = parse("New.Show.2020.S01E01.1080p")
    assert match(CATALOGUE, release, policy="create") == NewItem(kind="series", title="New Show", year=2020)
    assert match(CATALOGUE, release) == Unknown(code="unknown_media")
    assert match(CATALOGUE, parse("something"), policy="create") == Unknown(code="unknown_media")
    assert match(CATALOGUE, parse("S01E01.mkv"), policy="create") == Unknown(code="unknown_media")


def test_a_known_work_is_never_made_twice() -> None:
    """Ambiguity under `create` stays ambiguity."""
    outcome = match(CATALOGUE, parse("The.Office.S01E01"), policy="create")
    assert isinstance(outcome, Unknown)
    assert outcome.code == "ambiguous_media"
