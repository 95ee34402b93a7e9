"""Seasons without episodes: one, several, all of them, and the specials. Pure."""

from __future__ import annotations

import re

from sluice_names import spelled
from sluice_names.episodes import EPISODE_WORD, SEASON_WORD
from sluice_names.marks import END, Mark, between, compiled, spread
from sluice_names.technical import is_technical

_NUMBER = rf"\d{{1,2}}(?![\d]|[pi]{END})(?:{END}|(?=D\d))(?!-\d\d?-(?:19|20)\d\d)"
_SEASON = compiled(
    rf"(?:S(?: (?=\d\d{END}))?|(?P<word>{SEASON_WORD})[ -]?|T(?=\d\d{END}))"
    rf"(?P<first>{_NUMBER}|(?<=[^\W\d] )(?:{spelled.CARDINAL}|{spelled.FRENCH}|[IVX]{{2,4}}){END})"
)
_ORDINAL = compiled(
    rf"(?P<first>\d{{1,2}})(?:st|nd|rd|th|a|e|ª|[eè]me)? {{1,2}}"
    rf"(?:season|saison|staffel|stagione|temporada){END}(?! \d{{1,2}}{END})"
    rf"|(?P<spelled>{spelled.ORDINAL}) season{END}"
    rf"|(?P<russian>\d{{1,2}})(?:-?й|-?го)? сезон{END}(?! \d{{1,2}}{END}(?! сери))"
)
_MORE = re.compile(
    rf"(?P<joint> ?(?:-|~|&|\+|,|and|und|et|to|a|à|bis|through|thru) ?| ?)"
    rf"(?:(?P<word>S|{SEASON_WORD}) ?)?(?P<n>{_NUMBER})",
    re.IGNORECASE,
)
_EPISODES = re.compile(r"[)\]]? {0,2}[\[(]? ?(?P<first>\d{1,3}) ?[-~] ?(?P<last>\d{1,3}) ?[\])]")
_ONE_EPISODE = re.compile(rf"[)\]]? {{1,2}}- {{0,2}}(?P<n>\d{{1,4}})(?:v(?P<version>\d))?{END}(?! ?(?:-|~) ?\d)")
_BRACKETED_EPISODE = re.compile(r"[)\]]? ?\[(?P<n>\d{1,3})(?:v(?P<version>\d))?\]")
_RANGE_EPISODES = re.compile(rf" {{1,2}}- {{0,2}}(?P<first>\d{{1,4}}) ?[-~] ?(?P<last>\d{{1,4}}){END}")
_LATER_EPISODE = compiled(
    rf"(?:(?:{EPISODE_WORD}|#) ?|e)(?P<n>\d{{1,3}})(?![\d]|[pi]{END}){END}|(?P<russian>\d{{1,3}})(?:-?я)? серия{END}"
)
_COMPLETE = compiled(
    rf"(?:the )?complete (?:tv |mini[- ]?)?(?:series|collection|box ?set|seasons){END}"
    rf"|(?:coffret )?(?:l['’])?int[eé]grale{END}"
    rf"|s[eé]rie compl[eè]te{END}|all seasons{END}"
)
_LEAD = re.compile(
    r"(?:[ -]{0,3}(?:the )?complete(?: collection| series)?|[ -]{0,3}all|[ -]{0,3}int[eé]grale)?[ ([-]{0,4}$",
    re.IGNORECASE,
)
_SPECIALS = compiled(rf"specials{END}")


def find(soft: str, *, grouped: bool) -> Mark | None:
    """The season or seasons. Behind a group's name in front (`grouped`), `S2 - 05` is an episode of season 2."""
    mark = _ordinal(soft, grouped=grouped) or _numbered(soft, grouped=grouped) or _specials(soft)
    whole = _COMPLETE.search(soft)
    if mark is None:
        return None if whole is None or _opens(soft, whole.start()) else _all(soft, whole)
    if whole is not None and whole.start() < mark.start and not _opens(soft, whole.start()):
        return Mark(start=whole.start(), end=mark.end, season=mark.season, seasons=mark.seasons, episodes=mark.episodes)
    return mark


