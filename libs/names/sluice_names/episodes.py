"""Season and episode together: `S01E02`, `1x02`, `Season 1 Episode 2`, `Cap.102`, and their lists. Pure.

Every repetition is bounded, so that a hostile name costs no more than its length.
"""

from __future__ import annotations

import re

from sluice_names.marks import END, Mark, compiled, spread

SEASON_WORD = (
    r"seasons?|series|saisons?|temporadas?|temp?|staffeln?|stagion[ei]|seizoen(?:en)?|sezon|s[äa]song|s[æe]son|сезон"
)
EPISODE_WORD = (
    r"[eé]pisodes?|epis[oó]dios?|eps?|folgen?|cap[ií]tulos?|caps?|puntat[ae]|odcinek|aflevering(?:en)?|avsnitt|"
    r"эпизод|серия|серии"
)
_NO_LINES = r"(?!\d|[pi]\b)"  # -720p and -1080 are no episodes
_JOINT = r" {0,2}(?:-|~|–|&|\+|,|and|to|a)? {0,2}"
_S_LIST = re.compile(
    rf"(?P<joint>{_JOINT})[\[(]?(?:(?:S(?P<season>\d{{1,2}}) ?)?EP?|(?P<crossed>\d{{1,2}})x) ?"
    rf"(?P<e>\d{{1,4}}){_NO_LINES}"
    rf"|(?P<tight>[-~]|[,+&]|-(?= ))(?P<n>\d{{1,4}}){_NO_LINES}{END}(?!-(?:19|20)\d\d)",
    re.IGNORECASE,
)
_S_E = compiled(
    r"(?:S|T(?=\d\dX?E))(?P<season>\d{1,4})[ ,]{0,2}[-(\[]? {0,2}x?"
    rf"(?P<first>EP?[ -]?\d{{1,5}})(?:{END}|(?=EP?\d|S\d|v\d))"
)
_CROSSED = compiled(
    rf"(?P<season>(?:19|20)\d\d(?=x\d\d{END})|20[0-3]\d(?=x[0-3]\d\d{END})"
    rf"|\d(?=x\d{END}(?<!4x[34]))|\d{{1,2}}(?=x\d\d| x \d\d{END}))"
    rf"(?P<first> ?x ?\d{{1,3}})(?:{END}|(?=x\d|v\d))"
)
_CROSSED_LIST = re.compile(
    rf"(?P<joint> ?-? ?)(?P<season>\d{{1,4}})?x(?P<e>\d{{1,3}}){_NO_LINES}"
    rf"|(?P<tight>-)(?P<n>\d{{2,3}}){_NO_LINES}{END}| (?P<next>\d\d)(?= -)",
    re.IGNORECASE,
)
_SPELLED = compiled(
    rf"(?:{SEASON_WORD}) ?(?P<season>\d{{1,2}})[ ,-]{{0,4}}(?:{EPISODE_WORD}|e)[ -]?(?P<first>\d{{1,4}}){_NO_LINES}"
)
_SPELLED_LIST = re.compile(
    rf"(?P<joint> ?(?:-|&|\+|,|and|to) ?)(?:(?:{EPISODE_WORD}|e) ?)?(?P<e>\d{{1,4}}){_NO_LINES}{END}", re.IGNORECASE
)
_CAP = compiled(
    rf"Cap(?:itulo)? ?(?P<season>\d{{1,2}})(?P<first>\d\d)(?:[ _-](?P<season2>\d{{1,2}})(?P<last>\d\d))?{END}"
)
_VERSION = re.compile(rf" ?v(?P<version>\d){END}", re.IGNORECASE)
_MOST = 60  # numbers in a list, each of them named
_DIGITS = re.compile(r"\d+")


def find(soft: str) -> Mark | None:
    """The first season with episodes."""
    for pattern, listed in ((_S_E, _S_LIST), (_CROSSED, _CROSSED_LIST), (_SPELLED, _SPELLED_LIST)):
        for found in pattern.finditer(soft):
            mark = _read(soft, found, listed)
            if mark is not None:
                return mark
    return _cap(soft)


def version_at(soft: str, place: int) -> tuple[int | None, int]:
    """The `v2` at a place, and where it ends."""
    found = _VERSION.match(soft, place)
    return (None, place) if found is None else (int(found["version"]), found.end())


def _read(soft: str, found: re.Match[str], listed: re.Pattern[str]) -> Mark | None:
    season = int(found["season"])
    first = _DIGITS.search(found["first"])
    if first is None:
        return None
    parts, place = [("", int(first[0]))], found.end()
    while len(parts) < _MOST and (more := listed.match(soft, place)) is not None:
        groups = more.groupdict()
        other = groups.get("season") or groups.get("crossed")
        if other is not None and int(other) != season:
            break
        following = groups.get("next")
        if following is not None and int(following) != parts[-1][1] + 1:  # 8x01_02, but not 8x01 24 - Hours
            break
        joint = groups.get("tight") or groups.get("joint") or ""
        parts.append((joint, int(groups.get("n") or following or groups["e"])))
        if len(spread(parts)) == len(spread(parts[:-1])):  # it named nothing new, so it is no part of the list
            parts.pop()
            break
        place = more.end()
    version, place = version_at(soft, place)
    return Mark(start=found.start(), end=place, season=season, episodes=spread(parts), version=version)


def _cap(soft: str) -> Mark | None:
    """`[Cap.203]`, as Spanish releases number: season 2, episode 3."""
    found = _CAP.search(soft)
    if found is None:
        return None
    episodes = [("", int(found["first"]))]
    if found["last"] is not None and found["season2"] == found["season"]:
        episodes.append(("-", int(found["last"])))
    return Mark(start=found.start(), end=found.end(), season=int(found["season"]), episodes=spread(episodes))
