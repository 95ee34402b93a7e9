"""Folder and file name together. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from sluice_names.parse import parse
from sluice_names.release import Form, Kind, Quality, Release
from sluice_names.text import cut
from sluice_names.titles import fold_title, same_title

_NO_TITLE = re.compile(
    r"(?:s|season|series|saison|temporada|staffel|stagione)[ ._-]?\d{1,2}|specials?|extras?|subs?|subtitles?|samples?|"
    r"featurettes?|(?:19|20)\d\d|movies?|films?|tv|anime|downloads?",
    re.IGNORECASE,
)
# A slash in brackets or between blanks parts no folders: `Bleach 312 [720p/MKV]`, `Енола Холмс / Enola Holmes`.
_SEPARATOR = re.compile(r"(?:(?<! )[/\\]|[/\\](?! ))(?![^\[\](){}/\\]{0,40}[\])}])")
_SPECIALS = re.compile(r"specials?", re.IGNORECASE)
_BARE_NUMBER = re.compile(
    r"(?:episode|ep|e|folge)?[ ._-]{0,2}(?P<first>\d{1,3})(?:[ ._-]{1,3}(?!\d{1,3}(?!\d|[pi])).{0,250})?", re.IGNORECASE
)
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{2,5}$")
_MOST_FOLDERS = 4
_LEAST_ABSOLUTE = 100


def parse_path(path: str) -> Release:
    """What a file's path says: the file's own name first, and of its folders, the nearest first, what that leaves open.

    A bare number in a folder of a season (`Season 02/03 - The Well.mkv`) is that season's episode.
    """
    *folders, name = [part for part in _SEPARATOR.split(path) if part.strip()] or [""]
    nearest = folders[: -_MOST_FOLDERS - 1 : -1]
    around = [(folder, parse(folder)) for folder in nearest]
    release = _in_season(name, parse(name), around)
    named = [told for folder, told in around if told.title and not _NO_TITLE.fullmatch(folder.strip())]
    if release.form is Form.UNKNOWN:
        release = _by_folder(release, named)
        in_season = any(told.season is not None for _, told in around)
        return msgspec.structs.replace(release, kind=Kind.UNKNOWN) if in_season and _is_film(release) else release
    return _completed(release, named)


def bare_number(name: str) -> int | None:
    """The number that a file's name begins with and that nothing explains: 3 of `03 - The Well.mkv` and `E03.mkv`.

    What it counts, only the folder around can tell.
    """
    found = _BARE_NUMBER.fullmatch(_EXTENSION.sub("", cut(name)))
    return None if found is None else int(found["first"])


def of_season(numbers: Sequence[int], season: int) -> tuple[int, ...]:
    """Numbers without a season as episodes of the one that a folder tells; none where they cannot be.

    Up to 99 they are the season's own; 203 is the third of season 2, and of no other.
    """
    own = tuple(number if number < _LEAST_ABSOLUTE else number % _LEAST_ABSOLUTE for number in numbers)
    fits = all(number < _LEAST_ABSOLUTE or number // _LEAST_ABSOLUTE == season for number in numbers)
    return own if fits and all(own) else ()


def _in_season(name: str, release: Release, around: Sequence[tuple[str, Release]]) -> Release:
    """The file's name with the season that a folder around it says."""
    season = next((told.season for _, told in around if told.season is not None), None)
    if any(_SPECIALS.fullmatch(folder.strip()) for folder, _ in around[:1]):
        season = 0
    if season is None or (release.season is not None and release.title):
        return release
    number = bare_number(name)
    episodes = of_season(release.absolute_episodes if number is None else (number,), season)
    if not episodes:
        return release
    title = release.title if number is None else ""
    return msgspec.structs.replace(
        release, title=title, season=season, episodes=episodes, absolute_episodes=(), kind=Kind.SERIES
    )


def _is_film(release: Release) -> bool:
    return release.form is Form.MOVIE


def _by_folder(release: Release, named: Sequence[Release]) -> Release:
    """A name that says nothing is what the nearest folder that says something is."""
    told = next((one for one in named if one.form is not Form.UNKNOWN), None)
    if told is None and release.quality == Quality():
        told = next((one for one in named if one.quality != Quality()), None)
    if told is None:
        return release if release.title or not named else named[0]
    return _technical(told, release, told)


def _completed(release: Release, named: Sequence[Release]) -> Release:
    if not release.title and named:
        release = msgspec.structs.replace(release, title=named[0].title, year=release.year or named[0].year)
    for told in named:
        # A group's short name stands in front of the file's: `blow-how.to.be.single`.
        if "-" in release.title and fold_title(release.title).endswith(f" {fold_title(told.title)}"):
            release = msgspec.structs.replace(release, title=told.title)
        if same_title(told.title, release.title):
            release = msgspec.structs.replace(release, year=release.year or told.year)
            return _technical(release, release, told)
    return release


def _technical(into: Release, first: Release, then: Release) -> Release:
    """`into` with the technical half of the first of two that has one."""
    quality = first.quality if first.quality != Quality() else then.quality
    return msgspec.structs.replace(
        into,
        quality=quality,
        codec=first.codec or then.codec,
        audio=first.audio or then.audio,
        edition=first.edition or then.edition,
        languages=first.languages or then.languages,
        group=first.group or then.group,
        proper=first.proper or then.proper,
    )