def _opens(soft: str, start: int) -> bool:
    return not soft[:start].strip(" -([")


def _all(soft: str, whole: re.Match[str]) -> Mark:
    return Mark(start=whole.start(), end=whole.end(), is_complete=True)


def _numbered(soft: str, *, grouped: bool) -> Mark | None:
    for found in _SEASON.finditer(soft):
        if found[0][0] in "Tt" and found["word"] is None and not soft[found.end() :].startswith(" ["):
            continue  # T2 Trainspotting
        first = spelled.number(found["first"])
        if first is not None:
            return _from(soft, found.start(), found.end(), first, grouped=grouped, word=found["word"])
    return None


def _ordinal(soft: str, *, grouped: bool) -> Mark | None:
    found = _ORDINAL.search(soft)
    if found is None:
        return None
    first = spelled.number(found["first"] or found["spelled"] or found["russian"])
    return None if first is None else _from(soft, found.start(), found.end(), first, grouped=grouped, word="season")


def _from(soft: str, start: int, end: int, first: int, *, grouped: bool, word: str | None) -> Mark:
    begin = start - len(_lead(soft[:start]))
    inner = _episodes_behind(soft, end, grouped=grouped, spelled_out=word is not None)
    if inner is not None:
        episodes, version, place = inner
        return Mark(start=begin, end=place, season=first, episodes=episodes, version=version)
    seasons, place = _listed(soft, end, first)
    if len(seasons) > 1:
        return Mark(start=begin, end=place, seasons=seasons)
    later = _LATER_EPISODE.search(soft, place)
    if later is not None:  # `Stagione 6 (2016) 720p ep13`
        return Mark(start=begin, end=place, season=first, episodes=(int(later["n"] or later["russian"]),))
    weak = word is not None and word.lower() in ("season", "series")
    return Mark(start=begin, end=place, season=first, weak=weak, seasonal=weak)


def _lead(before: str) -> str:
    """What belongs to the season's words and stands before them: `The Complete`."""
    found = _LEAD.search(before)
    return found[0] if found is not None and found[0].strip(" -([") and before[: found.start()].strip(" -([") else ""


def _episodes_behind(
    soft: str, end: int, *, grouped: bool, spelled_out: bool
) -> tuple[tuple[int, ...], int | None, int] | None:
    """The episodes of `S2 (25-47)`, and with a group in front those of `S2 - 05`.

    Without a group, `Season 1 - 5` is a range of seasons.
    """
    several = _EPISODES.match(soft, end) or (_RANGE_EPISODES.match(soft, end) if grouped else None)
    if several is not None and (episodes := between(several["first"], several["last"])):
        return episodes, None, several.end()
    one = _ONE_EPISODE.match(soft, end) or (_BRACKETED_EPISODE.match(soft, end) if grouped else None)
    told = grouped or (one is not None and len(one["n"]) > 1 and (one["n"][0] == "0" or not spelled_out))
    if one is None or not told:
        return None
    return (int(one["n"]),), int(one["version"]) if one["version"] else None, one.end()


def _listed(soft: str, end: int, first: int) -> tuple[tuple[int, ...], int]:
    """`S01-S05`, `Seasons 1, 2 & 3`, `S01S02`. A bare number counts only behind a joint."""
    parts = [("", first)]
    while (more := _MORE.match(soft, end)) is not None:
        if not more["joint"].strip() and more["word"] is None:
            break
        grown = spread([*parts, (more["joint"], int(more["n"]))])
        if more["word"] is None and len(grown) == len(spread(parts)):
            break
        parts.append((more["joint"], int(more["n"])))
        end = more.end()
    return spread(parts), end


def _specials(soft: str) -> Mark | None:
    for found in _SPECIALS.finditer(soft):
        rest = soft[found.end() :].lstrip()
        if not _opens(soft, found.start()) and (not rest or rest[0] in "[(" or is_technical(rest)):
            return Mark(start=found.start(), end=found.end(), season=0)
    return None
