"""A release name to a `Release`: our own rules first, guessit for what they leave open. Pure."""

from __future__ import annotations

import re
import unicodedata

import msgspec

from sluice_names import technical
from sluice_names.guess import guess
from sluice_names.release import Kind, Release
from sluice_names.rules import Marker, find_marker, last_year

LONGEST_NAME = 255
_EXTENSION = re.compile(
    r"\.(?:mkv|mp4|m4v|avi|mov|wmv|ts|m2ts|mpe?g|webm|flv|ogv|iso|srt|ass|ssa|sub|idx|vtt|sup|smi|nfo)$",
    re.IGNORECASE,
)
_LEADING_GROUP = re.compile(r"^\[[^\[\]]{1,40}\]")
_BRACKETED = re.compile(r"\[[^\[\]]*\]")
_GAPS = re.compile(r"[\s._]+")
_EDGES = " -_.,([{)]}"


def parse(name: str) -> Release:
    """What `name`, a download's or a file's without its folders, says.

    Only its first 255 bytes of UTF-8 are read. Never raises; what the name does not tell is None, "" or unknown.
    """
    stem = _EXTENSION.sub("", _cut(name).strip())
    marker = find_marker(stem)
    release = guess(stem) if marker is None else _told(stem, marker)
    words = stem if marker is None else stem[_title_end(stem, marker) :]
    return msgspec.structs.replace(
        release,
        quality=technical.quality(words),
        codec=technical.codec(words),
        group=technical.group(words) or technical.leading_group(stem),
        proper=technical.is_proper(words),
    )


def _cut(name: str) -> str:
    """The name without control characters, at most 255 bytes long, cut between characters."""
    printable = "".join(" " if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} else c for c in name[:LONGEST_NAME])
    return printable.encode()[:LONGEST_NAME].decode(errors="ignore")


def _told(stem: str, marker: Marker) -> Release:
    before = stem[: _title_end(stem, marker)]
    if not marker.is_series:
        return Release(title=_title(before), year=marker.year, kind=Kind.MOVIE)
    named, year = _without_year(before)
    return Release(
        title=_title(named),
        year=year,
        season=marker.season,
        episodes=marker.episodes,
        air_date=marker.air_date,
        kind=Kind.SERIES,
    )


def _without_year(before: str) -> tuple[str, int | None]:
    """`Show 2019 ` is the show of 2019; a year with words after it belongs to the title."""
    found = last_year(before)
    if found is None or before[found.end :].strip(_EDGES):
        return before, None
    return before[: found.start], found.year


def _title_end(stem: str, marker: Marker) -> int:
    """Before the marker, or before a resolution or codec that stands in front of it."""
    return technical.technical_start(stem[: marker.start]) or marker.start


def _title(text: str) -> str:
    """The words of `text`, without a group in front and without what brackets hold."""
    plain = _BRACKETED.sub(" ", _LEADING_GROUP.sub("", text.strip())).strip()
    spaced = plain if " " in plain and "_" not in plain else _GAPS.sub(" ", plain)
    return _balanced(" ".join(spaced.split()).strip(" -_.,")).strip(" -_.,")


def _balanced(text: str) -> str:
    """Without an opening bracket whose marker was cut away: `Show (`."""
    for opening, closing in ("()", "[]", "{}"):
        if text.count(opening) > text.count(closing):
            text = text[: text.rindex(opening)]
    return text
