"""Our own rules for names: which season, episodes, date and year, and where the title ends. Pure, linear in time.

Every pattern is anchored on a literal and repeats nothing that can match in two ways, so that a hostile name costs no
more than its length.
"""

from __future__ import annotations

import re
from datetime import date

import msgspec

# A marker begins and ends where no letter or digit touches it.
_START, _END = r"(?<![A-Za-z0-9])", r"(?![A-Za-z0-9])"
_TO_NUMBER = r"(?!\d|[pi]\b)"  # -720p and -1080 are no episodes
_EPISODES = re.compile(
    _START
    + r"S(?P<season>\d{1,4})[ ._-]{0,3}(?P<list>E\d{1,4}(?:[ ._-]{0,3}E\d{1,4}|-\d{1,4}"
    + _TO_NUMBER
    + r")*)(?:v\d)?"
    + _END,
    re.IGNORECASE,
)
_CROSSED = re.compile(
    _START + r"(?P<season>\d{1,2})(?P<list>x\d{2,3}(?:-?x\d{2,3}|-\d{2,3}" + _TO_NUMBER + r")*)" + _END,
    re.IGNORECASE,
)
_PACK = re.compile(_START + r"(?:S|Season[ ._-]?)(?P<season>\d{1,2})" + _END, re.IGNORECASE)
_PACK_RANGE = re.compile(r"[ ._]?-[ ._]?(?:S|Season[ ._-]?)?\d{1,2}" + _END, re.IGNORECASE)
_DATE = re.compile(_START + r"(?P<y>(?:19|20)\d\d)(?P<sep>[ ._-])(?P<m>\d\d)(?P=sep)(?P<d>\d\d)" + _END)
_YEAR = re.compile(r"(?<![A-Za-z0-9])(?:19|20)\d\d" + _END)
_NUMBER = re.compile(r"(?P<dash>-?)[ ._]{0,3}[Ex]?(?P<number>\d{1,4})", re.IGNORECASE)
_LONGEST_RANGE = 100


class Marker(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule found, and which slice of the name it took: the title lies before `start`.

    `several_seasons` is true of `S01-S03`, whose season is then None.
    """

    start: int
    end: int
    season: int | None = None
    episodes: tuple[int, ...] = ()
    air_date: date | None = None
    year: int | None = None
    several_seasons: bool = False

    @property
    def is_series(self) -> bool:
        """Whether this can only be said of a series."""
        return self.season is not None or self.air_date is not None or self.several_seasons


def find_marker(name: str) -> Marker | None:
    """The strongest marker: episodes, then a date, then a season, then the last year that is not the first word."""
    return _episodes(name) or _dated(name) or _season(name) or _year(name)


def last_year(text: str) -> Marker | None:
    """The last year of `text` that has something before it (`2012.2009.1080p` is the film 2012 of 2009)."""
    return _year(text)


def _episodes(name: str) -> Marker | None:
    found = _EPISODES.search(name) or _CROSSED.search(name)
    if found is None:
        return None
    return Marker(start=found.start(), end=found.end(), season=int(found["season"]), episodes=_numbers(found["list"]))


def _numbers(listed: str) -> tuple[int, ...]:
    """`E01E02` names each; a dash between two numbers names all from the one to the other.

    A dash before what cannot be the range's end (`S01E01-2019`) ends the list.
    """
    numbers: list[int] = []
    for found in _NUMBER.finditer(listed):
        number = int(found["number"])
        if not (found["dash"] and numbers):
            numbers.append(number)
        elif numbers[-1] < number <= numbers[-1] + _LONGEST_RANGE:
            numbers.extend(range(numbers[-1] + 1, number + 1))
        else:
            break
    return tuple(sorted(set(numbers)))


def _dated(name: str) -> Marker | None:
    for found in _DATE.finditer(name):
        try:
            air_date = date(int(found["y"]), int(found["m"]), int(found["d"]))
        except ValueError:
            continue
        return Marker(start=found.start(), end=found.end(), air_date=air_date)
    return None


def _season(name: str) -> Marker | None:
    found = _PACK.search(name)
    if found is None:
        return None
    if _PACK_RANGE.match(name, found.end()):
        return Marker(start=found.start(), end=found.end(), several_seasons=True)
    return Marker(start=found.start(), end=found.end(), season=int(found["season"]))


def _year(name: str) -> Marker | None:
    years = [found for found in _YEAR.finditer(name) if any(c.isalnum() for c in name[: found.start()])]
    if not years:
        return None
    return Marker(start=years[-1].start(), end=years[-1].end(), year=int(years[-1].group()))
