"""Which episodes a release names, in the catalogue's own numbers: exactly, with what is lost and why."""

from __future__ import annotations

from datetime import date

import pytest

from sluice_importer.match.index import EpisodeList
from sluice_importer.match.numbering import Numbering, needs_numbers, numbering
from sluice_importer.match.values import Episode
from sluice_names import Kind, Release

# Two seasons of three, which count on; the last two aired on one day; and a special.
COUNTED = EpisodeList(
    [
        Episode(season=0, number=1),
        Episode(season=1, number=1, absolute=1, air_date=date(2024, 1, 1)),
        Episode(season=1, number=2, absolute=2, air_date=date(2024, 1, 2)),
        Episode(season=1, number=3, absolute=3, air_date=date(2024, 1, 3)),
        Episode(season=2, number=1, absolute=4, air_date=date(2024, 1, 4)),
        Episode(season=2, number=2, absolute=5, air_date=date(2024, 1, 5)),
        Episode(season=2, number=3, absolute=6, air_date=date(2024, 1, 5)),
    ]
)
# One season and a special, of which nobody told an absolute number or a day.
PLAIN = EpisodeList([Episode(season=0, number=1), *(Episode(season=1, number=number) for number in (1, 2, 3))])
TWO = EpisodeList([Episode(season=season, number=1) for season in (1, 2)])
OF_TWO = EpisodeList([Episode(season=2, number=number) for number in (1, 2)])


def of(**told: object) -> Release:
    """A series' release."""
    return Release(kind=Kind.SERIES, **told)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        (of(season=2, episodes=(1, 2)), Numbering(((2, 1), (2, 2)), True, 0.0, "it has S02E01 and 1 more")),
        (of(season=2, episodes=(1, 2, 3)), Numbering(((2, 1), (2, 2), (2, 3)), True, 0.0, "it has S02E01 and 2 more")),
        (of(season=2, episodes=(1, 9)), Numbering(((2, 1), (2, 9)), False, 0.1, "S02E01 and 1 more is not known yet")),
        (of(season=2, episodes=(6,)), Numbering(((2, 3),), True, 0.05, "the absolute numbers are S02E03")),
        (of(season=1, episodes=(5,)), Numbering(((1, 5),), False, 0.1, "S01E05 is not known yet")),
        (of(season=3, episodes=(1,)), Numbering(((3, 1),), False, 0.1, "S03E01 is not known yet")),
        (of(season=4, episodes=(1,)), Numbering(((4, 1),), False, 0.3, "it has no season 4")),
        (of(season=0, episodes=(1,)), Numbering(((0, 1),), True, 0.0, "it has S00E01")),
        (of(season=0, episodes=(2,)), Numbering(((0, 2),), False, 0.3, "it has no special S00E02")),
        (of(absolute_episodes=(4,)), Numbering(((2, 1),), True, 0.0, "the absolute numbers are S02E01")),
        (of(absolute_episodes=(3,)), Numbering(((1, 3),), True, 0.0, "the absolute numbers are S01E03")),
        (of(absolute_episodes=(6, 7)), Numbering((), False, 0.3, "it has no such absolute number")),
        (of(air_date=date(2024, 1, 4)), Numbering(((2, 1),), True, 0.0, "S02E01 was aired that day")),
        (of(air_date=date(2024, 1, 5)), Numbering((), False, 0.3, "several episodes were aired that day")),
        (of(air_date=date(2024, 1, 6)), Numbering((), False, 0.1, "no episode is known of that day")),
        (of(season=2), Numbering((), True, 0.0, "it has season 2")),
        (of(season=0), Numbering((), True, 0.0, "it has season 0")),
        (of(seasons=(1, 2)), Numbering((), True, 0.0, "it has season 1, 2")),
        (of(season=3), Numbering((), False, 0.1, "season 3 is not known yet")),
        (of(seasons=(1, 2, 3)), Numbering((), False, 0.1, "season 3 is not known yet")),
        (of(seasons=(3, 4)), Numbering((), False, 0.3, "it has no season 3, 4")),
        (of(is_complete=True), Numbering((), True, 0.0, "all of it")),
        (of(), Numbering((), False, 0.02, "the name tells no episode")),
    ],
)  # fmt: skip
def test_numbers_become_the_catalogues(release: Release, expected: Numbering) -> None:
    """Every kind of number, borne out by the catalogue, not known yet, and impossible."""
    assert numbering(release, COUNTED) == expected


@pytest.mark.parametrize(
    ("release", "known", "expected"),
    [
        (of(absolute_episodes=(3,)), PLAIN, Numbering(((1, 3),), True, 0.05, "its only season has S01E03")),
        (of(absolute_episodes=(3, 4)), PLAIN, Numbering((), False, 0.3, "it has no such absolute number")),
        (of(absolute_episodes=(1,)), TWO, Numbering((), False, 0.3, "it has no such absolute number")),
        (of(absolute_episodes=(1,)), OF_TWO, Numbering((), False, 0.3, "it has no such absolute number")),
        (of(air_date=date(2024, 1, 4)), PLAIN, Numbering((), False, 0.02, "no episode is known of that day")),
    ],
)  # fmt: skip
def test_a_catalogue_that_knows_less_is_asked_for_less(
    release: Release, known: EpisodeList, expected: Numbering
) -> None:
    """Without absolute numbers only a single season, the first, can be counted through."""
    assert numbering(release, known) == expected


def test_a_counted_catalogue_is_not_counted_again() -> None:
    """An absolute number that is missing among absolute numbers is no episode of the only season."""
    only = EpisodeList([Episode(season=1, number=1, absolute=101), Episode(season=1, number=2, absolute=102)])
    assert numbering(of(absolute_episodes=(2,)), only) == Numbering((), False, 0.3, "it has no such absolute number")


@pytest.mark.parametrize(
    ("release", "episodes", "doubt"),
    [
        (of(season=1, episodes=(2, 3)), ((1, 2), (1, 3)), 0.02),
        (of(episodes=(2,)), ((0, 2),), 0.02),
        (of(absolute_episodes=(2,)), (), 0.1),
        (of(season=0, special=True), (), 0.1),
        (of(season=1), (), 0.02),
    ],
)
def test_where_no_episodes_are_known_little_is_lost(
    release: Release, episodes: tuple[tuple[int, int], ...], doubt: float
) -> None:
    """The name's own numbers stand, and nothing bears them out."""
    assert numbering(release, None) == Numbering(episodes, False, doubt, "its episodes are not known")


def test_only_a_series_has_episodes() -> None:
    """A film's name and one that tells nothing need none."""
    assert needs_numbers(of(season=1))
    assert needs_numbers(of(air_date=date(2024, 1, 1)))
    assert not needs_numbers(Release(title="x"))
    assert not needs_numbers(Release(title="x", kind=Kind.MOVIE))
