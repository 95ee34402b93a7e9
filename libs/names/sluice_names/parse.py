"""A release name to a `Release`, by our own rules. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from sluice_names import counted, dates, editions, episodes, groups, seasons, technical
from sluice_names.cut import EDGES, end_without_mark, is_hash, title
from sluice_names.languages import languages
from sluice_names.marks import Mark
from sluice_names.release import Kind, Release
from sluice_names.text import Subject, cut, subject

_YEAR_BEHIND = re.compile(r"(?: complete)? ?[(\[] ?(?P<year>(?:19|20)\d\d)(?! ?[-–]) ?[)\]]", re.IGNORECASE)
_LEADING_YEAR = re.compile(r"[(\[](?P<year>(?:19|20)\d\d)[)\]] ?(?=[^\W\d_])")
_BARE_YEAR = re.compile(r" (?P<year>(?:19|20)\d\d)(?![^\W_])")
# Behind or before a year: a day that no calendar has or that may be read in two ways, or a number that may be an
# episode's. Such a year makes no film.
_NO_FILM = re.compile(
    r" \d\d \d\d(?!\d)| 0\d(?!\d)|[)\]] - \d{2,3}(?!\d)"
    rf"| (?!(?:{'|'.join(map(str, technical.LINES))})(?!\d))\d{{3,4}}(?![^\W_])"
)
_BEFORE_NO_FILM = re.compile(r"\d{1,2}-\d{1,2}-$|(?<!\d)[0-3]\d [0-3]\d $")
_CACHED = 4096  # names of at most 255 bytes and what they say: a few MB


def parse(name: str) -> Release:
    """What `name`, a download's or a file's without its folders, says.

    Only its first 255 bytes of UTF-8 are read. Never raises; what the name does not tell is None, "", () or unknown.
    """
    return _parse(cut(name))


def other_meaning(name: str) -> Release | None:
    """What else a name means whose only mark is a weak one (`Part 2`): a film, or a series where `parse` says film."""
    return _other(cut(name))


@lru_cache(maxsize=_CACHED)
def _parse(name: str) -> Release:
    read = subject(name)
    if is_hash(read.raw):
        return Release()
    mark = _mark(read)
    return _told(read, None if mark is None or _gives_way(read, mark) else mark)


@lru_cache(maxsize=_CACHED)
def _other(name: str) -> Release | None:
    read = subject(name)
    mark = None if is_hash(read.raw) else _mark(read)
    if mark is None or not mark.weak:
        return None
    return _told(read, mark if _gives_way(read, mark) else None)


def _told(read: Subject, mark: Mark | None) -> Release:
    release, end = _film(read) if mark is None else _series(read, mark)
    words = read.soft[end:]
    return msgspec.structs.replace(
        release,
        quality=technical.quality(words),
        codec=technical.codec(words),
        audio=technical.audio(words),
        edition=(read.edition and read.edition.lower()) or editions.edition(words),
        languages=languages(words),
        group=groups.group(read.raw[end:]) or groups.leading_group(read.leading_group),
        proper=technical.is_proper(words),
    )


def _mark(read: Subject) -> Mark | None:
    """The strongest mark of a series: episodes, then a date, then seasons, then what only counts."""
    soft, grouped = read.soft, read.leading_group is not None
    numbered = counted.numbered(soft, grouped=grouped)
    dated = dates.find(soft)
    if dated is not None and numbered is not None and numbered.absolute and numbered.end <= dated.start:
        dated = numbered  # the show's E650, of that day
    sure = episodes.find(soft) or dated or seasons.find(soft, grouped=grouped)
    if sure is not None:
        return sure
    return (
        counted.special(soft, grouped=grouped)
        or numbered
        or counted.absolute(soft, grouped=grouped, is_video=read.is_video)
        or counted.part(soft)
    )


def _gives_way(read: Subject, mark: Mark) -> bool:
    """Whether a year behind a weak mark makes it the end of a film's title: Dune: Part Two, Open Season 2."""
    if mark.weak and mark.seasonal:
        return read.leading_group is None and _BARE_YEAR.match(read.soft, mark.end) is not None
    return mark.weak and any(year.start >= mark.end for year in dates.years(read.soft))


def _series(read: Subject, mark: Mark) -> tuple[Release, int]:
    """What a series' name says, and where its title ends."""
    dated = mark if mark.air_date is not None else dates.find(read.soft)
    # `Temporada 2 [Cap.203]` says the season twice, and the title stands before the first.
    spoken = seasons.find(read.soft[: mark.start], grouped=False) if mark.episodes else None
    if spoken is not None and spoken.season != mark.season:
        spoken = None
    starts = [one.start for one in (mark, dated, spoken) if one is not None and one.start > 0]
    start = min(starts, default=mark.start)
    end = technical.technical_start(read.soft[:start])
    before, year = _without_year(read.soft[:end])
    behind = _YEAR_BEHIND.match(read.soft, mark.end)
    named = title(read.raw[:before])
    if not named and (mark.air_date is not None or mark.absolute):  # the title follows
        named = title(read.raw[mark.end : mark.end + technical.technical_start(read.soft[mark.end :])])
    return (
        Release(
            title=named,
            year=year if year is not None or behind is None else int(behind["year"]),
            season=mark.season,
            seasons=mark.seasons,
            episodes=mark.episodes,
            absolute_episodes=mark.absolute,
            air_date=None if dated is None else dated.air_date,
            is_complete=mark.is_complete,
            special=mark.special,
            version=mark.version,
            kind=Kind.SERIES,
        ),
        end,
    )


def _without_year(before: str) -> tuple[int, int | None]:
    """Where the title ends, and its year: `Show 2019 ` is the show of 2019; one with words behind it is a title's."""
    ran = dates.year_range(before)
    if ran is not None and not before[ran[1] :].strip(EDGES):
        return ran[0], None
    years = list(dates.years(before))
    if not years or before[years[-1].end :].strip(EDGES):
        return len(before), None
    return years[-1].start, years[-1].year


def _film(read: Subject) -> tuple[Release, int]:
    """What a name without a mark of a series says: a film where it has a year, else nobody knows."""
    soft = read.soft
    sure = technical.technical_start(soft)
    found = list(dates.years(soft))
    inside = [year for year in found if year.start < sure] or found
    bracketed = [year for year in inside if dates.is_bracketed(soft, year)]
    leading = _LEADING_YEAR.match(soft)
    if leading is not None and not inside:
        named = title(read.raw[leading.end() : leading.end() + technical.technical_start(soft[leading.end() :])])
        return Release(title=named, year=int(leading["year"]), kind=Kind.MOVIE), leading.end()
    if not inside:
        end = end_without_mark(soft)
        return Release(title=title(read.raw[:end])), end
    year = (bracketed or inside)[-1]
    end = min(year.start, sure)
    dated = _NO_FILM.match(soft, year.end) or _BEFORE_NO_FILM.search(soft[: year.start])
    kind = Kind.UNKNOWN if dated else Kind.MOVIE
    kept = editions.before_year(soft[:end]) if year.start < sure else end_without_mark(soft)
    return Release(title=title(read.raw[:kept]), year=year.year, kind=kind), min(kept, end)
