"""Which cut of a film a name is of. Pure."""

from __future__ import annotations

import re

_EDITIONS = {
    "director's cut": r"director'?s?'? ?(?:cut|edition)|dc",
    "extended cut": r"extended (?:cut|version)",
    "extended edition": r"extended edition",
    "extended": r"extended",
    "theatrical cut": r"theatrical (?:cut|version|edition)",
    "theatrical": r"theatrical",
    "final cut": r"final cut",
    "special edition": r"special edition",
    "ultimate edition": r"ultimate (?:edition|cut)",
    "collector's edition": r"collector'?s'? edition|edition collector",
    "anniversary edition": r"(?:\d{1,3}(?:st|nd|rd|th) )?anniversary(?: edition)?",
    "unrated": r"unrated",
    "uncut": r"uncut",
    "uncensored": r"uncensored",
    "redux": r"redux",
    "remastered": r"(?:4k )?remastered|4k remaster",
    "restored": r"(?:4k )?restored|restoration",
    "despecialized": r"despeciali[sz]ed(?: edition)?",
    "imax": r"imax(?: edition)?",
    "open matte": r"open matte",
    "criterion": r"criterion(?: collection| edition)?",
    "fan edit": r"fan ?edit",
    "roadshow": r"roadshow",
    "black and white": r"black and (?:white|chrome)",
}
_EDGES = r"(?<![^\W_])(?:{})(?![^\W_])"
_PATTERNS = [(name, re.compile(_EDGES.format(words), re.IGNORECASE)) for name, words in _EDITIONS.items()]
_ANY = re.compile(_EDGES.format("|".join(_EDITIONS.values())), re.IGNORECASE)
# What may stand between a title and its year; the others there are the title's: The Final Cut (2004).
_BEFORE_YEAR = re.compile(
    r"(?P<lead>[ .(\[_-]{1,4}(?:the )?)(?:"
    + "|".join(_EDITIONS[name] for name in _EDITIONS if name not in {"redux", "restored", "imax", "criterion"}).replace(
        "|dc", ""
    )
    + r")[ ()\[\]-]{0,4}$",
    re.IGNORECASE,
)
_ARTICLES = frozenset({"the", "a", "an"})


def edition(words: str) -> str | None:
    """The editions in the words behind a title, in their order: `unrated director's cut`."""
    if _ANY.search(words) is None:
        return None
    found: dict[int, tuple[int, str]] = {}
    for name, pattern in _PATTERNS:
        for match in pattern.finditer(words):
            covered = any(start <= match.start() < end for start, (end, _) in found.items())
            if not covered:
                found[match.start()] = (match.end(), name)
    names = [name for _, (_, name) in sorted(found.items())]
    return " ".join(dict.fromkeys(names)) or None


def before_year(soft: str) -> int:
    """Where an edition begins that ends a title, as in `The Two Towers EXTENDED`; the length where there is none.

    What would leave nothing but an article is the title: The Final Cut.
    """
    end = len(soft)
    while (found := _BEFORE_YEAR.search(soft[:end])) is not None:
        rest = soft[: found.start()].strip(" -([").lower()
        if not rest or rest in _ARTICLES:
            break
        end = found.start()
    return end
