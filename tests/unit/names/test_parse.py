"""Names to values: each row is a name as people meet it, and what it says."""

from __future__ import annotations

import time
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice_names import Kind, Quality, Release, parse

EPISODES = {
    "Show.Name.S01E02.1080p.WEB-DL.DDP5.1.H.264-NTb.mkv": ("Show Name", None, 1, (2,)),
    "Show.Name.2019.S01E01E02.720p.HDTV.x264-GRP": ("Show Name", 2019, 1, (1, 2)),
    "Show Name (2019) - S01E01-E03 - A Title [1080p].mkv": ("Show Name", 2019, 1, (1, 2, 3)),
    "Show.Name.S01E01-03.mkv": ("Show Name", None, 1, (1, 2, 3)),
    "Show.Name.1x01-02.mkv": ("Show Name", None, 1, (1, 2)),
    "Show.Name.1x01x02.mkv": ("Show Name", None, 1, (1, 2)),
    "show_name_s02e05_720p.mkv": ("show name", None, 2, (5,)),
    "Show.Name.S01E01-720p.mkv": ("Show Name", None, 1, (1,)),
    "Show.Name.S01E01-2019.mkv": ("Show Name", None, 1, (1,)),
    "Show.Name.S00E01.Special.mkv": ("Show Name", None, 0, (1,)),
    "Show.S2019E03.mkv": ("Show", None, 2019, (3,)),
    "Mr. Robot - S01E01 - eps1.0.mkv": ("Mr. Robot", None, 1, (1,)),
    "[Group] Show Name S01E04 [1080p].mkv": ("Show Name", None, 1, (4,)),
    "24.S01E01.mkv": ("24", None, 1, (1,)),
    "S01E01.mkv": ("", None, 1, (1,)),
    "Show.Name.S03.1080p.BluRay.x265-GRP": ("Show Name", None, 3, ()),
    "Show.Name.Season.2.Complete": ("Show Name", None, 2, ()),
    "Show.Name.S01-S03.1080p": ("Show Name", None, None, ()),
}
MOVIES = {
    "Blade.Runner.2049.2017.1080p.BluRay.x264-GRP": ("Blade Runner 2049", 2017),
    "2012.2009.720p.mkv": ("2012", 2009),
    "2001.A.Space.Odyssey.1968.mkv": ("2001 A Space Odyssey", 1968),
    "Movie Title (1999) [1080p] [BluRay]": ("Movie Title", 1999),
    "Dr. Strangelove (1964).mkv": ("Dr. Strangelove", 1964),
    "Charlotte's Web (2006) 720p": ("Charlotte's Web", 2006),
}


@pytest.mark.parametrize("name", EPISODES)
def test_a_series_name_gives_title_year_season_and_episodes(name: str) -> None:
    """Single, several, ranges, `1x01`, specials and packs are told apart, and nothing technical becomes a number."""
    release = parse(name)
    assert (release.title, release.year, release.season, release.episodes) == EPISODES[name]
    assert release.kind is Kind.SERIES


@pytest.mark.parametrize("name", MOVIES)
def test_a_movie_name_gives_title_and_year(name: str) -> None:
    """The last year is the film's; a year or number in front belongs to its title."""
    release = parse(name)
    assert (release.title, release.year, release.kind) == (*MOVIES[name], Kind.MOVIE)
    assert release.season is None
    assert release.episodes == ()


def test_the_technical_half_is_read_after_the_title() -> None:
    """Quality, codec, group and PROPER come from behind the title, whose own words never count as technical."""
    assert parse("Web.of.Lies.S01E01.PROPER.2160p.UHD.BluRay.x265-GRP") == Release(
        title="Web of Lies",
        season=1,
        episodes=(1,),
        kind=Kind.SERIES,
        quality=Quality(resolution="2160p", source="bluray"),
        codec="h265",
        group="GRP",
        proper=True,
    )


def test_a_daily_show_carries_its_date_not_a_year() -> None:
    """`2024.03.05` is an air date."""
    release = parse("The.Daily.Show.2024.03.05.Guest.720p.WEB.h264-GRP")
    assert (release.title, release.air_date, release.year) == ("The Daily Show", date(2024, 3, 5), None)


def test_anime_counts_through_all_seasons() -> None:
    """A number behind a dash is an absolute one, and no episode of a season that the name does not tell."""
    anime = parse("[Group] Anime Title - 05v2 [1080p].mkv")
    assert (anime.title, anime.season, anime.episodes, anime.absolute_episodes) == ("Anime Title", None, (), (5,))
    assert (anime.kind, anime.group, anime.version) == (Kind.SERIES, "Group", 2)


def test_a_name_without_a_mark_still_has_a_title() -> None:
    """It is no movie for want of a better word."""
    plain = parse("Some.Movie.1080p.WEBRip.x264-GRP")
    assert (plain.title, plain.kind) == ("Some Movie", Kind.UNKNOWN)


def test_a_season_without_episodes_is_a_pack() -> None:
    """Only a season without numbers is a pack; a film is none."""
    assert parse("Show.S01.1080p").is_season_pack
    assert not parse("Show.S01E01").is_season_pack
    assert not parse("Film.2001").is_season_pack


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.text(alphabet=st.characters(), max_size=400))
def test_no_name_whatever_raises(name: str) -> None:
    """Any Unicode, surrogates included, gives a release whose fields can be written down."""
    release = parse(name)
    release.title.encode()
    assert all(episode >= 0 for episode in release.episodes)


@pytest.mark.parametrize("unit", ["s01e01", "1x01-02-", "(1999)", "x264-", "[]", "E01-E02-", "2001.01.01.", "a b "])
def test_a_hostile_name_costs_bounded_time(unit: str) -> None:
    """Ten kilobytes of markers are cut before anything reads them."""
    parse("warm the import")
    start = time.process_time()
    parse(unit * (10_000 // len(unit)))
    assert time.process_time() - start < 3


def test_a_name_is_cut_between_characters() -> None:
    """255 bytes, never half a character."""
    assert len(parse("é" * 400 + " S01E01").title.encode()) <= 255
