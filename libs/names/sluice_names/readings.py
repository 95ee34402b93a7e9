"""Every way in which a name may be read, the likeliest first, for a catalogue to choose from. Pure.

`parse` says what a name most probably means without knowing any title. A catalogue knows better: Space: 1999 is a
title, Dune: Part Two a film, and `One Piece 1080` an episode where One Piece has that many.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from sluice_names.parse import other_meaning, parse
from sluice_names.release import Form, Kind, Release

_LOOSE = re.compile(r"(?P<title>.{1,200}?)[ -]{1,3}(?P<number>\d{1,4})")
_TWO_NAMES = re.compile(
    r"(?P<one>.{2,120}?) "
    r"(?:\((?P<inner>[^()]{2,120})\)|/ (?P<slashed>.{2,120})|a\.?k\.?a\.? (?P<other>.{2,120})|- (?P<rest>.{2,120}))",
    re.IGNORECASE,
)
_COUNTRY = re.compile(r"(?P<title>.{2,200}) \(?(?:US|UK|AU|NZ|CA|USA)\)?")
_FOREIGN = re.compile(r"[^\x00-\u024f]{1,120} (?P<latin>[\x00-\u024f]{3,200})")
_PREFIX = re.compile(r"[a-z0-9]{2,8}-(?P<title>.{3,200})", re.IGNORECASE)


class Reading(msgspec.Struct, frozen=True):
    """One way to read a name, and how much it loses against the likeliest one (0 to 1).

    With `must_exist` it counts only where the catalogue has such an episode.
    """

    release: Release
    doubt: float = 0.0
    must_exist: bool = False


def readings(name: str) -> tuple[Reading, ...]:
    """What `name` may mean: what `parse` says, and what else only a catalogue can tell."""
    first = parse(name)
    found = [Reading(first), *_other_marks(name), *_year_of_title(first), *_loose_numbers(first), *_other_titles(first)]
    return tuple({(one.release, one.must_exist): one for one in reversed(found)}.values())[::-1]


def _other_marks(name: str) -> Iterator[Reading]:
    """`Part 2` as the end of a film's title, or of a mini-series that has a year behind it."""
    other = other_meaning(name)
    if other is not None:
        yield Reading(other, 0.02, must_exist=other.kind is Kind.SERIES)


def _year_of_title(release: Release) -> Iterator[Reading]:
    """Space: 1999, and Wonder Woman 1984 by a name that tells no other year."""
    if release.year is not None and release.title:
        yield Reading(msgspec.structs.replace(release, title=f"{release.title} {release.year}", year=None), 0.05)


def _loose_numbers(release: Release) -> Iterator[Reading]:
    """A number at the title's end, or a year, as an episode: the 720th, or the twentieth of season 7."""
    if release.form is Form.MOVIE:
        yield from _as_episode(release, release.title, str(release.year))
    found = _LOOSE.fullmatch(release.title)
    if release.form is Form.UNKNOWN and found is not None:
        yield from _as_episode(release, found["title"], found["number"])
    if release.form is Form.EPISODE and release.absolute_episodes and len(release.absolute_episodes) == 1:
        yield from _as_episode(release, release.title, str(release.absolute_episodes[0]))


def _as_episode(release: Release, title: str, digits: str) -> Iterator[Reading]:
    bare = msgspec.structs.replace(release, title=title, year=None, absolute_episodes=(), kind=Kind.SERIES)
    number = int(digits)
    if not release.absolute_episodes:
        yield Reading(msgspec.structs.replace(bare, absolute_episodes=(number,)), 0.15, must_exist=True)
    season, episode = divmod(number, 100)
    if episode:  # of a season, or of the only one
        numbered = msgspec.structs.replace(bare, season=season or 1, episodes=(episode,))
        yield Reading(numbered, 0.15, must_exist=True)


def _other_titles(release: Release) -> Iterator[Reading]:
    """The halves of a title that seems to name its work twice, and titles without what may not be theirs."""
    titles: list[tuple[str, float]] = []
    two = _TWO_NAMES.fullmatch(release.title)
    if two is not None:
        halves = (two["one"], two["inner"] or two["slashed"] or two["other"])
        titles.extend((half, 0.1) for half in halves if half)
    foreign = _FOREIGN.fullmatch(release.title)
    if foreign is not None:
        titles.append((foreign["latin"], 0.1))
    country = _COUNTRY.fullmatch(release.title)
    if country is not None:
        titles.append((country["title"], 0.3))  # the other country's show may be the one that is known
    prefix = _PREFIX.fullmatch(release.title)
    if prefix is not None:
        titles.append((prefix["title"], 0.1))
    yield from (Reading(msgspec.structs.replace(release, title=title), doubt) for title, doubt in titles)
