"""The technical half of a name: resolution, source, codec, group, proper. Pure; tables, not switches."""

from __future__ import annotations

import re

from sluice_names.release import Quality

_SOURCES = {
    "bluray": r"blu-?ray|bd-?rip|br-?rip|bdremux|bd(?:25|50)",
    "webrip": r"web-?rip",
    "web": r"web-?dl|web",
    "hdtv": r"hdtv|pdtv|dsr|tvrip",
    "dvd": r"dvd-?rip|dvd[59r]?",
    "cam": r"cam|hdcam|telesync|hdts",
}
_CODECS = {
    "h265": r"[xh]\.?265|hevc",
    "h264": r"[xh]\.?264|avc",
    "av1": r"av1",
    "xvid": r"xvid|divx",
    "vc1": r"vc-?1",
    "mpeg2": r"mpeg-?2",
}


def _words(alternatives: str) -> re.Pattern[str]:
    return re.compile(r"(?<![A-Za-z0-9])(?:" + alternatives + r")(?![A-Za-z0-9])", re.IGNORECASE)


_SOURCE_WORDS = {source: _words(words) for source, words in _SOURCES.items()}
_CODEC_WORDS = {codec: _words(words) for codec, words in _CODECS.items()}
_RESOLUTION = _words(r"(?P<lines>480|540|576|720|1080|1440|2160|4320)[pi]|4k|uhd")
_PROPER = _words(r"proper|repack|rerip")
_GROUP = re.compile(r"-(?P<group>[A-Za-z0-9]{2,24})(?:\[[A-Za-z0-9.]{1,20}\])?$")
_LEADING_GROUP = re.compile(r"^\[(?P<group>[^\[\]]{1,40})\]")
# What follows the last dash but is the end of "WEB-DL", not a group.
_NO_GROUPS = frozenset({"dl", "ray", "rip", "hd", "ma"})


def quality(text: str) -> Quality:
    """Resolution and source of the words in `text`."""
    return Quality(resolution=_resolution(text), source=_first(_SOURCE_WORDS, text))


def codec(text: str) -> str | None:
    """The video codec, as `h264`."""
    return _first(_CODEC_WORDS, text)


def is_proper(text: str) -> bool:
    """Whether it says PROPER, REPACK or RERIP."""
    return _PROPER.search(text) is not None


def group(words: str) -> str | None:
    """Who released it, from `-GROUP` at the end of the words that follow the title."""
    found = _GROUP.search(words)
    if found is None or found["group"].isdigit() or found["group"].lower() in _NO_GROUPS:
        return None
    return None if technical_start(found["group"]) == 0 else found["group"]


def leading_group(name: str) -> str | None:
    """Who released it, from `[Group]` in front."""
    found = _LEADING_GROUP.match(name)
    return found["group"].strip() or None if found is not None else None


def technical_start(text: str) -> int:
    """Where the first resolution or codec begins; the length of the text where there is none.

    Sources do not count: Charlotte's Web and The Cam Girl are titles.
    """
    patterns = [_RESOLUTION, *_CODEC_WORDS.values()]
    return min((found.start() for pattern in patterns if (found := pattern.search(text))), default=len(text))


def _resolution(text: str) -> str | None:
    found = _RESOLUTION.search(text)
    if found is None:
        return None
    return f"{found['lines']}{found[0][-1].lower()}" if found["lines"] else "2160p"


def _first(table: dict[str, re.Pattern[str]], text: str) -> str | None:
    return next((name for name, pattern in table.items() if pattern.search(text)), None)
