"""What a catalogue makes of the readings of a name: which item, which episodes, how sure, and why."""

from __future__ import annotations

from datetime import date

import pytest

from sluice_importer.match.decide import THRESHOLD, decide
from sluice_importer.match.index import Index
from sluice_importer.match.values import Episode, Match, MediaItem, Numbers, Unknown
from sluice_names import readings


def series(item: str, title: str, year: int | None = None, *others: str) -> MediaItem:
    """A series of the catalogue."""
    return MediaItem(id=item, kind="series", title=title, year=year, library="tv", alternative_titles=others)


def film(item: str, title: str, year: int | None = None, *others: str) -> MediaItem:
    """A film of the catalogue."""
    return MediaItem(id=item, kind="movie", title=title, year=year, library="films", alternative_titles=others)


def seasons(*sizes: int, absolute: bool = False) -> list[Episode]:
    """Seasons of so many episodes each, aired a day apart, with or without absolute numbers."""
    made: list[Episode] = []
    for season, size in enumerate(sizes, 1):
        for number in range(1, size + 1):
            count = len(made) + 1
            day = date.fromordinal(date(2024, 1, 1).toordinal() + count - 1)
            made.append(Episode(season=season, number=number, absolute=count if absolute else None, air_date=day))
    return made


SPACE = series("space", "Space: 1999", 1975)
PIECE = series("piece", "One Piece", 1999, "Wan Pisu")
WALKERS = series("walkers", "The Walkers", 2010)
LATE = series("late", "The Late Hour", 2014)
SWAT = series("swat", "S.W.A.T.", 2017)
HUNDRED = series("hundred", "The 100", 2014)
DUNE_2 = film("dune2", "Dune: Part Two", 2024)
RUNNER = film("runner", "Blade Runner 2049", 2017)
LAWYER = film("lawyer", "The Lincoln Lawyer", 2011)
MINI = series("mini", "Salt and Iron", 2018)
FIRST_ALIAS = series("one", "First Work", 2001, "The Same Name")
SECOND_ALIAS = series("two", "Second Work", 2002, "The Same Name")
OFFICE = series("office", "The Office", 2001)
ALL = [SPACE, PIECE, WALKERS, LATE, SWAT, HUNDRED, DUNE_2, RUNNER, LAWYER, MINI, FIRST_ALIAS, SECOND_ALIAS, OFFICE]
EPISODES = {
    "space": seasons(24, 24),
    "piece": seasons(*[60] * 19, absolute=True),
    "walkers": seasons(6, 13, 16),
    "late": seasons(200),
    "hundred": seasons(13, 16),
    "mini": seasons(4),
    "office": seasons(6, 6),
}
CATALOGUE = Index(ALL, EPISODES)


def sure(name: str) -> tuple[MediaItem, tuple[Numbers, ...]]:
    """What a name is matched to."""
    outcome = decide(CATALOGUE, readings(name))
    assert isinstance(outcome, Match), outcome
    assert outcome.confidence >= THRESHOLD
    assert outcome.why
    return outcome.item, outcome.episodes


def unsure(name: str, index: Index = CATALOGUE) -> Unknown:
    """Why a name is not matched."""
    outcome = decide(index, readings(name))
    assert isinstance(outcome, Unknown), outcome
    assert outcome.why
    return outcome


@pytest.mark.parametrize(
    ("name", "item", "episodes"),
    [
        ("Space.1999.S02E03.720p.BluRay", SPACE, ((2, 3),)),
        ("Blade.Runner.2049.1080p.BluRay", RUNNER, ()),
        ("Dune.Part.Two.2160p.WEB-DL", DUNE_2, ()),
        ("The.100.S02E03.720p", HUNDRED, ((2, 3),)),
        ("SWAT.S05E01.1080p", SWAT, ((5, 1),)),
        ("La Defense (The Lincoln Lawyer) 2011 1080p", LAWYER, ()),
        ("Salt.and.Iron.Part.2.720p", MINI, ((1, 2),)),
        ("wan.pisu.S03E01.720p", PIECE, ((3, 1),)),
    ],
)
def test_a_title_that_exists_beats_a_title_that_parses(
    name: str, item: MediaItem, episodes: tuple[Numbers, ...]
) -> None:
    """Years and parts are titles', and acronyms are spelled in any way, where the catalogue says so."""
    assert sure(name) == (item, episodes)


@pytest.mark.parametrize(
    ("name", "item", "episodes"),
    [
        ("One.Piece.720.WEB.x264", PIECE, ((12, 60),)),
        ("One.Piece.1080.WEB.x264", PIECE, ((18, 60),)),
        ("[Group] One Piece - 0972 [1080p].mkv", PIECE, ((17, 12),)),
        ("the.walkers.213.hdtv-lol", WALKERS, ((2, 13),)),
        ("The.Late.Hour.2024.01.05.720p", LATE, ((1, 5),)),
        ("The.Walkers.S03.1080p", WALKERS, ()),
        ("The.Walkers.S01-S03.1080p", WALKERS, ()),
    ],
)
def test_an_episode_that_exists_beats_a_resolution_or_a_year(
    name: str, item: MediaItem, episodes: tuple[Numbers, ...]
) -> None:
    """Loose, absolute and dated numbers become the catalogue's own, where it has them."""
    assert sure(name) == (item, episodes)


