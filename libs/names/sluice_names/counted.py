"""Episodes without a season: parts of a mini-series, `E05`, anime's absolute numbers, single specials. Pure."""

from __future__ import annotations

import re

from sluice_names import spelled
from sluice_names.episodes import EPISODE_WORD, version_at
from sluice_names.languages import is_language
from sluice_names.marks import END, START, Mark, between, compiled, spread
from sluice_names.technical import LINES, is_technical

_PART_NUMBER = rf"(?:\d{{1,2}}|{spelled.ROMAN}|{spelled.CARDINAL}){END}"
_PART = compiled(
    rf"(?:parts?|pt) ?(?P<first>{_PART_NUMBER})(?: ?(?:-|&|and|to) ?(?P<last>{_PART_NUMBER}))?"
    rf"(?: ?of \d{{1,2}}{END})?"
)
_N_OF = compiled(rf"(?<!cd )(?<!dis[ck] )(?P<first>\d{{1,2}}) ?of ?(?P<all>\d{{1,3}}){END}")
_E = compiled(rf"(?:(?:{EPISODE_WORD}|#) ?-?|E-?)(?P<first>\d{{1,4}})(?:{END}|(?=v\d|EP?\d))")
_E_MORE = re.compile(
    rf"(?P<joint> ?[-~&+]? ?)EP?(?P<n>\d{{1,4}}){END}|(?P<tight> ?[-~] ?)(?P<m>\d{{1,4}})(?![pi]){END}", re.IGNORECASE
)
_DASHED = re.compile(
    rf"(?:(?:^|(?<= )|(?<=\]))- ?|-(?=\d\d{{1,2}}[\[(]))(?P<first>\d{{1,4}})(?!\d|[pi]{END}|[^\Wv])(?![ -]?(?:%|of ))",
    re.IGNORECASE,
)
_DASHED_RANGE = re.compile(
    rf"(?:(?<= )-)? ?[\[(]?{START}(?P<first>\d{{1,4}}) ?[-~] ?(?P<last>\d{{1,4}})(?![\dpi]){END}",
    re.IGNORECASE,
)
_BRACKETED = re.compile(r"\[ ?(?P<first>\d{1,4})(?:v(?P<version>\d))? ?(?:END)?\]", re.IGNORECASE)
_TRAILING = re.compile(r"(?<!\d) (?P<first>\d{2,4})(?:v(?P<version>\d))?(?![^\W_])", re.IGNORECASE)
_SPECIAL = compiled(rf"(?P<word>OVA|OAD|SP|Specials?)[ -]{{0,3}}(?P<first>\d{{1,3}})?{END}")
_NUMBER_BEFORE = re.compile(r"(?<=[^\W_]) - (?P<first>\d{1,3}) -? ?$")
_BEHIND = re.compile(r" ?(?:$|[\[(~]|- |END\b|Final\b|FIN\b)", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")
_CHINESE = re.compile(rf"第 ?(?P<first>\d{{1,4}}|[{spelled.CHINESE}]{{1,3}}) ?[話话集回]")
_CHINESE_SEASON = re.compile(
    rf" ?(?:第 ?(?P<first>\d{{1,2}}|[{spelled.CHINESE}]{{1,3}}) ?[季期]|シーズン ?(?P<second>\d{{1,2}})) ?"
)
_LEADING = re.compile(r" ?(?P<first>\d{2,3})(?:v(?P<version>\d))?(?: - |(?<=^0\d) (?=[^\W\d])|(?<=^0\d\d) (?=[^\W\d]))")
_ANIME_WORDS = compiled(rf"(?:(?:eng(?:lish)? )?(?:subbed|dubbed|sub|dub)|vostfr|dual[- ]audio){END}")
_SUBTITLED = re.compile(rf" (?:vostfr|vosta){END}", re.IGNORECASE)
_MOST_PARTS = 39
_PADDED = re.compile(r"0\d\d")
_YEARLIKE = re.compile(r"(?:19|20)\d\d")


def part(soft: str) -> Mark | None:
    """`Part 2`, `Pt.II`, `2of6`: a mini-series is season 1, as Sonarr files it. A part is weak: Dune: Part Two is
    a film."""
    for pattern in (_PART, _N_OF):
        for found in pattern.finditer(soft):
            if not soft[: found.start()].strip(" -(["):
                continue
            parts = [("", spelled.number(found["first"]) or 0)]
            last = found.groupdict().get("last")
            if last is not None:
                parts.append(("-", spelled.number(last) or 0))
            return Mark(start=found.start(), end=found.end(), season=1, episodes=spread(parts), weak=pattern is _PART)
    return None


def numbered(soft: str, *, grouped: bool) -> Mark | None:
    """`E05`, `Ep 05`, `Episode 5`, `#05`: an absolute number behind a group's name, past what a mini-series has, or in
    a dub, else of season 1. Weak: Episode 50 is a film."""
    found = next(_E.finditer(soft), None)
    if found is None:
        return None
    parts, place = [("", int(found["first"]))], found.end()
    while (more := _E_MORE.match(soft, place)) is not None and len(parts) < 60:
        parts.append((more["tight"] or more["joint"], int(more["m"] or more["n"])))
        place = more.end()
    version, place = version_at(soft, place)
    numbers = spread(parts)
    absolute = (
        grouped or len(found["first"]) > 2 or max(numbers) > _MOST_PARTS or bool(_ANIME_WORDS.search(soft, place))
    )
    if absolute:
        return Mark(start=found.start(), end=place, absolute=numbers, version=version, weak=not grouped)
    return Mark(start=found.start(), end=place, season=1, episodes=numbers, version=version, weak=True)


def absolute(soft: str, *, grouped: bool, is_video: bool) -> Mark | None:
    """Anime's way: `Title - 05v2`, `Title - 01-12`, `Title [05]`, and behind a group's name also `Title 05`."""
    return (
        _chinese(soft)
        or _batch(soft, grouped=grouped)
        or _dashed(soft, grouped=grouped)
        or _loose(soft, grouped=grouped, is_video=is_video)
        or (_leading(soft) if grouped else None)
    )


def special(soft: str, *, grouped: bool) -> Mark | None:
    """One special: `OVA 2`, `SP1`, `- Special 2 -`. Its number is that of the specials, where it has one."""
    for found in _SPECIAL.finditer(soft):
        before, rest = soft[: found.start()].strip(), soft[found.end() :]
        if not before or found["word"].lower() == "specials":
            continue
        spoken = found["word"].lower() == "special"
        if not (grouped or (spoken and before.endswith("-") and found["first"] is not None)):
            continue
        if not _ends(rest):
            continue
        numbered = _NUMBER_BEFORE.search(soft[: found.start()])
        number = found["first"] or (numbered["first"] if numbered is not None else None)
        start = found.start() if numbered is None else numbered.start()
        episodes = () if number is None else (int(number),)
        return Mark(start=start, end=found.end(), season=0, episodes=episodes, special=not episodes)
    return None


def _batch(soft: str, *, grouped: bool) -> Mark | None:
    place = 0
    while (found := _DASHED_RANGE.search(soft, place)) is not None:
        place = found.end("first")  # so that the end of one pair may begin the next
        first, last = found["first"], found["last"]
        padded = len(first) > 2 or (grouped and (len(first) > 1 or len(last) > 1))
        if " - " in found[0][found.start("first") - found.start() :]:  # `Title 2 - 15` is the fifteenth of Title 2
            padded = padded and first[0] == "0" and len(first) > 1
        years = _YEARLIKE.fullmatch(first) is not None and _YEARLIKE.fullmatch(last) is not None
        numbers = between(first, last)
        if padded and not years and numbers and soft[: found.start()].strip(" -(["):
            return Mark(start=found.start(), end=found.end(), absolute=numbers)
    return None


def _dashed(soft: str, *, grouped: bool) -> Mark | None:
    """The last ` - 05` that a bracket, a dash, an end or something technical follows."""
    best = None
    for found in _DASHED.finditer(soft):
        version, end = version_at(soft, found.end())
        rest = soft[end:]
        if not soft[: found.start()].strip(" -") or not _ends(rest):
            continue
        if not grouped and len(found["first"]) < 2:
            continue
        if len(found["first"]) == 4 and _YEARLIKE.fullmatch(found["first"]) and not grouped:
            continue
        best = Mark(start=found.start(), end=end, absolute=(int(found["first"]),), version=version)
        if rest.startswith(" - ") and not grouped:
            break
    return best


def _loose(soft: str, *, grouped: bool, is_video: bool) -> Mark | None:
    """`Title [05]` and `Title 05 [1080p]`. Two digits without a leading zero may be a title's: only a video is one."""
    bracketed = _BRACKETED.search(soft)
    if grouped and bracketed is not None and soft[: bracketed.start()].strip() and not _is_year(bracketed["first"]):
        return _one(bracketed)
    for found in _TRAILING.finditer(soft):
        first = found["first"]
        before = soft[: found.start()].strip(" -[(")
        if before and grouped and is_video and first[0] == "0":
            return _one(found)
        if before and _SUBTITLED.match(soft, found.end()) and not _is_year(first):
            return _one(found)
        if not _ends(soft[found.end() :]):
            continue
        told = first[0] == "0" or found["version"] is not None or (is_video and not _is_year(first))
        long_running = len(first) == 4 and first[0] != "0" and not _is_year(first)
        if before and int(first) not in LINES and (told if grouped else long_running or _PADDED.fullmatch(first)):
            return _one(found)
    return None


def _chinese(soft: str) -> Mark | None:
    found, season = _CHINESE.search(soft), _CHINESE_SEASON.search(soft)
    episodes = () if found is None else (spelled.number(found["first"]) or 0,)
    if season is not None:
        number = spelled.number(season["first"] or season["second"])
        return Mark(start=season.start(), end=season.end(), season=number, episodes=episodes)
    return None if found is None else Mark(start=found.start(), end=found.end(), absolute=episodes)


def _leading(soft: str) -> Mark | None:
    """`[Group] 01 - Title`: the title follows."""
    found = _LEADING.match(soft)
    return None if found is None else _one(found)


def _ends(rest: str) -> bool:
    """Whether a number before `rest` stands at a title's end."""
    word = _WORD.match(rest.strip(" -"))
    return _BEHIND.match(rest) is not None or is_technical(rest) or (word is not None and is_language(word[0]))


def _one(found: re.Match[str]) -> Mark:
    version = int(found["version"]) if found["version"] else None
    return Mark(start=found.start(), end=found.end(), absolute=(int(found["first"]),), version=version)


def _is_year(digits: str) -> bool:
    return _YEARLIKE.fullmatch(digits) is not None
