"""A name made ready to be read: cut, without what never belongs to it, and with one kind of gap. Pure.

Rules look at `soft`, where every dot and underscore is a blank; the title is taken from `raw`, which has the same
length, so that a place in the one is a place in the other.
"""

from __future__ import annotations

import re
import unicodedata

import msgspec

from sluice_names.technical import is_technical

LONGEST_NAME = 255
_VIDEO = r"mkv|mp4|m4v|avi|mov|wmv|ts|m2ts|mts|mpe?g|webm|flv|ogv|iso|vob|divx|strm"
_VIDEO_EXTENSION = re.compile(rf"\.(?:{_VIDEO})$", re.IGNORECASE)
_EXTENSION = re.compile(
    rf"\.(?:{_VIDEO}|srt|ass|ssa|sub|idx|vtt|sup|smi|nfo|nzb|torrent|rar|zip|7z)$",
    re.IGNORECASE,
)
_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
_BRACKETS = str.maketrans("【】「」『』（）〈〉《》［］～：×", "[][][]()[][][]~:x")
_SITE = re.compile(
    r"^\s*[\[({]?\s*(?:www\s?\.\s?[\w-]{1,40}(?:\.[a-z]{2,10}){1,2}|[\w-]{2,40}\.(?:com|org|net|to|me|cc|info))\s*"
    r"[\])}]?\s*[-–_~]{1,3}\s*|^\s*\[\s*(?:www\.)?[\w-]{2,40}\.[a-z]{2,6}\s*\]\s*-?\s*",
    re.IGNORECASE,
)
_ID = re.compile(
    r"[\[{(](?:imdb|tmdb|tvdb|anidb|tvmaze)(?:id)?[-=: ]?(?:tt)?\d{1,10}[\]})]|[\[{(]tt\d{6,9}[\]})]", re.IGNORECASE
)
_CHECK_SUM = re.compile(r"[\[(][0-9A-Fa-f]{8}[\])]$|[\[(](?=[0-9A-F]{0,7}\d)[0-9A-F]{8}[\])]")
_NAMED_EDITION = re.compile(r"\{edition-(?P<edition>[^{}]{1,60})\}", re.IGNORECASE)
# What re-posters append to a name that was whole.
_REPOST = re.compile(
    r"(?:-(?:obfuscated|scrambled|xpost|postbot|rakuv\w{0,6}|buymore|asrequested|alternativetorep\w{0,8}|nzbgeek|"
    r"whiterev|chamele0n|4p|4planet|sample)|\s?\[(?:rarbg|rartv|ettv|eztv|tgx|prt|galaxytv|eztv(?:\.[a-z]{2,3})?|"
    r"eztvx?\.[a-z]{2,3}|ctrlhd|n1c|yify)\])$",
    re.IGNORECASE,
)
_LEADING_TAG = re.compile(r"^\s*\[(?P<tag>[^\[\]]{1,40})\][ ._-]{0,3}")
_LEADING_WORDS = re.compile(r"^\s*\((?P<tag>[^()]{1,20})\)[ ._]{1,2}")
_SOFT = str.maketrans("._\t", "   ")


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """A name as the rules read it. `leading_group` is the `[Group]` that stood in front, `edition` what `{edition-…}`
    held; `is_video` says that it had a video's extension."""

    raw: str
    soft: str
    leading_group: str | None
    edition: str | None
    is_video: bool


def subject(name: str) -> Subject:
    """The name as the rules read it."""
    whole = _SITE.sub("", cut(name).translate(_BRACKETS), count=1)
    named = _NAMED_EDITION.search(whole)
    raw = _ID.sub(" ", _NAMED_EDITION.sub(" ", _EXTENSION.sub("", whole.strip()))).strip()
    raw = _REPOST.sub("", _REPOST.sub("", raw)).rstrip()
    group, raw = _without_group(_CHECK_SUM.sub("", raw).rstrip() or raw)
    return Subject(
        raw=raw,
        soft=raw.translate(_SOFT),
        leading_group=group,
        edition=None if named is None else named["edition"].replace(".", " ").strip(),
        is_video=_VIDEO_EXTENSION.search(whole.strip()) is not None,
    )


def cut(name: str) -> str:
    """The name without control characters, at most 255 bytes long, cut between characters."""
    printable = "".join(
        c if c.isascii() and c.isprintable() else " " if unicodedata.category(c) in _UNPRINTABLE else c
        for c in name[:LONGEST_NAME]
    )
    return printable.encode()[:LONGEST_NAME].decode(errors="ignore").strip()


def _without_group(raw: str) -> tuple[str | None, str]:
    """`[Group] Title` in two; what stands behind a group in brackets of its own (`[Group][Title][05]`) is opened,
    and a second group (`[Group][Other] Title`) left out."""
    words = _LEADING_WORDS.match(raw)
    if words is not None and is_technical(words["tag"]):
        raw = raw[words.end() :]
    found = _LEADING_TAG.match(raw)
    if found is None or found.end() == len(raw):
        return None, raw
    rest = raw[found.end() :]
    inner = _LEADING_TAG.match(rest)
    while inner is not None and is_technical(inner["tag"]) and inner.end() < len(rest):
        rest = rest[inner.end() :]
        inner = _LEADING_TAG.match(rest)
    if inner is not None and inner.end() < len(rest) and not inner["tag"].strip().isdigit():
        behind = rest[inner.end() :]
        rest = behind if behind[0].isalpha() else f"{inner['tag']} {behind}"
    return found["tag"].strip() or None, rest
