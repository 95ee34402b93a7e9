"""Who released it. Pure."""

from __future__ import annotations

import re

from sluice_names.technical import technical_start

_TRAILING = re.compile(r"(?<=[^\s-])-(?P<group>[A-Za-z0-9@]{2,24})(?:\[[A-Za-z0-9.]{1,20}\])?$")
_BRACKETED = re.compile(r"-\[(?P<group>[A-Za-z0-9.]{2,20})\]$")
_IN_PARENTHESES = re.compile(r"\([^()]{4,80} (?P<group>[A-Za-z][A-Za-z0-9]{2,15})\)$")
_HASH = re.compile(r"[0-9A-Fa-f]{8}")
# What follows the last dash but is the end of "WEB-DL", not a group.
_NO_GROUPS = frozenset({"dl", "ray", "rip", "hd", "ma", "subs", "audio", "eng", "br"})


def group(words: str) -> str | None:
    """Who released it, from `-GROUP` or `-[GROUP]` at the end of the words that follow the title."""
    for pattern in (_TRAILING, _BRACKETED, _IN_PARENTHESES):
        found = pattern.search(words)
        if found is not None and _is_group(found["group"]):
            return found["group"]
    return None


def leading_group(tag: str | None) -> str | None:
    """The `[Group]` in front, unless it is a check sum."""
    return None if tag is None or _HASH.fullmatch(tag) else tag


def _is_group(word: str) -> bool:
    return not word.isdigit() and word.lower() not in _NO_GROUPS and technical_start(word) != 0