@pytest.mark.parametrize(
    "name", ["the.walkers.999.hdtv-lol", "The.Walkers.720.HDTV", "The.Late.Hour.2031.720p", "One.Piece.9720.WEB.x264"]
)
def test_a_loose_number_that_does_not_exist_is_no_episode(name: str) -> None:
    """Nobody is bound by a number that may be anything."""
    unsure(name)


@pytest.mark.parametrize(
    ("name", "confidence", "why"),
    [
        ("The.Walkers.2010.S02E03", 1.0, "its title; it has S02E03"),
        ("The.Walkers.S02E03", 0.97, "its title; it has S02E03"),
        ("Wan.Pisu.1999.S02E03", 0.98, "an alternative title; it has S02E03"),
        ("SWAT.2017.S02E03", 0.93, "its title, blanks aside; its episodes are not known"),
        ("One.Piece.720.WEB.x264", 0.82, "its title; the absolute numbers are S12E60"),
        ("Wan.Pisu.720.WEB.x264", 0.8, "an alternative title; the absolute numbers are S12E60"),
        ("The.Walkers.2010.S03E17", 0.9, "its title; S03E17 is not known yet"),
        ("Blade.Runner.2049.2017.1080p", 1.0, "its title"),
        ("Blade.Runner.2049.1080p", 0.97, "its title"),
        ("Blade.Runner.2049.2018.1080p", 0.85, "its title"),
        ("Space.1999.S02E03", 0.92, "its title; it has S02E03"),
    ],
)
def test_confidence_says_what_a_match_rests_on(name: str, confidence: float, why: str) -> None:
    """Each doubt costs its share, and the reason is told in words."""
    outcome = decide(CATALOGUE, readings(name))
    assert isinstance(outcome, Match), outcome
    assert (outcome.confidence, outcome.why) == (confidence, why)


def test_a_tie_is_told_with_its_candidates() -> None:
    """How many fit, or what is wrong with the one that does."""
    assert unsure("The.Same.Name.S01E01").why == "2 items fit as well"
    assert unsure("The.Walkers.S09E01").why == "its title; it has no season 9"


def test_the_best_reading_counts_wherever_it_stands() -> None:
    """A later reading that the catalogue bears out beats an earlier one that it does not."""
    index = Index(
        [series("short", "Salt"), film("long", "Salt Part 2", 2019)], {"short": [Episode(season=3, number=1)]}
    )
    outcome = decide(index, readings("Salt.Part.2.720p"))
    assert isinstance(outcome, Match)
    assert outcome.item.id == "long"


def test_a_tenth_is_enough_between_two_items() -> None:
    """The whole title beats the half of it that is another film's."""
    index = Index([film("whole", "La Defense (The Lawyer)", 2011), film("half", "The Lawyer", 2011)])
    outcome = decide(index, readings("La Defense (The Lawyer) 2011 1080p"))
    assert isinstance(outcome, Match)
    assert (outcome.item.id, outcome.confidence) == ("whole", 1.0)


def test_of_two_items_the_one_that_has_the_episode_is_meant() -> None:
    """A loose number rules out the one that has it not, wherever it stands."""
    index = Index([series("a", "Twin"), series("b", "Twin")], {"a": seasons(5), "b": seasons(9)})
    outcome = decide(index, readings("Twin.107.HDTV"))
    assert isinstance(outcome, Match)
    assert (outcome.item.id, outcome.episodes) == ("b", ((1, 7),))


def test_the_year_decides_between_items_of_one_title() -> None:
    """An equal year beats one that is not known, and without a year nobody is preferred."""
    index = Index([series("none", "Twin"), series("old", "Twin", 1990), series("new", "Twin", 2017)])
    outcome = decide(index, readings("Twin.2017.S01E01"))
    assert isinstance(outcome, Match)
    assert outcome.item.id == "new"
    assert [item.id for item in unsure("Twin.S01E01", index).candidates] == ["none", "old", "new"]
    assert [item.id for item in unsure("Twin.1995.S01E01", Index([series("old", "Twin", 1990)])).candidates] == ["old"]


def test_a_number_that_is_two_episodes_is_ambiguous_only_between_items() -> None:
    """The catalogue's exact title wins over the same words with their number read as an episode."""
    index = Index([series("a", "Tail"), series("b", "Tail 2")], {"a": seasons(5, absolute=True), "b": seasons(5)})
    outcome = decide(index, readings("[Group] Tail 2 - 03 [720p].mkv"))
    assert isinstance(outcome, Match)
    assert outcome.item.id == "b"


