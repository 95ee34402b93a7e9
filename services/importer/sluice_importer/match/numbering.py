"""Which of a series' episodes a reading names, and how well the catalogue bears it out. Pure."""

from __future__ import annotations

from datetime import date

import msgspec

from sluice_importer.match.index import EpisodeList
from sluice_importer.match.values import Numbers
from sluice_names import Form, Release


class Numbering(msgspec.Struct, frozen=True):
    """The episodes, whether the catalogue has them all, what is lost where it has not (0 to 1), and why."""

    episodes: tuple[Numbers, ...]
    exists: bool
    doubt: float
    why: str


OF_A_FILM = Numbering((), exists=True, doubt=0.0, why="")


def numbering(release: Release, known: EpisodeList | None) -> Numbering:
    """The episodes of a release in the catalogue's own numbers."""
    said = tuple((release.season or 0, number) for number in release.episodes)
    if known is None:
        doubt = 0.1 if release.absolute_episodes or release.special else 0.02
        return Numbering(said, False, doubt, "its episodes are not known")
    if release.episodes:
        return _numbered(release, said, known)
    if release.absolute_episodes:
        return _absolute(release, known)
    if release.air_date is not None:
        return _dated(release.air_date, known)
    return _seasons(release, known)


def _numbered(release: Release, said: tuple[Numbers, ...], known: EpisodeList) -> Numbering:
    if all(known.has(*numbers) for numbers in said):
        return Numbering(said, True, 0.0, f"it has {_shown(said)}")
    counted = [known.absolute.get(number) for _, number in said]
    through = tuple(numbers for numbers in counted if numbers is not None and numbers[0] == release.season)
    if len(through) == len(said):  # `S2 - 25` of a show whose second season goes on counting
        return Numbering(through, True, 0.05, f"the absolute numbers are {_shown(through)}")
    if release.season == 0:
        return Numbering(said, False, 0.3, f"it has no special {_shown(said)}")
    if release.season in known.seasons or release.season == known.next_season():
        return Numbering(said, False, 0.1, f"{_shown(said)} is not known yet")
    return Numbering(said, False, 0.3, f"it has no season {release.season}")


def _absolute(release: Release, known: EpisodeList) -> Numbering:
    found = [known.absolute.get(number) for number in release.absolute_episodes]
    numbers = tuple(one for one in found if one is not None)
    if len(numbers) == len(found):
        return Numbering(numbers, True, 0.0, f"the absolute numbers are {_shown(numbers)}")
    regular = [season for season in known.seasons if season]
    only = tuple((1, number) for number in release.absolute_episodes)
    if not known.absolute and regular == [1] and all(known.has(*one) for one in only):
        return Numbering(only, True, 0.05, f"its only season has {_shown(only)}")
    return Numbering((), False, 0.3, "it has no such absolute number")


def _dated(air_date: date, known: EpisodeList) -> Numbering:
    found = tuple(known.dates.get(air_date, ()))
    if len(found) == 1:
        return Numbering(found, True, 0.0, f"{_shown(found)} was aired that day")
    if found:
        return Numbering((), False, 0.3, "several episodes were aired that day")
    return Numbering((), False, 0.1 if known.dates else 0.02, "no episode is known of that day")


def _seasons(release: Release, known: EpisodeList) -> Numbering:
    seasons = release.seasons or (() if release.season is None else (release.season,))
    if not seasons:
        whole = release.is_complete
        return Numbering((), whole, 0.0 if whole else 0.02, "all of it" if whole else "the name tells no episode")
    missing = [season for season in seasons if season not in known.seasons]
    if not missing:
        return Numbering((), True, 0.0, f"it has season {', '.join(map(str, seasons))}")
    if missing == [known.next_season()]:
        return Numbering((), False, 0.1, f"season {missing[0]} is not known yet")
    return Numbering((), False, 0.3, f"it has no season {', '.join(map(str, missing))}")


def needs_numbers(release: Release) -> bool:
    """Whether a reading names episodes or seasons at all, so that only a series can bear it out."""
    return release.form not in (Form.MOVIE, Form.UNKNOWN)


def _shown(episodes: tuple[Numbers, ...]) -> str:
    season, number = episodes[0]
    return f"S{season:02}E{number:02}" + ("" if len(episodes) == 1 else f" and {len(episodes) - 1} more")
