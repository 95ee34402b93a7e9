"""Folder and file name together."""

from __future__ import annotations

import pytest

from sluice_names import Form, bare_number, of_season, parse_path


def test_a_folder_tells_what_the_file_does_not() -> None:
    """Title, year and season come from the nearest folder that has them; the file's own word comes first."""
    release = parse_path("tv/Harrow Lane (2015)/Season 02/03 - The Well.mkv")
    assert (release.title, release.year, release.season, release.episodes) == ("Harrow Lane", 2015, 2, (3,))
    own = parse_path("Harrow Lane/Season 02/Harrow.Lane.S03E01.mkv")
    assert (own.season, own.episodes) == (3, (1,))


def test_a_name_that_says_nothing_is_what_its_folder_says() -> None:
    """An obfuscated file is its download's episode, with the quality of whichever tells it."""
    release = parse_path("Harrow.Lane.S03E05.1080p.WEB.H264-KILO/8f4e2a9c7d1b4f60a5c3e7d9b2f18c44.mkv")
    assert (release.title, release.season, release.episodes, release.group) == ("Harrow Lane", 3, (5,), "KILO")
    film = parse_path("The Glass Orchard (2019)/the-glass-orchard.720p.mkv")
    assert (film.form, film.year, film.quality.resolution) == (Form.MOVIE, 2019, "720p")


def test_a_file_of_a_season_is_no_film() -> None:
    """`Caprica (2008)/Season 1/Apotheosis.mkv` is an episode that nobody can number."""
    release = parse_path("Caprica (2008)/Season 1/Apotheosis.mkv")
    assert (release.title, release.year, release.form) == ("Caprica", 2008, Form.UNKNOWN)


def test_a_folder_of_another_title_gives_nothing() -> None:
    """The year and the group of something else are not taken."""
    release = parse_path("Best of 2011/Harrow.Lane.S01E01.mkv")
    assert (release.title, release.year) == ("Harrow Lane", None)


def test_an_absolute_number_stays_one() -> None:
    """A long-running show's file in a season's folder keeps its count; a short one is the season's episode."""
    assert parse_path("Long Show/Season 20/Long Show - 0972.mkv").absolute_episodes == (972,)
    short = parse_path("Short Show/Season 2/Short Show - 07.mkv")
    assert (short.season, short.episodes, short.absolute_episodes) == (2, (7,), ())


def test_a_number_is_a_seasons_only_while_it_can_be() -> None:
    """203 is the third of season 2; in season 3, or as its hundredth, it is nobody's."""
    assert of_season((5, 6), 2) == (5, 6)
    assert of_season((203,), 2) == (3,)
    assert of_season((203,), 3) == of_season((200,), 2) == of_season((5, 972), 2) == of_season((), 2) == ()
    assert of_season((0,), 1) == ()


@pytest.mark.parametrize(
    ("name", "number"),
    [("03 - The Well.mkv", 3), ("E04.mkv", 4), ("05.mkv", 5), ("Episode 12.mp4", 12), ("e01.1080p.x264-g.mkv", 1)],
)
def test_a_number_in_front_is_the_files(name: str, number: int) -> None:
    """However it is dressed."""
    assert bare_number(name) == number


@pytest.mark.parametrize("name", ["Pilot.mkv", "1x04.mkv", "2012.mkv", "S01E01.mkv", "", "12 13.mkv"])
def test_what_is_more_than_a_number_is_none(name: str) -> None:
    """Neither a year nor a season and episode is a bare number."""
    assert bare_number(name) is None


def test_a_slash_in_brackets_parts_no_folders() -> None:
    """Groups write [720p/MKV]."""
    assert parse_path("[Group] Some Show - 12 [720p/MKV]").title == "Some Show"
