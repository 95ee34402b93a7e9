"""Every way in which a name may be read."""

from __future__ import annotations

from sluice_names import Kind, Release, readings


def said(name: str) -> list[tuple[str, int | None, int | None, tuple[int, ...], bool]]:
    """Title, year, season and numbers of each reading, and whether it counts only where the catalogue has it."""
    return [_said(one.release, one.must_exist) for one in readings(name)]


def _said(release: Release, must_exist: bool) -> tuple[str, int | None, int | None, tuple[int, ...], bool]:
    return release.title, release.year, release.season, release.episodes or release.absolute_episodes, must_exist


def test_what_parse_says_comes_first() -> None:
    """And is the only reading that loses nothing."""
    first, *others = readings("Space.1999.S01E02.720p")
    assert (first.release.title, first.release.year, first.doubt, first.must_exist) == ("Space", 1999, 0, False)
    assert all(other.doubt > 0 for other in others)


def test_a_year_may_be_the_titles() -> None:
    """Space: 1999 is a show."""
    assert ("Space 1999", None, 1, (2,), False) in said("Space.1999.S01E02.720p")


def test_a_part_may_be_a_films() -> None:
    """Dune: Part Two, and the other way round where a year lets `parse` say film."""
    assert ("Dune Part Two", None, None, (), False) in said("Dune.Part.Two.1080p")
    assert ("Salt", None, 1, (2,), True) in said("Salt.Part.2.2019.1080p")


def test_a_loose_number_may_be_an_episode_in_two_ways() -> None:
    """The 720th, or the twentieth of season 7; both only where the catalogue has them."""
    found = said("One.Piece.720.WEB")
    assert ("One Piece", None, None, (720,), True) in found
    assert ("One Piece", None, 7, (20,), True) in found
    assert ("Show", None, 20, (10,), True) in said("Show.2010.720p")
    assert ("Show", None, 1, (7,), True) in said("Show 7.mkv")


def test_a_title_may_be_two() -> None:
    """In brackets, behind AKA, in another script, or behind a group's short name."""
    for name, title in {
        "La Defense (The Lawyer) 2011.mkv": "The Lawyer",
        "La.Defense.AKA.The.Lawyer.2011.mkv": "La Defense",
        "夜の海.The.Sea.2011.mkv": "The Sea",
        "grp-the.sea.2011.mkv": "the sea",
        "The.Office.US.S01E01.mkv": "The Office",
    }.items():
        assert title in [one.release.title for one in readings(name)], name


def test_each_reading_loses_what_is_doubtful_about_it() -> None:
    """The likeliest nothing, another title a tenth, another country's show three; exactly these, in this order."""

    def shown(name: str) -> list[tuple[str, float]]:
        return [(one.release.title, one.doubt) for one in readings(name)]

    assert shown("Show.720.WEB") == [("Show 720", 0), ("Show", 0.15), ("Show", 0.15)]
    assert shown("Show 7.mkv") == [("Show 7", 0), ("Show", 0.15), ("Show", 0.15)]
    assert shown("Show 100.mkv") == [("Show 100", 0), ("Show", 0.15)]
    assert shown("Show 101.mkv") == [("Show 101", 0), ("Show", 0.15), ("Show", 0.15)]
    assert shown("[G] Show - 107.mkv") == [("Show", 0), ("Show", 0.15)]
    assert shown("grp-the.sea.S01E01") == [("grp-the sea", 0), ("the sea", 0.1)]
    assert readings("[G] Show - 107.mkv")[1].release.absolute_episodes == ()
    assert shown("[G] Show - 01-12.mkv") == [("Show", 0)]
    assert shown("Dune.Part.Two") == [("Dune", 0), ("Dune Part Two", 0.02)]
    assert shown("Show.US.S01E01") == [("Show US", 0), ("Show", 0.3)]
    assert shown("夜の海 The Sea S01E01") == [("夜の海 The Sea", 0), ("The Sea", 0.1)]
    assert shown("One (Two) S01E01") == [("One (Two)", 0), ("One", 0.1), ("Two", 0.1)]
    assert shown("One Name / Two S01E01") == [("One Name / Two", 0), ("One Name", 0.1), ("Two", 0.1)]
    assert shown("2019.mkv") == [("2019", 0)]


def test_no_reading_comes_twice() -> None:
    """A catalogue is not asked the same again."""
    for name in ("Show - 07.mkv", "One.Piece.720.WEB", "Dune.Part.Two.1080p", "", "(2011)"):
        found = [(one.release, one.must_exist) for one in readings(name)]
        assert len(found) == len(set(found))


def test_a_series_stays_one_in_its_loose_readings() -> None:
    """A number read as an episode makes it a series, whatever the name seemed."""
    assert {one.release.kind for one in readings("Show.2010.720p") if one.must_exist} == {Kind.SERIES}
