"""Air dates and years in names. Pure: which day it is today is not asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from sluice_names.marks import END, START, Mark, compiled

# A year beyond these is a title's number: Blade Runner 2049 has no other.
_FIRST_YEAR, _LAST_YEAR = 1880, 2040
_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: number for number, name in enumerate(_NAMES, 1)}
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_DAY = r"(?P<d>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<y>(?:19|20)\d\d)"
_SHAPES = (
    compiled(rf"{_YEAR}(?P<gap>[ -/])(?P<m>\d\d)(?P=gap)(?P<d>\d\d){END}(?!-\d)"),
    compiled(rf"{_YEAR}(?P<m>[01]\d)(?P<d>[0-3]\d){END}"),
    compiled(rf"(?P<one>\d\d)(?P<gap>[ -])(?P<two>\d\d)(?P=gap){_YEAR}{END}"),
    compiled(rf"{_DAY} {_MONTH},? {_YEAR}{END}"),
    compiled(rf"{_MONTH} {_DAY},? {_YEAR}{END}"),
    compiled(rf"{_YEAR} {_MONTH} {_DAY}{END}"),
    compiled(rf"(?<=[^\W_] )(?P<yy>[012]\d)(?P<gap> )(?P<m>[01]\d)(?P=gap)(?P<d>[0-3]\d){END}(?! \d\d{END})"),
    compiled(rf"(?<=[^\W_] )(?P<yy>[012]\d)(?P<m>[01]\d)(?P<d>[0-3]\d){END}"),
)
_YEARS = re.compile(START + r"(?<!BT )(?:(?:19|20)\d\d|(?<=[(\[])18\d\d(?=[)\]]))" + END + r"(?!-?[pi]\b|x\d)")
_YEAR_RANGE = re.compile(r"[\[(] ?(?:19|20)\d\d ?[-–] ?(?:(?:19|20)\d\d)? ?[\])]")


def find(soft: str) -> Mark | None:
    """The first day that a calendar has. A day that may be read in two ways is no date: `04.05.2023`."""
    for shape in _SHAPES:
        for found in shape.finditer(soft):
            day = _day(found)
            if day is not None:
                return Mark(start=found.start(), end=found.end(), air_date=day)
    return None


def _day(found: re.Match[str]) -> date | None:
    said = found.groupdict()
    year = int(said["y"]) if "y" in said else 2000 + int(said["yy"])
    if "one" in said:
        day, month = _day_and_month(int(said["one"]), int(said["two"]))
    else:
        day = int(said["d"])
        month = _MONTHS[said["month"][:3].lower()] if "month" in said else int(said["m"])
    if month > 12 >= day:  # some write the day first, behind the year as well
        day, month = month, day
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _day_and_month(one: int, two: int) -> tuple[int, int]:
    """Whichever of the two can only be the day; (0, 0), no day at all, where both may be the month."""
    if one > 12 or one == two:
        return one, two
    return (two, one) if two > 12 else (0, 0)


def years(soft: str) -> Iterator[Mark]:
    """Every year that has a word before it: `2012.2009.1080p` is the film 2012 of 2009."""
    ranges = [(found.start(), found.end()) for found in _YEAR_RANGE.finditer(soft)]
    for found in _YEARS.finditer(soft):
        year = int(found[0])
        inside = any(start <= found.start() < end for start, end in ranges)
        if _FIRST_YEAR <= year <= _LAST_YEAR and not inside and any(c.isalnum() for c in soft[: found.start()]):
            yield Mark(start=found.start(), end=found.end(), year=year)


def year_range(soft: str) -> tuple[int, int] | None:
    """Where `(2010-2015)` stands, which tells how long a series ran."""
    found = _YEAR_RANGE.search(soft)
    return None if found is None else (found.start(), found.end())


def is_bracketed(soft: str, mark: Mark) -> bool:
    """Whether a bracket opens before the year."""
    return soft[: mark.start].rstrip()[-1:] in ("(", "[")
