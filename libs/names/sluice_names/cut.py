"""The words of a title, cut out of a name. Pure."""

from __future__ import annotations

import itertools
import re

from sluice_names.editions import before_year
from sluice_names.languages import is_language
from sluice_names.technical import is_technical, technical_start

EDGES = " -_.,([{)]}~:#"
_BRACKETED = re.compile(r"\[[^\[\]]*\]|\{[^{}]*\}")
_GAPS = re.compile(r"[\s._]+")
# S.H.I.E.L.D keeps its dots, which part no words.
_INITIALS = re.compile(r"(?<![^\W_])(?:[^\W\d_]\.){2,}[^\W\d_]?(?![^\W_])")
_KEPT = "\0"
_NEVER_TITLES = frozenset({"dubbed", "subbed"})
# What cameras call their files: numbers and times, never episodes or air dates.
_CAMERA = re.compile(
    r"(?:IMG|VID|DSC[FN]?|PXL|MVI|GOPR|GX|MOV|WP|Screenshot|Screen Recording)[ _-]?\d.{0,80}", re.IGNORECASE
)
_HASH = re.compile(r"[0-9a-fA-F]{20,}|(?=(?:[a-z-]*\d){3})[0-9A-Za-z-]{16,}|[0-9a-fA-F]{12,}(?=.*\d)", re.IGNORECASE)


def title(text: str) -> str:
    """The words of `text`, without what brackets hold, and with blanks for its dots where they part its words."""
    plain = _BRACKETED.sub(" ", text.strip()).strip()
    if " " not in plain or "_" in plain or " " not in plain.strip(EDGES):
        kept = _INITIALS.sub(lambda found: found[0].replace(".", _KEPT), plain)
        plain = _GAPS.sub(" ", kept).replace(_KEPT, ".")
    return _balanced(" ".join(plain.split()).strip(" -_.,~:#")).strip(" -_.,~:#")


def end_without_mark(soft: str) -> int:
    """Where the title of a name ends that tells neither year nor numbers: before what is technical, and before the
    languages and weaker technical words in front of that."""
    end = sure = technical_start(soft)
    while True:
        head = soft[:end].rstrip(" -([{")
        word = re.split(r"[ (\[{]", head)[-1]
        if len(word) == len(head) or not _is_no_titles(word, head, behind=sure < len(soft)):
            return before_year(soft[:end])
        end = min(len(head) - len(word), before_year(head[: -len(word)]))


def _is_no_titles(word: str, head: str, *, behind: bool) -> bool:
    """Whether the last word of `head` is a language's or a technical one. With nothing technical `behind` it, only one
    that is written large is: Show.720.WEB, but Charlotte's Web."""
    if not behind:
        return word.isupper() and not head.isupper() and is_technical(word)
    return is_language(word) or (
        is_technical(word) and (word[0].isdigit() or not word.istitle() or word.lower() in _NEVER_TITLES)
    )


def is_hash(raw: str) -> bool:
    """Whether the name is no words but one string of letters and digits mixed, as obfuscated posts are named,
    or a camera's."""
    if _CAMERA.fullmatch(raw):
        return True
    found = _HASH.fullmatch(raw)
    if found is None:
        return False
    turns = sum(one.isdigit() != other.isdigit() for one, other in itertools.pairwise(raw))
    return turns >= 5


def _balanced(text: str) -> str:
    """Without an opening bracket whose mark was cut away: `Show (`."""
    for opening, closing in ("()", "[]", "{}"):
        if text.count(opening) > text.count(closing):
            text = text[: text.rindex(opening)]
    return text