def test_an_alternative_title_of_two_items_decides_nothing() -> None:
    """Both are offered."""
    outcome = unsure("The.Same.Name.S01E01.720p")
    assert (outcome.code, outcome.candidates) == ("ambiguous_match", (FIRST_ALIAS, SECOND_ALIAS))


def test_a_title_beats_an_alternative_title() -> None:
    """What is called so is meant, not what is also called so."""
    index = Index([series("also", "Other Show", None, "The Office"), OFFICE], EPISODES)
    outcome = decide(index, readings("The.Office.S01E01"))
    assert isinstance(outcome, Match)
    assert outcome.item is OFFICE


def test_a_film_and_a_series_that_both_fit_are_ambiguous() -> None:
    """Dune's second part is an episode where the catalogue has such a mini-series too."""
    index = Index([DUNE_2, series("dune", "Dune", 2000)], {"dune": seasons(3)})
    assert unsure("Dune.Part.Two.1080p", index).code == "ambiguous_match"


def test_another_countrys_show_is_offered_and_never_taken() -> None:
    """The Office is not The Office US."""
    outcome = unsure("The.Office.US.S01E01.720p")
    assert (outcome.code, outcome.candidates) == ("ambiguous_match", (OFFICE,))


def test_what_is_not_known_yet_is_taken_and_what_cannot_be_is_not() -> None:
    """The next episode or season may have begun before the catalogue knew; season 9 of three may not."""
    assert sure("The.Walkers.S03E17.720p") == (WALKERS, ((3, 17),))
    assert sure("The.Walkers.S04E01.720p") == (WALKERS, ((4, 1),))
    assert unsure("The.Walkers.S09E01.720p").candidates == (WALKERS,)
    assert unsure("[G] One Piece - 5000 [720p].mkv").candidates == (PIECE,)
    assert unsure("The.Walkers.S00E31.Special.720p").candidates == (WALKERS,)


def test_a_season_that_goes_on_counting_is_understood() -> None:
    """`S2 - 62` of a show with sixty episodes in its first season is the second of season 2."""
    assert sure("[Group] One Piece S2 - 62 [720p].mkv") == (PIECE, ((2, 2),))


def test_several_episodes_of_a_day_are_not_guessed() -> None:
    """A person says which one."""
    day = date(2024, 3, 5)
    twice = [Episode(season=1, number=number, air_date=day) for number in (1, 2)]
    outcome = unsure("The.Late.Hour.2024.03.05.720p", Index([LATE], {"late": twice}))
    assert (outcome.code, outcome.candidates) == ("ambiguous_match", (LATE,))


def test_a_films_year_may_be_one_off_if_nothing_fits_better() -> None:
    """And two off is another film."""
    assert sure("Blade.Runner.2049.2018.1080p")[0] is RUNNER
    assert unsure("Blade.Runner.2049.2019.1080p").code == "unknown_media"
    index = Index([film("a", "Twin", 2018), film("b", "Twin", 2019)])
    outcome = decide(index, readings("Twin.2019.1080p"))
    assert isinstance(outcome, Match)
    assert outcome.item.id == "b"


def test_a_film_is_no_series_and_a_series_no_film() -> None:
    """Numbers rule films out, a year alone rules series out."""
    assert unsure("Blade.Runner.2049.S01E01").code == "unknown_media"
    assert unsure("The.Walkers.2010.1080p.BluRay").code == "unknown_media"


def test_an_absolute_number_of_an_only_season_is_its_episode() -> None:
    """Where the catalogue has no absolute numbers and nothing else can be meant."""
    index = Index([series("anime", "Kumo no Mukou")], {"anime": seasons(12)})
    outcome = decide(index, readings("[Group] Kumo no Mukou - 07 [1080p].mkv"))
    assert isinstance(outcome, Match)
    assert outcome.episodes == ((1, 7),)


def test_nothing_is_found_in_an_empty_catalogue_or_by_an_empty_name() -> None:
    """Nothing raises, and nothing is like nothing."""
    assert unsure("The.Walkers.S01E01", Index([])) == Unknown(
        code="unknown_media", why="no title of the catalogue fits"
    )
    assert unsure("").code == "unknown_media"
    assert decide(CATALOGUE, []) == Unknown(code="unknown_media", why="no title of the catalogue fits")


def test_the_nearest_titles_are_offered_best_first() -> None:
    """At least half of all words are shared, with either kind of title; as near is by the alphabet."""
    index = Index([series("a", "Red Green Blue"), series("b", "Red Green"), series("c", "Red", None, "Green Red Cat")])
    assert [item.id for item in index.similar("red green")] == ["b", "c", "a"]
    assert index.similar("yellow") == ()
