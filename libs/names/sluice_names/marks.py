"""What a rule finds in a name, and the lists of numbers that rules share. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

import msgspec

# A mark begins and ends where no letter or digit touches it.
START, END = r"(?<![^\W_])(?<!['’])", r"(?![^\W_])"
_LONGEST_RANGE = 100
_LONGEST_BATCH = 1500
_RANGE = frozenset({"-", "~", "–", "to", "a", "à", "bis", "through", "thru"})


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule found, and which slice of the name it took: the title lies before `start`.

    A `weak` mark may as well be part of a film's title (`Part 2`), and gives way to a year behind it; one that is
    `seasonal` only to a year right behind it (Open Season 2, of 2008).
    """

    start: int
    end: int
    season: int | None = None
    seasons: tuple[int, ...] = ()
    episodes: tuple[int, ...] = ()
    absolute: tuple[int, ...] = ()
    air_date: date | None = None
    year: int | None = None
    is_complete: bool = False
    special: bool = False
    weak: bool = False
    seasonal: bool = False
    version: int | None = None


def spread(parts: Iterable[tuple[str, int]], longest: int = _LONGEST_RANGE) -> tuple[int, ...]:
    """The numbers of a list; each comes with what stands before it, and behind a dash or a `to` all between count too.

    What cannot be the end of a range (`S01E01-2019`) ends the list.
    """
    numbers: list[int] = []
    for joint, number in parts:
        if not (numbers and joint.strip().lower() in _RANGE):
            numbers.append(number)
        elif numbers[-1] < number <= numbers[-1] + longest:
            numbers.extend(range(numbers[-1] + 1, number + 1))
        else:
            break
    return tuple(sorted(set(numbers)))


def between(first: str, last: str) -> tuple[int, ...]:
    """All numbers of a batch, or none for what cannot be a range."""
    begin, end = int(first), int(last)
    return tuple(range(begin, end + 1)) if begin < end <= begin + _LONGEST_BATCH else ()


def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern as every rule wants it: letters of either case, at the edges of words."""
    return re.compile(START + r"(?:" + pattern + r")", re.IGNORECASE)
