"""Paths that cannot climb: hostile ones refused, our own made of safe components. Pure."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

PathFault = Literal["unsafe_path", "name_too_long"]

LONGEST_COMPONENT = 255
LONGEST_PATH = 4095
# Leaves room behind a title for its year or episode numbers, a subtitle's language and the extension.
LONGEST_TITLE = 160

_SLASHES = re.compile(r"\s*[/\\]+\s*")
_COLON = re.compile(r"\s*:\s+")
_ILLEGAL = re.compile(r'[<>:"|?*]')
_REMOVED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"  # hold scripts and emoji together
_RESERVED = re.compile(r"^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?= *(?:$|\.))", re.IGNORECASE)
_UNNAMED = "unnamed"


def confine(relative: str) -> tuple[str, ...] | PathFault:
    """The components of a path that stays below where it starts, exactly as written, or what is wrong with it.

    `unsafe_path`: absolute, `..`, `.`, an empty component, NUL, or not writable as UTF-8. `name_too_long`: no file
    system holds it. Anything else may be a file's real name on disk, control characters included.
    """
    try:
        encoded = relative.encode()
    except UnicodeEncodeError:
        return "unsafe_path"
    components = tuple(relative.split("/"))
    if b"\0" in encoded or any(component in {"", ".", ".."} for component in components):
        return "unsafe_path"
    if len(encoded) > LONGEST_PATH or any(len(component.encode()) > LONGEST_COMPONENT for component in components):
        return "name_too_long"
    return components


def safe_component(text: str, suffix: str = "") -> str:
    """`text` as a file or directory name that every common file system takes, with `suffix` kept whole behind it.

    `text` is cut at 160 bytes of UTF-8, between characters; `suffix` must be safe already and at most 95 bytes. The
    result is never empty, `.`, `..`, hidden, reserved on Windows, or ended by a dot or space.
    """
    return _unreserved((_cut(_clean(text), LONGEST_TITLE) or _UNNAMED) + suffix)


def _clean(text: str) -> str:
    kept = "".join(c for c in text if c in _JOINERS or c.isspace() or unicodedata.category(c) not in _REMOVED)
    plain = _ILLEGAL.sub("", _COLON.sub(" - ", _SLASHES.sub("-", kept)))
    return _trimmed(" ".join(unicodedata.normalize("NFC", plain).split()))


def _cut(text: str, limit: int) -> str:
    return _trimmed(text.encode()[:limit].decode(errors="ignore"))


def _trimmed(text: str) -> str:
    """Without leading dots (a hidden name may be one of ours) and without trailing dots and spaces (Windows)."""
    return text.lstrip(". " + _JOINERS).rstrip(". " + _JOINERS)


def _unreserved(name: str) -> str:
    found = _RESERVED.match(name)
    return name if found is None else f"{found[0]}_{name[found.end() :]}"
